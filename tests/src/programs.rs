//! Small job programs in WebAssembly text, and what is compared with their outputs.

use crate::examples_dir;
use millrace_agent::{
	exec::{Named, Stop, Supply},
	Execute, Wasm, WasmLimits,
};
use millrace_primitives::{machine::task_seed, Hash, Limits, Outcome};
use std::{
	fs,
	path::{Path, PathBuf},
	process::Command,
};

/// What every program begins with: `$read` puts the input at address 1024 and returns its length, `$write` writes as
/// many bytes from there.
const PRELUDE: &str = r#"
	(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 2)
	(func $read (result i32)
		(i32.store (i32.const 0) (i32.const 1024))
		(i32.store (i32.const 4) (i32.const 65536))
		(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
		(i32.load (i32.const 8)))
	(func $write (param $len i32)
		(i32.store (i32.const 0) (i32.const 1024))
		(i32.store (i32.const 4) (local.get $len))
		(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
"#;

/// A program: the prelude, and a body for `_start`.
fn program(body: &str) -> Vec<u8> {
	let text = format!("(module {PRELUDE} (func (export \"_start\") {body}))");
	without_names(&wat::parse_str(text).expect("the text is a module"))
}

/// A module without its custom sections, as `millrace program publish` makes it.
fn without_names(wasm: &[u8]) -> Vec<u8> {
	let (head, mut rest) = wasm.split_at(8);
	let mut stripped = head.to_vec();
	while let [kind, after @ ..] = rest {
		let digits = after.iter().take_while(|byte| **byte >= 0x80).count() + 1;
		let size = after[..digits]
			.iter()
			.rev()
			.fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
		let (section, next) = rest.split_at(1 + digits + size);
		if *kind != 0 {
			stripped.extend_from_slice(section);
		}
		rest = next;
	}
	stripped
}

/// Turns a circle `turns` times (20 gas and 15 steps each), then writes the input with every letter's case changed.
/// [`swapped`] says what it writes.
pub fn swap_case(turns: u64) -> Vec<u8> {
	program(&format!(
		"(local $len i32) (local $at i32) (local $turns i64)
		(local.set $turns (i64.const {turns}))
		(block $still (loop $turn
			(br_if $still (i64.eqz (local.get $turns)))
			(local.set $turns (i64.sub (local.get $turns) (i64.const 1)))
			(br $turn)))
		(local.set $len (call $read))
		(block $done (loop $next
			(br_if $done (i32.ge_u (local.get $at) (local.get $len)))
			(i32.store8 offset=1024 (local.get $at)
				(i32.xor (i32.load8_u offset=1024 (local.get $at)) (i32.const 32)))
			(local.set $at (i32.add (local.get $at) (i32.const 1)))
			(br $next)))
		(call $write (local.get $len))"
	))
}

/// What [`swap_case`] writes.
pub fn swapped(input: &[u8]) -> Vec<u8> {
	input.iter().map(|byte| byte ^ 32).collect()
}

/// What a program's tasks come to on an honest machine that see nothing but these inputs, which ask for no random numbers.
pub fn outcomes(program: &[u8], inputs: &[Vec<u8>], limits: &Limits) -> Vec<Outcome> {
	let machine = Wasm::new(WasmLimits::default()).expect("this machine executes programs");
	let program = machine
		.load(&Named::of(program).expect("a program"), program, limits.memory_pages)
		.expect("the program is accepted");
	let run = |(index, input): (u32, &Vec<u8>)| {
		let supply = Supply::of_input(input.clone(), task_seed(&Hash::zero(), index));
		let execution = program.run(limits, supply, &Stop::new());
		execution.expect("the machine works").outcome
	};
	(0..).zip(inputs).map(run).collect()
}

/// Never ends.
pub fn endless() -> Vec<u8> {
	program("(loop $turn (br $turn))")
}

/// Asks for memory until it gets none, then traps.
pub fn memory_bomb() -> Vec<u8> {
	program("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)")
}

/// Loops in loops with values that all of them may need: what compilers do for each grows with all others.
pub fn compile_bomb() -> Vec<u8> {
	let values = "i64 ".repeat(2_000);
	let (begin, end) = ("(loop (br_if 0 (local.get 0)) ".repeat(12_000), ")".repeat(12_000));
	let text = format!("(module (func (export \"_start\")) (func (param i32) (local {values}) {begin} {end}))");
	wat::parse_str(text).expect("the text is a module")
}

/// Writes for ever.
pub fn flood() -> Vec<u8> {
	program("(loop $more (call $write (i32.const 60000)) (br $more))")
}

/// Imports a function that only its own world could answer.
pub fn burglar() -> Vec<u8> {
	let text = r#"(module
		(import "env" "system" (func (param i32) (result i32)))
		(memory (export "memory") 1)
		(func (export "_start")))"#;
	wat::parse_str(text).expect("the text is a module")
}

/// Writes a program to a folder; its path.
pub fn save(folder: &Path, name: &str, program: &[u8]) -> String {
	let path = folder.join(name);
	fs::write(&path, program).expect("the program can be written");
	path.to_str().expect("temporary paths are text").into()
}

/// Writes `count` lines of input to a file; its path and the lines.
pub fn save_lines(folder: &Path, name: &str, count: usize) -> (String, Vec<Vec<u8>>) {
	let lines: Vec<_> = (0..count)
		.map(|index| format!("Grist for the Mill, sack {index}"))
		.collect();
	let path = folder.join(name);
	fs::write(&path, lines.join("\n")).expect("the inputs can be written");
	(
		path.to_str().expect("temporary paths are text").into(),
		lines.into_iter().map(String::into_bytes).collect(),
	)
}

/// The files whose names are numbers, in their order: the inputs of an example, or fetched outputs.
pub fn numbered(folder: &Path) -> Vec<PathBuf> {
	let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
	let mut files: Vec<_> = entries
		.map(|entry| entry.expect("the folder can be read").path())
		.filter(|path| {
			path.file_name()
				.is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
		})
		.collect();
	files.sort();
	files
}

/// An example program's module and the folder of its inputs.
pub fn example(name: &str) -> (String, PathBuf) {
	let module = examples_dir().join(format!("{name}.wasm"));
	assert!(
		module.exists(),
		"{} is missing: run scripts/build-examples.sh first",
		module.display()
	);
	(
		module.to_str().expect("paths are text").into(),
		examples_dir().join(name).join("inputs"),
	)
}

/// Compares every fetched output of an example with what the independent native program writes for the same input.
pub fn compare_with_reference(name: &str, inputs: &Path, outputs: &Path) {
	let (inputs, outputs) = (numbered(inputs), numbered(outputs));
	assert_eq!(inputs.len(), outputs.len(), "one output for each input of {name}");
	for (input, output) in inputs.iter().zip(&outputs) {
		let reference = Command::new(examples_dir().join("bin/reference"))
			.arg(name)
			.arg(input)
			.output();
		let reference = reference.expect("the reference can be started (scripts/build-examples.sh builds it)");
		assert!(
			reference.status.success(),
			"{}",
			String::from_utf8_lossy(&reference.stderr)
		);
		let found = fs::read(output).expect("the output can be read");
		assert!(
			found == reference.stdout,
			"{} differs from the reference",
			output.display()
		);
	}
}

/// Checks the fetched outputs of [`swap_case`].
pub fn check_swapped(inputs: &[Vec<u8>], outputs: &Path) {
	let outputs = numbered(outputs);
	assert_eq!(inputs.len(), outputs.len(), "one output for each input");
	for (input, output) in inputs.iter().zip(&outputs) {
		let found = fs::read(output).expect("the output can be read");
		assert_eq!(
			String::from_utf8_lossy(&found),
			String::from_utf8_lossy(&swapped(input))
		);
	}
}
