//! Numbers and bytes as people write and read them.

use millrace_vm::{hash::Hash, MAX_GAS};

/// Reads an amount of gas, with K, M, G or T for powers of 1000.
pub fn parse_gas(text: &str) -> Result<u64, String> {
	let (number, factor) = match text.find(['K', 'M', 'G', 'T']) {
		Some(at) if at + 1 == text.len() => (
			&text[..at],
			1000u64.pow("KMGT".find(&text[at..]).unwrap_or(0) as u32 + 1),
		),
		_ => (text, 1),
	};
	let gas = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
	gas.filter(|gas| (1..=MAX_GAS).contains(gas))
		.ok_or_else(|| format!("expected 1 to {MAX_GAS} gas, such as 10G"))
}

pub fn hex(hash: &[u8]) -> String {
	hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Option<Hash> {
	let text = text.strip_prefix("0x").unwrap_or(text);
	if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
		return None;
	}
	let mut hash = [0; 32];
	for (n, byte) in hash.iter_mut().enumerate() {
		*byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
	}
	Some(hash)
}

/// The lines of what a program wrote, without anything that a terminal would obey.
pub fn lines(bytes: &[u8]) -> Vec<String> {
	let text = String::from_utf8_lossy(bytes);
	let shown = |char: char| match char {
		'\t' => char.to_string(),
		_ if char.is_control() => char.escape_default().to_string(),
		_ => char.to_string(),
	};
	text.lines().map(|line| line.chars().map(shown).collect()).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn gas_is_a_number_within_its_limits() {
		assert_eq!(parse_gas("1"), Ok(1));
		assert_eq!(parse_gas("200M"), Ok(200_000_000));
		assert_eq!(parse_gas("1T"), Ok(1_000_000_000_000));
		for wrong in ["", "0", "G", "1GG", "-1", "2T", "99999999999999999999", "1.5G", "1 G"] {
			assert!(parse_gas(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn a_hash_survives_its_digits() {
		let hash = core::array::from_fn(|n| (n as u8).wrapping_mul(9));
		assert_eq!(unhex(&hex(&hash)), Some(hash));
		assert_eq!(unhex(&format!("0x{}", hex(&hash))), Some(hash));
		for wrong in [
			"",
			"0x",
			&"0".repeat(63),
			&"0".repeat(65),
			&"+1".repeat(32),
			&"é".repeat(32),
		] {
			assert_eq!(unhex(wrong), None, "{wrong}");
		}
	}

	#[test]
	fn what_a_program_wrote_moves_no_cursor() {
		assert_eq!(lines(b"a\x1b[2J\tb\r\n\xffc\n"), ["a\\u{1b}[2J\tb", "\u{fffd}c"]);
	}
}
