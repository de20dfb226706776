//! Text inputs made of `name=value` words, and decimal numbers for text outputs.
//!
//! Numbers are written without `core::fmt`, which would be the larger part of a small module.
use crate::{format, Error, Result, Vec};
use core::str::FromStr;

/// The value after `name=` among the words of `line`, parsed. The error names what is missing or wrong.
pub fn value<T: FromStr>(line: &str, name: &str) -> Result<T> {
	let text = line
		.split_ascii_whitespace()
		.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
		.ok_or_else(|| Error::from(format!("`{name}=` is missing")))?;
	text.parse()
		.map_err(|_| Error::from(format!("`{name}={text}` is not a number in range")))
}

/// Like [`value`], but from `least` to `most`.
pub fn value_within<T: FromStr + PartialOrd>(line: &str, name: &str, least: T, most: T) -> Result<T> {
	let number = value(line, name)?;
	if number >= least && number <= most {
		Ok(number)
	} else {
		Err(Error::from(format!("`{name}` is out of range")))
	}
}

/// The input as text.
pub fn utf8(input: &[u8]) -> Result<&str> {
	core::str::from_utf8(input).map_err(|_| Error::from("the input is not UTF-8 text"))
}

/// Appends a word.
pub fn put(output: &mut Vec<u8>, word: &str) {
	output.extend_from_slice(word.as_bytes());
}

/// Appends `value` in decimal.
pub fn put_u64(output: &mut Vec<u8>, mut value: u64) {
	let start = output.len();
	loop {
		output.push(b'0' + (value % 10) as u8);
		value /= 10;
		if value == 0 {
			break;
		}
	}
	output[start..].reverse();
}

/// Appends `value` in decimal, with a sign if it is negative.
pub fn put_i64(output: &mut Vec<u8>, value: i64) {
	if value < 0 {
		output.push(b'-');
	}
	put_u64(output, value.unsigned_abs());
}

/// Appends `thousandths / 1000` with three decimals.
pub fn put_thousandths(output: &mut Vec<u8>, thousandths: i64) {
	if thousandths < 0 {
		output.push(b'-');
	}
	let size = thousandths.unsigned_abs();
	put_u64(output, size / 1000);
	output.push(b'.');
	let rest = (size % 1000) as u16;
	output.extend([rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + digit as u8));
}

#[cfg(test)]
mod tests {
	use super::*;

	fn text(write: impl Fn(&mut Vec<u8>)) -> String {
		let mut output = Vec::new();
		write(&mut output);
		String::from_utf8(output).unwrap()
	}

	#[test]
	fn numbers_are_written_as_the_standard_library_does() {
		for value in [0, 7, 10, 99, 100, 1_234_567, i64::MAX, -1, -10, i64::MIN] {
			assert_eq!(text(|output| put_i64(output, value)), value.to_string());
			assert_eq!(text(|output| put_u64(output, value as u64)), (value as u64).to_string());
		}
		for value in [0, 1, 12, 999, 1000, 1001, 98_765, -1, -1000, -12_345] {
			assert_eq!(
				text(|output| put_thousandths(output, value)),
				format!("{:.3}", value as f64 / 1000.0)
			);
		}
	}

	#[test]
	fn values_are_found_by_their_whole_name() {
		let line = "> tile width=3 w=2.5  bad=x";
		assert_eq!(value(line, "w"), Ok(2.5));
		assert_eq!(value(line, "width"), Ok(3u8));
		assert_eq!(value::<u8>(line, "h").unwrap_err().as_str(), "`h=` is missing");
		assert_eq!(
			value::<u8>(line, "bad").unwrap_err().as_str(),
			"`bad=x` is not a number in range"
		);
		assert_eq!(
			value_within(line, "width", 1u8, 2).unwrap_err().as_str(),
			"`width` is out of range"
		);
		assert!(value_within(line, "width", 1u8, 3).is_ok());
	}
}
