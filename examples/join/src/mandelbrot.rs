//! The tiles of a picture, each a PPM file that names its place in a comment.
use crate::{parse_all, Canvas, Outputs, Picture};

struct Tile {
	place: [usize; 4],
	width: usize,
	pixels: Vec<[u8; 3]>,
}

fn parse(data: &[u8]) -> Result<Tile, String> {
	let mut rest = data;
	let mut line = || {
		let end = rest.iter().position(|byte| *byte == b'\n').ok_or("not a PPM picture")?;
		let text = std::str::from_utf8(&rest[..end]).map_err(|_| "not a PPM picture")?;
		rest = &rest[end + 1..];
		Ok::<_, String>(text)
	};
	let (mark, comment, size, depth) = (line()?, line()?, line()?, line()?);
	let (width, height) = size.split_once(' ').ok_or("no size")?;
	let width: usize = width.parse().map_err(|_| "no width")?;
	let height: usize = height.parse().map_err(|_| "no height")?;
	let bytes = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
	if mark != "P6" || depth != "255" || bytes != Some(rest.len()) {
		return Err("not a PPM picture of this size".into());
	}
	let mut place = [0; 4];
	for (number, name) in place.iter_mut().zip(["x=", "y=", "total_width=", "total_height="]) {
		let text = comment.split(' ').find_map(|word| word.strip_prefix(name));
		*number = text
			.and_then(|text| text.parse().ok())
			.ok_or_else(|| format!("no `{name}` in the comment"))?;
	}
	Ok(Tile {
		place,
		width,
		pixels: rest
			.chunks_exact(3)
			.map(|pixel| [pixel[0], pixel[1], pixel[2]])
			.collect(),
	})
}

/// The whole picture.
pub fn join(outputs: &Outputs) -> Result<Picture, String> {
	let tiles = parse_all(outputs, parse)?;
	let [_, _, width, height] = tiles.first().ok_or("there are no outputs")?.place;
	let mut canvas = Canvas::new(width, height)?;
	for tile in &tiles {
		let [x, y, ..] = tile.place;
		if tile.place[2..] != [width, height] {
			return Err(format!("the tile at {x}, {y} belongs to another picture"));
		}
		canvas.fill(x, y, tile.width, &tile.pixels)?;
	}
	Ok(Picture {
		width,
		height,
		pixels: canvas.finish()?.concat(),
	})
}
