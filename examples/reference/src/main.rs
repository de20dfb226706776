//! `reference EXAMPLE INPUT`: writes to standard output what the example program must write for this input file.

use example_inputs::Example;
use std::{fs, io::Write, process::ExitCode};

fn run(arguments: &[String]) -> Result<(), String> {
	let [name, path] = arguments else {
		return Err("usage: reference kmers|heat|mandelbrot|digits|sky INPUT".into());
	};
	let example = Example::from_name(name).ok_or_else(|| format!("there is no example named {name}"))?;
	let input = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
	let output = example_reference::expected(example, &input).map_err(|error| format!("{path}: {error}"))?;
	std::io::stdout()
		.write_all(&output)
		.map_err(|error| format!("standard output: {error}"))
}

fn main() -> ExitCode {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	match run(&arguments) {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("error: {error}");
			ExitCode::FAILURE
		}
	}
}
