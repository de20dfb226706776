//! One tile of a picture of the Mandelbrot set, nine samples a pixel, coloured by a smooth escape time.
//!
//! Input, one line: `x= y= width= height=` (the tile, in pixels) `total_width= total_height=` (the picture)
//! `re= im=` (its centre) `span=` (its width in the plane) `iterations=`.
//! Output: the tile as a PPM picture (P6), with its place in a comment.
//!
//! The smooth part of the escape time takes logarithms as straight lines between powers of two: exact in any
//! arithmetic that follows IEEE 754, and the seams are too faint to see.
#![cfg_attr(target_arch = "wasm32", no_std, no_main)]

use millrace_program::{text, Error, Result, Vec};

const MAX_TILE: u32 = 2048;
const MAX_TOTAL: u32 = 1 << 20;
/// A point is gone when the square of its distance from the origin passes 2^16: far out, the smooth part is smooth.
const BAILOUT: f64 = 65536.0;

/// Position in a cycle of 4096 and colour there.
const STOPS: [(i32, [i32; 3]); 6] = [
	(0, [0, 7, 100]),
	(655, [32, 107, 203]),
	(1720, [237, 255, 255]),
	(2632, [255, 170, 0]),
	(3512, [0, 2, 0]),
	(4096, [0, 7, 100]),
];

/// Does not escape, by geometry: inside the main heart or the large disc to its left.
fn is_inside(re: f64, im: f64) -> bool {
	let im2 = im * im;
	let shifted = re - 0.25;
	let q = shifted * shifted + im2;
	q * (q + shifted) < 0.25 * im2 || (re + 1.0) * (re + 1.0) + im2 < 0.0625
}

/// Escape time in 256ths of an iteration, `None` if the point is still there at the end.
fn escape(re: f64, im: f64, iterations: u32) -> Option<u32> {
	if is_inside(re, im) {
		return None;
	}
	let (mut x, mut y) = (0.0, 0.0);
	let (mut x2, mut y2) = (0.0, 0.0);
	for count in 0..iterations {
		y = 2.0 * x * y + im;
		x = x2 - y2 + re;
		x2 = x * x;
		y2 = y * y;
		let distance = x2 + y2;
		if distance > BAILOUT {
			let bits = distance.to_bits();
			let exponent = (bits >> 52) as i32 - 1023;
			let fraction = (bits & ((1 << 52) - 1)) as f64 / (1u64 << 52) as f64;
			let late = ((f64::from(exponent - 16) + fraction) * 16.0) as u32;
			return Some(count * 256 + 255 - late.min(255));
		}
	}
	None
}

fn colour(time: Option<u32>) -> [i32; 3] {
	let Some(time) = time else { return [0; 3] };
	let place = (time / 8 % 4096) as i32;
	let mut index = 0;
	while STOPS[index + 1].0 <= place {
		index += 1;
	}
	let ((from, low), (to, high)) = (STOPS[index], STOPS[index + 1]);
	core::array::from_fn(|part| low[part] + (high[part] - low[part]) * (place - from) / (to - from))
}

fn mandelbrot(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
	let line = text::utf8(input)?;
	let total_width = text::value_within(line, "total_width", 1, MAX_TOTAL)?;
	let total_height = text::value_within(line, "total_height", 1, MAX_TOTAL)?;
	let left = text::value_within(line, "x", 0, total_width)?;
	let top = text::value_within(line, "y", 0, total_height)?;
	let width = text::value_within(line, "width", 1, MAX_TILE)?;
	let height = text::value_within(line, "height", 1, MAX_TILE)?;
	let iterations = text::value_within(line, "iterations", 1, 10_000_000)?;
	let re = text::value_within(line, "re", -4.0, 4.0)?;
	let im = text::value_within(line, "im", -4.0, 4.0)?;
	let span: f64 = text::value_within(line, "span", 1e-12, 16.0)?;
	if left + width > total_width || top + height > total_height {
		return Err(Error::from("the tile is not inside the picture"));
	}

	text::put(output, "P6\n# tile");
	for (name, number) in [
		(" x=", left),
		(" y=", top),
		(" total_width=", total_width),
		(" total_height=", total_height),
	] {
		text::put(output, name);
		text::put_u64(output, u64::from(number));
	}
	text::put(output, "\n");
	text::put_u64(output, u64::from(width));
	text::put(output, " ");
	text::put_u64(output, u64::from(height));
	text::put(output, "\n255\n");

	// Each pixel has three by three samples; `place` counts sixths of a pixel from the middle of the picture.
	let unit = span / f64::from(6 * total_width);
	let place = |pixel: u32, sample: u32, total: u32| f64::from((6 * pixel + 2 * sample + 1) as i32 - 3 * total as i32);
	for y in top..top + height {
		for x in left..left + width {
			let mut sum = [4; 3];
			for sample in 0..9 {
				let point = (
					place(x, sample % 3, total_width) * unit + re,
					im - place(y, sample / 3, total_height) * unit,
				);
				let part = colour(escape(point.0, point.1, iterations));
				sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
			}
			output.extend(sum.map(|sum| (sum / 9) as u8));
		}
	}
	Ok(())
}

millrace_program::main!(mandelbrot);
