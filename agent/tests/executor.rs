//! The executor against small programs: how tasks end, and that they always end the same way. What the machine does is
//! tested in `millrace-vm`; here is what the agent makes of it.

use millrace_agent::exec::{
	trial::{Trial, EMPTY_PROGRAM},
	Execute, Execution, HostError, LoadError, Refused, Stop, Task, Wasm, WasmLimits,
};
use millrace_primitives::{
	job::{MAX_PROGRAM_SIZE, MAX_TASK_GAS},
	merkle,
	outcome::Status,
	Hash,
};
use std::{
	process::Command,
	time::{Duration, Instant},
};

const GAS: u64 = 10_000_000;

fn task() -> Task {
	Task {
		input_root: Hash::repeat_byte(7),
		index: 3,
		gas_limit: GAS,
		memory_pages: 16,
		output_limit: 1024,
	}
}

fn load_bytes(wasm: &[u8], pages: u32) -> Result<std::sync::Arc<dyn millrace_agent::exec::Program>, LoadError> {
	let executor = Wasm::new(WasmLimits::default()).expect("wasmtime works here");
	executor.load(merkle::data_root(wasm), wasm, pages)
}

fn refused(wat: &str) -> Refused {
	match load_bytes(&wat::parse_str(wat).expect("valid text"), 16) {
		Err(LoadError::Refused(refused)) => refused,
		Err(other) => panic!("refused for another reason: {other}"),
		Ok(_) => panic!("not refused"),
	}
}

fn run_with(wat: &str, task: Task, input: &[u8]) -> Execution {
	let wasm = wat::parse_str(wat).expect("valid text");
	let program = load_bytes(&wasm, task.memory_pages).unwrap_or_else(|error| panic!("refused: {error}"));
	let first = program
		.run(&task, input.to_vec(), &Stop::new())
		.expect("the host is well");
	let again = program
		.run(&task, input.to_vec(), &Stop::new())
		.expect("the host is well");
	let elsewhere = load_bytes(&wasm, task.memory_pages)
		.unwrap_or_else(|error| panic!("refused: {error}"))
		.run(&task, input.to_vec(), &Stop::new())
		.expect("the host is well");
	assert_eq!(first, again, "the same program gives the same result");
	assert_eq!(first, elsewhere, "another engine gives the same result");
	first
}

fn run(wat: &str, input: &[u8]) -> Execution {
	run_with(wat, task(), input)
}

/// A program with some imports, a memory of one page and this body of `_start`.
fn program(body: &str) -> String {
	format!(
		r#"(module
			(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
			(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
			(import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
			(memory (export "memory") 1)
			(func $out (param $at i32) (param $len i32)
				(i32.store (i32.const 0) (local.get $at))
				(i32.store (i32.const 4) (local.get $len))
				(if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
			(func (export "_start") {body}))"#
	)
}

/// Copies input to output, 100 bytes at a time.
const ECHO: &str = "(local $n i32)
	(loop $more
		(i32.store (i32.const 0) (i32.const 64))
		(i32.store (i32.const 4) (i32.const 100))
		(if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
		(local.set $n (i32.load (i32.const 8)))
		(if (local.get $n) (then (call $out (i32.const 64) (local.get $n)) (br $more))))";

fn assert_failed(execution: &Execution, gas: u64, why: &str) {
	assert_eq!(execution.outcome.status, Status::Failed);
	assert_eq!(execution.outcome.output_len, 0);
	assert_eq!(execution.outcome.output_root, merkle::data_root(&[]));
	assert!(execution.output.is_empty());
	assert_eq!(execution.outcome.gas_used, gas, "{:?}", execution.fault);
	let fault = execution.fault.as_deref().unwrap_or_default();
	assert!(fault.contains(why), "{fault}");
}

#[test]
fn echo_returns_its_input() {
	let input: Vec<u8> = (0..777u32).map(|i| (i * 31 % 251) as u8).collect();
	let done = run(&program(ECHO), &input);
	assert_eq!(done.outcome.status, Status::Success);
	assert_eq!(done.output, input);
	assert_eq!(done.outcome.output_root, merkle::data_root(&input));
	assert_eq!(done.outcome.output_len, 777);
	assert!(done.fault.is_none());
	let empty = run(&program(ECHO), &[]);
	assert_eq!((empty.outcome.status, empty.outcome.output_len), (Status::Success, 0));
	assert!(empty.outcome.gas_used < done.outcome.gas_used);
}

#[test]
fn gas_does_not_depend_on_the_limit_and_is_never_more() {
	let echo = program(ECHO);
	let with = |gas_limit| run_with(&echo, Task { gas_limit, ..task() }, b"hello");
	let used = run(&echo, b"hello").outcome.gas_used;
	let enough = with(used);
	assert_eq!(
		(enough.outcome.status, enough.outcome.gas_used),
		(Status::Success, used)
	);
	// Long tasks run in other code.
	let long = with(20_000_000_000);
	assert_eq!((&long.output, long.outcome), (&enough.output, enough.outcome));
	for short in [used - 1, used / 2, 1] {
		assert_failed(&with(short), short, "out of gas");
	}
	assert_failed(&run(&program("(loop $l (br $l))"), &[]), GAS, "out of gas");
}

#[test]
fn a_trap_takes_the_whole_limit() {
	for (body, why) in [
		("unreachable", "unreachable"),
		("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divide by zero"),
		("(drop (i32.load (i32.const -4)))", "out of bounds"),
		(
			"(drop (memory.grow (i32.const 60000))) (i32.store (i32.const 1000000000) (i32.const 1))",
			"out of bounds",
		),
	] {
		let failed = run(&program(body), &[]);
		// What a program does on purpose it pays as it goes.
		let gas = if body == "unreachable" {
			failed.outcome.gas_used
		} else {
			GAS
		};
		assert_failed(&failed, gas, why);
	}
	let recursion = r#"(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))"#;
	let long = Task {
		gas_limit: MAX_TASK_GAS,
		..task()
	};
	assert_failed(&run_with(recursion, long, &[]), MAX_TASK_GAS, "stack");
}

#[test]
fn exit_codes_decide_and_charge_what_was_used() {
	let done = run(
		&program("(call $out (i32.const 64) (i32.const 3)) (call $proc_exit (i32.const 0)) unreachable"),
		&[],
	);
	assert_eq!((done.outcome.status, done.outcome.output_len), (Status::Success, 3));
	let failed = run(
		&program("(call $out (i32.const 64) (i32.const 3)) (call $proc_exit (i32.const 3))"),
		&[],
	);
	// A page of memory, and little else.
	assert!(
		(65_536..66_536).contains(&failed.outcome.gas_used),
		"{}",
		failed.outcome.gas_used
	);
	assert_failed(&failed, failed.outcome.gas_used, "code 3");
}

#[test]
fn output_at_the_limit_is_taken_and_beyond_it_the_task_fails() {
	let at = run(&program("(call $out (i32.const 0) (i32.const 1024))"), &[]);
	assert_eq!((at.outcome.status, at.outcome.output_len), (Status::Success, 1024));
	let beyond = run(
		&program("(call $out (i32.const 0) (i32.const 1024)) (call $out (i32.const 0) (i32.const 1))"),
		&[],
	);
	assert_failed(&beyond, GAS, "1024 bytes");
}

#[test]
fn memory_grows_to_the_job_s_limit_and_no_further() {
	// Grows page by page until it is refused, then writes how many pages there are.
	let body = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
		(i32.store (i32.const 64) (memory.size))
		(call $out (i32.const 64) (i32.const 4))";
	for pages in [1, 16, 700] {
		let done = run_with(
			&program(body),
			Task {
				memory_pages: pages,
				gas_limit: 1_000 * GAS,
				..task()
			},
			&[],
		);
		assert_eq!(done.output, pages.to_le_bytes(), "{:?}", done.fault);
	}
}

#[test]
fn random_bytes_are_those_of_the_task() {
	let body = "(drop (call $random_get (i32.const 64) (i32.const 40))) (call $out (i32.const 64) (i32.const 40))";
	let wat = program(body);
	let here = run(&wat, &[]).output;
	assert_ne!(run_with(&wat, Task { index: 4, ..task() }, &[]).output, here);
	let other = Task {
		input_root: Hash::zero(),
		..task()
	};
	assert_ne!(run_with(&wat, other, &[]).output, here);
	// xoshiro256** from H("millrace:random" | input root | index as u32): its first number comes from the second word.
	let seed = merkle::hash(&[&b"millrace:random"[..], &[7; 32], &3u32.to_le_bytes()].concat());
	let second = u64::from_le_bytes(seed[8..16].try_into().unwrap());
	let first = second.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
	assert_eq!(here[..8], first.to_le_bytes());
}

#[test]
fn what_is_no_program_is_refused_with_the_reason() {
	let text = |wasm: &[u8]| match load_bytes(wasm, 16) {
		Err(LoadError::Refused(refused)) => refused.to_string(),
		_ => panic!("not refused"),
	};
	for garbage in [&b""[..], b"#!/bin/sh", b"(module)"] {
		assert!(text(garbage).contains("not a valid WebAssembly module"));
	}
	let valid = wat::parse_str(program("")).unwrap();
	assert!(text(&valid[..valid.len() - 3]).contains("not a valid WebAssembly module"));
	assert!(text(&vec![0; MAX_PROGRAM_SIZE as usize + 1]).contains("4194305 bytes"));
	for (wat, why) in [
		(
			r#"(module (import "env" "system" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
			"`env` `system`",
		),
		(r#"(module (memory (export "memory") 1))"#, "_start"),
		(
			r#"(module (memory (export "memory") 1 1 shared) (func (export "_start")))"#,
			"threads",
		),
	] {
		let refused = refused(wat);
		assert!(matches!(refused, Refused::Module(_)), "{refused:?}");
		assert!(refused.to_string().contains(why), "{refused}");
	}
	assert_eq!(
		refused(r#"(module (memory (export "memory") 17) (func (export "_start")))"#),
		Refused::Memory { needs: 17, limit: 16 }
	);
}

#[test]
fn a_running_task_can_be_stopped_and_then_has_no_outcome() {
	let wasm = wat::parse_str(program("(loop $l (br $l))")).unwrap();
	let program = load_bytes(&wasm, 16).unwrap_or_else(|error| panic!("{error}"));
	let stop = Stop::new();
	let asked = stop.clone();
	let thread = std::thread::spawn(move || {
		std::thread::sleep(Duration::from_millis(300));
		asked.request();
	});
	let start = Instant::now();
	let endless = Task {
		gas_limit: MAX_TASK_GAS,
		..task()
	};
	let result = program.run(&endless, Vec::new(), &stop);
	assert!(matches!(result, Err(HostError::Stopped)), "{result:?}");
	assert!(start.elapsed() < Duration::from_secs(5));
	thread.join().unwrap();
}

/// How much gas a second a program makes that never ends.
fn rate(body: &str) -> f64 {
	let wat = program(body).replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 32)"#);
	let wasm = wat::parse_str(wat).expect("valid text");
	let gas_limit = 100_000_000;
	let terms = Task {
		gas_limit,
		memory_pages: 20_000,
		output_limit: 64 << 20,
		..task()
	};
	let program = load_bytes(&wasm, terms.memory_pages).unwrap_or_else(|error| panic!("{error}"));
	let start = Instant::now();
	let done = program.run(&terms, Vec::new(), &Stop::new()).expect("the host is well");
	done.outcome.gas_used as f64 / start.elapsed().as_secs_f64()
}

#[test]
fn no_gas_takes_much_longer_than_any_other() {
	// What `init` measures a machine by.
	let plain = "(local i32) (loop
		(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 1664525)) (i32.const 1013904223)))
		(i32.store (i32.and (i32.shr_u (local.get 0) (i32.const 8)) (i32.const 65532))
			(i32.xor (i32.load (i32.and (i32.shr_u (local.get 0) (i32.const 8)) (i32.const 65532))) (local.get 0)))
		(br 0))";
	let mut slow = Vec::new();
	println!("plain: {:.0} Mgas/s", rate(plain) / 1e6);
	for (name, body) in [
		(
			"random bytes",
			"(loop $l (drop (call $random_get (i32.const 0) (i32.const 65536))) (br $l))",
		),
		(
			"short random bytes",
			"(loop $l (drop (call $random_get (i32.const 0) (i32.const 1))) (br $l))",
		),
		(
			"output, hashed at the end",
			"(local $i i32) (loop $l (call $out (i32.const 64) (i32.const 65000))
				(br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40))))",
		),
		(
			"calls of the host",
			"(loop $l (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 0))) (br $l))",
		),
		(
			"new pages, all touched",
			"(local $at i32) (loop $l
				(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
				(local.set $at (i32.const 0))
				(loop $t
					(i32.store (i32.add (i32.shl (i32.sub (memory.size) (i32.const 1)) (i32.const 16)) (local.get $at)) (i32.const 1))
					(br_if $t (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 65536))))
				(br $l))",
		),
		(
			"refused growth",
			"(loop $l (drop (memory.grow (i32.const 40000))) (br $l))",
		),
		(
			"bulk copies",
			"(loop $l (memory.copy (i32.const 0) (i32.const 1000000) (i32.const 1000000)) (br $l))",
		),
		(
			"bulk fills",
			"(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 2000000)) (br $l))",
		),
		(
			"short fills",
			"(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 1)) (br $l))",
		),
	] {
		// Noise on a shared machine goes both ways: the best of three pairs.
		let ratios: Vec<f64> = (0..3).map(|_| rate(body) / rate(plain)).collect();
		let best = ratios.iter().copied().fold(0.0, f64::max);
		println!("{name}: {ratios:.2?}");
		if best < 0.05 {
			slow.push(format!(
				"{name}: its gas takes {:.1} times as long as plain code's",
				1.0 / best
			));
		}
	}
	assert_eq!(slow, Vec::<String>::new());
}

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
	let wasm = wat::parse_str(program("(memory.fill (i32.const 0) (i32.const 1) (i32.const 100))")).unwrap();
	let load = |executor: &Wasm| executor.load(merkle::data_root(&wasm), &wasm, 16).map(drop);
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
	trial.run(EMPTY_PROGRAM).unwrap_or_else(|error| panic!("{error}"));
	let wasm = wat::parse_str(program(ECHO)).unwrap();
	trial.run(&wasm).unwrap_or_else(|error| panic!("{error}"));
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
	looking.run(EMPTY_PROGRAM).unwrap_or_else(|error| panic!("{error}"));
	let missing = Trial {
		binary: folder.path().join("none"),
		..trial
	};
	let error = missing.run(EMPTY_PROGRAM).unwrap_err();
	assert!(matches!(error, LoadError::Host(HostError::Engine(_))), "{error}");
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
		let result = executor.load(merkle::data_root(&wasm), &wasm, 16).map(drop);
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
	let result = careful(Duration::from_millis(100)).load(merkle::data_root(&wasm), &wasm, 16);
	assert!(matches!(result, Err(LoadError::Host(HostError::Compile(_)))));
	assert!(start.elapsed() < Duration::from_secs(5));
}
