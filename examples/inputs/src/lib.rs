//! The example jobs: for each, the inputs of its tasks in order, cut from the data beside the program.
//!
//! The data is compiled in, so the tools built from this need no checkout.

pub mod elevation;

use std::fmt::Write;

/// The genome that `kmers` looks at, as FASTA.
pub const GENOME: &str = include_str!("../../kmers/data/phix174.fasta");
/// The images that `digits` reads, one a line.
pub const IMAGES: &str = include_str!("../../digits/data/images.txt");
/// What these images show, in the same order, a digit each; line breaks mean nothing.
pub const LABELS: &str = include_str!("../../digits/data/labels.txt");

/// Tasks of every job but `mandelbrot`.
const TASKS: usize = 64;
/// Bases in a window of the genome; neighbouring windows share more than nine tenths of them.
const WINDOW: usize = 1024;
/// Columns and rows of tiles in the pictures.
const MANDELBROT_TILES: (usize, usize) = (12, 8);
const MANDELBROT_SIDE: usize = 128;
const HILL_TILES: usize = 8;
/// Steps of soil creep, or how many cells far to look, and the margin of a tile in cells, which must not be smaller.
pub const HILL_STEPS: usize = 80;
/// Width and height of a cell of the elevation grid (m): 3 seconds of arc at 36.6 degrees north.
pub const CELL: (f64, f64) = (74.5, 92.6);
/// Slope at which soil no longer holds.
pub const CRITICAL_SLOPE: f64 = 1.25;
/// Diffusivity times a step (m^2): at a soil's 0.01 m^2 a year, 55,000 years.
pub const SPREAD: f64 = 550.0;

/// An example job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
	/// K-mer statistics over the genome of phiX174.
	Kmers,
	/// Soil creep over the hills at the Jacksboro fault.
	Heat,
	/// A picture of the Mandelbrot set.
	Mandelbrot,
	/// Handwritten digits.
	Digits,
	/// How much sky the hills at the Jacksboro fault leave.
	Sky,
}

impl Example {
	/// All of them.
	pub const ALL: [Self; 5] = [Self::Kmers, Self::Heat, Self::Mandelbrot, Self::Digits, Self::Sky];

	/// The name of the program and of its directory.
	pub fn name(self) -> &'static str {
		match self {
			Self::Kmers => "kmers",
			Self::Heat => "heat",
			Self::Mandelbrot => "mandelbrot",
			Self::Digits => "digits",
			Self::Sky => "sky",
		}
	}

	/// The example of that name.
	pub fn from_name(name: &str) -> Option<Self> {
		Self::ALL.into_iter().find(|example| example.name() == name)
	}

	/// The inputs of the job's tasks, in order.
	pub fn inputs(self) -> Result<Vec<Vec<u8>>, String> {
		match self {
			Self::Kmers => kmers(),
			Self::Heat | Self::Sky => heat(),
			Self::Mandelbrot => Ok(mandelbrot()),
			Self::Digits => digits(),
		}
	}
}

fn kmers() -> Result<Vec<Vec<u8>>, String> {
	let (header, sequence) = GENOME.split_once('\n').ok_or("the genome has no header")?;
	let name = header.trim_start_matches('>').split(' ').next().unwrap_or_default();
	let bases: Vec<char> = sequence.chars().filter(|letter| !letter.is_whitespace()).collect();
	Ok((0..TASKS)
		.map(|task| {
			let start = task * bases.len() / TASKS;
			let mut text = format!(">{name} start={} k=4 shuffles=8192 seed={}\n", start + 1, task + 1);
			for (index, base) in bases.iter().cycle().skip(start).take(WINDOW).enumerate() {
				text.push(*base);
				if (index + 1) % 64 == 0 {
					text.push('\n');
				}
			}
			text.into_bytes()
		})
		.collect())
}

fn heat() -> Result<Vec<Vec<u8>>, String> {
	let grid = elevation::grid()?;
	let edges = |size: usize| {
		(0..=HILL_TILES)
			.map(move |edge| edge * size / HILL_TILES)
			.collect::<Vec<_>>()
	};
	let (row_edges, column_edges) = (edges(grid.rows), edges(grid.columns));
	let mut inputs = Vec::new();
	for rows in row_edges.windows(2) {
		for columns in column_edges.windows(2) {
			let (top, left) = (
				rows[0].saturating_sub(HILL_STEPS),
				columns[0].saturating_sub(HILL_STEPS),
			);
			let (bottom, right) = (
				(rows[1] + HILL_STEPS).min(grid.rows),
				(columns[1] + HILL_STEPS).min(grid.columns),
			);
			let mut input = b"HILL".to_vec();
			for number in [
				HILL_STEPS,
				bottom - top,
				right - left,
				rows[0] - top,
				columns[0] - left,
				rows[1] - rows[0],
				columns[1] - columns[0],
				rows[0],
				columns[0],
				grid.rows,
				grid.columns,
			] {
				input.extend((number as u32).to_le_bytes());
			}
			for number in [CELL.0, CELL.1, CRITICAL_SLOPE, SPREAD] {
				input.extend(number.to_le_bytes());
			}
			for row in top..bottom {
				for height in &grid.heights[row * grid.columns..][left..right] {
					input.extend(height.to_le_bytes());
				}
			}
			inputs.push(input);
		}
	}
	Ok(inputs)
}

fn mandelbrot() -> Vec<Vec<u8>> {
	let (columns, rows) = MANDELBROT_TILES;
	let tile = |task: usize| {
		format!(
			"x={} y={} width={MANDELBROT_SIDE} height={MANDELBROT_SIDE} total_width={} total_height={} \
			 re=-0.743643887 im=0.131825904 span=0.0068 iterations=3000\n",
			task % columns * MANDELBROT_SIDE,
			task / columns * MANDELBROT_SIDE,
			columns * MANDELBROT_SIDE,
			rows * MANDELBROT_SIDE,
		)
		.into_bytes()
	};
	(0..columns * rows).map(tile).collect()
}

fn digits() -> Result<Vec<Vec<u8>>, String> {
	let images: Vec<&str> = IMAGES.lines().collect();
	if images.is_empty() || !images.len().is_multiple_of(TASKS) {
		return Err(format!("{} images do not fill {TASKS} tasks", images.len()));
	}
	let batch = images.len() / TASKS;
	Ok(images
		.chunks(batch)
		.enumerate()
		.map(|(task, images)| {
			let mut text = String::new();
			for (index, image) in images.iter().enumerate() {
				// Writing to a `String` cannot fail.
				let _ = writeln!(text, "{} {image}", task * batch + index);
			}
			text.into_bytes()
		})
		.collect())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn every_job_has_at_least_64_small_inputs_that_differ() {
		for example in Example::ALL {
			let inputs = example.inputs().unwrap();
			assert!(inputs.len() >= 64, "{}", example.name());
			assert!(inputs.iter().all(|input| !input.is_empty() && input.len() < 128 * 1024));
			assert!(inputs.windows(2).all(|pair| pair[0] != pair[1]));
			assert_eq!(Example::from_name(example.name()), Some(example));
		}
		assert_eq!(Example::from_name("weather"), None);
	}

	#[test]
	fn windows_of_the_genome_wrap_around_its_end() {
		let inputs = kmers().unwrap();
		let sequence = |input: &[u8]| {
			let text = String::from_utf8(input.to_vec()).unwrap();
			text.lines().skip(1).collect::<String>()
		};
		let last = sequence(&inputs[TASKS - 1]);
		let first = sequence(&inputs[0]);
		assert_eq!(last.len(), WINDOW);
		let shared = WINDOW - (5386 - 63 * 5386 / 64);
		assert_eq!(last[WINDOW - shared..], first[..shared]);
	}

	#[test]
	fn there_is_a_label_for_each_image() {
		assert_eq!(
			IMAGES.lines().count(),
			LABELS.chars().filter(char::is_ascii_digit).count()
		);
	}
}
