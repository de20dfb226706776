//! The executor against small programs: every way in which a task can end, and that it always ends the same way.

use millrace_agent::exec::{
	trial::{Trial, EMPTY_MODULE},
	Execute, Execution, HostError, LoadError, Refused, Stop, Task, Wasm, WasmLimits,
};
use millrace_primitives::{merkle, outcome::Status, Hash};
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

fn assert_failed(execution: &Execution, gas: u64) {
	assert_eq!(execution.outcome.status, Status::Failed);
	assert_eq!(execution.outcome.output_len, 0);
	assert_eq!(execution.outcome.output_root, merkle::data_root(&[]));
	assert!(execution.output.is_empty());
	assert_eq!(execution.outcome.gas_used, gas, "{:?}", execution.fault);
}

#[test]
fn echo_returns_its_input() {
	let input: Vec<u8> = (0..777u32).map(|i| (i * 31 % 251) as u8).collect();
	let done = run(&program(ECHO), &input);
	assert_eq!(done.outcome.status, Status::Success);
	assert_eq!(done.output, input);
	assert_eq!(done.outcome.output_root, merkle::data_root(&input));
	assert_eq!(done.outcome.output_len, 777);
	// 8 reads with bytes, one without, 8 writes: each 100 and 8 for its slice; every byte 1 to read and 32 to write.
	let calls = 17 * (100 + 8) + (1 + 32) * 777;
	assert!(
		done.outcome.gas_used > calls && done.outcome.gas_used < calls + 1_000,
		"{}",
		done.outcome.gas_used
	);
}

#[test]
fn an_empty_input_gives_an_empty_output() {
	let done = run(&program(ECHO), &[]);
	assert_eq!((done.outcome.status, done.outcome.output_len), (Status::Success, 0));
}

#[test]
fn an_endless_loop_uses_exactly_its_gas() {
	assert_failed(&run(&program("(loop $l (br $l))"), &[]), GAS);
}

#[test]
fn gas_does_not_depend_on_the_limit() {
	let echo = program(ECHO);
	let used = run(&echo, b"hello").outcome.gas_used;
	let enough = run_with(
		&echo,
		Task {
			gas_limit: used + 1,
			..task()
		},
		b"hello",
	);
	assert_eq!(
		(enough.outcome.status, enough.outcome.gas_used),
		(Status::Success, used)
	);
	let short = used - 60;
	assert_failed(
		&run_with(
			&echo,
			Task {
				gas_limit: short,
				..task()
			},
			b"hello",
		),
		short,
	);
}

#[test]
fn a_trap_takes_the_whole_limit() {
	for body in [
		"unreachable",
		"(drop (i32.div_u (i32.const 1) (i32.const 0)))",
		"(drop (i32.load (i32.const -4)))",
		"(drop (i32.trunc_f32_s (f32.const nan)))",
	] {
		let failed = run(&program(body), &[]);
		assert_failed(&failed, GAS);
		assert!(failed.fault.is_some_and(|fault| fault.contains("wasm trap")), "{body}");
	}
}

#[test]
fn endless_recursion_ends_and_takes_the_whole_limit() {
	let wat = r#"(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))"#;
	let failed = run_with(
		wat,
		Task {
			gas_limit: 1 << 40,
			..task()
		},
		&[],
	);
	assert_failed(&failed, 1 << 40);
	assert!(failed.fault.is_some_and(|fault| fault.contains("stack")));
}

#[test]
fn memory_grows_to_the_limit_and_no_further() {
	// Grows page by page until it is refused, then writes how many pages there are.
	let body = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
		(i32.store (i32.const 64) (memory.size))
		(call $out (i32.const 64) (i32.const 4))";
	for pages in [1, 16, 700] {
		let done = run_with(
			&program(body),
			Task {
				memory_pages: pages,
				gas_limit: 10 * GAS,
				..task()
			},
			&[],
		);
		assert_eq!(done.output, pages.to_le_bytes(), "{:?}", done.fault);
	}
}

#[test]
fn new_memory_is_paid_for_by_the_page() {
	let task = |gas_limit| Task {
		memory_pages: 1_000,
		gas_limit,
		..task()
	};
	let used = |body: &str| {
		let done = run_with(&program(body), task(10 * GAS), &[]);
		assert_eq!(done.outcome.status, Status::Success, "{:?}", done.fault);
		done.outcome.gas_used
	};
	let grow = "(drop (memory.grow (i32.const 900)))";
	let grown = used(grow);
	assert!((900 * 100_000..900 * 100_000 + 200).contains(&grown), "{grown}");
	// Also if the program calls the host afterwards, or exits by itself.
	assert!((grown..grown + 400).contains(&used(&format!("{grow} (call $out (i32.const 64) (i32.const 1))"))));
	assert!((grown..grown + 400).contains(&used(&format!("{grow} (call $proc_exit (i32.const 0))"))));
	// In pieces it costs no less. What is refused costs as much as a call of the host.
	let pieces = "(local $n i32) (loop $l (drop (memory.grow (i32.const 1)))
		(br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 900))))";
	assert!(used(pieces) > grown);
	let refused = used("(drop (memory.grow (i32.const 1000)))");
	assert!((80..200).contains(&refused), "{refused}");
	// Memory that nobody can pay for is not lent, even if nothing else asks for gas.
	let hungry = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
		(call $out (i32.const 64) (i32.const 1))";
	let failed = run_with(&program(hungry), task(GAS), &[]);
	assert_failed(&failed, GAS);
	assert!(failed.fault.is_some_and(|fault| fault.contains("fuel")));
	// A limit is a limit, wherever it is found to be passed, and no more than what was used is enough.
	for body in [
		grow.to_string(),
		format!("{grow} (call $out (i32.const 64) (i32.const 1))"),
		format!("{grow} (call $proc_exit (i32.const 0))"),
		format!("{grow} (call $proc_exit (i32.const 7))"),
	] {
		let limit = 900 * 100_000;
		assert_failed(&run_with(&program(&body), task(limit), &[]), limit);
	}
	assert_eq!(
		run_with(&program(grow), task(grown), &[]).outcome.status,
		Status::Success
	);
	// What a program starts with costs as much beyond two megabytes.
	let first = |pages: u32, gas_limit| {
		let wat = format!(r#"(module (memory (export "memory") {pages}) (func (export "_start")))"#);
		run_with(&wat, task(gas_limit), &[])
	};
	let plain = first(32, GAS).outcome.gas_used;
	assert!(plain < 10);
	assert_eq!(first(82, GAS).outcome.gas_used, plain + 50 * 100_000);
	assert_failed(&first(1_000, GAS), GAS);
}

#[test]
fn a_memory_bomb_that_does_not_check_traps() {
	let body = "(drop (memory.grow (i32.const 60000))) (i32.store (i32.const 1000000000) (i32.const 1))";
	assert_failed(&run(&program(body), &[]), GAS);
}

#[test]
fn a_program_that_needs_more_memory_than_the_job_allows_is_refused() {
	let refused = refused(r#"(module (memory (export "memory") 17) (func (export "_start")))"#);
	assert_eq!(refused, Refused::Memory { needs: 17, limit: 16 });
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
	assert!(failed.outcome.gas_used > 200 && failed.outcome.gas_used < 400);
	assert_failed(&failed, failed.outcome.gas_used);
	assert_eq!(failed.fault.as_deref(), Some("the program exited with code 3"));
}

#[test]
fn output_at_the_limit_is_taken_and_beyond_it_the_task_fails() {
	let at = run(&program("(call $out (i32.const 0) (i32.const 1024))"), &[]);
	assert_eq!((at.outcome.status, at.outcome.output_len), (Status::Success, 1024));
	let beyond = run(
		&program("(call $out (i32.const 0) (i32.const 1024)) (call $out (i32.const 0) (i32.const 1))"),
		&[],
	);
	assert_failed(&beyond, beyond.outcome.gas_used);
	assert!(beyond.outcome.gas_used < GAS / 2);
	assert!(beyond.fault.is_some_and(|fault| fault.contains("1024 bytes")));
}

#[test]
fn standard_error_is_no_output_and_only_its_end_is_kept() {
	let body = "(local $i i32)
		(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 1000))
		(i32.store8 (i32.const 1063) (i32.const 33))
		(loop $l
			(drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
			(br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))";
	let done = run(&program(body), &[]);
	assert_eq!(done.outcome.output_len, 0);
	assert_eq!(done.stderr.len(), 4096);
	assert_eq!(done.stderr.last(), Some(&b'!'));
	assert!(done.outcome.gas_used > 100 * 1_100, "the bytes are paid for");
}

#[test]
fn host_calls_are_no_free_loops() {
	// A read at the end of the input moves nothing and still ends by its gas, soon.
	let body = "(loop $l (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8))) (br $l))";
	let start = Instant::now();
	assert_failed(&run(&program(body), &[]), GAS);
	assert!(start.elapsed() < Duration::from_secs(20));
	// Random bytes are paid one by one, and as what they are: hashes.
	let done = run(
		&program("(drop (call $random_get (i32.const 0) (i32.const 1000)))"),
		&[],
	);
	assert!((16_100..16_200).contains(&done.outcome.gas_used));
	assert_failed(&run(&program("(drop (call $random_get (i32.const 0) (i32.const 65536))) (loop $l (drop (call $random_get (i32.const 0) (i32.const 65536))) (br $l))"), &[]), GAS);
}

#[test]
fn a_call_that_the_gas_does_not_cover_moves_nothing() {
	let failed = run_with(
		&program("(call $out (i32.const 64) (i32.const 1000))"),
		Task {
			gas_limit: 500,
			..task()
		},
		&[],
	);
	assert_failed(&failed, 500);
}

#[test]
fn pointers_outside_the_memory_are_errors_of_the_program() {
	// Each of these gives EFAULT (21), which is written to the output as one byte.
	for call in [
		"(call $random_get (i32.const 65530) (i32.const 100))",
		"(call $random_get (i32.const -1) (i32.const -1))",
		"(call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 8))",
		"(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 65533))",
		"(call $clock (i32.const 0) (i64.const 0) (i32.const 65530))",
		"(call $environ (i32.const 65536) (i32.const 0))",
	] {
		let body = format!("(i32.store8 (i32.const 64) {call}) (call $out (i32.const 64) (i32.const 1))");
		assert_eq!(run(&program(&body), b"x").output, [21], "{call}");
	}
	// A list of slices so long that it cannot be paid.
	assert_failed(
		&run(
			&program("(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 8)))"),
			&[],
		),
		GAS,
	);
}

#[test]
fn there_are_no_directories_no_other_files_and_no_environment() {
	for (call, error) in [
		("(call $prestat (i32.const 3) (i32.const 0))", 8),
		(
			"(call $fd_write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 8))",
			8,
		),
		(
			"(call $fd_read (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8))",
			8,
		),
		("(call $environ (i32.const 0) (i32.const 4))", 0),
	] {
		let body = format!("(i32.store8 (i32.const 64) {call}) (call $out (i32.const 64) (i32.const 1))");
		assert_eq!(run(&program(&body), b"x").output, [error], "{call}");
	}
}

#[test]
fn the_clock_stands_still() {
	let body = "(i64.store (i32.const 64) (i64.const -1))
		(drop (call $clock (i32.const 1) (i64.const 0) (i32.const 64)))
		(call $out (i32.const 64) (i32.const 8))";
	assert_eq!(run(&program(body), &[]).output, [0; 8]);
}

#[test]
fn random_bytes_are_those_of_the_task() {
	let body = "(drop (call $random_get (i32.const 64) (i32.const 40))) (call $out (i32.const 64) (i32.const 40))";
	let wat = program(body);
	let here = run(&wat, &[]).output;
	let pieces = program(
		"(drop (call $random_get (i32.const 64) (i32.const 1))) (drop (call $random_get (i32.const 65) (i32.const 39)))
		(call $out (i32.const 64) (i32.const 40))",
	);
	assert_eq!(run(&pieces, &[]).output, here, "pieces do not matter");
	assert_ne!(run_with(&wat, Task { index: 4, ..task() }, &[]).output, here);
	assert_ne!(
		run_with(
			&wat,
			Task {
				input_root: Hash::zero(),
				..task()
			},
			&[]
		)
		.output,
		here
	);
	// The first bytes are H("millrace:random" | input root | index as u32 | 0 as u64).
	let preimage = [
		&b"millrace:random"[..],
		&[7; 32],
		&3u32.to_le_bytes(),
		&0u64.to_le_bytes(),
	]
	.concat();
	assert_eq!(here[..32], merkle::hash(&preimage).0);
}

#[test]
fn nan_has_one_form() {
	// 0/0, inf-inf, sqrt(-1), and a NaN with a payload added to 1 give the same bits on every machine.
	let body = "
		(f64.store (i32.const 64) (f64.div (f64.const 0) (f64.const 0)))
		(f64.store (i32.const 72) (f64.sub (f64.const inf) (f64.const inf)))
		(f64.store (i32.const 80) (f64.sqrt (f64.const -1)))
		(f64.store (i32.const 88) (f64.add (f64.const nan:0x4000000000001) (f64.const 1)))
		(call $out (i32.const 64) (i32.const 32))";
	let output = run(&program(body), &[]).output;
	assert_eq!(output, [0x7ff8_0000_0000_0000u64.to_le_bytes(); 4].concat());
}

#[test]
fn imports_outside_the_subset_are_refused_by_name() {
	let name = |module: &str, name: &str, kind: &str| {
		refused(&format!(
			r#"(module (import "{module}" "{name}" {kind}) (memory (export "memory") 1) (func (export "_start")))"#
		))
		.to_string()
	};
	let text = name("wasi_snapshot_preview1", "path_open", "(func)");
	assert!(text.contains("`wasi_snapshot_preview1` `path_open`"), "{text}");
	let text = name("env", "system", "(func (param i32) (result i32))");
	assert!(
		text.contains("`env` `system`") && text.contains("only functions of"),
		"{text}"
	);
	let text = name("wasi_snapshot_preview1", "fd_write", "(func)");
	assert!(text.contains("as (), but it is (i32, i32, i32, i32) -> i32"), "{text}");
	let text = name("env", "counter", "(global i32)");
	assert!(text.contains("not a function"), "{text}");
}

#[test]
fn what_is_no_program_is_refused() {
	let text = |wasm: &[u8]| match load_bytes(wasm, 16) {
		Err(LoadError::Refused(refused)) => refused.to_string(),
		_ => panic!("not refused"),
	};
	assert!(text(b"").contains("magic"));
	assert!(text(b"#!/bin/sh").contains("magic"));
	assert!(text(b"(module)").contains("magic"));
	let valid = wat::parse_str(program("")).unwrap();
	assert!(text(&valid[..valid.len() - 3]).contains("not an accepted WebAssembly module"));
	assert!(text(&vec![0; 16 * 1024 * 1024 + 1]).contains("16777217 bytes"));
	assert_eq!(
		refused(r#"(module (func (export "_start")))"#),
		Refused::Export("a memory named `memory`")
	);
	assert!(
		matches!(refused(r#"(module (memory (export "memory") 1))"#), Refused::Export(name) if name.contains("_start"))
	);
	assert!(matches!(
		refused(r#"(module (memory (export "memory") 1) (func (export "_start") (param i32)))"#),
		Refused::Export(_)
	));
	assert!(matches!(
		refused(r#"(module (memory (export "memory") 1) (table 65537 funcref) (func (export "_start")))"#),
		Refused::Limit { found: 65_537, .. }
	));
}

#[test]
fn features_that_are_not_deterministic_or_not_accepted_are_refused() {
	for body in [
		r#"(memory (export "memory") 1 1 shared) (func (export "_start"))"#,
		r#"(memory (export "memory") i64 1) (func (export "_start"))"#,
		r#"(memory (export "memory") 1) (memory 1) (func (export "_start"))"#,
		r#"(memory (export "memory") 1) (func (export "_start") (drop (i32x4.splat (i32.const 0))))"#,
		r#"(memory (export "memory") 1) (func $f) (func (export "_start") (return_call $f))"#,
		r#"(memory (export "memory") 1) (func (export "_start") (drop (ref.null extern)))"#,
		r#"(memory (export "memory") 1) (tag) (func (export "_start") (throw 0))"#,
		r#"(memory (export "memory") 1) (data $d "x") (func (export "_start") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))"#,
		r#"(memory (export "memory") 1) (table 1 funcref) (func (export "_start") (drop (table.grow 0 (ref.null func) (i32.const 1))))"#,
	] {
		let wasm = wat::parse_str(format!("(module {body})")).expect(body);
		assert!(
			matches!(load_bytes(&wasm, 16), Err(LoadError::Refused(Refused::Invalid(_)))),
			"{body}"
		);
	}
}

#[test]
fn bulk_operations_work_as_they_should_and_pay_for_what_they_move() {
	// Overlapping copies of 1000 bytes in both directions and a fill, compared with what they must give.
	let mut expected: Vec<u8> = (0..4000u32).map(|i| (i * 7 % 253) as u8).collect();
	let body = "
		(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
		(memory.copy (i32.const 1124) (i32.const 1024) (i32.const 1000))
		(memory.copy (i32.const 2900) (i32.const 3000) (i32.const 1000))
		(memory.copy (i32.const 4500) (i32.const 1200) (i32.const 257))
		(memory.fill (i32.const 3900) (i32.const 0xab) (i32.const 513))
		(memory.copy (i32.const 65536) (i32.const 0) (i32.const 0))
		(call $out (i32.const 1024) (i32.const 4000))";
	let body = format!("(i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 4000)) {body}");
	let done = run_with(
		&program(&body),
		Task {
			output_limit: 4000,
			..task()
		},
		&expected,
	);
	expected.copy_within(0..1000, 100);
	expected.copy_within(1976..2976, 1876);
	expected.copy_within(176..433, 3476);
	expected[2876..3389].fill(0xab);
	assert_eq!(done.output, expected, "{:?}", done.fault);

	let used = |len: u32| {
		let body = format!("(memory.fill (i32.const 0) (i32.const 1) (i32.const {len}))");
		run(&program(&body), &[]).outcome.gas_used
	};
	assert!(used(256) < 40);
	let large = used(60_000) - used(256);
	assert!((60_000 / 20..60_000 / 8).contains(&large), "{large}");
	// No free loop: four gigabytes in each turn do not take longer than their gas.
	let start = Instant::now();
	let body = "(drop (memory.grow (i32.const 15)))
		(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000000)) (memory.copy (i32.const 9) (i32.const 0) (i32.const 1000000)) (br $l))";
	assert_failed(&run(&program(body), &[]), GAS);
	assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn bulk_operations_outside_the_memory_trap() {
	for body in [
		"(memory.fill (i32.const 65530) (i32.const 1) (i32.const 7))",
		"(memory.fill (i32.const 65537) (i32.const 1) (i32.const 0))",
		"(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))",
		"(memory.fill (i32.const -300) (i32.const 1) (i32.const 600))",
		"(memory.copy (i32.const 0) (i32.const 60000) (i32.const 6000))",
		"(memory.copy (i32.const 60000) (i32.const 0) (i32.const 6000))",
		"(memory.copy (i32.const -300) (i32.const 0) (i32.const 600))",
		"(memory.copy (i32.const 0) (i32.const -300) (i32.const 600))",
	] {
		let failed = run(&program(body), &[]);
		assert_failed(&failed, GAS);
		assert!(
			failed.fault.is_some_and(|fault| fault.contains("out of bounds")),
			"{body}"
		);
	}
}

#[test]
fn a_start_function_and_data_outside_the_memory_are_the_programs_affair() {
	let wat =
		r#"(module (memory (export "memory") 1) (func $f (loop $l (br $l))) (start $f) (func (export "_start")))"#;
	assert_failed(&run(wat, &[]), GAS);
	let wat = r#"(module (memory (export "memory") 1) (data (i32.const 65535) "ab") (func (export "_start")))"#;
	assert_failed(&run(wat, &[]), GAS);
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
	let result = program.run(
		&Task {
			gas_limit: 1 << 40,
			..task()
		},
		Vec::new(),
		&stop,
	);
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
	trial.run(EMPTY_MODULE).unwrap_or_else(|error| panic!("{error}"));
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
	looking.run(EMPTY_MODULE).unwrap_or_else(|error| panic!("{error}"));
	let missing = Trial {
		binary: folder.path().join("none"),
		..trial
	};
	let error = missing.run(EMPTY_MODULE).unwrap_err();
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
	for (number, bomb) in bombs.into_iter().enumerate() {
		let wasm = wat::parse_str(bomb).expect("valid text");
		let start = Instant::now();
		let result = executor.load(merkle::data_root(&wasm), &wasm, 16).map(drop);
		println!(
			"bomb {number}, {} bytes: {:?} after {:?}",
			wasm.len(),
			result,
			start.elapsed()
		);
		// What passes the trial is compiled once more.
		assert!(start.elapsed() < Duration::from_secs(45), "bomb {number}");
	}
}
