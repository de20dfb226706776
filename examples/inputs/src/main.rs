//! `stage-inputs EXAMPLE DIRECTORY`: writes the inputs of an example job as files `00000`, `00001`, ...
//!
//! Files that are right already are left alone, numbered files that are too many are removed: staging twice
//! changes nothing, also while a job that serves the directory runs.

use example_inputs::Example;
use std::{fs, io, path::Path, process::ExitCode};

fn stage(inputs: &[Vec<u8>], directory: &Path) -> io::Result<usize> {
	fs::create_dir_all(directory)?;
	let mut written = 0;
	for (index, input) in inputs.iter().enumerate() {
		let path = directory.join(format!("{index:05}"));
		if !matches!(fs::read(&path), Ok(there) if there == *input) {
			fs::write(&path, input)?;
			written += 1;
		}
	}
	for entry in fs::read_dir(directory)? {
		let entry = entry?;
		let number = entry.file_name().to_str().and_then(|name| name.parse::<usize>().ok());
		if number.is_some_and(|number| number >= inputs.len()) {
			fs::remove_file(entry.path())?;
		}
	}
	Ok(written)
}

fn run(arguments: &[String]) -> Result<String, String> {
	let [name, directory] = arguments else {
		return Err("usage: stage-inputs kmers|heat|mandelbrot|digits|sky DIRECTORY".into());
	};
	let example = Example::from_name(name).ok_or_else(|| format!("there is no example named {name}"))?;
	let inputs = example.inputs()?;
	let written = stage(&inputs, Path::new(directory)).map_err(|error| format!("{directory}: {error}"))?;
	Ok(format!("{directory}: {} inputs, {written} written", inputs.len()))
}

fn main() -> ExitCode {
	let arguments: Vec<String> = std::env::args().skip(1).collect();
	match run(&arguments) {
		Ok(text) => {
			println!("{text}");
			ExitCode::SUCCESS
		}
		Err(error) => {
			eprintln!("error: {error}");
			ExitCode::FAILURE
		}
	}
}
