//! Soil creep on the whole grid at once: no tiles, no margins, every cell asks its four faces anew.
use example_inputs::{elevation, CELL, CRITICAL_SLOPE, HILL_STEPS, SPREAD};
use std::sync::OnceLock;

struct Field {
	rows: isize,
	columns: isize,
	heights: Vec<f64>,
}

impl Field {
	/// The height of the nearest cell inside the grid.
	fn at(&self, row: isize, column: isize) -> f64 {
		let (row, column) = (row.clamp(0, self.rows - 1), column.clamp(0, self.columns - 1));
		self.heights[(row * self.columns + column) as usize]
	}

	/// What flows through the face between a cell and its neighbour to the east or south, 0 at the edge.
	fn through(&self, row: isize, column: isize, south: bool) -> f64 {
		let (down, right) = if south { (1, 0) } else { (0, 1) };
		let (row2, column2) = (row + down, column + right);
		if row < 0 || column < 0 || row2 >= self.rows || column2 >= self.columns {
			return 0.0;
		}
		let (length, other_length) = if south { (CELL.1, CELL.0) } else { (CELL.0, CELL.1) };
		let slope = (self.at(row2, column2) - self.at(row, column)) * (1.0 / length);
		let ahead = self.at(row + right, column + down) + self.at(row2 + right, column2 + down);
		let behind = self.at(row - right, column - down) + self.at(row2 - right, column2 - down);
		let other = (ahead - behind) * (0.25 / other_length);
		let steepness = (slope.powi(2) + other.powi(2)) * (1.0 / (CRITICAL_SLOPE * CRITICAL_SLOPE));
		SPREAD * slope / (1.0 - steepness).max(0.5)
	}

	fn step(&self) -> Self {
		let mut heights = Vec::with_capacity(self.heights.len());
		for row in 0..self.rows {
			for column in 0..self.columns {
				let across = self.through(row, column, false) - self.through(row, column - 1, false);
				let along = self.through(row, column, true) - self.through(row - 1, column, true);
				heights.push(self.at(row, column) + (across * (1.0 / CELL.0) + along * (1.0 / CELL.1)));
			}
		}
		Self { heights, ..*self }
	}
}

/// The whole grid before (m) and after (mm).
struct Hills {
	columns: usize,
	rows: usize,
	before: Vec<i16>,
	after: Vec<i32>,
}

fn hills() -> &'static Result<Hills, String> {
	static HILLS: OnceLock<Result<Hills, String>> = OnceLock::new();
	HILLS.get_or_init(|| {
		let grid = elevation::grid()?;
		let mut field = Field {
			rows: grid.rows as isize,
			columns: grid.columns as isize,
			heights: grid.heights.iter().copied().map(f64::from).collect(),
		};
		for _ in 0..HILL_STEPS {
			field = field.step();
		}
		// Half a millimetre rounds away from zero, as `round` does.
		let after = field
			.heights
			.iter()
			.map(|height| (height * 1000.0).round() as i32)
			.collect();
		Ok(Hills {
			columns: grid.columns,
			rows: grid.rows,
			before: grid.heights,
			after,
		})
	})
}

pub(crate) fn expected(input: &[u8]) -> Result<Vec<u8>, String> {
	let number = |index: usize| {
		let bytes = input.get(4 * index..4 * index + 4).ok_or("the input is too short")?;
		Ok::<_, String>(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
	};
	let (height, width, row, column) = (number(6)?, number(7)?, number(8)?, number(9)?);
	let hills = hills().as_ref().map_err(Clone::clone)?;
	if (row + height) as usize > hills.rows || (column + width) as usize > hills.columns {
		return Err("the tile is not inside the grid".into());
	}
	let mut output = b"CREP".to_vec();
	for value in [row, column, height, width, hills.rows as u32, hills.columns as u32] {
		output.extend(value.to_le_bytes());
	}
	let cells = |row: u32| {
		let start = row as usize * hills.columns + column as usize;
		start..start + width as usize
	};
	(row..row + height).for_each(|row| output.extend(hills.before[cells(row)].iter().flat_map(|h| h.to_le_bytes())));
	(row..row + height).for_each(|row| output.extend(hills.after[cells(row)].iter().flat_map(|h| h.to_le_bytes())));
	Ok(output)
}
