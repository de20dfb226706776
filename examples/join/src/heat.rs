//! The smoothed hills: tiles of heights before and after, joined and drawn as a shaded map.
use crate::{parse_all, Canvas, Outputs, Picture};

/// Screen pixels a cell: the grid is small.
const ZOOM: usize = 2;
/// Metres of height that a cell's width stands for; only the shading depends on it.
const CELL: f64 = 80.0;
/// Heights and their colours, low to high.
const LAND: [(f64, [f64; 3]); 5] = [
	(0.0, [84.0, 120.0, 92.0]),
	(0.25, [148.0, 170.0, 110.0]),
	(0.5, [214.0, 200.0, 142.0]),
	(0.75, [176.0, 132.0, 92.0]),
	(1.0, [245.0, 240.0, 232.0]),
];
/// Change of height in metres at which the colour is full. Below, the scale is a square root, to show small changes.
const FULL_CHANGE: f64 = 60.0;

struct Tile {
	row: usize,
	column: usize,
	width: usize,
	whole: (usize, usize),
	cells: Vec<(f64, f64)>,
}

fn parse(data: &[u8]) -> Result<Tile, String> {
	let (header, body) = data.split_at_checked(28).ok_or("too short")?;
	if &header[..4] != b"CREP" {
		return Err("not a tile of hills".into());
	}
	let number = |index: usize| {
		let at = 4 + 4 * index;
		u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
	};
	let (height, width) = (number(2), number(3));
	let cells = height
		.checked_mul(width)
		.filter(|cells| cells.checked_mul(6) == Some(body.len()));
	let (before, after) = body.split_at(2 * cells.ok_or("the number of heights is not that of the header")?);
	let before = before
		.chunks_exact(2)
		.map(|raw| f64::from(i16::from_le_bytes([raw[0], raw[1]])));
	let after = after
		.chunks_exact(4)
		.map(|raw| i32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]));
	let cells = before
		.zip(after.map(|millimetres| f64::from(millimetres) / 1000.0))
		.collect();
	Ok(Tile {
		row: number(0),
		column: number(1),
		width,
		whole: (number(4), number(5)),
		cells,
	})
}

fn mix(low: [f64; 3], high: [f64; 3], share: f64) -> [f64; 3] {
	std::array::from_fn(|part| low[part] + (high[part] - low[part]) * share)
}

fn land(share: f64) -> [f64; 3] {
	for pair in LAND.windows(2) {
		let ((from, low), (to, high)) = (pair[0], pair[1]);
		if share <= to {
			return mix(low, high, ((share - from) / (to - from)).max(0.0));
		}
	}
	LAND[LAND.len() - 1].1
}

/// Red where the ground sank, blue where it rose.
fn change(metres: f64) -> [f64; 3] {
	let full = if metres < 0.0 {
		[178.0, 24.0, 43.0]
	} else {
		[33.0, 102.0, 172.0]
	};
	mix(
		[247.0, 247.0, 247.0],
		full,
		(metres.abs() / FULL_CHANGE).min(1.0).sqrt(),
	)
}

/// Light from the north-west, 45 degrees high: 0 (dark) to 1.
fn shade(heights: &[f64], columns: usize, row: usize, column: usize) -> f64 {
	let rows = heights.len() / columns;
	let at = |row: usize, column: usize| heights[row.min(rows - 1) * columns + column.min(columns - 1)];
	let east = (at(row, column + 1) - at(row, column.saturating_sub(1))) / (2.0 * CELL);
	let south = (at(row + 1, column) - at(row.saturating_sub(1), column)) / (2.0 * CELL);
	// The hills are drawn twice as steep as they are.
	let (east, south) = (2.0 * east, 2.0 * south);
	let light = (east + south) * 0.5 + std::f64::consts::FRAC_1_SQRT_2;
	(light / (1.0 + east * east + south * south).sqrt()).clamp(0.0, 1.0)
}

/// Three maps side by side: the hills before, the hills after, and where the ground sank (red) or rose (blue).
pub fn join(outputs: &Outputs) -> Result<Picture, String> {
	let tiles = parse_all(outputs, parse)?;
	let (rows, columns) = tiles.first().ok_or("there are no outputs")?.whole;
	let mut canvas = Canvas::new(columns, rows)?;
	for tile in &tiles {
		if tile.whole != (rows, columns) {
			return Err(format!(
				"the tile at {}, {} belongs to another grid",
				tile.column, tile.row
			));
		}
		canvas.fill(tile.column, tile.row, tile.width, &tile.cells)?;
	}
	let (before, after): (Vec<f64>, Vec<f64>) = canvas.finish()?.into_iter().unzip();
	let lowest = before.iter().copied().fold(f64::INFINITY, f64::min);
	let highest = before.iter().copied().fold(f64::NEG_INFINITY, f64::max);
	let reach = (highest - lowest).max(1.0);

	let panel = |which: usize, row: usize, column: usize| -> [u8; 3] {
		let heights = if which == 0 { &before } else { &after };
		let cell = row * columns + column;
		let base = match which {
			2 => change(after[cell] - before[cell]),
			_ => land((heights[cell] - lowest) / reach),
		};
		let light = 0.35 + 0.9 * shade(heights, columns, row, column);
		base.map(|part| (part * light).clamp(0.0, 255.0) as u8)
	};
	let mut pixels = Vec::with_capacity(9 * ZOOM * ZOOM * rows * columns);
	for row in 0..rows {
		let mut line = Vec::with_capacity(9 * ZOOM * columns);
		for which in 0..3 {
			for column in 0..columns {
				line.extend(panel(which, row, column).repeat(ZOOM));
			}
		}
		pixels.extend(line.repeat(ZOOM));
	}
	Ok(Picture {
		width: 3 * ZOOM * columns,
		height: ZOOM * rows,
		pixels,
	})
}
