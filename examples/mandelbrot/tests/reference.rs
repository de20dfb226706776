//! The program, built for the host: against the independent reference on every input of the job, byte for byte, and
//! with inputs that it must refuse.
use example_inputs::Example;
use example_reference::{check_program, check_refusal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mandelbrot");

#[test]
fn outputs_equal_the_reference() {
	check_program(PROGRAM, Example::Mandelbrot);
}

#[test]
fn bad_inputs_are_refused_with_a_reason() {
	let line = "x=0 y=0 width=8 height=8 total_width=8 total_height=8 re=0 im=0 span=4 iterations=9";
	check_refusal(PROGRAM, b"", "`total_width=` is missing");
	check_refusal(PROGRAM, line.replace("x=0", "x=1").as_bytes(), "not inside the picture");
	check_refusal(
		PROGRAM,
		line.replace("span=4", "span=NaN").as_bytes(),
		"`span` is out of range",
	);
	check_refusal(
		PROGRAM,
		line.replace("=9", "=-9").as_bytes(),
		"is not a number in range",
	);
	check_refusal(
		PROGRAM,
		line.replace("width=8", "width=8000000").as_bytes(),
		"out of range",
	);
}
