//! `join-outputs EXAMPLE OUTPUTS ...`: joins a directory of outputs into a picture or a table.

use example_join::{digits, heat, kmers, mandelbrot, Picture};
use std::{
	fs::{self, File},
	io::{self, BufWriter, Write},
	path::Path,
	process::ExitCode,
};

const USAGE: &str = "usage: join-outputs mandelbrot|heat|sky OUTPUTS PICTURE.png
       join-outputs kmers OUTPUTS [TABLE.txt]
       join-outputs digits OUTPUTS LABELS.txt [TABLE.txt]
OUTPUTS is a directory with one file a task; names do not matter, except that those that start with a dot and
manifest.json, which `millrace fetch` writes beside the outputs, are left out.";

fn read_outputs(directory: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
	let fail = |error: io::Error| format!("{directory}: {error}");
	let mut outputs = Vec::new();
	for entry in fs::read_dir(directory).map_err(fail)? {
		let entry = entry.map_err(fail)?;
		let name = entry.file_name().to_string_lossy().into_owned();
		if !name.starts_with('.') && name != "manifest.json" && entry.path().is_file() {
			let data = fs::read(entry.path()).map_err(|error| format!("{}: {error}", entry.path().display()))?;
			outputs.push((name, data));
		}
	}
	outputs.sort();
	Ok(outputs)
}

fn save_picture(picture: &Picture, path: &str) -> Result<(), String> {
	let mut file = BufWriter::new(File::create(path).map_err(|error| format!("{path}: {error}"))?);
	picture
		.write_png(&mut file)
		.and_then(|()| file.flush().map_err(|error| error.to_string()))
		.map_err(|error| format!("{path}: {error}"))?;
	println!("{path}: {} by {} pixels", picture.width, picture.height);
	Ok(())
}

fn save_table(table: &str, path: Option<&String>) -> Result<(), String> {
	let Some(path) = path else {
		print!("{table}");
		return Ok(());
	};
	fs::write(Path::new(path), table).map_err(|error| format!("{path}: {error}"))?;
	println!("{path}: {} lines", table.lines().count());
	Ok(())
}

fn run(arguments: &[String]) -> Result<(), String> {
	let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
	match words[..] {
		["mandelbrot" | "sky", outputs, picture] => save_picture(&mandelbrot::join(&read_outputs(outputs)?)?, picture),
		["heat", outputs, picture] => save_picture(&heat::join(&read_outputs(outputs)?)?, picture),
		["kmers", outputs] | ["kmers", outputs, _] => {
			save_table(&kmers::join(&read_outputs(outputs)?)?, arguments.get(2))
		}
		["digits", outputs, labels] | ["digits", outputs, labels, _] => {
			let labels = fs::read_to_string(labels).map_err(|error| format!("{labels}: {error}"))?;
			save_table(&digits::join(&read_outputs(outputs)?, &labels)?, arguments.get(3))
		}
		_ => Err(USAGE.into()),
	}
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
