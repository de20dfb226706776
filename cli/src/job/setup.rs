//! The setup of a job: its arguments and environment, how a task's input comes, and what its output is.
//!
//! ```text
//! "MRS1" | u8 input (0 stdin, 1 arguments, 2 files) | u8 output (0 stdout, 1 file, 2 directory) | u16 0
//! | u32 argc, bytes of argv, envc, bytes of env, bytes of the output path, bytes of the input path
//! | argv (each and NUL) | env (K=V and NUL) | output path | input path
//! ```
//!
//! Numbers are little endian. It is checked here and again by the system functions that a program is linked with.

use crate::failure::{Failure, Result};
use millrace_primitives::job::MAX_SETUP;
use std::collections::BTreeMap;

/// The longest path, in bytes.
const MAX_PATH: usize = 4_096;
/// The last second at which clocks can start: they count nanoseconds, of which there are 2^63.
const MAX_EPOCH: u64 = (1 << 63) / 1_000_000_000 - 1;

/// A value and where the user wrote it, for errors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
	/// What was written.
	pub value: String,
	/// Where: an option's name, or a file, a line and a key.
	pub place: String,
}

impl Placed {
	/// A value of the command line.
	pub fn option(option: &str, value: impl Into<String>) -> Self {
		Self {
			value: value.into(),
			place: option.into(),
		}
	}

	/// An error about it.
	pub fn wrong(&self, why: impl std::fmt::Display) -> Failure {
		Failure::Input(format!("{}: {why}", self.place))
	}
}

/// What a task's input is to its program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum InputAs {
	/// Standard input.
	#[default]
	Stdin,
	/// Arguments after the job's.
	Args,
	/// Files, over those of the image.
	Files,
}

impl InputAs {
	/// All, with their names.
	pub const ALL: [(&'static str, Self); 3] = [("stdin", Self::Stdin), ("args", Self::Args), ("files", Self::Files)];

	/// Reads one.
	pub fn parse(text: &str) -> Result<Self, String> {
		let found = Self::ALL.iter().find(|(name, _)| *name == text);
		found
			.map(|(_, value)| *value)
			.ok_or_else(|| "expected stdin, args or files".into())
	}
}

/// What a task's output is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OutputFrom {
	/// Standard output.
	#[default]
	Stdout,
	/// This file of the program's.
	File(Placed),
	/// This directory of the program's, as an archive.
	Directory(Placed),
}

impl OutputFrom {
	/// Reads `-`, `FILE` or `DIR/`.
	pub fn parse(path: Placed) -> Result<Self> {
		let Placed { value, place } = path;
		if value == "-" {
			return Ok(Self::Stdout);
		}
		let is_directory = value.ends_with('/');
		let trimmed = match value.trim_end_matches('/') {
			// The root, in another way.
			"" | "." if is_directory => "/",
			trimmed => trimmed,
		};
		let path = Placed {
			value: trimmed.into(),
			place,
		};
		check_path(&path)?;
		if is_directory {
			return Ok(Self::Directory(path));
		}
		if !names_file(&path.value) {
			return Err(path.wrong(format!(
				"`{0}` is a folder and never a file; for that folder as output write `{0}/`",
				path.value
			)));
		}
		Ok(Self::File(path))
	}

	/// What it means if a task has no output; none of standard output, which is always there.
	pub fn absent(&self) -> Option<String> {
		match self {
			Self::Stdout => None,
			Self::File(path) => Some(format!(
				"The job's output is the file `{}`: no output means that the program did not write it, or made a folder of \
				 that name.",
				path.value
			)),
			Self::Directory(path) => Some(format!(
				"The job's output is the folder `{}`: no output means that the program removed it, or made something else \
				 of that name.",
				path.value
			)),
		}
	}

	/// True if a file at this path would keep the output from being at its own: it is a folder above it, or the folder itself.
	fn is_at(&self, file: &str) -> bool {
		let (output, folder) = match self {
			Self::Stdout => return false,
			Self::File(path) => (&path.value, false),
			Self::Directory(path) => (&path.value, true),
		};
		let parts = |path: &str| {
			let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
			parts.map(String::from).collect::<Vec<_>>()
		};
		let (output, file) = (parts(output), parts(file));
		// The file would be a folder, or the output one.
		(output.starts_with(&file) && (folder || output != file))
			|| (!folder && file != output && file.starts_with(&output))
	}

	/// True if outputs are archives of a directory.
	pub fn is_directory(&self) -> bool {
		matches!(self, Self::Directory(_))
	}
}

/// What a setup is made of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Setup {
	/// Arguments, without the program's own name.
	pub arguments: Vec<Placed>,
	/// `NAME=VALUE` each.
	pub environment: Vec<Placed>,
	/// How a task's input comes.
	pub input: InputAs,
	/// What its output is.
	pub output: OutputFrom,
	/// Where standard input is a file as well.
	pub input_file: Option<Placed>,
}

impl Setup {
	/// The setup for a program of this name. No bytes if it says nothing: standard input and output, no arguments.
	pub fn bytes(&self, program: &str) -> Result<Vec<u8>> {
		if *self == Self::default() {
			return Ok(Vec::new());
		}
		let mut texts = Vec::new();
		let name = Placed::option("the program's file name", program);
		for argument in std::iter::once(&name).chain(&self.arguments) {
			no_nul(argument)?;
			push(&mut texts, argument, "arguments")?;
		}
		let argv = texts.len();
		self.check_environment()?;
		for variable in &self.environment {
			push(&mut texts, variable, "arguments and environment")?;
		}
		let env = texts.len() - argv;
		let (output, output_path) = match &self.output {
			OutputFrom::Stdout => (0, ""),
			OutputFrom::File(path) => (1, path.value.as_str()),
			OutputFrom::Directory(path) => (2, path.value.as_str()),
		};
		let input_path = match &self.input_file {
			Some(path) if self.input != InputAs::Stdin => {
				return Err(path.wrong("only standard input can be a file as well (input-as stdin)"));
			}
			Some(path) => {
				check_path(path)?;
				if !names_file(&path.value) {
					return Err(path.wrong(format!("`{}` is a folder; name the file in it", path.value)));
				}
				if self.output.is_at(&path.value) {
					return Err(path.wrong(format!(
						"`{}` is where the output is, above it or below it; name another file",
						path.value
					)));
				}
				path.value.as_str()
			}
			None => "",
		};
		let counts = [
			1 + self.arguments.len(),
			argv,
			self.environment.len(),
			env,
			output_path.len(),
			input_path.len(),
		];
		let mut bytes = b"MRS1".to_vec();
		bytes.extend([self.input as u8, output, 0, 0]);
		for count in counts {
			// All are counts or sizes of parts of what is at most 64 KiB.
			bytes.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
		}
		bytes.extend(texts);
		bytes.extend(output_path.as_bytes());
		bytes.extend(input_path.as_bytes());
		match bytes.len() > MAX_SETUP as usize {
			true => Err(Failure::Input(format!(
				"arguments, environment and paths come to {} bytes together, the limit is {MAX_SETUP}; what is long \
				 belongs into an image or into inputs",
				bytes.len()
			))),
			false => Ok(bytes),
		}
	}

	fn check_environment(&self) -> Result<()> {
		let mut names: BTreeMap<&str, &Placed> = BTreeMap::new();
		for variable in &self.environment {
			no_nul(variable)?;
			let shown = millrace_client::words::line(&variable.value);
			let Some((name, _)) = variable.value.split_once('=') else {
				return Err(variable.wrong(format!("`{shown}` has no `=`: expected NAME=VALUE")));
			};
			if name.is_empty() {
				return Err(variable.wrong(format!("`{shown}` has an empty name: expected NAME=VALUE")));
			}
			let is_time = variable.value.strip_prefix("SOURCE_DATE_EPOCH=");
			if is_time.is_some_and(|time| {
				!time.bytes().all(|byte| byte.is_ascii_digit())
					|| time.parse::<u64>().map_or(true, |time| time > MAX_EPOCH)
			}) {
				return Err(variable.wrong(format!(
					"`{shown}` is no time at which clocks start: expected seconds since 1970, at most {MAX_EPOCH}"
				)));
			}
			if let Some(other) = names.insert(name, variable) {
				let also = match other.place == variable.place {
					true => String::new(),
					false => format!(" (also {})", other.place),
				};
				return Err(variable.wrong(format!("the variable `{name}` is there twice{also}")));
			}
		}
		Ok(())
	}
}

fn push(texts: &mut Vec<u8>, text: &Placed, what: &str) -> Result<()> {
	texts.extend(text.value.as_bytes());
	texts.push(0);
	match texts.len() > MAX_SETUP as usize {
		true => Err(text.wrong(format!(
			"with it the {what} come to more than {MAX_SETUP} bytes; what is long belongs into an image or into inputs"
		))),
		false => Ok(()),
	}
}

fn no_nul(text: &Placed) -> Result<()> {
	match text.value.contains('\0') {
		true => Err(text.wrong("a NUL byte, which neither arguments nor variables can have")),
		false => Ok(()),
	}
}

/// Refuses what cannot be a path of the program's.
fn check_path(path: &Placed) -> Result<()> {
	let text = &path.value;
	if text.is_empty() {
		return Err(path.wrong("an empty path"));
	}
	if text.contains('\0') {
		return Err(path.wrong("a NUL byte, which no path can have"));
	}
	if text.len() > MAX_PATH {
		return Err(path.wrong(format!("a path of {} bytes, the limit is {MAX_PATH}", text.len())));
	}
	if text.split('/').any(|component| component == "..") {
		return Err(path.wrong("a path with `..`; paths are from the root of the program's files"));
	}
	match text.split('/').find(|component| component.len() > 255) {
		Some(component) => Err(path.wrong(format!("a name of {} bytes, the limit is 255", component.len()))),
		None => Ok(()),
	}
}

/// True if a path ends with a name, as those of files do.
fn names_file(path: &str) -> bool {
	!matches!(path.rsplit('/').next(), None | Some("" | "."))
}

#[cfg(test)]
mod tests {
	use super::*;

	fn placed(values: &[&str]) -> Vec<Placed> {
		values.iter().map(|value| Placed::option("--x", *value)).collect()
	}

	fn output(text: &str) -> OutputFrom {
		OutputFrom::parse(Placed::option("--output", text)).unwrap()
	}

	fn refused(setup: Setup) -> String {
		let error = setup.bytes("p").unwrap_err();
		assert_eq!(error.exit_code(), 2);
		error.to_string()
	}

	#[test]
	fn the_simplest_job_needs_no_setup() {
		assert_eq!(Setup::default().bytes("p.wasm").unwrap(), b"");
		assert_eq!(
			Setup {
				output: output("-"),
				..Setup::default()
			}
			.bytes("p.wasm")
			.unwrap(),
			b""
		);
	}

	#[test]
	fn the_bytes_are_those_of_the_layout() {
		let setup = Setup {
			arguments: placed(&["-n", "", "ü"]),
			environment: placed(&["A=1", "B=x=y"]),
			input: InputAs::Stdin,
			output: output("out/a.png"),
			input_file: Some(Placed::option("--input-file", "/in.svg")),
		};
		let argv = b"p.wasm\0-n\0\0\xc3\xbc\0";
		let env = b"A=1\0B=x=y\0";
		let mut expected = b"MRS1\x00\x01\x00\x00".to_vec();
		for number in [4, argv.len() as u32, 2, env.len() as u32, 9, 7] {
			expected.extend(number.to_le_bytes());
		}
		expected.extend(argv);
		expected.extend(env);
		expected.extend(b"out/a.png/in.svg");
		assert_eq!(setup.bytes("p.wasm").unwrap(), expected);
		for (input, place) in [(InputAs::Stdin, 0), (InputAs::Args, 1), (InputAs::Files, 2)] {
			let setup = Setup {
				input,
				input_file: None,
				..setup.clone()
			};
			assert_eq!(setup.bytes("p").unwrap()[4], place);
		}
	}

	#[test]
	fn outputs_are_told_apart_by_how_they_are_written() {
		let path = |value: &str| Placed::option("--output", value);
		assert_eq!(output("-"), OutputFrom::Stdout);
		assert_eq!(output("a/b"), OutputFrom::File(path("a/b")));
		assert_eq!(output("a/b/"), OutputFrom::Directory(path("a/b")));
		for root in ["/", "//", "./", ".//"] {
			assert_eq!(output(root), OutputFrom::Directory(path("/")));
		}
		for folder in [".", "a/.", "/."] {
			let error = OutputFrom::parse(path(folder)).unwrap_err().to_string();
			assert!(error.contains(&format!("--output: `{folder}` is a folder")), "{error}");
		}
		assert_eq!(output("-").absent(), None);
		for named in ["a/b", "a/b/"] {
			assert!(output(named).absent().unwrap().contains("`a/b`"));
		}
		for wrong in ["", "a/../b", "..", "a\0", &"x".repeat(256), &"x/".repeat(2_049)] {
			assert!(OutputFrom::parse(path(wrong)).is_err(), "{wrong}");
		}
	}

	#[test]
	fn an_input_s_file_has_a_name() {
		for path in ["/", ".", "a/", "a/.", "//"] {
			let text = refused(Setup {
				input_file: Some(Placed::option("--input-file", path)),
				..Setup::default()
			});
			assert!(text.contains(&format!("--input-file: `{path}` is a folder")), "{text}");
		}
	}

	#[test]
	fn an_input_s_file_is_not_where_the_output_is() {
		let with = |output: &str, file: &str| {
			let setup = Setup {
				output: OutputFrom::parse(Placed::option("--output", output)).unwrap(),
				input_file: Some(Placed::option("--input-file", file)),
				..Setup::default()
			};
			setup.bytes("x").map_err(|error| error.to_string())
		};
		for (output, file) in [
			("/o/", "/o"),
			("o/p/", "/o"),
			("/o/p", "./o"),
			("/a/b/c", "a//b"),
			("/o", "/o/in"),
		] {
			let error = with(output, file).unwrap_err();
			assert!(error.contains("is where the output is"), "{output} {file}: {error}");
		}
		for (output, file) in [
			("-", "/o"),
			("/o/", "/o/in"),
			("/o", "/o"),
			("/o", "/p"),
			("/op/", "/o"),
			("/", "/in"),
		] {
			assert!(with(output, file).is_ok(), "{output} {file}");
		}
	}

	#[test]
	fn what_is_wrong_is_named_with_its_place() {
		let env = |values: &[&str]| {
			refused(Setup {
				environment: placed(values),
				..Setup::default()
			})
		};
		for (text, part) in [
			(env(&["A"]), "`A` has no `=`"),
			(env(&["=b"]), "empty name"),
			(env(&["A=1", "B=2", "A=3"]), "`A` is there twice"),
			(env(&["A=\0"]), "NUL"),
			(env(&["SOURCE_DATE_EPOCH=abc"]), "no time at which clocks start"),
			(env(&["SOURCE_DATE_EPOCH="]), "no time at which clocks start"),
			(env(&["SOURCE_DATE_EPOCH=+1"]), "no time at which clocks start"),
			(env(&["SOURCE_DATE_EPOCH=-1"]), "no time at which clocks start"),
			(env(&["SOURCE_DATE_EPOCH=9223372036"]), "at most 9223372035"),
		] {
			assert!(text.starts_with("--x: ") && text.contains(part), "{text}");
		}
		let text = refused(Setup {
			arguments: placed(&["a\0b"]),
			..Setup::default()
		});
		assert!(text.starts_with("--x: ") && text.contains("NUL"), "{text}");
		let long = "y".repeat(MAX_SETUP as usize);
		let text = refused(Setup {
			arguments: placed(&["a", &long]),
			..Setup::default()
		});
		assert!(text.contains("65536"), "{text}");
		// Just above with the head.
		let text = refused(Setup {
			arguments: placed(&[&long[..MAX_SETUP as usize - 10]]),
			..Setup::default()
		});
		assert!(text.contains("together"), "{text}");
		let text = refused(Setup {
			input: InputAs::Files,
			input_file: Some(Placed::option("--input-file", "a")),
			..Setup::default()
		});
		assert!(text.contains("--input-file: only standard input"), "{text}");
	}
}
