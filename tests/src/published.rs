//! Programs as their authors published them: scripts/published/programs.toml says which packages they come from and what they
//! must give, and `scripts/published.sh fetch ci`, which scripts/setup.sh runs, fetches and unpacks the three that are small.

use crate::target_dir;
use sp_crypto_hashing::sha2_256;
use std::{
	fs,
	path::{Path, PathBuf},
};
use toml::{Table, Value};

/// A program and what a run of it gives under the reference engine.
pub struct Published {
	/// Its name, which is also that of its folder.
	pub name: String,
	/// Its module.
	pub module: PathBuf,
	/// What `millrace submit` is told of it beside the terms of a job: arguments, environment, files, input, output.
	pub options: Vec<String>,
	/// Its exit code.
	pub code: i64,
	/// The SHA-256 of its output in hexadecimal.
	pub output: String,
}

/// The three small programs, each checked to be the one that is meant.
pub fn small() -> Vec<Published> {
	let plan = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this"))
		.join("../scripts/published/programs.toml");
	let plan = fs::read_to_string(&plan).unwrap_or_else(|error| panic!("{}: {error}", plan.display()));
	let plan: Table = plan.parse().expect("programs.toml is TOML");
	let programs = plan["program"].as_array().expect("programs.toml lists programs");
	let small = programs.iter().filter_map(Value::as_table);
	small
		.filter(|program| program.contains_key("ci"))
		.map(prepared)
		.collect()
}

fn prepared(program: &Table) -> Published {
	let text = |field: &str| program[field].as_str().expect("the field is text").to_owned();
	let name = text("name");
	let module = target_dir().join("published").join(format!("{name}.wasm"));
	let folder = module.with_extension("");
	let fetched = fs::read(&module).ok().filter(|_| folder.join("args").exists());
	assert!(
		fetched.is_some_and(|bytes| digest(&bytes) == text("module_sha256")),
		"{} is missing or another one than programs.toml says: run scripts/published.sh fetch ci first",
		module.display()
	);
	let lines = |file: &str| fs::read_to_string(folder.join(file)).expect("the folder is complete");
	let path = |path: PathBuf| path.to_str().expect("paths are text").to_owned();
	let mut options = vec!["--program".into(), path(module.clone())];
	options.extend(["--inputs".into(), path(folder.join("stdin"))]);
	options.extend(["--image".into(), path(folder.join("files"))]);
	for argument in lines("args").lines() {
		options.extend(["--arg".into(), argument.into()]);
	}
	for variable in lines("env").lines() {
		options.extend(["--env".into(), variable.into()]);
	}
	let output = text("output");
	let expected = match output.as_str() {
		"stdout" => text("stdout_sha256"),
		file => {
			options.extend(["--output".into(), file.into()]);
			let hash = program["files_sha256"].get(file).and_then(Value::as_str);
			hash.expect("the output of a small program is one file").to_owned()
		}
	};
	Published {
		name,
		module,
		options,
		code: program["code"].as_integer().expect("an exit code"),
		output: expected,
	}
}

/// SHA-256 as text, as programs.toml has it.
pub fn digest(bytes: &[u8]) -> String {
	hex::encode(sha2_256(bytes))
}
