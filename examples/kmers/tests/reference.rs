//! The program, built for the host: against the independent reference on every input of the job, byte for byte, and
//! with inputs that it must refuse.
use example_inputs::Example;
use example_reference::{check_program, check_refusal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kmers");

#[test]
fn outputs_equal_the_reference() {
	check_program(PROGRAM, Example::Kmers);
}

#[test]
fn bad_inputs_are_refused_with_a_reason() {
	check_refusal(PROGRAM, b"", "the input has no sequence");
	check_refusal(PROGRAM, b">x start=1 k=2 seed=1\nACGT", "`shuffles=` is missing");
	check_refusal(
		PROGRAM,
		b">x start=1 k=9 shuffles=1 seed=1\nACGT",
		"`k` is out of range",
	);
	check_refusal(
		PROGRAM,
		b">x start=1 k=2 shuffles=1 seed=1\nACGN",
		"`N` is not one of A, C, G, T",
	);
	check_refusal(PROGRAM, b">x start=1 k=2 shuffles=1 seed=1\nA", "shorter than a word");
	check_refusal(PROGRAM, &[0xff, 0xfe, b'\n'], "not UTF-8");
}
