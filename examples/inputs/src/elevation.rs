//! The hills that `heat` smooths.

const PICTURE: &[u8] = include_bytes!("../../heat/data/elevation.png");

/// Heights by rows, north to south and west to east.
#[derive(Clone, Debug)]
pub struct Grid {
	/// Number of rows.
	pub rows: usize,
	/// Number of columns.
	pub columns: usize,
	/// `rows * columns` heights (m).
	pub heights: Vec<i16>,
}

/// The committed grid.
pub fn grid() -> Result<Grid, String> {
	let fail = |error: &dyn std::fmt::Display| format!("elevation.png: {error}");
	let mut reader = png::Decoder::new(std::io::Cursor::new(PICTURE))
		.read_info()
		.map_err(|error| fail(&error))?;
	let size = reader.output_buffer_size().ok_or_else(|| fail(&"too large"))?;
	let mut pixels = vec![0; size];
	let info = reader.next_frame(&mut pixels).map_err(|error| fail(&error))?;
	if (info.color_type, info.bit_depth) != (png::ColorType::Grayscale, png::BitDepth::Sixteen) {
		return Err(fail(&"not 16-bit greyscale"));
	}
	let heights = pixels
		.chunks_exact(2)
		.map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
		.collect();
	Ok(Grid {
		rows: info.height as usize,
		columns: info.width as usize,
		heights,
	})
}

#[cfg(test)]
mod tests {
	#[test]
	fn the_hills_are_those_of_the_sample() {
		let grid = super::grid().unwrap();
		assert_eq!((grid.rows, grid.columns, grid.heights.len()), (344, 403, 344 * 403));
		assert_eq!(grid.heights.iter().min(), Some(&236));
		assert_eq!(grid.heights.iter().max(), Some(&1076));
	}
}
