//! What do hills look like after some million years of soil creep?
//!
//! Soil moves downhill at a rate that grows with the slope, so heights spread like heat: this is the heat
//! equation with a conductivity that rises as the slope nears a critical one (Roering, Kirchner and Dietrich
//! 1999):  dz/dt = div( K grad z / (1 - (|grad z| / S)^2) ), explicit in time, no flux over the edge.
//!
//! A task is one tile with a margin of as many cells as there are steps: what the margin's outer edge gets wrong
//! moves inwards by one cell a step and does not reach the tile. So the tiles join without seams.
//!
//! Input, little-endian: `HILL`; u32 steps, rows, columns of the grid; u32 top, left, height, width of the tile in
//! it; u32 row, column of the tile in the whole and u32 rows, columns of the whole; f64 cell width and cell height
//! (m), critical slope, diffusivity times a step (m^2); i16 heights (m) by rows.
//! Output: `CREP`; u32 row, column, height, width, rows and columns of the whole; i16 heights before (m);
//! i32 heights after (mm).
#![cfg_attr(target_arch = "wasm32", no_std, no_main)]

use millrace_program::{bytes, vec, Error, Result, Vec};

const MAX_SIDE: usize = 4096;
const MAX_STEPS: usize = 10_000;
/// The conductivity rises at most to this multiple, which keeps the scheme stable on cliffs.
const LEAST_DENOMINATOR: f64 = 0.5;

/// The numbers that turn a difference of heights into a change of height.
struct Rates {
	per_width: f64,
	per_height: f64,
	per_four_widths: f64,
	per_four_heights: f64,
	per_critical_squared: f64,
	spread: f64,
}

impl Rates {
	fn new(cell_width: f64, cell_height: f64, critical: f64, spread: f64) -> Self {
		Self {
			per_width: 1.0 / cell_width,
			per_height: 1.0 / cell_height,
			per_four_widths: 0.25 / cell_width,
			per_four_heights: 0.25 / cell_height,
			per_critical_squared: 1.0 / (critical * critical),
			spread,
		}
	}

	/// What passes in a step through a metre of a face with this slope across it and that slope along it (m^2).
	fn flow(&self, slope: f64, other: f64) -> f64 {
		let denominator = 1.0 - (slope * slope + other * other) * self.per_critical_squared;
		self.spread * slope
			/ if denominator < LEAST_DENOMINATOR {
				LEAST_DENOMINATOR
			} else {
				denominator
			}
	}
}

/// One step from `old` to `new`. `south` is scratch space for a row: the flow through the southern faces of the
/// row before.
fn step(rates: &Rates, columns: usize, old: &[f64], new: &mut [f64], south: &mut [f64]) {
	let rows = old.len() / columns;
	south.fill(0.0);
	for row in 0..rows {
		let line = |row: usize| &old[row * columns..(row + 1) * columns];
		let (above, here, below) = (line(row.saturating_sub(1)), line(row), line((row + 1).min(rows - 1)));
		let mut west = 0.0;
		for column in 0..columns {
			let next = (column + 1).min(columns - 1);
			let before = column.saturating_sub(1);
			let east = if next == column {
				0.0
			} else {
				let slope = (here[next] - here[column]) * rates.per_width;
				let other = ((below[column] + below[next]) - (above[column] + above[next])) * rates.per_four_heights;
				rates.flow(slope, other)
			};
			let down = if row + 1 == rows {
				0.0
			} else {
				let slope = (below[column] - here[column]) * rates.per_height;
				let other = ((here[next] + below[next]) - (here[before] + below[before])) * rates.per_four_widths;
				rates.flow(slope, other)
			};
			let change = (east - west) * rates.per_width + (down - south[column]) * rates.per_height;
			new[row * columns + column] = here[column] + change;
			west = east;
			south[column] = down;
		}
	}
}

fn heat(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
	let mut reader = bytes::Reader::new(input);
	if reader.take(4, "the mark")? != b"HILL" {
		return Err(Error::from("this is not a tile of hills"));
	}
	let mut number = |what, most: usize| match reader.u32(what)? as usize {
		value if value <= most => Ok(value),
		_ => Err(Error::from(millrace_program::format!("{what} is over {most}"))),
	};
	let steps = number("the number of steps", MAX_STEPS)?;
	let rows = number("the number of rows", MAX_SIDE)?;
	let columns = number("the number of columns", MAX_SIDE)?;
	let [top, left, height, width] = [
		number("top", MAX_SIDE)?,
		number("left", MAX_SIDE)?,
		number("height", MAX_SIDE)?,
		number("width", MAX_SIDE)?,
	];
	if rows == 0 || columns == 0 || top + height > rows || left + width > columns {
		return Err(Error::from("the tile is not inside the grid"));
	}
	let place = [reader.u32("row")?, reader.u32("column")?];
	let whole = [reader.u32("rows of the whole")?, reader.u32("columns of the whole")?];
	let [cell_width, cell_height, critical, spread] = [
		reader.f64("cell width")?,
		reader.f64("cell height")?,
		reader.f64("critical slope")?,
		reader.f64("diffusivity")?,
	];
	if cell_width <= 0.0 || cell_height <= 0.0 || critical <= 0.0 || spread < 0.0 {
		return Err(Error::from("lengths and slopes must be positive"));
	}
	let before: Vec<i16> = reader.i16s(rows * columns, "heights")?.collect();
	reader.finish()?;

	let rates = Rates::new(cell_width, cell_height, critical, spread);
	let mut heights: Vec<f64> = before.iter().map(|height| f64::from(*height)).collect();
	let mut next = vec![0.0; heights.len()];
	let mut south = vec![0.0; columns];
	for _ in 0..steps {
		step(&rates, columns, &heights, &mut next, &mut south);
		core::mem::swap(&mut heights, &mut next);
	}

	let tile = || (top..top + height).flat_map(|row| (left..left + width).map(move |column| row * columns + column));
	output.extend_from_slice(b"CREP");
	for value in [place[0], place[1], height as u32, width as u32, whole[0], whole[1]] {
		bytes::put_u32(output, value);
	}
	tile().for_each(|cell| bytes::put_i16(output, before[cell]));
	tile().for_each(|cell| {
		let millimetres = heights[cell] * 1000.0;
		bytes::put_i32(
			output,
			if millimetres < 0.0 {
				millimetres - 0.5
			} else {
				millimetres + 0.5
			} as i32,
		);
	});
	Ok(())
}

millrace_program::main!(heat);
