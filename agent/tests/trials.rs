//! Compiling in a process of the agent's own binary, within bounds.

use millrace_exec::{
	trial::{Trial, EMPTY_PROGRAM},
	Execute, HostError, LoadError, Named, Refused, Wasm, WasmLimits,
};
use std::{
	process::Command,
	time::{Duration, Instant},
};

/// A program that reads what it is given and writes it again.
const ECHO: &str = r#"(module
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(func (export "_start")
		(loop $more
			(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 100))
			(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
			(i32.store (i32.const 4) (i32.load (i32.const 8)))
			(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
			(br_if $more (i32.load (i32.const 4))))))"#;

/// An executor that tries programs in processes of the agent's binary.
fn careful(time: Duration) -> Wasm {
	let trial = Trial {
		time,
		..Trial::new(env!("CARGO_BIN_EXE_millrace-agent").into())
	};
	Wasm::new(WasmLimits {
		trial: Some(trial),
		..WasmLimits::default()
	})
	.expect("wasmtime works here")
}

#[test]
fn programs_are_tried_in_a_process_of_their_own() {
	let executor = careful(Duration::from_secs(60));
	let wasm = wat::parse_str(ECHO).unwrap();
	let named = Named::of(&wasm).unwrap();
	let load = |executor: &Wasm| executor.load(&named, &wasm, 16).map(drop);
	load(&executor).unwrap_or_else(|error| panic!("{error}"));
	// Too little time or memory is the machine's trouble, not the program's.
	let error = load(&careful(Duration::ZERO)).unwrap_err();
	assert!(matches!(error, LoadError::Host(HostError::Compile(_))), "{error}");
}

#[test]
fn trials_make_do_with_little_memory_and_give_way_when_it_runs_out() {
	let trial = Trial {
		memory: 64 << 20,
		..Trial::new(env!("CARGO_BIN_EXE_millrace-agent").into())
	};
	let empty = Named::of(EMPTY_PROGRAM).unwrap().roots;
	trial
		.run(&empty, EMPTY_PROGRAM)
		.unwrap_or_else(|error| panic!("{error}"));
	let wasm = wat::parse_str(ECHO).unwrap();
	let echo = Named::of(&wasm).unwrap().roots;
	trial.run(&echo, &wasm).unwrap_or_else(|error| panic!("{error}"));
	// Another program's module is not even compiled.
	let error = trial.run(&empty, &wasm).unwrap_err();
	assert!(matches!(error, LoadError::Refused(Refused::Roots)), "{error}");
	// A "binary" that looks at what it was given, and fails as a missing one does if it is not as it should be.
	let folder = tempfile::tempdir().unwrap();
	let (text, script) = (folder.path().join("text"), folder.path().join("look"));
	let look = r#"[ "$(cat /proc/self/oom_score_adj)" = 1000 ] && [ "$(ulimit -v)" = 327680 ] || exit 2"#;
	std::fs::write(&text, format!("#!/bin/sh\n{look}\n")).unwrap();
	// By another process: what this one writes may be open in one that another test starts, and cannot be executed then.
	let installed = Command::new("install")
		.args(["-m", "755"])
		.args([&text, &script])
		.status();
	assert!(installed.unwrap().success());
	let looking = Trial {
		binary: script,
		..trial.clone()
	};
	// It gives no code, which is another failure than that of one that does not look as it should.
	let error = looking.run(&empty, EMPTY_PROGRAM).unwrap_err().to_string();
	assert!(error.contains("gave no code"), "{error}");
	let missing = Trial {
		binary: folder.path().join("none"),
		..trial
	};
	let error = missing.run(&empty, EMPTY_PROGRAM).unwrap_err();
	assert!(matches!(error, LoadError::Host(HostError::Engine(_))), "{error}");
}

/// A name for a module that may be none.
fn any_name(wasm: &[u8]) -> Named {
	Named {
		id: millrace_primitives::merkle::data_root(wasm),
		..Named::of(wasm)
			.or_else(|_| Named::of(EMPTY_PROGRAM))
			.expect("a program")
	}
}

#[test]
fn compile_bombs_are_refused_or_cut_off() {
	let many = "i32 ".repeat(900);
	let values = "(i32.const 0) ".repeat(900);
	let bombs = [
		// Each call takes and gives 900 values.
		format!(
			"(module (func $f (param {many}) (result {many}) unreachable) (func (result {many}) {values} {}))",
			"(call $f) ".repeat(100_000)
		),
		// Every value is needed to the end, beyond branches of which each may skip some code.
		format!(
			r#"(module (memory (export "memory") 1) (func (export "_start")) (func (param i32) {} {} {}))"#,
			"(i32.load (local.get 0)) ".repeat(30_000),
			"(if (local.get 0) (then (i32.store (local.get 0) (i32.const 1)))) ".repeat(20_000),
			"drop ".repeat(30_000)
		),
		// Loops in loops.
		format!(
			r#"(module (memory (export "memory") 1) (func (export "_start")) (func (param i32) (local {}) {} {}))"#,
			"i64 ".repeat(2_000),
			"(loop (br_if 0 (local.get 0)) ".repeat(12_000),
			")".repeat(12_000)
		),
	];
	let executor = careful(Duration::from_secs(10));
	for bomb in bombs {
		let wasm = wat::parse_str(bomb).expect("valid text");
		let result = executor.load(&any_name(&wasm), &wasm, 16).map(drop);
		assert!(
			matches!(result, Err(LoadError::Refused(Refused::Module(_)))),
			"{} bytes: {result:?}",
			wasm.len()
		);
	}
	// What is within the limits and still too much for this machine, which is no fault of the program.
	let functions: String = (0..19_000)
		.map(|n| format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))"))
		.collect();
	let wasm = wat::parse_str(format!("(module {functions} (func (export \"_start\")))")).expect("valid text");
	let start = Instant::now();
	let result = careful(Duration::from_millis(100))
		.load(&any_name(&wasm), &wasm, 16)
		.map(drop);
	assert!(matches!(result, Err(LoadError::Host(HostError::Compile(_)))));
	assert!(start.elapsed() < Duration::from_secs(5));
}
