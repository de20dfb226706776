#!/usr/bin/env python3
"""What a WebAssembly module needs from whoever runs it, found by reading its sections and every instruction.

    features.py MODULE ...            prints one line a module
    describe(bytes) -> dict           for programs: entry, features, imports, pages, bytes

Instructions of the standard's second edition that every engine has (sign extension, saturating conversion, several
results, memory.copy and memory.fill, five-byte table indices) are not called a feature here.
"""

import sys

WASI = "wasi_snapshot_preview1"
MAGIC = b"\0asm\x01\0\0\0"
# All 46 functions of preview 1 (and not what some hosts add under the same name).
PREVIEW_1 = set(
    """args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get fd_advise fd_allocate fd_close
    fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size
    fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name fd_pwrite fd_read fd_readdir fd_renumber fd_seek
    fd_sync fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times path_link path_open
    path_readlink path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise
    sched_yield random_get sock_accept sock_recv sock_send sock_shutdown""".split()
)


class Malformed(Exception):
    """The bytes are not a core module."""


class Reader:
    """A cursor over the bytes of a module."""

    def __init__(self, data, at=0, end=None):
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def byte(self):
        if self.at >= self.end:
            raise Malformed(f"cut off at byte {self.at}")
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        """An unsigned LEB128; the signed ones have the same length, and no signed value is of interest."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def take(self, count):
        if self.at + count > self.end:
            raise Malformed(f"cut off at byte {self.at}")
        self.at += count
        return self.data[self.at - count : self.at]

    def name(self):
        return self.take(self.number()).decode("utf-8", "replace")

    def value_type(self):
        """A value type: one byte, but for (ref null HEAP) and (ref HEAP)."""
        kind = self.byte()
        if kind in (0x63, 0x64):
            self.number()
        return kind

    def limits(self):
        flags = self.byte()
        low = self.number()
        high = self.number() if flags & 1 else None
        return flags, low, high


def _immediates():
    """Opcode -> how many LEB128 numbers follow it; None where it is more than that."""
    table = {}
    for code in [0x0C, 0x0D, 0x10, 0x12, 0x14, 0x15, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0, 0xD2]:
        table[code] = 1
    table.update({0x07: 1, 0x08: 1, 0x09: 1, 0x18: 1, 0x11: 2, 0x13: 2})
    for code in [0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0F, 0x19, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1, 0xD3, 0xD4]:
        table[code] = 0
    for code in [0x02, 0x03, 0x04, 0x06, 0x0E, 0x1C, 0x1F, *range(0x28, 0x3F), 0x43, 0x44, 0xFC, 0xFD, 0xFE]:
        table[code] = None
    return [table.get(code, -1) for code in range(256)]


IMMEDIATES = _immediates()
# Opcodes of one byte that are a feature.
BY_CODE = {
    0x06: "legacy-exceptions", 0x07: "legacy-exceptions", 0x09: "legacy-exceptions", 0x18: "legacy-exceptions",
    0x19: "legacy-exceptions", 0x08: "exceptions", 0x0A: "exceptions", 0x1F: "exceptions", 0x12: "tail-calls",
    0x13: "tail-calls", 0x14: "typed-references", 0x15: "typed-references", 0x25: "tables", 0x26: "tables",
    0xD0: "references", 0xD1: "references", 0xD2: "references", 0xD3: "typed-references", 0xD4: "typed-references",
}


def _block_type(reader):
    first = reader.byte()
    if first in (0x63, 0x64):
        reader.number()
    elif first >= 128:
        reader.at -= 1
        reader.number()


def _memory_argument(reader, found):
    flags = reader.number()
    if flags & 64:
        found.add("several-memories")
        reader.number()
    reader.number()


def _instructions(reader, end, found):
    """Reads the instructions up to byte `end`, adds their features, returns how many there were."""
    data, count = reader.data, 0
    while reader.at < end:
        code = data[reader.at]
        reader.at += 1
        count += 1
        if code in BY_CODE:
            found.add(BY_CODE[code])
        numbers = IMMEDIATES[code]
        if numbers is not None:
            if numbers < 0:
                raise Malformed(f"opcode {code:#x} at byte {reader.at - 1} is not known")
            for _ in range(numbers):
                while data[reader.at] >= 128:
                    reader.at += 1
                reader.at += 1
        elif 0x28 <= code < 0x3F:
            _memory_argument(reader, found)
        elif code in (0x02, 0x03, 0x04, 0x06):
            _block_type(reader)
        elif code == 0x0E:
            for _ in range(reader.number() + 1):
                reader.number()
        elif code == 0x1C:
            for _ in range(reader.number()):
                reader.value_type()
        elif code == 0x1F:
            _block_type(reader)
            for _ in range(reader.number()):
                if reader.byte() < 2:
                    reader.number()
                reader.number()
        elif code == 0x43:
            reader.at += 4
        elif code == 0x44:
            reader.at += 8
        elif code == 0xFC:
            second = reader.number()
            if second in (8, 9):
                found.add("passive-data")
            elif second in (12, 13, 14, 15, 16, 17):
                found.add("tables")
            for _ in range({8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}.get(second, 0)):
                reader.number()
        elif code == 0xFD:
            second = reader.number()
            found.add("relaxed-simd" if second >= 0x100 else "simd")
            if second <= 11 or second in (92, 93):
                _memory_argument(reader, found)
            elif second in (12, 13):
                reader.at += 16
            elif 21 <= second <= 34:
                reader.at += 1
            elif 84 <= second <= 91:
                _memory_argument(reader, found)
                reader.at += 1
        elif code == 0xFE:
            found.add("atomics")
            if reader.number() == 3:
                reader.at += 1
            else:
                _memory_argument(reader, found)
    if reader.at != end:
        raise Malformed(f"the function that ends at byte {end} does not end there")
    return count


def describe(data):
    """Reads a module; raises Malformed if it is none."""
    if data[:8] != MAGIC:
        if data[:4] == MAGIC[:4]:
            raise Malformed("a component, not a core module")
        raise Malformed("not a WebAssembly module")
    found, imports, exports, kinds = set(), [], {}, []
    types, custom, operators, start_pages, counts = [], 0, 0, 0, {}
    reader = Reader(data, 8)
    while reader.at < len(data):
        begin, section = reader.at, reader.byte()
        size = reader.number()
        end = reader.at + size
        if end > len(data):
            raise Malformed(f"section {section} is cut off")
        if section == 0:
            custom += end - begin
        elif section == 1:
            for _ in range(reader.number()):
                if reader.byte() != 0x60:
                    raise Malformed("types beyond functions (garbage collection) are used")
                types.append(tuple([reader.value_type() for _ in range(reader.number())] for _ in range(2)))
                if 0x7B in types[-1][0] + types[-1][1]:
                    found.add("simd")
        elif section == 2:
            for _ in range(reader.number()):
                module, name, kind = reader.name(), reader.name(), reader.byte()
                if kind == 0:
                    kinds.append(reader.number())
                elif kind == 1:
                    reader.value_type()
                    reader.limits()
                elif kind == 2:
                    if reader.limits()[0] & 2:
                        found.add("shared-memory")
                elif kind == 3:
                    reader.value_type()
                    reader.byte()
                else:
                    reader.byte()
                    reader.number()
                imports.append((module, name, kind))
        elif section == 3:
            kinds += [reader.number() for _ in range(reader.number())]
        elif section == 4:
            counts["tables"] = reader.number()
        elif section == 5:
            counts["memories"] = reader.number()
            for _ in range(counts["memories"]):
                flags, low, _ = reader.limits()
                start_pages = max(start_pages, low)
                found |= ({"shared-memory"} if flags & 2 else set()) | ({"memory64"} if flags & 4 else set())
        elif section == 7:
            for _ in range(reader.number()):
                name, kind, index = reader.name(), reader.byte(), reader.number()
                if kind == 0:
                    exports[name] = types[kinds[index]]
        elif section == 8:
            found.add("start")
        elif section == 13:
            # Whether they are of the old or the new form, the instructions tell.
            counts["tags"] = reader.number()
        elif section == 10:
            for _ in range(reader.number()):
                body_end = reader.number() + reader.at
                for _ in range(reader.number()):
                    reader.number()
                    if reader.value_type() == 0x7B:
                        found.add("simd")
                operators += _instructions(reader, body_end, found)
        reader.at = end
    if counts.get("tables", 0) > 1:
        found.add("tables")
    if counts.get("memories", 0) > 1:
        found.add("several-memories")
    if "legacy-exceptions" in found:
        found.discard("exceptions")
    commands = [name for name, (params, results) in exports.items() if not params and not results]
    known = {(WASI, name) for name in PREVIEW_1}
    return {
        "bytes": len(data) - custom,
        "file": len(data),
        "functions": len(kinds),
        "operators": operators,
        "pages": start_pages,
        "features": sorted(found),
        "entry": next((name for name in ("_start", "") if name in commands), None),
        "commands": commands,
        "other_imports": sorted(f"{module}.{name}" for module, name, _ in imports if (module, name) not in known),
        "wasi": sorted(name for module, name, _ in imports if (module, name) in known),
    }


def main():
    for path in sys.argv[1:]:
        try:
            with open(path, "rb") as file:
                it = describe(file.read())
        except (OSError, Malformed, IndexError) as error:
            print(f"{path}: {error}")
            continue
        entry = "none: " + " ".join(it["commands"][:8]) if it["entry"] is None else repr(it["entry"])
        print(
            f"{path}: {it['bytes']} bytes (file {it['file']}), {it['functions']} functions, {it['operators']} operators,"
            f" {it['pages']} pages, entry {entry}, features {' '.join(it['features']) or 'none'},"
            f" {len(it['wasi'])} of preview 1, other imports {' '.join(it['other_imports']) or 'none'}"
        )


if __name__ == "__main__":
    main()
