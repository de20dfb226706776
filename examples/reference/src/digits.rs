//! The network in floating point, in which all its numbers are whole and small enough to be exact.
use std::{fmt::Write, sync::OnceLock};

const HEADER: &str = include_str!("../../digits/network.h");

struct Network {
	hidden: Vec<(f64, Vec<f64>)>,
	output: Vec<(f64, Vec<f64>)>,
}

fn array(name: &str) -> Vec<f64> {
	let body = HEADER
		.split(&format!(" {name}["))
		.nth(1)
		.and_then(|rest| rest.split('{').nth(1));
	let numbers = body.and_then(|rest| rest.split('}').next()).unwrap_or_default();
	numbers
		.split(',')
		.filter_map(|number| number.trim().parse().ok())
		.collect()
}

fn layer(name: &str) -> Vec<(f64, Vec<f64>)> {
	let biases = array(&format!("{name}_bias"));
	let weights = array(&format!("{name}_weight"));
	let inputs = weights.len() / biases.len().max(1);
	biases
		.into_iter()
		.zip(weights.chunks(inputs.max(1)).map(<[f64]>::to_vec))
		.collect()
}

fn network() -> &'static Network {
	static NETWORK: OnceLock<Network> = OnceLock::new();
	NETWORK.get_or_init(|| Network {
		hidden: layer("hidden"),
		output: layer("output"),
	})
}

fn sums(layer: &[(f64, Vec<f64>)], inputs: &[f64]) -> Vec<f64> {
	let weigh = |weights: &[f64]| {
		weights
			.iter()
			.zip(inputs)
			.map(|(weight, input)| weight * input)
			.sum::<f64>()
	};
	layer
		.iter()
		.map(|(bias, weights)| bias / 4096.0 + weigh(weights) / 4096.0)
		.collect()
}

fn scores(image: &[f64]) -> Vec<f64> {
	let network = network();
	let hidden: Vec<f64> = sums(&network.hidden, image)
		.into_iter()
		.map(|sum| sum.max(0.0))
		.collect();
	sums(&network.output, &hidden)
}

/// The first of the largest.
fn best(scores: &[f64]) -> usize {
	(0..scores.len())
		.rev()
		.max_by(|a, b| scores[*a].total_cmp(&scores[*b]))
		.unwrap_or(0)
}

/// The share of the image's darkness at a point, between the pixels around it.
fn sample(image: &[f64], x: f64, y: f64) -> f64 {
	let near = |a: f64, b: usize| (1.0 - (a - b as f64).abs()).max(0.0);
	let weighed = |(index, shade): (usize, &f64)| near(x, index % 8) * near(y, index / 8) * shade;
	image.iter().enumerate().map(weighed).sum()
}

pub(crate) fn expected(input: &[u8]) -> Result<Vec<u8>, String> {
	let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
	let mut output = String::new();
	for line in text.lines() {
		let (number, pixels) = line.split_once(' ').ok_or("a line without a number")?;
		let image: Vec<f64> = pixels
			.chars()
			.filter_map(|c| c.to_digit(17))
			.map(|v| f64::from(v) / 16.0)
			.collect();
		if image.len() != 64 {
			return Err(format!("image {number} has {} pixels", image.len()));
		}
		let still = scores(&image);
		let digit = best(&still);
		let mut steady = 0;
		for down in -8..=8 {
			for right in -8..=8 {
				let moved: Vec<f64> = (0..64)
					.map(|pixel| {
						let (x, y) = (f64::from(pixel % 8), f64::from(pixel / 8));
						sample(&image, x - f64::from(right) / 16.0, y - f64::from(down) / 16.0)
					})
					.collect();
				steady += u32::from(best(&scores(&moved)) == digit);
			}
		}
		// Writing to a `String` cannot fail.
		let _ = write!(output, "{number} {digit} {steady}");
		still
			.iter()
			.for_each(|score| output += &format!(" {}", (score * 1000.0).trunc() as i64));
		output.push('\n');
	}
	Ok(output.into_bytes())
}

#[cfg(test)]
mod tests {
	use super::*;
	use example_inputs::{Example, LABELS};

	#[test]
	fn the_header_holds_the_whole_network() {
		assert_eq!((network().hidden.len(), network().hidden[0].1.len()), (64, 64));
		assert_eq!((network().output.len(), network().output[0].1.len()), (10, 64));
	}

	#[test]
	fn the_fixed_point_network_answers_as_scikit_learn_does() {
		let answers: Vec<u8> = include_str!("../../digits/data/sklearn.txt")
			.bytes()
			.filter(u8::is_ascii_digit)
			.collect();
		let labels: Vec<u8> = LABELS.bytes().filter(u8::is_ascii_digit).collect();
		let (mut same, mut right, mut total) = (0, 0, 0);
		for input in Example::Digits.inputs().unwrap() {
			for line in std::str::from_utf8(&input).unwrap().lines() {
				let (number, pixels) = line.split_once(' ').unwrap();
				let image: Vec<f64> = pixels
					.chars()
					.map(|c| f64::from(c.to_digit(17).unwrap()) / 16.0)
					.collect();
				let digit = b'0' + best(&scores(&image)) as u8;
				let number: usize = number.parse().unwrap();
				same += u32::from(digit == answers[number]);
				right += u32::from(digit == labels[number]);
				total += 1;
			}
		}
		assert_eq!((same, total), (896, 896));
		assert!(right > 820, "{right} of {total}");
	}
}
