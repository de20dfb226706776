//! The sky over each cell of the whole grid, one after the other: no tiles, no margins, no lanes. Only the tile's place is read
//! of an input.
use example_inputs::{elevation, CELL, HILL_STEPS};

/// Every way round, counted from the east.
const CIRCLE: [(isize, isize); 16] = {
	let quarter = [(0, 1), (1, 2), (1, 1), (2, 1)];
	let mut circle = [(0, 0); 16];
	let mut at = 0;
	while at < 4 {
		let (down, right) = quarter[at];
		circle[at] = (down, right);
		circle[at + 4] = (right, -down);
		circle[at + 8] = (-down, -right);
		circle[at + 12] = (-right, down);
		at += 1;
	}
	circle
};

pub fn expected(input: &[u8]) -> Result<Vec<u8>, String> {
	let grid = elevation::grid()?;
	let number = |index: usize| -> Result<isize, String> {
		let bytes = input.get(4 + 4 * index..8 + 4 * index).ok_or("the input ends early")?;
		Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")) as isize)
	};
	let [height, width, top, left] = [number(5)?, number(6)?, number(7)?, number(8)?];
	let (rows, columns) = (grid.rows as isize, grid.columns as isize);
	let ground = |row: isize, column: isize| {
		let inside = (0..rows).contains(&row) && (0..columns).contains(&column);
		inside.then(|| f32::from(grid.heights[(row * columns + column) as usize]))
	};
	let sky = |row: isize, column: isize| {
		let here = ground(row, column).expect("the tile is inside the grid");
		let open = CIRCLE.iter().map(|(down, right)| {
			let seen = (1..).map(|step| (down * step, right * step));
			let near = seen.take_while(|(y, x)| y.abs().max(x.abs()) <= HILL_STEPS as isize);
			let slopes = near.filter_map(|(y, x)| {
				let rise = (ground(row + y, column + x)? - here).max(0.0);
				let distance = (x as f64 * CELL.0).powi(2) + (y as f64 * CELL.1).powi(2);
				Some(rise.powi(2) * distance.recip() as f32)
			});
			(1.0 + slopes.fold(0.0, f32::max)).recip()
		});
		open.fold(0.0, |sum, open| sum + open) / 16.0
	};
	let mut output =
		format!("P6\n# tile x={left} y={top} total_width={columns} total_height={rows}\n{width} {height}\n255\n");
	let mut pixels = Vec::new();
	for row in top..top + height {
		for column in left..left + width {
			pixels.extend([(sky(row, column) * 255.0).round() as u8; 3]);
		}
	}
	Ok([std::mem::take(&mut output).into_bytes(), pixels].concat())
}
