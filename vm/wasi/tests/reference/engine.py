"""WASI as wasmtime has it, one call at a time: what vm/wasi/tests/common/reference.rs asks.

Frames are a length of four bytes and as many bytes. The first is a module that exports its imports and a memory; each
later one is empty, which begins anew over an empty folder with `tmp` and `dev` in it, or a call:
    name, a zero byte, the number of parameters (1 byte), the parameters (8 bytes each), places and bytes of memory
The answer to a call is its error number (4 bytes) and what it changed in memory. Places are a count (4 bytes), and of
each an address, a length (4 bytes each) and the bytes.
"""

import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import wasmtime

PIECE = 256


class Instance:
    def __init__(self, engine, linker, module):
        self.place = tempfile.TemporaryDirectory()
        root = Path(self.place.name)
        (root / "tmp").mkdir()
        (root / "dev").mkdir()
        wasi = wasmtime.WasiConfig()
        wasi.preopen_dir(str(root), "/", wasmtime.DirPerms.READ_WRITE, wasmtime.FilePerms.READ_WRITE)
        self.store = wasmtime.Store(engine)
        self.store.set_wasi(wasi)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory = self.exports["memory"]
        self.kinds = {}

    def call(self, name, parameters, places):
        for at, data in places:
            self.memory.write(self.store, data, at)
        function = self.exports[name]
        if name not in self.kinds:
            self.kinds[name] = [str(kind) for kind in function.type(self.store).params]
        signed = [
            struct.unpack("<q", struct.pack("<Q", value))[0] if kind == "i64" else struct.unpack("<i", struct.pack("<Q", value)[:4])[0]
            for kind, value in zip(self.kinds[name], parameters)
        ]
        before = bytes(self.memory.read(self.store))
        errno = function(self.store, *signed)
        after = bytes(self.memory.read(self.store))
        changed = []
        if before != after:
            for at in range(0, len(after), PIECE):
                if before[at : at + PIECE] != after[at : at + PIECE]:
                    changed.append((at, after[at : at + PIECE]))
        return errno, changed


def read_frame():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    (length,) = struct.unpack("<I", head)
    return sys.stdin.buffer.read(length)


def read_call(frame):
    name, _, rest = frame.partition(b"\0")
    parameters = struct.unpack_from(f"<{rest[0]}Q", rest, 1)
    at = 1 + 8 * rest[0]
    (count,) = struct.unpack_from("<I", rest, at)
    at += 4
    places = []
    for _ in range(count):
        address, length = struct.unpack_from("<II", rest, at)
        places.append((address, rest[at + 8 : at + 8 + length]))
        at += 8 + length
    return name.decode(), parameters, places


engine = wasmtime.Engine()
linker = wasmtime.Linker(engine)
linker.define_wasi()
module = wasmtime.Module(engine, read_frame().decode())
instance = None
while True:
    frame = read_frame()
    if not frame:
        instance = Instance(engine, linker, module)
        continue
    errno, changed = instance.call(*read_call(frame))
    answer = [struct.pack("<II", errno, len(changed))]
    for address, data in changed:
        answer += [struct.pack("<II", address, len(data)), data]
    answer = b"".join(answer)
    sys.stdout.buffer.write(struct.pack("<I", len(answer)) + answer)
    sys.stdout.buffer.flush()
