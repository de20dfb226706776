//! Whole jobs, computed by the reference, joined; and what happens when a part is wrong.
use example_inputs::{Example, LABELS};
use example_join::{digits, heat, kmers, mandelbrot};

fn outputs(example: Example) -> Vec<(String, Vec<u8>)> {
	let inputs = example.inputs().unwrap();
	let expected = |(task, input): (usize, &Vec<u8>)| {
		(
			format!("{task:05}"),
			example_reference::expected(example, input).unwrap(),
		)
	};
	inputs.iter().enumerate().map(expected).collect()
}

#[test]
fn hills_join_in_any_order_but_only_complete() {
	let mut tiles = outputs(Example::Heat);
	let picture = heat::join(&tiles).unwrap();
	assert_eq!((picture.width, picture.height), (3 * 2 * 403, 2 * 344));
	assert_eq!(picture.pixels.len(), 3 * picture.width * picture.height);
	tiles.reverse();
	assert_eq!(heat::join(&tiles).unwrap(), picture);
	let (name, tile) = tiles.pop().unwrap();
	assert_eq!(heat::join(&tiles).unwrap_err(), "the tile with 0, 0 is missing");
	tiles.push((name.clone(), tile[..tile.len() - 1].to_vec()));
	assert!(heat::join(&tiles).unwrap_err().starts_with("00000: "));
	tiles.pop();
	tiles.extend([(name.clone(), tile.clone()), (name, tile)]);
	assert_eq!(heat::join(&tiles).unwrap_err(), "the tile at 0, 0 is there twice");
}

#[test]
fn the_picture_has_each_tile_in_its_place() {
	let tile = |x: usize, y: usize, colour: u8| {
		let mut data = format!("P6\n# tile x={x} y={y} total_width=4 total_height=2\n2 2\n255\n").into_bytes();
		data.extend([colour; 12]);
		(format!("{x}"), data)
	};
	let picture = mandelbrot::join(&[tile(2, 0, 9), tile(0, 0, 5)]).unwrap();
	let row = [[5; 6], [9; 6]].concat();
	assert_eq!(
		(picture.width, picture.height, picture.pixels),
		(4, 2, [row.clone(), row].concat())
	);
	assert!(mandelbrot::join(&[tile(0, 0, 5)]).unwrap_err().contains("missing"));
	assert!(mandelbrot::join(&[("a".into(), Vec::new())])
		.unwrap_err()
		.starts_with("a: "));
	assert!(mandelbrot::join(&[]).is_err());
}

#[test]
fn a_joined_picture_is_a_png_that_decodes_to_the_same_pixels() {
	let data = b"P6\n# tile x=0 y=0 total_width=1 total_height=2\n1 2\n255\nabcdef".to_vec();
	let picture = mandelbrot::join(&[("0".into(), data)]).unwrap();
	let mut file = Vec::new();
	picture.write_png(&mut file).unwrap();
	let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
	let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
	reader.next_frame(&mut pixels).unwrap();
	assert_eq!(pixels, b"abcdef");
}

#[test]
fn digits_are_counted_against_their_labels() {
	let outputs = outputs(Example::Digits);
	let table = digits::join(&outputs, LABELS).unwrap();
	assert!(
		table.starts_with("842 of 896 images read as meant: 93.97 %\n"),
		"{table}"
	);
	assert_eq!(digits::join(&outputs[1..], LABELS).unwrap_err(), "image 0 is missing");
	assert_eq!(
		digits::join(&outputs, "12").unwrap_err(),
		"there is no label for image 2"
	);
}

#[test]
fn k_mers_make_a_line_for_each_window() {
	let window = |start: u32, z: &str| {
		let text =
			format!("# start={start} length=8 k=1 shuffles=2\n# A=2 C=2 G=4 T=0\nA 2 2.000 {z}\nC 2 2.000 0.000\n");
		(start.to_string(), text.into_bytes())
	};
	let table = kmers::join(&[window(5, "-1.500"), window(1, "2.500")]).unwrap();
	let lines: Vec<&str> = table.lines().collect();
	assert!(
		lines[1].starts_with("     1       8  75.00    0.333           2             A     2.50"),
		"{table}"
	);
	assert!(lines[2].ends_with("A    -1.50"), "{table}");
	assert!(table.contains("     A         4       4.0    0.50"), "{table}");
	assert_eq!(
		kmers::join(&[window(1, "1"), window(1, "1")]).unwrap_err(),
		"the window at 1 is there twice"
	);
	assert!(kmers::join(&[("x".into(), b"hello".to_vec())])
		.unwrap_err()
		.starts_with("x: "));
}
