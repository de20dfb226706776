//! The C program, built for the host by its compiler, against the reference.
use example_inputs::Example;
use std::{env, fs, process::Command};

#[test]
fn the_c_program_equals_the_reference_and_refuses_bad_inputs() {
	let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
	let directory = env::temp_dir().join(format!("millrace-digits-{}", std::process::id()));
	fs::create_dir_all(&directory).unwrap();
	let program = directory.join("digits");
	let source = std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/../digits/digits.c";
	let status = Command::new(&compiler)
		.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
		.arg(&program)
		.arg(source)
		.status()
		.unwrap_or_else(|error| panic!("the C compiler {compiler} is needed: {error}"));
	assert!(status.success());
	let program = program.to_str().unwrap();
	example_reference::check_program(program, Example::Digits);
	let image = "0".repeat(64);
	for (line, reason) in [
		("x", "line 1: no number in front of the image".to_string()),
		(&format!("1 {image}0"), "line 1: an image has 64 pixels".into()),
		(
			&format!("1 h{}", &image[1..]),
			"line 1: a pixel is not one of 0-9 and a-g".into(),
		),
		(
			&format!("1 {}", image.repeat(9)),
			"line 1: an image has 64 pixels".into(),
		),
	] {
		example_reference::check_refusal(program, line.as_bytes(), &reason);
	}
	fs::remove_dir_all(&directory).unwrap();
}
