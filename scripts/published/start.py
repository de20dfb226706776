#!/usr/bin/env python3
"""How long CPython's start takes as a task, to what it takes in the reference engine: `python -c pass`, its library inside
the module, compiled before, each run the first of a process of its own, in turns.

    scripts/published.sh fetch cpython-pass && scripts/published/start.py [ROUNDS]

The reference engine is told to look for interruptions, as agents' is. MILLRACE_BIN is the folder of `millrace`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/millrace/target"))
PUBLISHED = TARGET / "published"
MODULE = PUBLISHED / "cpython-pass.wasm"


def plain():
    """Seconds in the reference engine, the first run of this process."""
    sys.path.insert(0, str(next(PUBLISHED.glob("wasmtime-*"))))
    import wasmtime

    config = wasmtime.Config()
    config.epoch_interruption = True
    engine = wasmtime.Engine(config)
    module = wasmtime.Module.from_file(engine, str(MODULE))
    linker, store, wasi = wasmtime.Linker(engine), wasmtime.Store(engine), wasmtime.WasiConfig()
    linker.define_wasi()
    store.set_epoch_deadline(1)
    wasi.argv = ["cpython-pass.wasm", "-c", "pass"]
    store.set_wasi(wasi)
    begin = time.perf_counter()
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        assert end.code == 0, end
    return time.perf_counter() - begin


def task():
    """Seconds as a task."""
    millrace = Path(os.environ.get("MILLRACE_BIN", TARGET / "release")) / "millrace"
    inputs = PUBLISHED / "cpython-pass" / "stdin"
    command = [millrace, "--json", "try", "--program", MODULE, "--args", "-c pass", "--inputs", inputs]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert told["status"] == "success", told
    return told["milliseconds"] / 1000


if __name__ == "__main__":
    if sys.argv[1:] == ["plain"]:
        print(plain())
        sys.exit()
    rounds = int(sys.argv[1]) if sys.argv[1:] else 7
    found = []
    for _ in range(rounds):
        reference = float(subprocess.run([sys.executable, __file__, "plain"], check=True, capture_output=True).stdout)
        found.append((task(), reference))
    tasks, references = (statistics.median(times) for times in zip(*found))
    print(f"task {tasks * 1000:.0f} ms, reference {references * 1000:.0f} ms, ratio {tasks / references:.2f}")
