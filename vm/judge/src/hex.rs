//! Hashes in JSON: `0x` and 64 hexadecimal digits.

use crate::hash::Hash;
use alloc::{format, string::String};
use serde::{de::Error, Deserialize, Deserializer, Serializer};

/// Writes a hash.
pub fn serialize<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
	let mut text = String::from("0x");
	for byte in hash {
		text.push_str(&format!("{byte:02x}"));
	}
	to.serialize_str(&text)
}

/// Reads a hash.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hash, D::Error> {
	let text = String::deserialize(from)?;
	let digits = text.strip_prefix("0x").unwrap_or(&text).as_bytes();
	let mut hash = [0; 32];
	if digits.len() != 2 * hash.len() {
		return Err(D::Error::custom("a hash is 0x and 64 hexadecimal digits"));
	}
	for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
		let digit = |at: usize| char::from(pair[at]).to_digit(16).map(|digit| digit as u8);
		*byte = match (digit(0), digit(1)) {
			(Some(high), Some(low)) => high << 4 | low,
			_ => return Err(D::Error::custom("a hash is 0x and 64 hexadecimal digits")),
		};
	}
	Ok(hash)
}
