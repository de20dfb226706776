//! Lines as lists of words, by the rules of POSIX shells for quotes. Nothing is expanded.

/// The words of a line: separated by blanks, which quotes and backslashes keep. `$`, `*`, `~`, `#` and the like are what
/// they are.
///
/// # Errors
/// What is wrong, in words.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
	let mut words = Vec::new();
	let mut word: Option<Vec<u8>> = None;
	let mut bytes = line.iter().copied();
	while let Some(byte) = bytes.next() {
		match byte {
			b' ' | b'\t' | b'\n' => words.extend(word.take()),
			b'\'' => {
				let word = word.get_or_insert_default();
				loop {
					match bytes.next() {
						Some(b'\'') => break,
						Some(byte) => word.push(byte),
						None => return Err("a quote ' is not closed"),
					}
				}
			}
			b'"' => {
				let word = word.get_or_insert_default();
				loop {
					match bytes.next() {
						Some(b'"') => break,
						Some(b'\\') => match bytes.next() {
							Some(byte @ (b'"' | b'\\' | b'$' | b'`')) => word.push(byte),
							Some(b'\n') => {}
							Some(byte) => word.extend([b'\\', byte]),
							None => return Err("a quote \" is not closed"),
						},
						Some(byte) => word.push(byte),
						None => return Err("a quote \" is not closed"),
					}
				}
			}
			b'\\' => match bytes.next() {
				Some(b'\n') => {}
				Some(byte) => word.get_or_insert_default().push(byte),
				None => return Err("a backslash stands at the end"),
			},
			byte => word.get_or_insert_default().push(byte),
		}
	}
	words.extend(word);
	match words.iter().any(|word| word.contains(&0)) {
		true => Err("a NUL byte, which no argument can have"),
		false => Ok(words),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn quotes_are_those_of_posix_and_nothing_is_expanded() {
		let words = |line: &str| -> Vec<String> {
			let words = split(line.as_bytes()).unwrap();
			words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
		};
		for (line, expected) in [
			("", &[][..]),
			("  \t ", &[]),
			("a b\tc", &["a", "b", "c"]),
			("'a b' \"c d\"", &["a b", "c d"]),
			("a'b'\"c\"d", &["abcd"]),
			("'' \"\" x", &["", "", "x"]),
			(r"a\ b \'c\' \\", &["a b", "'c'", r"\"]),
			(r#"'a\nb' "a\nb" "a\"b\\c\$d\`e""#, &[r"a\nb", r"a\nb", r#"a"b\c$d`e"#]),
			("$HOME * ~ #x `y` ;&|<>", &["$HOME", "*", "~", "#x", "`y`", ";&|<>"]),
			("a\\\nb \"c\\\nd\"", &["ab", "cd"]),
			("ä 'ö ü'", &["ä", "ö ü"]),
		] {
			assert_eq!(words(line), expected, "{line}");
		}
		assert_eq!(split(b"a \xff\xfe").unwrap(), [b"a".to_vec(), b"\xff\xfe".to_vec()]);
	}

	#[test]
	fn what_does_not_end_and_what_no_argument_has_is_refused() {
		for (line, reason) in [
			("'a", "'"),
			("\"a", "\""),
			("\"a\\", "\""),
			("a\\", "backslash"),
			("a\0b", "NUL"),
			("'\0'", "NUL"),
		] {
			assert!(split(line.as_bytes()).unwrap_err().contains(reason), "{line:?}");
		}
	}
}
