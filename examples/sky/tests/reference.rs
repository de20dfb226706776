//! The program, built for the host: against the independent reference on every input of the job, byte for byte, and
//! with inputs that it must refuse.
use example_inputs::Example;
use example_reference::{check_program, check_refusal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sky");

#[test]
fn outputs_equal_the_reference() {
	check_program(PROGRAM, Example::Sky);
}

#[test]
fn bad_inputs_are_refused_with_a_reason() {
	let input = &Example::Sky.inputs().unwrap()[0];
	check_refusal(PROGRAM, b"SKY!", "this is not a tile of hills");
	check_refusal(PROGRAM, &input[..input.len() - 1], "heights needs");
	let mut wide = input.clone();
	wide[12..16].copy_from_slice(&5000u32.to_le_bytes());
	check_refusal(PROGRAM, &wide, "the number of columns is over 4096");
	let mut outside = input.clone();
	outside[16..20].copy_from_slice(&4000u32.to_le_bytes());
	check_refusal(PROGRAM, &outside, "the tile is not inside the grid");
}
