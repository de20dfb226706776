//! The words of the windows, joined into a table by window and a table of the genome's most unusual words.
use crate::{parse_all, Outputs};
use std::{collections::BTreeMap, fmt::Write};

/// Words shown as unusual over all windows, at each end.
const SHOWN: usize = 12;

struct Word<'a> {
	letters: &'a str,
	observed: u64,
	expected: f64,
	z: f64,
}

struct Window<'a> {
	start: u64,
	length: u64,
	bases: [u64; 4],
	words: Vec<Word<'a>>,
}

fn word(line: &str) -> Option<Word<'_>> {
	let mut parts = line.split(' ');
	let letters = parts.next().filter(|letters| !letters.is_empty())?;
	let observed = parts.next()?.parse().ok()?;
	let expected = parts.next()?.parse().ok()?;
	let z = parts.next()?.parse().ok()?;
	parts.next().is_none().then_some(Word {
		letters,
		observed,
		expected,
		z,
	})
}

fn parse(data: &[u8]) -> Result<Window<'_>, String> {
	let text = std::str::from_utf8(data).map_err(|_| "not text")?;
	let mut lines = text.lines();
	let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
	let number = |line: &str, name: &str| {
		let found = line
			.split(' ')
			.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
		found.ok_or_else(|| format!("no `{name}=` in the header"))
	};
	let bases = [
		number(second, "A")?,
		number(second, "C")?,
		number(second, "G")?,
		number(second, "T")?,
	];
	let words: Option<Vec<_>> = lines.map(word).collect();
	let words = words
		.filter(|words| !words.is_empty())
		.ok_or("a line is not `WORD observed expected z`")?;
	Ok(Window {
		start: number(first, "start")?,
		length: number(first, "length")?,
		bases,
		words,
	})
}

fn percent(part: u64, whole: u64) -> f64 {
	100.0 * part as f64 / whole.max(1) as f64
}

/// The tables as text.
pub fn join(outputs: &Outputs) -> Result<String, String> {
	let mut windows = parse_all(outputs, parse)?;
	windows.sort_by_key(|window| window.start);
	if windows.is_empty() {
		return Err("there are no outputs".into());
	}
	if let Some(pair) = windows.windows(2).find(|pair| pair[0].start == pair[1].start) {
		return Err(format!("the window at {} is there twice", pair[0].start));
	}

	let mut table =
		String::from(" start  length   GC %  GC skew  words seen  most above chance (z)  most below chance (z)\n");
	// Sums over the windows: seen, expected, z, windows.
	let mut genome: BTreeMap<&str, (u64, f64, f64, u32)> = BTreeMap::new();
	for window in &windows {
		let [_, c, g, _] = window.bases;
		let by_z = |a: &&Word, b: &&Word| a.z.total_cmp(&b.z).then(b.letters.cmp(a.letters));
		let (Some(high), Some(low)) = (window.words.iter().max_by(by_z), window.words.iter().min_by(by_z)) else {
			continue;
		};
		let seen = window.words.iter().filter(|word| word.observed > 0).count();
		let skew = (g as f64 - c as f64) / (g + c).max(1) as f64;
		let gc = percent(g + c, window.length);
		// Writing to a `String` cannot fail, here and below.
		let _ = writeln!(
			table,
			"{:>6} {:>7} {gc:>6.2} {skew:>8.3} {seen:>11}  {:>12} {:>8.2}  {:>12} {:>8.2}",
			window.start, window.length, high.letters, high.z, low.letters, low.z
		);
		for word in &window.words {
			let sum = genome.entry(word.letters).or_default();
			*sum = (sum.0 + word.observed, sum.1 + word.expected, sum.2 + word.z, sum.3 + 1);
		}
	}

	let mut order: Vec<_> = genome.into_iter().collect();
	order.sort_by(|a, b| b.1 .2.total_cmp(&a.1 .2).then(a.0.cmp(b.0)));
	let shown = SHOWN.min(order.len() / 2);
	let _ = writeln!(
		table,
		"\nOver all {} windows, which overlap:\n  word  observed  expected  mean z",
		windows.len()
	);
	for (index, (letters, (seen, expected, z, count))) in order.iter().enumerate() {
		if index == shown {
			let _ = writeln!(table, "   ... {} words between ...", order.len() - 2 * shown);
		}
		if index < shown || index >= order.len() - shown {
			let _ = writeln!(
				table,
				"{letters:>6} {seen:>9} {expected:>9.1} {:>7.2}",
				z / f64::from(*count)
			);
		}
	}
	Ok(table)
}
