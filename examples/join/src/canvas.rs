//! Pictures, and grids that are filled tile by tile.
use std::io::Write;

/// A picture with three bytes a pixel, by rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
	/// Pixels in a row.
	pub width: usize,
	/// Rows.
	pub height: usize,
	/// `3 * width * height` bytes: red, green, blue.
	pub pixels: Vec<u8>,
}

impl Picture {
	/// Writes the picture as PNG.
	pub fn write_png(&self, to: impl Write) -> Result<(), String> {
		let fail = |error: png::EncodingError| error.to_string();
		let size = |size: usize| u32::try_from(size).map_err(|_| "the picture is too large".to_string());
		let mut encoder = png::Encoder::new(to, size(self.width)?, size(self.height)?);
		encoder.set_color(png::ColorType::Rgb);
		encoder.set_depth(png::BitDepth::Eight);
		let mut writer = encoder.write_header().map_err(fail)?;
		writer.write_image_data(&self.pixels).map_err(fail)?;
		writer.finish().map_err(fail)
	}
}

/// A grid of which each cell is to be filled exactly once.
#[derive(Clone, Debug)]
pub struct Canvas<T> {
	width: usize,
	height: usize,
	cells: Vec<Option<T>>,
}

/// The largest whole that is joined, in cells.
const MOST_CELLS: usize = 1 << 28;

impl<T: Copy> Canvas<T> {
	/// An empty grid.
	pub fn new(width: usize, height: usize) -> Result<Self, String> {
		match width.checked_mul(height) {
			Some(cells) if cells > 0 && cells <= MOST_CELLS => Ok(Self {
				width,
				height,
				cells: vec![None; cells],
			}),
			_ => Err(format!("{width} by {height} is not a size that can be joined")),
		}
	}

	/// Cells in a row, and rows.
	pub fn size(&self) -> (usize, usize) {
		(self.width, self.height)
	}

	/// Fills the rectangle of `width` at (`left`, `top`) with `cells`, by rows.
	pub fn fill(&mut self, left: usize, top: usize, width: usize, cells: &[T]) -> Result<(), String> {
		if width == 0 || cells.is_empty() || !cells.len().is_multiple_of(width) {
			return Err("a tile without cells".into());
		}
		let bottom = top.checked_add(cells.len() / width);
		let right = left.checked_add(width);
		if right.is_none_or(|right| right > self.width) || bottom.is_none_or(|bottom| bottom > self.height) {
			return Err(format!("the tile at {left}, {top} is not inside the whole"));
		}
		for (row, line) in cells.chunks(width).enumerate() {
			let start = (top + row) * self.width + left;
			for (target, value) in self.cells[start..start + width].iter_mut().zip(line) {
				if target.replace(*value).is_some() {
					return Err(format!("the tile at {left}, {top} is there twice"));
				}
			}
		}
		Ok(())
	}

	/// All cells by rows, once none is missing.
	pub fn finish(self) -> Result<Vec<T>, String> {
		let width = self.width;
		self.cells
			.into_iter()
			.enumerate()
			.map(|(index, cell)| {
				cell.ok_or_else(|| format!("the tile with {}, {} is missing", index % width, index / width))
			})
			.collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_canvas_wants_each_cell_once() {
		let mut canvas = Canvas::new(3, 2).unwrap();
		canvas.fill(0, 0, 2, &[1, 2, 4, 5]).unwrap();
		assert_eq!(canvas.clone().finish().unwrap_err(), "the tile with 2, 0 is missing");
		assert_eq!(
			canvas.clone().fill(1, 0, 1, &[1]).unwrap_err(),
			"the tile at 1, 0 is there twice"
		);
		assert!(canvas.fill(2, 1, 2, &[1, 2]).unwrap_err().contains("not inside"));
		assert!(canvas.fill(usize::MAX, 1, 2, &[1, 2]).is_err());
		canvas.fill(2, 0, 1, &[3, 6]).unwrap();
		assert_eq!(canvas.finish().unwrap(), [1, 2, 3, 4, 5, 6]);
		assert!(Canvas::<u8>::new(usize::MAX, 2).is_err());
	}
}
