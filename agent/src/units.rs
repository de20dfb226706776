//! Amounts of the token as people write them.

use millrace_primitives::{Balance, MILL, TOKEN_DECIMALS, TOKEN_SYMBOL};

/// Reads an amount in whole tokens with at most twelve decimals, such as `100` or `0.001`.
pub fn parse_amount(text: &str) -> Result<Balance, String> {
	let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
	let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
	if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
		return Err(format!("{text:?} is no amount of {TOKEN_SYMBOL}, such as 100 or 0.001"));
	}
	if fraction.len() > TOKEN_DECIMALS.into() {
		return Err(format!("{text:?} has more than {TOKEN_DECIMALS} decimals"));
	}
	let too_large = || format!("{text:?} is too large an amount");
	let whole: Balance = whole.parse().map_err(|_| too_large())?;
	let fraction: Balance = format!("{fraction:0<width$}", width = TOKEN_DECIMALS.into())
		.parse()
		.map_err(|_| too_large())?;
	whole
		.checked_mul(MILL)
		.and_then(|plancks| plancks.checked_add(fraction))
		.ok_or_else(too_large)
}

/// Writes an amount in whole tokens, without trailing zeros.
pub fn format_amount(plancks: Balance) -> String {
	let text = format!(
		"{}.{:0width$}",
		plancks / MILL,
		plancks % MILL,
		width = TOKEN_DECIMALS.into()
	);
	format!("{} {TOKEN_SYMBOL}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Amounts in a file as people write them there, without the token's name.
pub mod as_amount {
	use super::{format_amount, parse_amount, Balance};
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	/// Writes it.
	pub fn serialize<S: Serializer>(amount: &Balance, serializer: S) -> Result<S::Ok, S::Error> {
		let text = format_amount(*amount);
		serializer.serialize_str(text.split(' ').next().unwrap_or(&text))
	}

	/// Reads it.
	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Balance, D::Error> {
		parse_amount(&String::deserialize(deserializer)?).map_err(D::Error::custom)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn amounts_are_read_as_they_are_written() {
		assert_eq!(parse_amount("100"), Ok(100 * MILL));
		assert_eq!(parse_amount("0.001"), Ok(MILL / 1_000));
		assert_eq!(parse_amount("1.000000000001"), Ok(MILL + 1));
		assert_eq!(format_amount(MILL + MILL / 2), "1.5 MILL");
		assert_eq!(format_amount(0), "0 MILL");
		assert_eq!(format_amount(10 * MILL), "10 MILL");
	}

	#[test]
	fn what_is_no_amount_is_refused() {
		for text in [
			"",
			".",
			"1.",
			".5",
			"-1",
			"1e3",
			"1,5",
			"0.0000000000001",
			"1 MILL",
			&"9".repeat(60),
		] {
			assert!(parse_amount(text).is_err(), "{text}");
		}
	}
}
