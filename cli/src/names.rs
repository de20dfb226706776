//! What outputs are called: like their inputs, as far as any file system can have such names.

use std::{
	collections::BTreeSet,
	fmt::Write as _,
	os::unix::ffi::OsStrExt,
	path::{Component, Path},
};

/// The longest name of a file or folder, in bytes; some file systems have 255, and names may get longer by an ending.
const MAX_NAME: usize = 240;

/// Names of outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
	/// Those of all tasks in their order: paths with `/`, relative to the folder of outputs.
	pub names: Vec<String>,
	/// Which inputs' names had to be changed, and how.
	pub changed: Vec<(String, String)>,
}

/// The names of outputs of a job's tasks, and of the inputs that have names. With `folders` an output is an archive, of
/// that name and `.tar`, which is unpacked into a folder of that name.
pub fn outputs(inputs: &[Option<&Path>], folders: bool) -> Names {
	let mut taken = Taken::default();
	taken.add("manifest.json");
	let tasks = inputs.len();
	let mut names = Names {
		names: Vec::with_capacity(tasks),
		changed: Vec::new(),
	};
	let plain: Vec<_> = inputs.iter().map(|input| input.and_then(escaped)).collect();
	let mut settled: Vec<Option<String>> = vec![None; tasks];
	// Names that need no change come first, and of those the ones without capitals.
	for capitals in [false, true] {
		for ((input, name), place) in inputs.iter().zip(&plain).zip(&mut settled) {
			let unchanged = name
				.as_ref()
				.filter(|name| input.is_some_and(|input| input == Path::new(name)))
				.filter(|name| name.chars().any(char::is_uppercase) == capitals);
			if let Some(name) = unchanged.filter(|name| taken.take(name, folders)) {
				*place = Some(name.clone());
			}
		}
	}
	for (index, ((input, plain), settled)) in inputs.iter().zip(plain).zip(settled).enumerate() {
		let name = settled.unwrap_or_else(|| {
			let number = number(index, tasks);
			let tries = plain
				.into_iter()
				.flat_map(|name| [name.clone(), without_capitals(&name), without_beginning(&name)]);
			let mut tries = tries.chain([number.clone()]);
			let free = tries.find(|name| taken.take(name, folders));
			free.unwrap_or_else(|| {
				// Somebody called an input like another one's number.
				let mut name = format!("{number}%");
				while !taken.take(&name, folders) {
					name.push('%');
				}
				name
			})
		});
		if let Some(input) = input.filter(|input| *input != Path::new(&name)) {
			names.changed.push((input.to_string_lossy().into_owned(), name.clone()));
		}
		names.names.push(name);
	}
	names
}

/// A task's index with as many digits as the largest one has, and at least five.
pub fn number(index: usize, tasks: usize) -> String {
	let width = (tasks.saturating_sub(1).checked_ilog10().unwrap_or_default() as usize + 1).max(5);
	format!("{index:0width$}")
}

/// Names that are in use, as a file system sees them that does not tell capitals apart.
#[derive(Default)]
struct Taken {
	files: BTreeSet<String>,
	folders: BTreeSet<String>,
}

impl Taken {
	fn add(&mut self, file: &str) {
		self.files.insert(file.to_lowercase());
	}

	fn has(&self, path: &str) -> bool {
		let folded = path.to_lowercase();
		let above = above(&folded).any(|folder| self.files.contains(folder));
		above || self.files.contains(&folded) || self.folders.contains(&folded)
	}

	/// Takes a name if it is free.
	fn take(&mut self, name: &str, is_folder: bool) -> bool {
		let archive = format!("{name}.tar");
		if self.has(name) || (is_folder && self.has(&archive)) {
			return false;
		}
		self.add(name);
		if is_folder {
			self.add(&archive);
		}
		self.folders.extend(above(&name.to_lowercase()).map(Into::into));
		true
	}
}

/// The folders in which a path lies.
fn above(path: &str) -> impl Iterator<Item = &str> {
	path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// A path with `%` and two digits in place of each byte that some file system refuses; none if it is no such path, or too
/// long.
fn escaped(path: &Path) -> Option<String> {
	let mut names = Vec::new();
	for component in path.components() {
		let Component::Normal(name) = component else {
			return None;
		};
		let name = escaped_name(name.as_bytes());
		if name.len() > MAX_NAME {
			return None;
		}
		names.push(name);
	}
	(!names.is_empty()).then(|| names.join("/"))
}

fn escaped_name(name: &[u8]) -> String {
	let mut escaped = String::new();
	let stem = name.split(|byte| *byte == b'.').next().unwrap_or_default();
	let reserved = is_reserved(stem);
	let mut at = 0;
	for chunk in name.utf8_chunks() {
		for char in chunk.valid().chars() {
			let is_first = at == 0;
			at += char.len_utf8();
			let is_last = at == name.len();
			let refused = char.is_control()
				|| matches!(char, '<' | '>' | ':' | '"' | '/' | '\\' | '|' | '?' | '*')
				|| (is_last && matches!(char, '.' | ' '))
				|| (is_first && (reserved || char == '.'));
			match refused {
				true => escape(&mut escaped, char),
				false => escaped.push(char),
			}
		}
		for byte in chunk.invalid() {
			at += 1;
			percent(&mut escaped, *byte);
		}
	}
	escaped
}

fn escape(text: &mut String, char: char) {
	for byte in char.encode_utf8(&mut [0; 4]).bytes() {
		percent(text, byte);
	}
}

fn percent(text: &mut String, byte: u8) {
	// Writing to a text cannot fail.
	let _ = write!(text, "%{byte:02X}");
}

/// Names of devices, which no file may have on some systems, whatever its ending.
fn is_reserved(stem: &[u8]) -> bool {
	let stem = stem.to_ascii_uppercase();
	match stem.as_slice() {
		b"CON" | b"PRN" | b"AUX" | b"NUL" => true,
		[kind @ .., b'0'..=b'9'] => kind == b"COM" || kind == b"LPT",
		_ => false,
	}
}

/// A name with its capital letters escaped, so that it differs from another one by more than them.
fn without_capitals(name: &str) -> String {
	let mut text = String::new();
	for char in name.chars() {
		match char.is_uppercase() {
			true => escape(&mut text, char),
			false => text.push(char),
		}
	}
	text
}

/// A name with its first character escaped.
fn without_beginning(name: &str) -> String {
	let mut text = String::new();
	let mut chars = name.chars();
	if let Some(first) = chars.next() {
		escape(&mut text, first);
	}
	text + chars.as_str()
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::ffi::OsStr;

	fn names(inputs: &[&str], folders: bool) -> Names {
		let paths: Vec<_> = inputs.iter().map(|input| Some(Path::new(*input))).collect();
		outputs(&paths, folders)
	}

	#[test]
	fn outputs_are_called_like_their_inputs() {
		let inputs = ["a.txt", "b c/ü's \u{1f600}.txt", "b c/d", "100%.txt", "A%20b"];
		let found = names(&inputs, false);
		assert_eq!(found.names, inputs);
		assert_eq!(found.changed, []);
	}

	#[test]
	fn inputs_without_names_have_numbers_that_sort() {
		let found = outputs(&[None, None], false);
		assert_eq!(found.names, ["00000", "00001"]);
		assert_eq!(number(9, 10), "00009");
		assert_eq!(number(7, 1_000_000), "000007");
		let mixed = outputs(&[None, Some(Path::new("00000"))], false);
		assert_eq!(mixed.names, ["00000%", "00000"]);
	}

	#[test]
	fn what_some_file_system_refuses_is_escaped_and_said() {
		for (input, name) in [
			("a:b", "a%3Ab"),
			("a\\b?*<>|\"", "a%5Cb%3F%2A%3C%3E%7C%22"),
			("a\nb\u{7f}\u{85}", "a%0Ab%7F%C2%85"),
			("a.", "a%2E"),
			("x. /y ", "x.%20/y%20"),
			("con", "%63on"),
			("Aux.txt", "%41ux.txt"),
			("lpt3", "%6Cpt3"),
			("lpt", "lpt"),
			(".a", "%2Ea"),
			("manifest.json", "%6Danifest.json"),
			("Manifest.json", "%4Danifest.json"),
		] {
			let found = names(&[input], false);
			assert_eq!(found.names, [name], "{input}");
			let changed: Vec<_> = [(input.to_string(), name.to_string())]
				.into_iter()
				.filter(|(a, b)| a != b)
				.collect();
			assert_eq!(found.changed, changed);
		}
		let raw = Path::new(OsStr::from_bytes(b"a\xff\xfeb"));
		assert_eq!(outputs(&[Some(raw)], false).names, ["a%FF%FEb"]);
		let long = "x".repeat(250);
		assert_eq!(names(&[&long], false).names, ["00000"]);
		for outside in ["../a", "/a", "a/../b", ""] {
			assert_eq!(names(&[outside], false).names, ["00000"], "{outside}");
		}
	}

	#[test]
	fn names_that_differ_in_capitals_only_are_told_apart() {
		let found = names(&["A.txt", "a.txt", "Ä", "ä", "X/y", "x/Y", "x/y"], false);
		let expected = ["%41.txt", "a.txt", "%C3%84", "ä", "%58/y", "x/%59", "x/y"];
		assert_eq!(found.names, expected);
		assert_eq!(found.changed[0], ("A.txt".into(), "%41.txt".into()));
		assert_eq!(found.changed.len(), 4);
	}

	#[test]
	fn a_file_and_a_folder_cannot_have_one_name() {
		let found = names(&["A/x", "a"], false);
		assert_eq!(found.names, ["%41/x", "a"]);
		let found = names(&["a", "A/x"], false);
		assert_eq!(found.names, ["a", "%41/x"]);
	}

	#[test]
	fn archives_have_a_name_of_their_own() {
		let found = names(&["a", "a.tar", "b.txt"], true);
		assert_eq!(found.names[0], "a");
		assert_ne!(found.names[1], "a.tar");
		assert_eq!(found.names[2], "b.txt");
	}
}
