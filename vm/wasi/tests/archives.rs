//! Archives and indices that are not what they should be.

mod common;
use common::{archive::*, explore::explore, *};
use millrace_wasi::{tools::native::Halted, Status};

/// How the first look at the files ends: an error number, or why the archive is malformed.
fn open(image: &[u8]) -> (Program, Result<u32, String>) {
	let mut p = Program::with_image(image.into());
	p.put(4_096, b".");
	let result = match p.try_call("path_filestat_get", &[3, 0, 4_096, 1, 64]) {
		Ok(errno) => Ok(errno),
		Err(Halted { status, code }) => {
			assert_eq!((status, code), (Status::Malformed, 0));
			Err(p.errors())
		}
	};
	(p, result)
}

#[track_caller]
fn refused(image: &[u8], reason: &str) {
	assert_eq!(open(image).1, Err(format!("image: {reason}")));
}

#[track_caller]
fn read_as(image: &[u8], expected: &[(&str, &str)]) {
	let (mut p, result) = open(image);
	assert_eq!(result, Ok(0));
	for (path, content) in expected {
		assert_eq!(
			p.content(path)
				.map(|content| String::from_utf8_lossy(&content).into_owned()),
			Ok((*content).into()),
			"{path}"
		);
	}
}

#[test]
fn odd_archives_are_read() {
	read_as(&ended(&[]), &[]);
	// Twice: the last counts.
	read_as(
		&ended(&[whole("a", b'0', b"1"), whole("a", b'0', b"22"), whole("b", b'0', b"3")]),
		&[("a", "22"), ("b", "3")],
	);
	read_as(
		&ended(&[
			whole("a", b'0', b"1"),
			header(b"a", b'2', 0, b"b"),
			whole("b", b'0', b"3"),
		]),
		&[("a", "3")],
	);
	// What leads to the root from elsewhere is cut off.
	read_as(
		&ended(&[
			whole("/a", b'0', b"1"),
			whole("./b", b'0', b"2"),
			whole(".//./c", b'0', b"3"),
			header(b"./", b'5', 0, b""),
		]),
		&[("a", "1"), ("b", "2")],
	);
	read_as(&ended(&[whole("a/./b", b'0', b"1")]), &[("a/b", "1")]);
	// The kinds of old.
	let mut v7 = whole("a", 0, b"1");
	v7[257..265].fill(0);
	seal(&mut v7);
	read_as(
		&ended(&[v7, header(b"d/", 0, 0, b""), whole("d/x", b'7', b"2")]),
		&[("a", "1"), ("d/x", "2")],
	);
	// A directory with a size has no content all the same.
	read_as(
		&ended(&[header(b"d/", b'5', 1_000, b""), whole("d/x", b'0', b"2")]),
		&[("d/x", "2")],
	);
	// Names of the two ways, sizes and times of pax.
	let name = "n".repeat(300);
	let gnu = [
		whole("././@LongLink", b'L', format!("d/{}\0", &name[..200]).as_bytes()),
		whole("short", b'0', b"gnu"),
	]
	.concat();
	let pax_name = &name[..250];
	let records = [
		("path", pax_name),
		("size", "3"),
		("mtime", "12.5"),
		("comment", &*"c".repeat(5_000)),
		("uid", "7"),
	];
	let mut sized = whole("short", b'0', b"pax");
	sized[124..135].copy_from_slice(b"00000000777");
	seal(&mut sized);
	let archive = ended(&[gnu, pax(&records), sized, whole("next", b'0', b"n")]);
	read_as(
		&archive,
		&[
			(&format!("d/{}", &name[..200]), "gnu"),
			(pax_name, "pax"),
			("next", "n"),
		],
	);
	let (mut p, _) = open(&archive);
	assert_eq!(p.stat(pax_name).unwrap().mtime, 12_000_000_000);
	// A link's text, long both ways; what is global is passed over.
	let text = "t".repeat(200);
	let archive = ended(&[
		whole("pax_global_header", b'g', b"13 path=wrong\n"),
		whole("././@LongLink", b'K', format!("{text}\0").as_bytes()),
		header(b"one", b'2', 0, b"cut"),
		pax(&[("linkpath", &text)]),
		header(b"two", b'2', 0, b"cut"),
		header(b"three", b'2', 0, b"short"),
	]);
	let (mut p, _) = open(&archive);
	for (path, expected) in [("one", &*text), ("two", &text), ("three", "short")] {
		assert_eq!(p.readlink(path, 1_000), Ok(expected.as_bytes().to_vec()));
	}
	// Other names of files, also of links, and of those that have them already.
	let archive = ended(&[
		whole("d/a", b'0', b"1"),
		header(b"b", b'1', 0, b"./d/a"),
		header(b"c", b'1', 0, b"b"),
		header(b"l", b'2', 0, b"c"),
		header(b"m", b'1', 0, b"l"),
	]);
	read_as(&archive, &[("b", "1"), ("c", "1"), ("m", "1")]);
	// Sizes of the other kind of numbers, times before 1970.
	let mut binary = whole("a", b'0', b"1");
	binary[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
	binary[136..148].fill(0xff);
	seal(&mut binary);
	let (mut p, _) = open(&ended(&[binary]));
	assert_eq!((p.content("a"), p.stat("a").unwrap().mtime), (Ok(b"1".to_vec()), 0));
	// One block of zeros is an end; what comes after is nobody's.
	read_as(
		&[whole("a", b'0', b"1"), vec![0; 512], vec![7; 700]].concat(),
		&[("a", "1")],
	);
	// An index of a later version is passed over.
	let mut later = image(&[file("a", b"1")]);
	later[519] = b'2';
	read_as(&later, &[("a", "1")]);
	assert_eq!(open(&later).0.stat(".millrace-index"), Err(NOENT));
}

#[test]
fn archives_that_are_none_are_refused() {
	let cut = "an archive that is cut off";
	refused(b"x", cut);
	refused(&[1; 511], cut);
	refused(&whole("a", b'0', b"1"), cut);
	refused(&header(b"a", b'0', 1_000, b""), cut);
	refused(&ended(&[header(b"a", b'0', 1 << 32, b"")]), cut);
	let mut negative = header(b"a", b'0', 0, b"");
	negative[124..136].fill(0xff);
	seal(&mut negative);
	refused(&ended(&[negative.clone()]), "an archive with a size that is no number");
	negative[124..136].copy_from_slice(&[0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
	seal(&mut negative);
	refused(&ended(&[negative.clone()]), "an archive with a size that is no number");
	negative[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
	seal(&mut negative);
	refused(&ended(&[negative]), cut);
	let mut wrong = whole("a", b'0', b"1");
	wrong[0] ^= 1;
	refused(&ended(&[wrong]), "an archive with a wrong checksum");
	for kind in *b"346DMSVXZ" {
		refused(
			&ended(&[whole("a", kind, b"")]),
			"an archive with an entry of unknown kind",
		);
	}
	for path in ["../a", "a/../b", "a/..", ".."] {
		refused(
			&ended(&[whole(path, b'0', b"")]),
			"an archive with a path that leads upwards",
		);
	}
	refused(
		&ended(&[whole("a//b", b'0', b"")]),
		"an archive with a path that has an empty part",
	);
	refused(&ended(&[whole("", b'0', b"")]), "an archive with a path that is none");
	for path in [".", "/", "./"] {
		refused(
			&ended(&[header(path.as_bytes(), b'2', 0, b"x")]),
			"an archive with a file that is a folder, too",
		);
	}
	let mut latin = header(b"a\xe9", b'0', 0, b"");
	seal(&mut latin);
	refused(&ended(&[latin]), "an archive with a path that is none");
	let folder = "an archive with a file that is a folder, too";
	refused(&ended(&[whole("a", b'0', b""), whole("a/b", b'0', b"")]), folder);
	refused(&ended(&[whole("a/b", b'0', b""), whole("a", b'0', b"")]), folder);
	refused(
		&ended(&[header(b"a", b'5', 0, b""), header(b"a", b'2', 0, b"x")]),
		folder,
	);
	refused(
		&ended(&[header(b"a", b'2', 0, b"x"), header(b"a/b", b'5', 0, b"")]),
		folder,
	);
	let nowhere = "an archive with a link to what is not there";
	refused(&ended(&[header(b"a", b'1', 0, b"b"), whole("b", b'0', b"")]), nowhere);
	refused(&ended(&[header(b"a", b'1', 0, b"a")]), nowhere);
	refused(
		&ended(&[header(b"d", b'5', 0, b""), header(b"a", b'1', 0, b"d")]),
		nowhere,
	);
	refused(
		&ended(&[header(b"a", b'2', 0, b"")]),
		"an archive with a link that leads nowhere",
	);
	refused(
		&ended(&[pax(&[("linkpath", &"x".repeat(4_097))]), header(b"a", b'2', 0, b"")]),
		"an archive with a link that leads nowhere",
	);
	refused(
		&ended(&[pax(&[("path", &"x".repeat(256))]), whole("a", b'0', b"")]),
		"an archive with a name of more than 255 bytes",
	);
	refused(
		&ended(&[pax(&[("path", &"x/".repeat(2_049))]), whole("a", b'0', b"")]),
		"an archive with a path of more than 4,096 bytes",
	);
	refused(
		&ended(&[pax(&[("path", "")]), whole("a", b'0', b"")]),
		"an archive with a path that is none",
	);
	refused(
		&ended(&[pax(&[("path", "a\0b")]), whole("a", b'0', b"")]),
		"an archive with a path that is none",
	);
	refused(
		&ended(&[pax(&[("GNU.sparse.major", "1")]), whole("a", b'0', b"")]),
		"an archive with a sparse file",
	);
	for size in ["", "x", "1x", "99999999999999999999x", "-1", &"1".repeat(70)] {
		refused(
			&ended(&[pax(&[("size", size)]), whole("a", b'0', b"")]),
			"an archive with a size that is no number",
		);
	}
	for size in ["1000000", "4294967296", "18446744073709551615", "99999999999999999999"] {
		refused(&ended(&[pax(&[("size", size)]), whole("a", b'0', b"")]), cut);
	}
	for record in [
		"x",
		"5 a=b",
		"6 a=b\nx",
		"4 a=b\n",
		"2 \n",
		"1 ",
		" 6 a=b\n",
		"99 a=b\n",
		"4294967302 a=b\n",
		"6\0a=b\n",
		"0 a=b\n",
	] {
		refused(
			&ended(&[whole("pax", b'x', record.as_bytes()), whole("a", b'0', b"")]),
			"an archive with a pax header that is none",
		);
	}
	refused(&ended(&[pax(&[("path", "b")])])[..1_024], cut);
}

#[test]
fn archives_without_an_index_have_a_bound() {
	let many = |count: usize| {
		let mut archive = Vec::with_capacity(512 * count + 1_024);
		for n in 0..count {
			archive.extend(header(format!("{:x}/{n:x}", n % 64).as_bytes(), b'0', 0, b""));
		}
		archive.resize(archive.len() + 1_024, 0);
		archive
	};
	let start = std::time::Instant::now();
	refused(
		&many(1_000_000),
		"an archive of more than 65,536 entries without an index",
	);
	// With the root and 64 directories, so many fit.
	let (mut p, result) = open(&many(65_536 - 65));
	assert_eq!(result, Ok(0));
	assert_eq!(p.names("3f").unwrap().len(), (65_536 - 65) / 64);
	assert_eq!(p.stat("1/41").unwrap().kind, 4);
	refused(
		&many(65_536 - 64),
		"an archive of more than 65,536 entries without an index",
	);
	assert!(start.elapsed().as_secs() < 20 || p.machine.is_some());
	assert!(p.own_pages() < 120, "{} pages", p.own_pages());
}

#[test]
fn without_memory_an_archive_is_not_opened() {
	let mut items = Vec::new();
	for n in 0..2_000 {
		items.push(file(&format!("folder/of/many/{n}"), b""));
	}
	let archive = plain(&items);
	let mut opened = 0;
	for pages in 17..40 {
		let mut p = Program::with_image(archive.as_slice().into());
		p.wasi.host.pages = pages;
		for _ in 0..5 {
			match p.stat("folder/of/many/1999") {
				Ok(_) => opened += 1,
				Err(errno) => assert_eq!(errno, NOSPC),
			}
		}
		// With room later, it is.
		p.wasi.host.pages = 60;
		assert!(p.stat("folder/of/many/77").is_ok());
		assert!(p.own_pages() < 30);
	}
	assert!(opened > 0);
}

fn small() -> Vec<Item> {
	vec![
		file("a", b"content of a"),
		directory("d"),
		file("d/x", &[1; 600]),
		file("d/y", b""),
		link("l", "d/x"),
		file(&"n".repeat(150), b"long"),
		link("k", &"d/../".repeat(30)),
	]
}

#[test]
fn archives_that_are_cut_anywhere_are_refused() {
	std::panic::set_hook(Box::new(|_| {}));
	let archive = plain(&small());
	for cut in 1..archive.len() - 1_023 {
		assert!(open(&archive[..cut]).1.is_err(), "{cut}");
	}
	let image = image(&small());
	let index_end = after_index(&image);
	for cut in 1..image.len() {
		let (p, result) = open(&image[..cut]);
		if cut < index_end - 512 {
			assert!(result.is_err(), "{cut}");
		}
		drop(p);
		if cut % 7 == 0 {
			explore(&image[..cut]);
		}
	}
}

#[test]
fn whatever_an_archive_or_an_index_says_is_checked() {
	std::panic::set_hook(Box::new(|_| {}));
	let mut random = Random::new(22);
	let archives = [plain(&small()), image(&small())];
	let index_end = after_index(&archives[1]);
	for round in 0..rounds(3_000) {
		let which = (round % 2) as usize;
		let mut bytes = archives[which].clone();
		for _ in 0..=random.below(4) {
			// In the index, or in headers, which are sealed again.
			let end = if which == 1 { index_end } else { bytes.len() };
			let at = random.below(end as u64) as usize;
			let value = match random.below(4) {
				0 => 0,
				1 => 255,
				2 => bytes[at].wrapping_add(random.below(3) as u8).wrapping_sub(1),
				_ => random.next() as u8,
			};
			bytes[at] = value;
			if which == 0 && random.below(4) > 0 {
				let header = at / 512 * 512;
				seal(&mut bytes[header..header + 512]);
			}
		}
		let first = explore(&bytes);
		assert_eq!(first, explore(&bytes), "the same twice");
	}
}

#[test]
fn an_index_that_lies_is_an_error_of_the_call() {
	let image = image(&small());
	let nodes = u32::from_le_bytes(image[520..524].try_into().unwrap()) as usize;
	let names_at = 544 + 32 * nodes;
	// The node of `d`, its children, and the file `a`.
	let find = |name: &[u8]| {
		(0..nodes)
			.map(|node| 544 + 32 * node)
			.find(|at| {
				let offset = u32::from_le_bytes(image[at + 16..at + 20].try_into().unwrap()) as usize;
				let len = usize::from(image[at + 20]);
				&image[names_at + offset..names_at + offset + len] == name
			})
			.unwrap()
	};
	let (a, d, x) = (find(b"a"), find(b"d"), find(b"x"));
	let with = |changes: &[(usize, &[u8])]| {
		let mut changed = image.clone();
		for (at, bytes) in changes {
			changed[*at..at + bytes.len()].copy_from_slice(bytes);
		}
		Program::with_image(changed.into())
	};
	let huge = u64::MAX.to_le_bytes();
	let len = image.len() as u64;
	// A file outside the region, by its offset, its size, or both.
	for (offset, size) in [
		(huge, huge),
		(len.to_le_bytes(), 1_u64.to_le_bytes()),
		(0_u64.to_le_bytes(), (len + 1).to_le_bytes()),
		(huge, 1_u64.to_le_bytes()),
	] {
		let mut p = with(&[(a, &offset), (a + 8, &size)]);
		assert_eq!((p.stat("a"), p.content("a")), (Err(IO), Err(IO)));
		assert_eq!(p.names("."), Err(IO));
	}
	let mut p = with(&[(a, &0_u64.to_le_bytes()), (a + 8, &len.to_le_bytes())]);
	assert_eq!(
		p.content("a"),
		Ok(image_with(
			&image,
			&[(a, &0_u64.to_le_bytes()), (a + 8, &len.to_le_bytes())]
		)),
		"all of it is inside"
	);
	// Children that are not there, before their parent, or another's.
	let first = u64::from_le_bytes(image[d..d + 8].try_into().unwrap());
	for (from, count) in [
		(first, 100_u64),
		(u64::MAX, 2),
		(1 << 32, 0),
		(0, 1),
		(2, 1),
		(first + 1, 2),
		(1, 5),
	] {
		let mut p = with(&[(d, &from.to_le_bytes()), (d + 8, &count.to_le_bytes())]);
		assert_eq!(p.stat("d/x"), Err(IO), "{from} {count}");
		assert_eq!(p.rmdir("d"), Err(IO));
		assert_eq!(p.content("a"), Ok(b"content of a".to_vec()), "others are not harmed");
	}
	// Names outside, too long, empty, or none.
	for (offset, length) in [(u32::MAX, 1_u16), (0, 256), (0, 0), (0, u16::MAX), (1 << 20, 1)] {
		let mut p = with(&[(x + 16, &offset.to_le_bytes()), (x + 20, &length.to_le_bytes())]);
		assert_eq!(p.stat("d/x"), Err(IO));
		assert_eq!(p.names("d"), Err(IO));
	}
	let name_of_x = names_at + u32::from_le_bytes(image[x + 16..x + 20].try_into().unwrap()) as usize;
	for bad in [b"/", b".", b"\0", b"\xff"] {
		let mut p = with(&[(name_of_x, bad)]);
		assert_eq!(p.names("d"), Err(IO), "{bad:?}");
	}
	// Kinds and parents.
	assert_eq!(with(&[(x + 22, &[3])]).stat("d/x"), Err(IO));
	assert_eq!(with(&[(x + 28, &[0])]).stat("d/x"), Err(IO));
	assert_eq!(with(&[(d + 22, &[1])]).stat("d/x"), Err(NOTDIR));
	// A directory within itself, and one that is its own parent.
	let d_index = ((d - 544) / 32) as u64;
	assert_eq!(
		with(&[
			(d, &d_index.to_le_bytes()),
			(d + 8, &1_u64.to_le_bytes()),
			(d + 28, &[d_index as u8])
		])
		.stat("d/d"),
		Err(IO)
	);
	// A root that is none; sizes of all.
	for (at, bytes, reason) in [
		(544 + 22, &[1][..], "an index without a root"),
		(544 + 8, &huge[..], "an index without a root"),
		(520, &0_u32.to_le_bytes(), "an index of a wrong size"),
		(520, &u32::MAX.to_le_bytes(), "an index of a wrong size"),
		(524, &u32::MAX.to_le_bytes(), "an index of a wrong size"),
		(528, &[1], "an index of a wrong size"),
	] {
		refused(&image_with(&image, &[(at, bytes)]), reason);
	}
	// A link's text.
	let l = find(b"l");
	assert_eq!(with(&[(l + 8, &0_u64.to_le_bytes())]).lstat("l"), Err(IO));
	assert_eq!(with(&[(l + 8, &4_097_u64.to_le_bytes())]).lstat("l"), Err(IO));
	assert_eq!(
		with(&[(l, &(len - 5).to_le_bytes()), (l + 8, &5_u64.to_le_bytes())]).stat("l"),
		Err(IO),
		"not text"
	);
}

fn image_with(image: &[u8], changes: &[(usize, &[u8])]) -> Vec<u8> {
	let mut changed = image.to_vec();
	for (at, bytes) in changes {
		changed[*at..at + bytes.len()].copy_from_slice(bytes);
	}
	changed
}

#[test]
fn archives_are_not_deeper_than_a_bound() {
	let path = |depth: usize| vec!["d"; depth].join("/");
	let archive = plain(&[directory(&path(256))]);
	let mut p = Program::with_image(archive.into());
	assert!(p.open(&path(256), DIRECTORY, 0).is_ok());
	let deeper = ended(&[pax(&[("path", &path(300))]), header(b"d", b'5', 0, b"")]);
	let mut p = Program::with_image(deeper.into());
	assert!(p.stat(&path(256)).is_ok());
	assert_eq!(p.stat(&path(258)), Err(IO));
	// What the program makes is as deep as it likes.
	p.mkdir("new").unwrap();
	for depth in 1..1_000 {
		p.mkdir(&format!("new/{}", path(depth))).unwrap();
	}
	assert!(p.stat(&format!("new/{}", path(999))).is_ok());
}
