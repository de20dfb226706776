//! The program, built for the host: against the independent reference on every input of the job, byte for byte, and
//! with inputs that it must refuse.
use example_inputs::Example;
use example_reference::{check_program, check_refusal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_heat");

#[test]
fn outputs_equal_the_reference() {
	check_program(PROGRAM, Example::Heat);
}

#[test]
fn bad_inputs_are_refused_with_a_reason() {
	let input = &Example::Heat.inputs().unwrap()[0];
	check_refusal(PROGRAM, b"", "the input ends early");
	check_refusal(PROGRAM, b"TILEabcd", "not a tile of hills");
	check_refusal(PROGRAM, &input[..input.len() - 1], "the input ends early: heights");
	check_refusal(PROGRAM, &[input, &b"x"[..]].concat(), "1 bytes too many");
	let with = |at: usize, bytes: &[u8]| [&input[..at], bytes, &input[at + bytes.len()..]].concat();
	check_refusal(
		PROGRAM,
		&with(4, &u32::MAX.to_le_bytes()),
		"the number of steps is over",
	);
	check_refusal(PROGRAM, &with(24, &4096u32.to_le_bytes()), "not inside the grid");
	check_refusal(PROGRAM, &with(48, &f64::NAN.to_le_bytes()), "not a finite number");
	check_refusal(PROGRAM, &with(48, &0f64.to_le_bytes()), "must be positive");
}
