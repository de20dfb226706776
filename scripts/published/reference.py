#!/usr/bin/env python3
"""Published programs: what programs.toml says of them, taken out of their packages and run by the reference engine.

Called by scripts/published.sh, which fetches the packages. PUBLISHED is the folder where all of it is kept, FOLDER is
PUBLISHED/NAME with what a run needs (args, env, stdin, files/) and what it must give (expected/).

    reference.py list                        a table of all programs
    reference.py plan [NAME|ci ...]          one line a program, those whose output another one reads first; the last
                                             word says whether it was asked for or is only needed by another
    reference.py output NAME                 what counts of a run: stdout, a file "/x" or a folder "/x/"
    reference.py fetched PUBLISHED NAME      package -> PUBLISHED/NAME.wasm, checked against programs.toml, and FOLDER if it
                                             needs no other program's output
    reference.py unpack PUBLISHED NAME       the same, with the other program's output
    reference.py run PUBLISHED NAME          runs it in the reference engine, writes and checks FOLDER/expected/
    reference.py steady PUBLISHED NAME       runs it with another clock and other random numbers: same results?
    reference.py compare PUBLISHED NAME DIR  compares DIR (stdout, code, files/) with FOLDER/expected/
    reference.py record PUBLISHED NAME       prints the lines of programs.toml that a run gives, for a new program
"""

import base64
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath

sys.path.insert(0, os.environ.get("PUBLISHED_ENGINE", ""))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import features  # noqa: E402

HERE = Path(__file__).resolve().parent
FORMAT = "1"
FIELDS = {
    "name", "language", "what", "registry", "package", "version", "archive", "archive_bytes", "archive_sha256",
    "module", "base64", "module_sha256", "bytes", "entry", "features", "other_imports", "ci", "heavy", "args", "env",
    "stdin", "unpack", "hex", "from", "output", "code", "stdout_sha256", "files_sha256", "pages", "operators",
}  # fmt: skip


def fail(what, hint):
    print(f"error: {what}\n       {hint}", file=sys.stderr)
    sys.exit(1)


def programs():
    """All entries of programs.toml by name, in its order."""
    try:
        import tomllib
    except ImportError:
        fail("this Python has no tomllib", "use Python 3.11 or newer: PYTHON=python3.12 scripts/published.sh")
    found = {}
    for program in tomllib.loads((HERE / "programs.toml").read_text())["program"]:
        unknown = set(program) - FIELDS
        if unknown or program["name"] in found:
            fail(f"programs.toml: {program['name']}: {', '.join(sorted(unknown)) or 'twice'}", "correct the entry")
        found[program["name"]] = program
    return found


def program(name):
    known = programs()
    if name not in known:
        fail(f"no program {name}", "scripts/published.sh list shows their names")
    return known[name]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tree(root):
    """Every file below a folder: its path with / in front -> its bytes."""
    return {
        "/" + path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- Packages ---------------------------------------------------------------------------------------------------------


def member(archive, path):
    """One file of a package: a wheel (zip) or an npm package (tar.gz)."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as package:
                return package.read(path)
        with tarfile.open(archive) as package:
            file = package.extractfile(path)
            if file is None:
                raise KeyError
            return file.read()
    except KeyError:
        fail(f"{archive.name} holds no {path}", "correct `module` or `unpack` in scripts/published/programs.toml")


def extract(archive, it):
    """The module: a file of the package, or the nth module that a file of it holds as base64."""
    data = member(archive, it["module"])
    if "base64" not in it:
        return data
    texts = re.findall(rb"AGFzbQ[A-Za-z0-9+/]+=*", data)
    if len(texts) < it["base64"]:
        fail(f"{it['module']} holds {len(texts)} modules", "correct `base64` in scripts/published/programs.toml")
    text = texts[it["base64"] - 1].rstrip(b"=")
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def members(archive, below):
    """All files of a wheel below a folder, with their paths from there."""
    with zipfile.ZipFile(archive) as package:
        names = [name for name in package.namelist() if name.startswith(below) and not name.endswith("/")]
        if not names:
            fail(f"{archive.name} holds no {below}", "correct `unpack` in scripts/published/programs.toml")
        return [(name[len(below) :], package.read(name)) for name in names]


def unpack_into(data, kind, to):
    """A tar.gz or zip into a folder, files only."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        if kind == "zip":
            with zipfile.ZipFile(file) as inner:
                entries = [(entry.filename, inner.read(entry)) for entry in inner.infolist() if not entry.is_dir()]
        else:
            with tarfile.open(fileobj=file) as inner:
                entries = [(entry.name, inner.extractfile(entry).read()) for entry in inner if entry.isfile()]
    for name, content in entries:
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            fail(f"an archive names {name}", "do not use this package")
        write(to / name, content)


def prepared(it):
    """What FOLDER is made from: when it changes, all is made anew."""
    known = programs()
    told = ("what", "ci", "heavy", "pages", "operators")
    asked = {key: value for key, value in it.items() if key not in told}
    parts = [FORMAT, repr(sorted((key, repr(value)) for key, value in asked.items()))]
    parts += [f"{path} {sha256(data)}" for path, data in tree(HERE / "inputs" / it["name"]).items()]
    parts += [known[step["program"]]["files_sha256"][step["file"]] for step in it.get("from", [])]
    return sha256("\n".join(parts).encode())


def module(published, it):
    path = published / f"{it['name']}.wasm"
    if path.exists() and sha256(path.read_bytes()) == it["module_sha256"]:
        return
    archive = published / "packages" / it["archive"]
    data = extract(archive, it)
    if sha256(data) != it["module_sha256"]:
        fail(
            f"{it['module']} of {archive.name} has the hash {sha256(data)}, not {it['module_sha256']}",
            "correct `module_sha256` in scripts/published/programs.toml if the package is meant",
        )
    found = features.describe(data)
    for field in ("bytes", "entry", "features", "other_imports"):
        if found[field] != it[field]:
            fail(f"{it['name']}: programs.toml says {field} = {it[field]!r}, the module {found[field]!r}", "correct it")
    write(path.with_suffix(".new"), data)
    path.with_suffix(".new").replace(path)


def fetched(published, it):
    if it.get("from"):
        module(published, it)
    else:
        unpack(published, it)


def unpack(published, it):
    module(published, it)
    name, folder = it["name"], published / it["name"]
    stamp, wanted = folder / ".made-from", prepared(it)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    archive, files = published / "packages" / it["archive"], folder / "files"
    files.mkdir(parents=True)
    for path, content in tree(HERE / "inputs" / name).items():
        write(files / path[1:], content)
    for path, digits in it.get("hex", {}).items():
        write(files / path[1:], bytes.fromhex(digits))
    for step in it.get("unpack", []):
        to = files / step["to"].lstrip("/")
        if step["member"].endswith("/"):
            for path, content in members(archive, step["member"]):
                write(to / path, content)
            continue
        content = member(archive, step["member"])
        if "inner" in step:
            with tempfile.TemporaryDirectory() as place:
                unpack_into(content, "tar", Path(place))
                content = (Path(place) / step["inner"]).read_bytes()
        if step.get("as") in ("tar", "zip"):
            unpack_into(content, step["as"], to)
        else:
            write(to, content)
    for step in it.get("from", []):
        source = published / step["program"] / "expected" / "files" / step["file"].lstrip("/")
        if not source.exists():
            fail(f"{name} reads {step['file']} of {step['program']}", f"run scripts/published.sh {step['program']}")
        write(files / step["to"].lstrip("/"), source.read_bytes())
    stdin = b""
    if "stdin" in it:
        # Standard input is one of the inputs, which is then no file.
        stdin = (files / it["stdin"]).read_bytes()
        (files / it["stdin"]).unlink()
    (folder / "stdin").write_bytes(stdin)
    (folder / "args").write_text("".join(arg + "\n" for arg in it["args"]))
    (folder / "env").write_text("".join(f"{key}={value}\n" for key, value in it.get("env", {}).items()))
    stamp.write_text(wanted)


# --- The reference engine ---------------------------------------------------------------------------------------------


def other_host(wasmtime, linker, store, memory):
    """Another clock and other random numbers than the machine's: results must not depend on them."""
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
    state = {"now": 0, "random": 0x9E3779B97F4A7C15}

    def clock(which, _precision, at):
        state["now"] += 1_000_003
        base = 946_684_800_000_000_000 if which == 0 else 1_000_000_000
        memory().write(store, (base + state["now"]).to_bytes(8, "little"), at)
        return 0

    def random(at, count):
        out = bytearray()
        for _ in range(count):
            state["random"] = (state["random"] * 6364136223846793005 + 1442695040888963407) % 2**64
            out.append(state["random"] >> 56)
        memory().write(store, bytes(out), at % 2**32)
        return 0

    linker.allow_shadowing = True
    linker.define_func(features.WASI, "clock_time_get", wasmtime.FuncType([i32, i64, i32], [i32]), clock)
    linker.define_func(features.WASI, "random_get", wasmtime.FuncType([i32, i32], [i32]), random)


def compile_once(wasmtime, engine, published, it, count):
    """The module for the engine, kept below compiled/: large ones take minutes."""
    kept = published / "compiled" / f"{it['module_sha256'][:16]}{'-counted' if count else ''}"
    if kept.exists():
        try:
            return wasmtime.Module.deserialize_file(engine, str(kept))
        except wasmtime.WasmtimeError:
            pass  # Compiled by another version or on another processor.
    try:
        module = wasmtime.Module.from_file(engine, str(published / f"{it['name']}.wasm"))
    except wasmtime.WasmtimeError as error:
        fail(f"the reference engine does not compile {it['name']}: {str(error)[:300]}", "take it out of programs.toml")
    write(kept.with_suffix(".new"), bytes(module.serialize()))
    kept.with_suffix(".new").replace(kept)
    return module


def execute(published, it, result, count=False, other=False):
    """Runs the program on a copy of its files; writes stdout, code and changed files to the folder `result`."""
    try:
        import wasmtime
    except ImportError:
        fail("the reference engine is not installed", "run this through scripts/published.sh, which installs it")
    name, folder = it["name"], published / it["name"]
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.wasm_threads = True
    config.max_wasm_stack = 4 << 20
    config.consume_fuel = count
    engine = wasmtime.Engine(config)
    begin = time.monotonic()
    compiled_module = compile_once(wasmtime, engine, published, it, count)
    compiled = time.monotonic()
    linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
    linker.define_wasi()
    fuel = 1 << 60
    if count:
        store.set_fuel(fuel)
    # Imports of other modules end the program if it calls them.
    for wanted in compiled_module.imports:
        if f"{wanted.module}.{wanted.name}" in it["other_imports"]:
            linker.define_func(wanted.module, wanted.name, wanted.type, unknown(f"{wanted.module}.{wanted.name}"))
    with tempfile.TemporaryDirectory() as place:
        root, out = Path(place) / "root", Path(place) / "stdout"
        shutil.copytree(folder / "files", root)
        # As in the machine: where the output goes is there before the program starts, and so is /tmp.
        (root / "tmp").mkdir(exist_ok=True)
        if it["output"] != "stdout":
            below = it["output"] if it["output"].endswith("/") else it["output"].rpartition("/")[0]
            (root / below.strip("/")).mkdir(parents=True, exist_ok=True)
        wasi = wasmtime.WasiConfig()
        wasi.argv = [f"{name}.wasm", *it["args"]]
        wasi.env = list(it.get("env", {}).items())
        wasi.stdin_file = str(folder / "stdin")
        wasi.stdout_file = str(out)
        wasi.stderr_file = str(Path(place) / "stderr")
        wasi.preopen_dir(str(root), "/", wasmtime.DirPerms.READ_WRITE, wasmtime.FilePerms.READ_WRITE)
        store.set_wasi(wasi)
        exports = {}
        if other:
            other_host(wasmtime, linker, store, lambda: exports["of"]["memory"])
        instance = linker.instantiate(store, compiled_module)
        exports["of"] = instance.exports(store)
        started = time.monotonic()
        code = 0
        try:
            exports["of"][it["entry"]](store)
        except wasmtime.ExitTrap as exit:
            code = exit.code
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            code = "trap: " + str(error).strip().splitlines()[-1]
        ended = time.monotonic()
        errors = (Path(place) / "stderr").read_bytes()
        shutil.rmtree(result, ignore_errors=True)
        before, after = tree(folder / "files"), tree(root)
        (result / "files").mkdir(parents=True)
        for path, data in after.items():
            if before.get(path) != data:
                write(result / "files" / path[1:], data)
        (result / "removed").write_text("".join(path + "\n" for path in before if path not in after))
        (result / "stdout").write_bytes(out.read_bytes() if out.exists() else b"")
        (result / "stderr").write_bytes(errors)
        (result / "code").write_text(f"{code}\n")
    return {
        "compile": compiled - begin,
        "seconds": ended - started,
        "pages": exports["of"]["memory"].size(store),
        "operators": fuel - store.get_fuel() if count else 0,
        "errors": errors.decode("utf-8", "replace"),
    }


def unknown(name):
    def call(*_):
        raise RuntimeError(f"the program calls {name}, which is not WASI")

    return call


def measured(result):
    """What programs.toml records of a run."""
    return {
        "code": (result / "code").read_text().strip(),
        "stdout_sha256": sha256((result / "stdout").read_bytes()),
        "files_sha256": {path: sha256(data) for path, data in tree(result / "files").items()},
    }


def differences(wanted, found, output):
    """Lines that say what differs, in the exit code and the output: "stdout", a file "/x", or a folder "/x/"."""
    lines = []
    if str(wanted["code"]) != found["code"]:
        lines.append(f"exit code {found['code']}, expected {wanted['code']}")
    if output == "stdout" and wanted["stdout_sha256"] != found["stdout_sha256"]:
        lines.append("standard output differs")
    elif output != "stdout":
        for path in sorted(set(wanted["files_sha256"]) | set(found["files_sha256"])):
            if path == output or (output.endswith("/") and path.startswith(output)):
                if path not in found["files_sha256"]:
                    lines.append(f"{path} was not written")
                elif path not in wanted["files_sha256"]:
                    lines.append(f"{path} was written, but is not expected")
                elif wanted["files_sha256"][path] != found["files_sha256"][path]:
                    lines.append(f"{path} differs")
    return lines


def recorded(it):
    """A run against programs.toml: the output alone decides, but all that was written is recorded."""
    return {"code": it["code"], "stdout_sha256": it["stdout_sha256"], "files_sha256": it["files_sha256"]}


def tail(text):
    return "\n".join("    " + line for line in text.strip().splitlines()[-10:])


def run(published, it):
    expected = published / it["name"] / "expected"
    stamp = published / it["name"] / ".ran"
    wanted = prepared(it)
    if expected.exists() and stamp.exists() and stamp.read_text() == wanted:
        if not differences(recorded(it), measured(expected), it["output"]):
            print(f"{it['name']:<18} {it['language']:<10} unchanged")
            return
    took = execute(published, it, expected)
    wrong = differences(recorded(it), measured(expected), it["output"])
    if wrong:
        print(tail(took["errors"]), file=sys.stderr)
        fail(f"{it['name']}: the reference run gives not what programs.toml says: " + "; ".join(wrong),
             f"look at {expected}")  # fmt: skip
    stamp.write_text(wanted)
    print(f"{it['name']:<18} {it['language']:<10} compiled in {took['compile']:6.2f} s, ran {took['seconds']:6.2f} s")


def steady(published, it):
    with tempfile.TemporaryDirectory() as place:
        took = execute(published, it, Path(place) / "result", other=True)
        wrong = differences(recorded(it), measured(Path(place) / "result"), it["output"])
    if wrong:
        print(tail(took["errors"]), file=sys.stderr)
        fail(f"{it['name']} depends on the clock or on random numbers: " + "; ".join(wrong),
             "give it arguments or an environment that fix them")  # fmt: skip
    print(f"{it['name']:<18} {it['language']:<10} the same with another clock and other random numbers")


def compare(published, it, result):
    """Any other engine's run, laid out as expected/ is."""
    wrong = differences(measured(published / it["name"] / "expected"), measured(Path(result)), it["output"])
    if wrong:
        fail(f"{it['name']}: " + "; ".join(wrong), f"compare {result} with {published / it['name'] / 'expected'}")
    print(f"{it['name']:<18} {it['language']:<10} as expected")


def record(published, it):
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "result"
        took = execute(published, it, result, count=True)
        found = measured(result)
        print(tail(took["errors"]), file=sys.stderr)
        sizes = {path: len(data) for path, data in tree(result / "files").items()}
        print(f"# stdout {(result / 'stdout').stat().st_size} bytes, files {sizes}", file=sys.stderr)
    print(f"code = {found['code']}")
    print(f"stdout_sha256 = \"{found['stdout_sha256']}\"")
    files = [f'  "{path}" = "{value}",' for path, value in found["files_sha256"].items()]
    print("files_sha256 = {}" if not files else "\n".join(["files_sha256 = {", *files, "}"]))
    print(f"pages = {took['pages']}\noperators = {took['operators']}")


# --- Command line -----------------------------------------------------------------------------------------------------


def listing():
    print(f"{'name':<18} {'language':<10} {'bytes':>9} {'entry':<7} {'features':<22} {'output':<12} what")
    for it in programs().values():
        marks = " ".join(it["features"] + (["imports"] if it["other_imports"] else [])) or "-"
        name = it["name"] + ("*" if it.get("ci") else "+" if it.get("heavy") else "")
        print(f"{name:<18} {it['language']:<10} {it['bytes']:>9} {it['entry'] or '(empty)':<7} {marks:<22}"
              f" {it['output']:<12} {it['what']}")  # fmt: skip
    print("* small and quick: scripts/published.sh ci")
    print("+ minutes and several GB to compile: only when named")


def plan(names):
    """The programs asked for and those whose output they read, in the order of programs.toml."""
    known = programs()
    wanted, asked = set(), set()

    def add(name):
        if name not in wanted:
            wanted.add(name)
            for step in program(name).get("from", []):
                add(step["program"])

    for name in names or [name for name, it in known.items() if not it.get("heavy")]:
        for each in [it["name"] for it in known.values() if it.get("ci")] if name == "ci" else [name]:
            asked.add(each)
            add(each)
    for it in known.values():
        if it["name"] in wanted:
            fields = ("name", "registry", "package", "version", "archive", "archive_bytes", "archive_sha256")
            print("\t".join([*(str(it[field]) for field in fields), "asked" if it["name"] in asked else "needed"]))


def main():
    match sys.argv[1:]:
        case ["list"]:
            listing()
        case ["plan", *names]:
            plan(names)
        case ["output", name]:
            print(program(name)["output"])
        case [("fetched" | "unpack" | "run" | "steady" | "record") as what, published, name]:
            globals()[what](Path(published), program(name))
        case ["compare", published, name, result]:
            compare(Path(published), program(name), result)
        case _:
            print(__doc__, file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()
