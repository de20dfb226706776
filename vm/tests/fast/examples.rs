//! Real programs: the examples, as `scripts/build-examples.sh` leaves them, against their references.

use super::*;
use std::{
	path::PathBuf,
	process::{Command, Stdio},
};

/// Where the examples are, if they were built.
fn examples() -> Option<PathBuf> {
	let directory = PathBuf::from(std::env::var_os("CARGO_TARGET_DIR")?).join("examples");
	directory.join("bin/reference").exists().then_some(directory)
}

#[test]
fn the_examples_compute_what_their_references_do() {
	let Some(directory) = examples() else {
		println!("skipped: the examples were not built");
		return;
	};
	for name in ["kmers", "heat", "mandelbrot", "digits"] {
		let wasm = std::fs::read(directory.join(format!("{name}.wasm"))).unwrap();
		let program = compile(&wasm);
		let mut inputs: Vec<PathBuf> = std::fs::read_dir(directory.join(name).join("inputs"))
			.unwrap()
			.map(|entry| entry.unwrap().path())
			.collect();
		inputs.sort();
		for path in inputs.iter().take(3) {
			let input = std::fs::read(path).unwrap();
			let run = program.run(&LIMITS, supply(&input), &Stop::new()).unwrap();
			assert_eq!(run.halt, Halt::Ended(Status::Success, 0), "{path:?}");
			let reference = Command::new(directory.join("bin/reference"))
				.arg(name)
				.arg(path)
				.stdin(Stdio::null())
				.output()
				.unwrap();
			assert!(reference.status.success());
			assert!(run.output == reference.stdout, "{path:?}");
			// The same with just enough gas, and not with less.
			let limits = Limits {
				gas: run.gas_used,
				..LIMITS
			};
			let again = program
				.run(&limits, supply(&std::fs::read(path).unwrap()), &Stop::new())
				.unwrap();
			assert_eq!(again, run);
			let limits = Limits {
				gas: run.gas_used - 1,
				..LIMITS
			};
			let short = program
				.run(&limits, supply(&std::fs::read(path).unwrap()), &Stop::new())
				.unwrap();
			assert_eq!(short.halt, Halt::OutOfGas);
		}
	}
}
