//! Little-endian numbers in binary inputs and outputs.
use crate::{format, Error, Result, Vec};

/// Reads a binary input from its start, refusing to read past its end.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
	rest: &'a [u8],
}

impl<'a> Reader<'a> {
	/// A reader at the start of `input`.
	pub fn new(input: &'a [u8]) -> Self {
		Self { rest: input }
	}

	/// The next `count` bytes. `what` names them in the error.
	pub fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8]> {
		if count > self.rest.len() {
			return Err(Error::from(format!(
				"the input ends early: {what} needs {count} bytes, {} are left",
				self.rest.len()
			)));
		}
		let (taken, rest) = self.rest.split_at(count);
		self.rest = rest;
		Ok(taken)
	}

	fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
		let mut array = [0; N];
		array.copy_from_slice(self.take(N, what)?);
		Ok(array)
	}

	/// The next four bytes as an unsigned number.
	pub fn u32(&mut self, what: &str) -> Result<u32> {
		self.array(what).map(u32::from_le_bytes)
	}

	/// The next eight bytes as a floating-point number, which must be finite.
	pub fn f64(&mut self, what: &str) -> Result<f64> {
		let value = f64::from_le_bytes(self.array(what)?);
		if value.is_finite() {
			Ok(value)
		} else {
			Err(Error::from(format!("{what} is not a finite number")))
		}
	}

	/// The next `2 * count` bytes as signed numbers.
	pub fn i16s(&mut self, count: usize, what: &str) -> Result<impl Iterator<Item = i16> + 'a> {
		let size = count
			.checked_mul(2)
			.ok_or_else(|| Error::from(format!("{what}: too many")))?;
		Ok(self
			.take(size, what)?
			.chunks_exact(2)
			.map(|pair| i16::from_le_bytes([pair[0], pair[1]])))
	}

	/// An error unless everything was read.
	pub fn finish(self) -> Result<()> {
		if self.rest.is_empty() {
			Ok(())
		} else {
			Err(Error::from(format!(
				"{} bytes too many at the end of the input",
				self.rest.len()
			)))
		}
	}
}

/// Appends four bytes.
pub fn put_u32(output: &mut Vec<u8>, value: u32) {
	output.extend_from_slice(&value.to_le_bytes());
}

/// Appends four bytes.
pub fn put_i32(output: &mut Vec<u8>, value: i32) {
	output.extend_from_slice(&value.to_le_bytes());
}

/// Appends two bytes.
pub fn put_i16(output: &mut Vec<u8>, value: i16) {
	output.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_was_put_is_read_back() {
		let mut data = Vec::new();
		put_u32(&mut data, 70_000);
		put_i16(&mut data, -2);
		put_i16(&mut data, 9);
		data.extend_from_slice(&1.5f64.to_le_bytes());
		let mut reader = Reader::new(&data);
		assert_eq!(reader.u32("a"), Ok(70_000));
		assert_eq!(reader.i16s(2, "b").unwrap().collect::<Vec<_>>(), [-2, 9]);
		assert_eq!(reader.f64("c"), Ok(1.5));
		assert_eq!(reader.finish(), Ok(()));
	}

	#[test]
	fn short_long_and_infinite_inputs_are_refused_by_name() {
		let error = Reader::new(&[1, 2, 3]).u32("steps").unwrap_err();
		assert_eq!(error.as_str(), "the input ends early: steps needs 4 bytes, 3 are left");
		assert!(Reader::new(&[1]).finish().is_err());
		assert!(Reader::new(&f64::NAN.to_le_bytes()).f64("dx").is_err());
		assert!(Reader::new(&[]).i16s(usize::MAX, "cells").is_err());
	}
}
