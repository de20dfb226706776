//! Which words of `k` bases does a window of a genome use more or less often than chance?
//!
//! Counts all words of `k` bases and compares each count with those in many random shufflings of the same
//! window, which keep its bases but not their order: mean, and distance from it in standard deviations (z).
//! Words are read on the given strand only.
//!
//! Input, FASTA: `>NAME start=S k=K shuffles=N seed=X`, then lines of `ACGT`.
//! Output: two comment lines, then a line `WORD observed expected z` for each of the 4^k words, in order.
//!
//! Everything is integer arithmetic; the numbers with decimals are cut off, not rounded.
#![cfg_attr(target_arch = "wasm32", no_std, no_main)]

use millrace_program::{format, text, vec, Error, Result, Vec};

const BASES: &[u8; 4] = b"ACGT";
const MAX_LENGTH: usize = 100_000;
const MAX_SHUFFLES: u64 = 1_000_000;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
	fn next(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut mixed = self.0;
		mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		mixed ^ (mixed >> 31)
	}

	/// From 0 to `bound - 1`.
	fn below(&mut self, bound: usize) -> usize {
		(((self.next() >> 32) * bound as u64) >> 32) as usize
	}
}

/// Adds the words of `k` bases in `sequence` to `counts`. A word's number has two bits a base, first base highest.
fn count(sequence: &[u8], k: usize, counts: &mut [u32]) {
	let mask = counts.len() - 1;
	let mut word = 0;
	for (index, base) in sequence.iter().enumerate() {
		word = (word << 2 | usize::from(*base)) & mask;
		if index + 1 >= k {
			counts[word] += 1;
		}
	}
}

fn parse(sequence: &str) -> Result<Vec<u8>> {
	let mut bases = Vec::new();
	for letter in sequence.bytes().filter(|letter| !letter.is_ascii_whitespace()) {
		match BASES.iter().position(|base| *base == letter) {
			Some(base) => bases.push(base as u8),
			None => return Err(Error::from(format!("`{}` is not one of A, C, G, T", letter as char))),
		}
	}
	Ok(bases)
}

fn kmers(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
	let (header, sequence) = text::utf8(input)?
		.split_once('\n')
		.ok_or(Error::from("the input has no sequence"))?;
	let start: u64 = text::value(header, "start")?;
	let k: usize = text::value_within(header, "k", 1, 6)?;
	let shuffles: u64 = text::value_within(header, "shuffles", 1, MAX_SHUFFLES)?;
	let mut random = Random(text::value(header, "seed")?);
	let mut sequence = parse(sequence)?;
	if sequence.len() < k || sequence.len() > MAX_LENGTH {
		return Err(Error::from(
			"the sequence is shorter than a word or longer than 100000 bases",
		));
	}

	let words = 1 << (2 * k);
	let mut observed = vec![0; words];
	count(&sequence, k, &mut observed);
	let mut composition = [0u32; 4];
	count(&sequence, 1, &mut composition);

	let (mut sums, mut squares) = (vec![0u64; words], vec![0u64; words]);
	let mut counts = vec![0u32; words];
	for _ in 0..shuffles {
		for last in (1..sequence.len()).rev() {
			sequence.swap(last, random.below(last + 1));
		}
		counts.fill(0);
		count(&sequence, k, &mut counts);
		for ((sum, square), count) in sums.iter_mut().zip(&mut squares).zip(&counts) {
			let count = u64::from(*count);
			*sum += count;
			*square += count * count;
		}
	}

	for (name, number) in [
		("# start=", start),
		(" length=", sequence.len() as u64),
		(" k=", k as u64),
	] {
		text::put(output, name);
		text::put_u64(output, number);
	}
	text::put(output, " shuffles=");
	text::put_u64(output, shuffles);
	text::put(output, "\n#");
	for (base, number) in BASES.iter().zip(composition) {
		output.extend_from_slice(&[b' ', *base, b'=']);
		text::put_u64(output, u64::from(number));
	}
	output.push(b'\n');
	for word in 0..words {
		output.extend((0..k).rev().map(|place| BASES[word >> (2 * place) & 3]));
		output.push(b' ');
		text::put_u64(output, u64::from(observed[word]));
		output.push(b' ');
		text::put_thousandths(output, (u128::from(sums[word]) * 1000 / u128::from(shuffles)) as i64);
		output.push(b' ');
		text::put_thousandths(
			output,
			z(u64::from(observed[word]), shuffles, sums[word], squares[word]),
		);
		output.push(b'\n');
	}
	Ok(())
}

/// `(observed - mean) / deviation` in thousandths, 0 where the shufflings never differ. With `n` shufflings,
/// `n * deviation = sqrt(n * squares - sum^2)`, taken here with six more binary orders than the result shows.
fn z(observed: u64, shuffles: u64, sum: u64, squares: u64) -> i64 {
	let n = u128::from(shuffles);
	let variance = n * u128::from(squares) - u128::from(sum) * u128::from(sum);
	let deviation = (variance * 1_000_000).isqrt() as i128;
	if deviation == 0 {
		return 0;
	}
	let difference = (n * u128::from(observed)) as i128 - i128::from(sum);
	(difference * 1_000_000 / deviation) as i64
}

millrace_program::main!(kmers);
