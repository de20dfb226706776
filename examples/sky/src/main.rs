//! How much of the sky do the hills leave?
//!
//! The sky-view factor, by which maps of relief are shaded and the light in valleys is reckoned: the horizon is looked for in
//! sixteen directions, as far as the margin of the tile goes, and what share of an evenly bright sky is above it is
//! averaged: 1 / (1 + t^2) for a horizon whose steepest slope is t (Zaksek, Ostir and Kokalj 2011).
//!
//! The source is ordinary Rust over arrays of sixteen numbers. Built with `-C target-feature=+simd128` the compiler makes four
//! lanes at once of it, without it one; the output is the same.
//!
//! Input: as for `heat`, of which the steps are how many cells far to look, and the critical slope and diffusivity mean
//! nothing. Output: the tile as a PPM picture (P6) in grey, with its place in a comment.
#![cfg_attr(target_arch = "wasm32", no_std, no_main)]

use millrace_program::{bytes, format, text, vec, Error, Result, Vec};

const MAX_SIDE: usize = 4096;
/// So many cells are computed at once.
const LANES: usize = 16;
/// Rows and columns of a step in each direction.
const DIRECTIONS: [(isize, isize); 16] = [
	(0, 1),
	(1, 2),
	(1, 1),
	(2, 1),
	(1, 0),
	(2, -1),
	(1, -1),
	(1, -2),
	(0, -1),
	(-1, -2),
	(-1, -1),
	(-2, -1),
	(-1, 0),
	(-2, 1),
	(-1, 1),
	(-1, 2),
];
/// Beyond the edge is a plain far below.
const BELOW: f32 = -1e6;

type Cells = [f32; LANES];

/// Heights with so much around them that nothing looks beyond.
struct Ground {
	width: usize,
	margin: usize,
	heights: Vec<f32>,
}

impl Ground {
	fn new(rows: usize, columns: usize, margin: usize, heights: impl Iterator<Item = i16>) -> Self {
		let width = columns + 2 * margin + LANES;
		let mut padded = vec![BELOW; width * (rows + 2 * margin)];
		for (index, height) in heights.enumerate() {
			padded[(index / columns + margin) * width + index % columns + margin] = f32::from(height);
		}
		Self {
			width,
			margin,
			heights: padded,
		}
	}

	fn place(&self, row: usize, column: usize) -> usize {
		(row + self.margin) * self.width + column + self.margin
	}

	fn cells(&self, place: usize) -> &Cells {
		let (cells, _) = self.heights[place..]
			.split_first_chunk()
			.expect("there are margins all around");
		cells
	}

	/// The shares of the sky of sixteen cells in a row. `looks` has for each direction the places to look at, from here,
	/// and by what a squared rise is multiplied to make a squared slope.
	fn sky(&self, place: usize, looks: &[Vec<(isize, f32)>]) -> Cells {
		let here = self.cells(place);
		let mut sum = [0.0; LANES];
		for look in looks {
			let mut steepest = [0.0; LANES];
			for (away, per_squared) in look {
				let there = self.cells(place.wrapping_add_signed(*away));
				for lane in 0..LANES {
					let rise = there[lane] - here[lane];
					let rise = if rise > 0.0 { rise } else { 0.0 };
					let slope = rise * rise * per_squared;
					steepest[lane] = if slope > steepest[lane] { slope } else { steepest[lane] };
				}
			}
			for lane in 0..LANES {
				sum[lane] += 1.0 / (1.0 + steepest[lane]);
			}
		}
		sum.map(|sum| sum / DIRECTIONS.len() as f32)
	}
}

fn sky(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
	let mut reader = bytes::Reader::new(input);
	if reader.take(4, "the mark")? != b"HILL" {
		return Err(Error::from("this is not a tile of hills"));
	}
	let mut number = |what| match reader.u32(what)? as usize {
		value if value <= MAX_SIDE => Ok(value),
		_ => Err(Error::from(format!("{what} is over {MAX_SIDE}"))),
	};
	let reach = number("the number of steps")?;
	let (rows, columns) = (number("the number of rows")?, number("the number of columns")?);
	let (top, left) = (number("top")?, number("left")?);
	let (height, width) = (number("height")?, number("width")?);
	if rows == 0 || columns == 0 || top + height > rows || left + width > columns {
		return Err(Error::from("the tile is not inside the grid"));
	}
	let (row, column) = (reader.u32("row")?, reader.u32("column")?);
	let (whole_rows, whole_columns) = (reader.u32("rows of the whole")?, reader.u32("columns of the whole")?);
	let (cell_width, cell_height) = (reader.f64("cell width")?, reader.f64("cell height")?);
	let (_, _) = (reader.f64("critical slope")?, reader.f64("diffusivity")?);
	if cell_width <= 0.0 || cell_height <= 0.0 {
		return Err(Error::from("lengths must be positive"));
	}
	let ground = Ground::new(rows, columns, reach, reader.i16s(rows * columns, "heights")?);
	reader.finish()?;

	let looks = DIRECTIONS.map(|(down, right)| {
		let most = reach / down.unsigned_abs().max(right.unsigned_abs());
		let look = |step: usize| {
			let (y, x) = (
				(down * step as isize) as f64 * cell_height,
				(right * step as isize) as f64 * cell_width,
			);
			let away = (down * ground.width as isize + right) * step as isize;
			(away, (1.0 / (x * x + y * y)) as f32)
		};
		(1..=most).map(look).collect()
	});
	let comment = format!("P6\n# tile x={column} y={row} total_width={whole_columns} total_height={whole_rows}\n");
	text::put(output, &format!("{comment}{width} {height}\n255\n"));
	for row in top..top + height {
		for column in (left..left + width).step_by(LANES) {
			let shares = ground.sky(ground.place(row, column), &looks);
			for share in &shares[..LANES.min(left + width - column)] {
				output.extend([(share * 255.0 + 0.5) as u8; 3]);
			}
		}
	}
	Ok(())
}

millrace_program::main!(sky);
