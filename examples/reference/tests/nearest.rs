//! The C program that opens files, built for the host by its compiler and told other paths, against the same answers by
//! sorting.
use example_inputs::{IMAGES, LABELS};
use std::{env, fs, path::Path, process::Command};

fn pixels(image: &str) -> Vec<i32> {
	image.chars().map(|shade| shade.to_digit(17).unwrap() as i32).collect()
}

/// The answers to all images, each left out of those that are known: number, digit, square of the least distance.
fn answers() -> String {
	let images: Vec<_> = IMAGES.lines().map(pixels).collect();
	let labels: Vec<_> = LABELS.chars().filter(char::is_ascii_digit).collect();
	let answer = |(number, image): (usize, &Vec<i32>)| {
		let others = (0..images.len()).filter(|other| *other != number);
		let mut near: Vec<_> = others
			.map(|other| {
				let squares = images[other].iter().zip(image).map(|(one, two)| (one - two).pow(2));
				(squares.sum::<i32>(), other)
			})
			.collect();
		near.sort_unstable();
		let votes = |digit: char| near[..3].iter().filter(|(_, other)| labels[*other] == digit).count();
		let nearest = labels[near[0].1];
		let majority = near[..3]
			.iter()
			.map(|(_, other)| labels[*other])
			.find(|digit| votes(*digit) >= 2);
		format!("{number} {} {}\n", majority.unwrap_or(nearest), near[0].0)
	};
	images.iter().enumerate().map(answer).collect()
}

#[test]
fn the_program_finds_the_nearest_and_says_what_is_wrong_with_files() {
	let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
	let folder = env::temp_dir().join(format!("millrace-nearest-{}", std::process::id()));
	fs::create_dir_all(&folder).unwrap();
	let example = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../nearest");
	let program = folder.join("nearest");
	let built = Command::new(&compiler)
		.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
		.arg(&program)
		.arg(example.join("nearest.c"))
		.status()
		.unwrap_or_else(|error| panic!("the C compiler {compiler} is needed: {error}"));
	assert!(built.success());
	let staged = Command::new(example.join("stage.sh")).arg(&folder).status().unwrap();
	assert!(staged.success());
	let known = folder.join("image/digits");
	let run = |batch: &Path| {
		let answers = folder.join("answers.txt");
		let (images, labels) = (known.join("images.txt"), known.join("labels.txt"));
		let output = Command::new(&program)
			.arg(images)
			.arg(labels)
			.arg(batch)
			.arg(&answers)
			.output()
			.unwrap();
		let said = String::from_utf8(output.stderr).unwrap();
		(
			output.status.code(),
			said,
			fs::read_to_string(answers).unwrap_or_default(),
		)
	};
	let mut all = String::new();
	for batch in 0..7 {
		let (code, said, answers) = run(&folder.join(format!("inputs/batch-{batch}/batch.txt")));
		assert_eq!((code, said.as_str()), (Some(0), ""));
		all += &answers;
	}
	assert_eq!(all, answers());
	let bad = folder.join("bad.txt");
	let image = "0".repeat(64);
	for (line, reason) in [
		(image.clone(), "bad.txt, line 1: no number and image"),
		(format!("1 {}", &image[1..]), "bad.txt, line 1: not 64 shades of 0 to g"),
		(format!("1 {image}0"), "bad.txt, line 1: more than 64 shades"),
	] {
		fs::write(&bad, line).unwrap();
		let (code, said, _) = run(&bad);
		assert_eq!(code, Some(1));
		assert!(said.contains(reason), "{said}");
	}
	let (code, said, _) = run(&folder.join("none.txt"));
	assert_eq!(code, Some(1));
	assert!(said.contains("none.txt: No such file"), "{said}");
	fs::remove_dir_all(&folder).unwrap();
}
