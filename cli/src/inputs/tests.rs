//! Finding, cutting and packing inputs.

use super::*;

fn contents(inputs: &Inputs) -> Vec<Vec<u8>> {
	for (piece, root) in inputs.pieces.iter().zip(inputs.roots.iter()) {
		assert_eq!(merkle::data_root(&piece.read().unwrap()), *root);
	}
	inputs.pieces.iter().map(|piece| piece.read().unwrap()).collect()
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("input");
	fs::write(&path, bytes).unwrap();
	(folder, path)
}

#[test]
fn a_folder_is_one_task_a_file_in_the_order_of_names() {
	let folder = tempfile::tempdir().unwrap();
	for (name, content) in [("10", "ten"), ("02", "two"), ("01", "one"), (".hidden", "x"), ("a", "")] {
		fs::write(folder.path().join(name), content).unwrap();
	}
	for sub in ["03", "b", ".git"] {
		fs::create_dir(folder.path().join(sub)).unwrap();
		fs::write(folder.path().join(sub).join("x"), sub).unwrap();
	}
	std::os::unix::fs::symlink(folder.path().join("01"), folder.path().join("zlink")).unwrap();
	let inputs = Inputs::read(folder.path(), InputAs::Stdin, Cut::Whole).unwrap();
	assert_eq!(
		contents(&inputs),
		[&b"one"[..], b"two", b"03", b"ten", b"", b"b", b"one"]
	);
	assert_eq!((inputs.tasks(), inputs.largest()), (7, 3));
	let names: Vec<_> = inputs
		.names()
		.into_iter()
		.map(|name| name.unwrap().to_str().unwrap())
		.collect();
	assert_eq!(names, ["01", "02", "03/x", "10", "a", "b/x", "zlink"]);
	assert_eq!(inputs.root(), merkle::list_root(&inputs.roots));
	assert!(Inputs::read(folder.path(), InputAs::Stdin, Cut::Lines).is_err());
}

#[test]
fn lines_lose_their_ends_and_nothing_else() {
	let (_folder, path) = file(b"one\ntwo\r\n\n  four\r\n\r\nsix\rsix");
	let inputs = Inputs::read(&path, InputAs::Stdin, Cut::Lines).unwrap();
	assert_eq!(
		contents(&inputs),
		[&b"one"[..], b"two", b"", b"  four", b"", b"six\rsix"]
	);
	let (_folder, path) = file(b"one\n");
	assert_eq!(
		contents(&Inputs::read(&path, InputAs::Stdin, Cut::Lines).unwrap()),
		[b"one"]
	);
}

#[test]
fn long_lines_across_buffers_are_measured() {
	// Buffers of the standard library end at multiples of 8192: one falls between \r and \n.
	for first in 8_180..8_200 {
		let long = [
			vec![b'x'; first],
			b"\r\n".to_vec(),
			vec![b'y'; 20_000],
			b"\r\n".to_vec(),
			b"z".to_vec(),
		]
		.concat();
		let (_folder, path) = file(&long);
		let inputs = Inputs::read(&path, InputAs::Stdin, Cut::Lines).unwrap();
		let lens: Vec<_> = inputs.pieces.iter().map(|piece| piece.len).collect();
		assert_eq!(lens, [first as u64, 20_000, 1]);
		assert_eq!(contents(&inputs)[1], vec![b'y'; 20_000]);
	}
}

#[test]
fn a_file_is_split_into_pieces() {
	let (_folder, path) = file(b"abcdefgh");
	assert_eq!(
		contents(&Inputs::read(&path, InputAs::Stdin, Cut::Bytes(3)).unwrap()),
		[&b"abc"[..], b"def", b"gh"]
	);
	assert_eq!(
		contents(&Inputs::read(&path, InputAs::Stdin, Cut::Bytes(8)).unwrap()),
		[b"abcdefgh"]
	);
	assert_eq!(
		contents(&Inputs::read(&path, InputAs::Stdin, Cut::Whole).unwrap()),
		[b"abcdefgh"]
	);
}

#[test]
fn nothing_too_much_and_too_many_are_refused() {
	let folder = tempfile::tempdir().unwrap();
	assert!(Inputs::read(folder.path(), InputAs::Stdin, Cut::Whole)
		.unwrap_err()
		.to_string()
		.contains("empty"));
	assert!(Inputs::read(&folder.path().join("none"), InputAs::Stdin, Cut::Whole)
		.unwrap_err()
		.to_string()
		.contains("none"));
	let (_folder, path) = file(b"");
	assert!(Inputs::read(&path, InputAs::Stdin, Cut::Lines).is_err());
	File::options()
		.write(true)
		.open(&path)
		.unwrap()
		.set_len(u64::from(MAX_TASK_DATA) + 1)
		.unwrap();
	assert!(Inputs::read(&path, InputAs::Stdin, Cut::Whole)
		.unwrap_err()
		.to_string()
		.contains("limit"));
	assert!(Inputs::read(&path, InputAs::Stdin, Cut::Bytes(1))
		.unwrap_err()
		.to_string()
		.contains("tasks"));
}

#[test]
fn a_line_is_a_list_of_arguments() {
	let (_folder, path) = file(b"-n 3 'a b'\n\n''\n");
	let inputs = Inputs::read(&path, InputAs::Args, Cut::Whole).unwrap();
	assert_eq!(contents(&inputs), [&b"-n\x003\0a b\0"[..], b"", b"\0"]);
	assert_eq!(inputs.largest(), 9);
	assert_eq!(inputs.names(), [None, None, None]);
	let same = Inputs::read(&path, InputAs::Args, Cut::Lines).unwrap();
	assert_eq!(same.root(), inputs.root());
	for (bytes, part) in [
		(&b"a\n'b\n"[..], "input:2: a quote"),
		(b"a\nb\0\n", "input:2: a NUL"),
		(&[b'x'; 70_000], "input:1: more than 65,536"),
		(&[b'x'; 140_000], "input:1: more than 65,536"),
	] {
		let (_folder, path) = file(bytes);
		let error = Inputs::read(&path, InputAs::Args, Cut::Whole).unwrap_err();
		assert!(error.to_string().contains(part), "{error}");
	}
	let folder = tempfile::tempdir().unwrap();
	assert!(Inputs::read(folder.path(), InputAs::Args, Cut::Whole).is_err());
}

#[test]
fn folders_and_tars_are_archives_and_nothing_else_is() {
	let place = tempfile::tempdir().unwrap();
	let at = |name: &str| place.path().join(name);
	fs::create_dir_all(at("one/sub")).unwrap();
	fs::write(at("one/sub/a"), "a").unwrap();
	fs::create_dir(at(".hidden")).unwrap();
	let package = Package::new(&at("one"), None).unwrap();
	let mut tar = Vec::new();
	package.write(&mut tar).unwrap();
	fs::write(at("two.v1.tar"), &tar).unwrap();
	let inputs = Inputs::read(place.path(), InputAs::Files, Cut::Whole).unwrap();
	assert_eq!(contents(&inputs), [tar.clone(), tar.clone()]);
	let names: Vec<_> = inputs
		.names()
		.into_iter()
		.map(|name| name.unwrap().to_str().unwrap())
		.collect();
	assert_eq!(names, ["one", "two.v1"]);
	let one = Inputs::read(&at("two.v1.tar"), InputAs::Files, Cut::Whole).unwrap();
	assert_eq!(contents(&one), [tar]);
	fs::write(at("three.txt"), "x").unwrap();
	let error = Inputs::read(place.path(), InputAs::Files, Cut::Whole)
		.unwrap_err()
		.to_string();
	assert!(error.contains("three.txt: neither a folder nor a .tar"), "{error}");
	let error = Inputs::read(&at("three.txt"), InputAs::Files, Cut::Whole)
		.unwrap_err()
		.to_string();
	assert!(error.contains("not a tar archive"), "{error}");
	assert!(Inputs::read(place.path(), InputAs::Files, Cut::Lines).is_err());
}

#[test]
fn links_to_folders_are_refused() {
	let folder = tempfile::tempdir().unwrap();
	fs::write(folder.path().join("a"), "a").unwrap();
	std::os::unix::fs::symlink(folder.path(), folder.path().join("b")).unwrap();
	let error = Inputs::read(folder.path(), InputAs::Stdin, Cut::Whole).unwrap_err();
	assert!(error.to_string().contains("a link to a folder"), "{error}");
}

#[test]
fn a_file_that_changed_is_not_served() {
	let folder = tempfile::tempdir().unwrap();
	let at = |name: &str| folder.path().join(name);
	fs::create_dir(at("in")).unwrap();
	for name in ["in/a", "lines", "args"] {
		fs::write(at(name), "one\ntwo\n").unwrap();
	}
	let read = |name: &str, input, cut| Inputs::read(&at(name), input, cut).unwrap();
	let all = [
		read("in", InputAs::Stdin, Cut::Whole),
		read("lines", InputAs::Stdin, Cut::Lines),
		read("args", InputAs::Args, Cut::Whole),
	];
	let pieces = || all.iter().flat_map(|inputs| &inputs.pieces);
	assert!(pieces().all(|piece| piece.blob().is_ok()));
	for name in ["in/a", "lines", "args"] {
		// Of the same length, at another time.
		fs::write(at(name), "One\ntwo\n").unwrap();
		let file = File::options().write(true).open(at(name)).unwrap();
		file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
	}
	for piece in pieces() {
		let error = piece.blob().unwrap_err();
		assert!(error.to_string().contains("it changed"), "{error}");
	}
}

#[test]
fn devices_are_no_inputs() {
	for input in [InputAs::Stdin, InputAs::Args, InputAs::Files] {
		let error = Inputs::read(Path::new("/dev/zero"), input, Cut::Whole).unwrap_err();
		assert!(error.to_string().contains("neither a folder nor a file"), "{error}");
	}
}

#[test]
fn what_is_no_file_in_a_folder_is_named() {
	let place = tempfile::tempdir().unwrap();
	std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
	let read = || {
		Inputs::read(place.path(), InputAs::Stdin, Cut::Whole)
			.unwrap_err()
			.to_string()
	};
	let error = read();
	assert!(error.contains("socket: neither a file nor a folder"), "{error}");
	std::fs::remove_file(place.path().join("socket")).unwrap();
	assert!(read().contains("it is empty"));
	std::fs::write(place.path().join(".hidden"), "x").unwrap();
	assert!(read().contains("no file in it that is not hidden"));
}
