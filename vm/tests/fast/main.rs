//! The fast engine: what programs see of the world, what they pay, and that they do what they did before.

mod compile;
mod examples;
mod gas;
mod hostile;
mod nan;
mod plain;
mod stack;
mod wasi;

use millrace_vm::{
	fast::{FastConfig, FastEngine, FastProgram, Run, Stop},
	normalise::normalise,
	outcome::{Status, Trap},
	state::Halt,
	supply::Supply,
	task::Limits,
	MAX_GAS,
};
use std::sync::LazyLock;

static ENGINE: LazyLock<FastEngine> = LazyLock::new(|| {
	FastEngine::new(FastConfig {
		interruptible: false,
		parallel: true,
	})
	.expect("wasmtime runs here")
});

const LIMITS: Limits = Limits {
	gas: MAX_GAS,
	memory_pages: 64,
	output: 1 << 20,
};

fn supply(input: &[u8]) -> Supply {
	Supply::of_input(input.to_vec(), [7; 32])
}

fn bytes(text: &str) -> Vec<u8> {
	wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Imports everything of WASI, and has two functions to write with: `$out` for bytes, `$word` for a number.
const PRELUDE: &str = r#"
	(import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
	(import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
	(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
	(memory (export "memory") 1)
	(func $out (param $at i32) (param $len i32)
		(i32.store (i32.const 65520) (local.get $at))
		(i32.store (i32.const 65524) (local.get $len))
		(if (call $fd_write (i32.const 1) (i32.const 65520) (i32.const 1) (i32.const 65516)) (then unreachable))
		(if (i32.ne (i32.load (i32.const 65516)) (local.get $len)) (then unreachable)))
	(func $word (param $value i32)
		(i32.store (i32.const 65512) (local.get $value))
		(call $out (i32.const 65512) (i32.const 4)))
"#;

/// A program with this body, and other parts of a module.
fn text(body: &str, parts: &str) -> String {
	format!("(module {PRELUDE} {parts} (func (export \"_start\") (local i32 i32 i32 i64) {body}))")
}

fn compile(wasm: &[u8]) -> FastProgram {
	let module = normalise(wasm).unwrap_or_else(|refused| panic!("{refused}"));
	ENGINE.compile(&module).expect("what the normaliser makes compiles")
}

fn run_wasm(wasm: &[u8], input: &[u8], limits: &Limits) -> Run {
	let run = compile(wasm).run(limits, supply(input), &Stop::new());
	run.unwrap_or_else(|error| panic!("no outcome: {error}"))
}

fn run(body: &str, input: &[u8]) -> Run {
	run_wasm(&bytes(&text(body, "")), input, &LIMITS)
}

/// The output of a program that succeeds.
fn output(body: &str, input: &[u8]) -> Vec<u8> {
	let run = run(body, input);
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0), "{body}");
	run.output
}

/// The same as numbers.
fn words(body: &str, input: &[u8]) -> Vec<u32> {
	let output = output(body, input);
	let words = output.chunks_exact(4);
	words.map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Bytes that repeat late.
fn noise(len: usize) -> Vec<u8> {
	let mut state = 0x2545_f491_4f6c_dd1d_u64;
	(0..len)
		.map(|_| {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			(state >> 24) as u8
		})
		.collect()
}
