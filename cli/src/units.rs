//! Amounts, sizes and times as people write them. Conversions are exact or refused.

use millrace_primitives::{Balance, Gas, MarketBlock, MILL, TOKEN_DECIMALS, TOKEN_SYMBOL};
use sp_runtime::Permill;

/// An amount with its unit, all digits that matter and no others.
pub fn mill(plancks: Balance) -> String {
	let (whole, part) = (plancks / MILL, plancks % MILL);
	if part == 0 {
		return format!("{whole} {TOKEN_SYMBOL}");
	}
	let digits = format!("{part:0width$}", width = usize::from(TOKEN_DECIMALS));
	format!("{whole}.{} {TOKEN_SYMBOL}", digits.trim_end_matches('0'))
}

/// Reads a decimal amount of MILL, with or without the unit, as plancks.
pub fn parse_mill(text: &str) -> Result<Balance, String> {
	let number = text.trim().strip_suffix(TOKEN_SYMBOL).unwrap_or(text).trim();
	let (whole, part) = number.split_once('.').unwrap_or((number, ""));
	let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
	if whole.is_empty() && part.is_empty() || !digits(whole) || !digits(part) {
		return Err(format!("expected an amount of {TOKEN_SYMBOL} such as 0.25"));
	}
	let part = part.trim_end_matches('0');
	if part.len() > usize::from(TOKEN_DECIMALS) {
		return Err(format!(
			"{TOKEN_SYMBOL} has {TOKEN_DECIMALS} decimals, this has {}",
			part.len()
		));
	}
	let too_much = || format!("the amount is larger than any balance ({})", mill(Balance::MAX));
	let parse = |text: &str| {
		if text.is_empty() {
			Ok(0)
		} else {
			text.parse::<Balance>().map_err(|_| too_much())
		}
	};
	let scale = 10u128.pow(u32::from(TOKEN_DECIMALS) - part.len() as u32);
	parse(whole)?
		.checked_mul(MILL)
		.and_then(|whole| whole.checked_add(parse(part).ok()?.checked_mul(scale)?))
		.ok_or_else(too_much)
}

/// Reads a number with an optional suffix, of which each is `base` times the one before.
fn parse_scaled(text: &str, base: u64, suffixes: &[&str], what: &str) -> Result<u64, String> {
	let digits = text.bytes().take_while(u8::is_ascii_digit).count();
	let (number, suffix) = text.split_at(digits);
	let scale = if suffix.is_empty() {
		Some(1)
	} else {
		let place = suffixes.iter().position(|known| known.eq_ignore_ascii_case(suffix));
		place.map(|place| base.pow(place as u32 + 1))
	};
	let scale = scale.ok_or_else(|| format!("expected {what}; units are {}", suffixes.join(", ")))?;
	let number: u64 = number.parse().map_err(|_| format!("expected {what}"))?;
	number
		.checked_mul(scale)
		.ok_or_else(|| "the number is too large".into())
}

/// Reads a number of bytes: `4096`, `64K`, `16M`, `1G` (powers of 1024).
pub fn parse_bytes(text: &str) -> Result<u64, String> {
	parse_scaled(text, 1024, &["K", "M", "G"], "a number of bytes such as 64M")
}

/// Reads an amount of gas: `500000`, `200M`, `10G` (powers of 1000).
pub fn parse_gas(text: &str) -> Result<Gas, String> {
	parse_scaled(text, 1000, &["K", "M", "G", "T"], "an amount of gas such as 10G")
}

/// A part of the whole, given in percent.
pub fn parse_percent(text: &str) -> Result<Permill, String> {
	let number = text.trim().strip_suffix('%').unwrap_or(text).trim();
	let (whole, part) = number.split_once('.').unwrap_or((number, ""));
	let wrong = || "expected 0 to 100 percent, with at most 4 decimals".to_string();
	if part.len() > 4 || whole.is_empty() || !part.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
		return Err(wrong());
	}
	let parts: u32 = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
	if parts > 1_000_000 {
		return Err(wrong());
	}
	Ok(Permill::from_parts(parts))
}

/// How long: in market blocks, or in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
	/// So many market blocks.
	Blocks(MarketBlock),
	/// So many seconds.
	Seconds(u64),
}

impl Span {
	/// In market blocks of so many milliseconds each, rounded up.
	pub fn blocks(self, block_ms: u64) -> Result<MarketBlock, String> {
		let blocks = match self {
			Self::Blocks(blocks) => return Ok(blocks),
			Self::Seconds(seconds) => seconds.checked_mul(1_000).map(|ms| ms.div_ceil(block_ms.max(1))),
		};
		blocks
			.and_then(|blocks| blocks.try_into().ok())
			.ok_or_else(|| "the time is too long".into())
	}
}

/// Reads a span: `600` (blocks), `45s`, `30m`, `2h`, `7d`.
pub fn parse_span(text: &str) -> Result<Span, String> {
	let wrong = || "expected a number of blocks, or a time such as 30m or 2h".to_string();
	let unit = match text.chars().last() {
		Some('s') => 1,
		Some('m') => 60,
		Some('h') => 3_600,
		Some('d') => 86_400,
		_ => return text.parse().map(Span::Blocks).map_err(|_| wrong()),
	};
	let number: u64 = text
		.get(..text.len() - 1)
		.unwrap_or_default()
		.parse()
		.map_err(|_| wrong())?;
	number.checked_mul(unit).map(Span::Seconds).ok_or_else(wrong)
}

/// A number of market blocks and about how long they take.
pub fn blocks_and_time(blocks: MarketBlock, block_ms: u64) -> String {
	format!("{blocks} blocks (about {})", time(u64::from(blocks) * block_ms / 1_000))
}

fn time(seconds: u64) -> String {
	match seconds {
		0..=119 => format!("{seconds} s"),
		120..=7_199 => format!("{} min", seconds / 60),
		7_200..=172_799 => format!("{} h", seconds / 3_600),
		_ => format!("{} days", seconds / 86_400),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn amounts_are_read_exactly() {
		for (text, plancks) in [
			("0", 0),
			("1", MILL),
			("1.", MILL),
			(".5", MILL / 2),
			("0.000000000001", 1),
			("1.0000000000010000", MILL + 1),
			("12.5 MILL", 12 * MILL + MILL / 2),
			("340282366920938463463374607.431768211455", Balance::MAX),
		] {
			assert_eq!(parse_mill(text), Ok(plancks), "{text}");
		}
	}

	#[test]
	fn amounts_that_cannot_be_exact_are_refused() {
		for (text, reason) in [
			("0.0000000000001", "12 decimals, this has 13"),
			("340282366920938463463374607.431768211456", "larger than any balance"),
			("999999999999999999999999999999999999999999", "larger than any balance"),
			("", "expected an amount"),
			(".", "expected an amount"),
			("-1", "expected an amount"),
			("1e3", "expected an amount"),
			("1,5", "expected an amount"),
			("1.2.3", "expected an amount"),
			("0x10", "expected an amount"),
		] {
			let error = parse_mill(text).unwrap_err();
			assert!(error.contains(reason), "{text}: {error}");
		}
	}

	#[test]
	fn amounts_are_shown_with_their_unit_and_read_back() {
		for (plancks, text) in [
			(0, "0 MILL"),
			(MILL, "1 MILL"),
			(1, "0.000000000001 MILL"),
			(MILL * 3 / 2, "1.5 MILL"),
		] {
			assert_eq!(mill(plancks), text);
			assert_eq!(parse_mill(text), Ok(plancks));
		}
		assert_eq!(parse_mill(&mill(Balance::MAX)), Ok(Balance::MAX));
	}

	#[test]
	fn sizes_gas_and_shares_have_units() {
		assert_eq!(parse_bytes("64M"), Ok(64 << 20));
		assert_eq!(parse_bytes("17"), Ok(17));
		assert_eq!(parse_gas("10g"), Ok(10_000_000_000));
		for wrong in [
			"",
			"M",
			"1X",
			"-1",
			"1.5M",
			"99999999999999999999",
			"18446744073709551615K",
		] {
			assert!(parse_bytes(wrong).is_err(), "{wrong}");
		}
		assert_eq!(parse_percent("12.5%"), Ok(Permill::from_parts(125_000)));
		assert_eq!(parse_percent("100"), Ok(Permill::one()));
		for wrong in ["100.1", "-1", "", "1.23456", "abc"] {
			assert!(parse_percent(wrong).is_err(), "{wrong}");
		}
	}

	#[test]
	fn spans_are_blocks_or_time() {
		assert_eq!(parse_span("600"), Ok(Span::Blocks(600)));
		assert_eq!(parse_span("2h"), Ok(Span::Seconds(7_200)));
		assert_eq!(parse_span("30m").unwrap().blocks(3_000), Ok(600));
		assert_eq!(parse_span("1s").unwrap().blocks(3_000), Ok(1));
		assert_eq!(Span::Blocks(7).blocks(400), Ok(7));
		for wrong in ["", "h", "1w", "-5", "99999999999999999999d", "5000000000"] {
			assert!(parse_span(wrong).is_err(), "{wrong}");
		}
		assert!(Span::Seconds(u64::MAX / 1_000).blocks(1).is_err());
	}
}
