//! The executor against small programs: how tasks end, and that they always end the same way. What the machine does is
//! tested in `millrace-vm`; here is what the agent makes of it.

use millrace_exec::{
	Execute, Execution, HostError, LoadError, Named, Program, Refused, Stop, Supply, Wasm, WasmLimits,
};
use millrace_primitives::{
	job::MAX_TASK_GAS,
	machine::{task_seed, Blake2, Blob, Trap},
	merkle, Hash, Limits, Status,
};
use std::{
	sync::Arc,
	time::{Duration, Instant},
};

const GAS: u64 = 10_000_000;

const LIMITS: Limits = Limits {
	gas: GAS,
	memory_pages: 17,
	output: 1024,
};

fn seed() -> [u8; 32] {
	task_seed(&Hash::repeat_byte(7), 3)
}

/// What a module would be called by; anything if it is none.
fn named(wasm: &[u8]) -> Named {
	let empty = wat::parse_str("(module (func (export \"_start\")))").expect("valid text");
	Named::of(wasm).unwrap_or_else(|_| Named {
		id: merkle::data_root(wasm),
		..Named::of(&empty).expect("a program")
	})
}

fn load_bytes(wasm: &[u8], pages: u32) -> Result<Arc<dyn Program>, LoadError> {
	let executor = Wasm::new(WasmLimits::default()).expect("wasmtime works here");
	executor.load(&named(wasm), wasm, pages)
}

fn refused(wat: &str) -> Refused {
	match load_bytes(&wat::parse_str(wat).expect("valid text"), 16) {
		Err(LoadError::Refused(refused)) => refused,
		Err(other) => panic!("refused for another reason: {other}"),
		Ok(_) => panic!("not refused"),
	}
}

fn run_seeded(wat: &str, limits: Limits, input: &[u8], seed: [u8; 32]) -> Execution {
	let wasm = wat::parse_str(wat).expect("valid text");
	let program = load_bytes(&wasm, limits.memory_pages).unwrap_or_else(|error| panic!("refused: {error}"));
	let run = |program: &dyn Program| {
		let supply = Supply::of_input(input.to_vec(), seed);
		program.run(&limits, supply, &Stop::new()).expect("the host is well")
	};
	let (first, again) = (run(&*program), run(&*program));
	let elsewhere = load_bytes(&wasm, limits.memory_pages).unwrap_or_else(|error| panic!("refused: {error}"));
	assert_eq!(first, again, "the same program gives the same result");
	assert_eq!(first, run(&*elsewhere), "another engine gives the same result");
	first
}

fn run_with(wat: &str, limits: Limits, input: &[u8]) -> Execution {
	run_seeded(wat, limits, input, seed())
}

fn run(wat: &str, input: &[u8]) -> Execution {
	run_with(wat, LIMITS, input)
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

fn assert_failed(execution: &Execution, status: (Status, u32), gas: u64, why: &str) {
	let outcome = &execution.outcome;
	assert_eq!((outcome.status, outcome.code), status, "{:?}", execution.fault);
	assert_eq!(outcome.output, Blob::empty::<Blake2>());
	assert!(execution.output.is_empty());
	assert_eq!(outcome.gas_used, gas, "{:?}", execution.fault);
	let fault = execution.fault.as_deref().unwrap_or_default();
	assert!(fault.contains(why), "{fault}");
}

#[test]
fn echo_returns_its_input() {
	let input: Vec<u8> = (0..777u32).map(|i| (i * 31 % 251) as u8).collect();
	let done = run(&program(ECHO), &input);
	assert_eq!(done.outcome.status, Status::Success);
	assert_eq!(done.output, input);
	assert_eq!(Some(done.outcome.output), millrace_primitives::machine::blob(&input));
	assert!(done.fault.is_none());
	let empty = run(&program(ECHO), &[]);
	assert_eq!((empty.outcome.status, empty.outcome.output.len), (Status::Success, 0));
	assert!(empty.outcome.gas_used < done.outcome.gas_used);
}

#[test]
fn gas_does_not_depend_on_the_limit_and_is_never_more() {
	let echo = program(ECHO);
	let with = |gas| run_with(&echo, Limits { gas, ..LIMITS }, b"hello");
	let used = run(&echo, b"hello").outcome.gas_used;
	let enough = with(used);
	assert_eq!(
		(enough.outcome.status, enough.outcome.gas_used),
		(Status::Success, used)
	);
	let long = with(20_000_000_000);
	assert_eq!((&long.output, long.outcome), (&enough.output, enough.outcome));
	for short in [used - 1, used / 2, 1] {
		assert_failed(&with(short), (Status::OutOfGas, 0), short, "out of gas");
	}
	let endless = run(&program("(loop $l (br $l))"), &[]);
	assert_failed(&endless, (Status::OutOfGas, 0), GAS, "out of gas");
}

#[test]
fn a_trap_takes_the_whole_limit() {
	for (body, trap, why) in [
		("unreachable", Trap::Unreachable, "unreachable"),
		(
			"(drop (i32.div_u (i32.const 1) (i32.const 0)))",
			Trap::Division,
			"division by zero",
		),
		("(drop (i32.load (i32.const -4)))", Trap::Memory, "out of bounds"),
		(
			"(drop (memory.grow (i32.const 60000))) (i32.store (i32.const 1000000000) (i32.const 1))",
			Trap::Memory,
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
		assert_failed(&failed, (Status::Trap, trap as u32), gas, why);
	}
	let recursion = r#"(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))"#;
	let long = Limits {
		gas: MAX_TASK_GAS,
		..LIMITS
	};
	assert_failed(
		&run_with(recursion, long, &[]),
		(Status::OutOfStack, 0),
		MAX_TASK_GAS,
		"stack",
	);
}

#[test]
fn exit_codes_decide_and_charge_what_was_used() {
	let done = run(
		&program("(call $out (i32.const 64) (i32.const 3)) (call $proc_exit (i32.const 0)) unreachable"),
		&[],
	);
	assert_eq!((done.outcome.status, done.outcome.output.len), (Status::Success, 3));
	let failed = run(
		&program("(call $out (i32.const 64) (i32.const 3)) (call $proc_exit (i32.const 3))"),
		&[],
	);
	// The pages of its memory and of its system functions', and little else.
	let pages = failed.outcome.gas_used / 65_536;
	assert!((2..=4).contains(&pages), "{}", failed.outcome.gas_used);
	assert_eq!((failed.outcome.status, failed.outcome.code), (Status::Exit, 3));
	// What it wrote is kept, and so is nothing that it did not write.
	assert_eq!((failed.output.len(), failed.outcome.output), (3, done.outcome.output));
	assert!(failed.fault.is_some_and(|fault| fault.contains("code 3")));
}

#[test]
fn the_last_of_standard_error_is_part_of_what_did_not_succeed() {
	let body = |code| {
		format!(
			"(i32.store (i32.const 64) (i32.const 0x73706f6f))
			(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 4))
			(drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
			(call $proc_exit (i32.const {code}))"
		)
	};
	let failed = run(&program(&body(1)), &[]);
	assert_eq!(failed.tail.bytes(), b"oops");
	assert_eq!(failed.outcome.errors, failed.tail.root::<Blake2>());
	assert_eq!(run(&program(&body(0)), &[]).outcome.errors, [0; 32]);
}

#[test]
fn output_at_the_limit_is_taken_and_beyond_it_the_task_fails() {
	let at = run(&program("(call $out (i32.const 0) (i32.const 1024))"), &[]);
	assert_eq!((at.outcome.status, at.outcome.output.len), (Status::Success, 1024));
	let beyond = run(
		&program("(call $out (i32.const 0) (i32.const 1024)) (call $out (i32.const 0) (i32.const 1))"),
		&[],
	);
	let used = beyond.outcome.gas_used;
	assert_failed(&beyond, (Status::OutputTooLong, 0), used, "more output");
}

#[test]
fn memory_grows_to_the_job_s_limit_and_no_further() {
	// Grows page by page until it is refused, then writes how many pages there are.
	let body = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
		(i32.store (i32.const 64) (memory.size))
		(call $out (i32.const 64) (i32.const 4))";
	let system = {
		let wasm = wat::parse_str(program(body)).expect("valid text");
		named(&wasm).roots.system_pages
	};
	for pages in [1, 16, 700] {
		let done = run_with(
			&program(body),
			Limits {
				memory_pages: pages + system,
				gas: 1_000 * GAS,
				..LIMITS
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
	for other in [task_seed(&Hash::repeat_byte(7), 4), task_seed(&Hash::zero(), 3)] {
		assert_ne!(run_seeded(&wat, LIMITS, &[], other).output, here);
	}
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
	// A publisher that names other code than its module's.
	let wasm = wat::parse_str(program("")).unwrap();
	let other = wat::parse_str(program("(drop (i32.const 1))")).unwrap();
	let executor = Wasm::new(WasmLimits::default()).unwrap();
	let lie = Named {
		roots: named(&other).roots,
		..named(&wasm)
	};
	let refused = executor.load(&lie, &wasm, 16).map(drop);
	assert!(
		matches!(refused, Err(LoadError::Refused(Refused::Roots))),
		"{refused:?}"
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
	let endless = Limits {
		gas: MAX_TASK_GAS,
		..LIMITS
	};
	let result = program.run(&endless, Supply::of_input(Vec::new(), seed()), &stop);
	assert!(matches!(result, Err(HostError::Stopped)), "{result:?}");
	assert!(start.elapsed() < Duration::from_secs(5));
	thread.join().unwrap();
}

/// How much gas a program makes that ends by its gas, and in how many seconds.
fn spend(body: &str) -> (f64, f64) {
	let wat = program(body).replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 32)"#);
	let wasm = wat::parse_str(wat).expect("valid text");
	let limits = Limits {
		gas: 100_000_000,
		memory_pages: 20_000,
		output: 64 << 20,
	};
	let program = load_bytes(&wasm, limits.memory_pages).unwrap_or_else(|error| panic!("{error}"));
	let start = Instant::now();
	let supply = Supply::of_input(Vec::new(), seed());
	let done = program.run(&limits, supply, &Stop::new()).expect("the host is well");
	(done.outcome.gas_used as f64, start.elapsed().as_secs_f64())
}

/// How much gas a second a program makes.
fn rate(body: &str) -> f64 {
	let (gas, seconds) = spend(body);
	gas / seconds
}

/// How many seconds this machine takes to hand over memory that was never touched. What that costs is the kernel's and,
/// in a virtual machine, its host's affair: from a tenth of a microsecond to forty for a page of 4 KiB.
fn touch(bytes: usize) -> f64 {
	let mut memory = memmap2::MmapMut::map_anon(bytes).expect("memory is there");
	let start = Instant::now();
	for at in (0..bytes).step_by(4096) {
		memory[at] = 1;
	}
	std::hint::black_box(&memory);
	start.elapsed().as_secs_f64()
}

#[test]
fn no_gas_takes_much_longer_than_any_other() {
	// What `init` measures a machine by.
	const NEW_PAGES: &str = "new pages, all touched";
	const PAGE: f64 = 65_536.0;
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
			NEW_PAGES,
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
		let ratios: Vec<f64> = (0..3)
			.map(|_| {
				// So that a host has lent the memory before.
				touch(128 << 20);
				let (gas, seconds) = spend(body);
				// A page has its gas (`cost::PAGE_SHIFT`); what the machine takes for the same memory is no time of ours.
				let own = match name == NEW_PAGES {
					true => seconds - touch((gas / PAGE) as usize * 65_536),
					false => seconds,
				};
				gas / own.max(seconds / 20.0) / rate(plain)
			})
			.collect();
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
