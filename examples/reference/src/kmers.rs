//! K-mers as pieces of text, counted in maps and tables, with 128-bit sums.
use std::collections::HashMap;

struct SplitMix {
	state: u64,
}

impl SplitMix {
	fn draw(&mut self, bound: u64) -> u64 {
		self.state = self.state.wrapping_add(0x9e3779b97f4a7c15);
		let a = (self.state ^ self.state >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
		let b = (a ^ a >> 27).wrapping_mul(0x94d049bb133111eb);
		(((b ^ b >> 31) >> 32) * bound) >> 32
	}
}

fn words(sequence: &[u8], k: usize) -> HashMap<&[u8], u128> {
	let mut counts = HashMap::new();
	for word in sequence.windows(k) {
		*counts.entry(word).or_insert(0) += 1;
	}
	counts
}

/// A place for each word in a table, each computed from scratch. It is no alphabetical order.
fn place(word: &[u8]) -> usize {
	word.iter()
		.rev()
		.fold(0, |place, letter| 4 * place + usize::from(letter >> 1 & 3))
}

/// The largest number whose square is not above `square`, by halving the interval.
fn root(square: u128) -> u128 {
	let (mut low, mut high) = (0u128, 1u128 << 64);
	while high - low > 1 {
		let middle = (low + high) / 2;
		if middle * middle <= square {
			low = middle;
		} else {
			high = middle;
		}
	}
	low
}

fn decimals(thousandths: i128) -> String {
	let sign = if thousandths < 0 { "-" } else { "" };
	format!("{sign}{}.{:03}", thousandths.abs() / 1000, thousandths.abs() % 1000)
}

pub(crate) fn expected(input: &[u8]) -> Result<Vec<u8>, String> {
	let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
	let mut lines = text.lines();
	let fields: HashMap<&str, u64> = lines
		.next()
		.unwrap_or_default()
		.split(' ')
		.filter_map(|word| word.split_once('='))
		.filter_map(|(name, value)| Some((name, value.parse().ok()?)))
		.collect();
	let field = |name: &str| fields.get(name).copied().ok_or(format!("no {name}"));
	let (start, k, shuffles) = (field("start")?, field("k")? as usize, field("shuffles")?);
	let mut random = SplitMix { state: field("seed")? };
	let original: Vec<u8> = lines.flat_map(str::bytes).collect();

	let observed = words(&original, k);
	let mut totals = vec![(0u128, 0u128); 1 << (2 * k)];
	let mut shuffled = original.clone();
	for _ in 0..shuffles {
		let mut left = shuffled.len();
		while left > 1 {
			let pick = random.draw(left as u64) as usize;
			left -= 1;
			shuffled.swap(left, pick);
		}
		let mut counts = vec![0u128; totals.len()];
		shuffled.windows(k).for_each(|word| counts[place(word)] += 1);
		totals.iter_mut().zip(counts).for_each(|(total, count)| {
			total.0 += count;
			total.1 += count * count;
		});
	}

	let mut output = format!("# start={start} length={} k={k} shuffles={shuffles}\n#", original.len());
	for base in "ACGT".chars() {
		output += &format!(
			" {base}={}",
			original.iter().filter(|letter| **letter == base as u8).count()
		);
	}
	output.push('\n');
	let mut all = vec![String::new()];
	for _ in 0..k {
		all = all
			.iter()
			.flat_map(|word| "ACGT".chars().map(move |base| format!("{word}{base}")))
			.collect();
	}
	for word in all {
		let seen = observed.get(word.as_bytes()).copied().unwrap_or(0);
		let (sum, squares) = totals[place(word.as_bytes())];
		let n = u128::from(shuffles);
		let deviation = root((n * squares - sum * sum) * 1_000_000) as i128;
		let z = match deviation {
			0 => 0,
			_ => ((n * seen) as i128 - sum as i128) * 1_000_000 / deviation,
		};
		output += &format!("{word} {seen} {} {}\n", decimals((sum * 1000 / n) as i128), decimals(z));
	}
	Ok(output.into_bytes())
}
