//! What the example programs must compute, written again, natively and in another way, to compare with.
//!
//! Shared with the programs is only what their headers say: formats, formulas and the order of floating-point
//! operations where the result depends on it. The k-mers are counted as pieces of text, the hills are smoothed as
//! one grid without tiles, the escape times use no shortcuts, the digits are read in floating point.

mod digits;
mod heat;
mod kmers;
mod mandelbrot;
mod sky;

use example_inputs::Example;
use std::{
	io::Write,
	process::{Command, Output, Stdio},
};

/// The expected output for an input of an example job.
pub fn expected(example: Example, input: &[u8]) -> Result<Vec<u8>, String> {
	match example {
		Example::Kmers => kmers::expected(input),
		Example::Heat => heat::expected(input),
		Example::Mandelbrot => mandelbrot::expected(input),
		Example::Digits => digits::expected(input),
		Example::Sky => sky::expected(input),
	}
}

/// Runs a native build of the program at `path`.
///
/// # Panics
/// If it cannot be run: this is for tests.
pub fn run_program(path: &str, input: &[u8]) -> Output {
	let mut child = Command::new(path)
		.stdin(Stdio::piped())
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.spawn()
		.unwrap_or_else(|error| panic!("{path}: {error}"));
	let mut stdin = child.stdin.take().expect("was piped");
	// The program may refuse its input before it has read all of it; its exit code tells.
	let _ = stdin.write_all(input);
	drop(stdin);
	child.wait_with_output().expect("the program ends")
}

/// Compares the program at `path` with the reference on every input of the job.
///
/// # Panics
/// If an output differs from the expected one, or the program fails: this is for tests.
pub fn check_program(path: &str, example: Example) {
	let inputs = example.inputs().expect("the committed data can be cut");
	for (task, input) in inputs.iter().enumerate() {
		let output = run_program(path, input);
		assert!(output.status.success(), "task {task}: {}", output.status);
		let expected = expected(example, input).expect("the reference takes the input");
		assert!(
			output.stdout == expected,
			"task {task}: the output differs from the reference"
		);
	}
}

/// Checks that the program at `path` refuses `input` with exit code 1, says `reason`, and writes no output.
///
/// # Panics
/// If it does anything else: this is for tests.
pub fn check_refusal(path: &str, input: &[u8], reason: &str) {
	let output = run_program(path, input);
	let said = String::from_utf8_lossy(&output.stderr);
	assert_eq!(output.status.code(), Some(1), "{said}");
	assert!(said.contains(reason), "said `{said}` instead of `{reason}`");
	assert!(output.stdout.is_empty());
}
