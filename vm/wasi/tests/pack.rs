//! Packing images.

mod common;
use common::{archive::*, *};
use millrace_wasi::tools::pack::{Entry, Error, Kind, Plan};
use std::io::{self, Write};

fn entry(path: &[u8], kind: Kind) -> Entry {
	Entry {
		path: path.into(),
		kind,
		executable: false,
		mtime: 1,
	}
}

fn refused(entries: Vec<Entry>) -> Error {
	match Plan::new(entries) {
		Ok(_) => panic!("accepted"),
		Err(error) => error,
	}
}

#[test]
fn what_is_no_image_is_refused_and_named() {
	for path in [
		&b"a//b"[..],
		b"/a",
		b"a/",
		b".",
		b"..",
		b"a/../b",
		b"a\0",
		b"\xff",
		&[b'a'; 256],
		&[b'/'; 5_000],
	] {
		let error = refused(vec![entry(path, Kind::File(0))]);
		assert!(matches!(&error, Error::Path(named) if named == path), "{error}");
	}
	let deep = vec!["d"; 257].join("/");
	assert!(matches!(
		refused(vec![entry(deep.as_bytes(), Kind::Directory)]),
		Error::Depth(_)
	));
	let file = |path: &str| entry(path.as_bytes(), Kind::File(0));
	let folder = |path: &str| entry(path.as_bytes(), Kind::Directory);
	for entries in [
		vec![file("a"), file("a/b")],
		vec![file("a/b"), file("a")],
		vec![file("a"), folder("a")],
		vec![folder("a"), file("a")],
		vec![file("")],
	] {
		assert!(matches!(refused(entries), Error::Conflict(_)));
	}
	assert!(matches!(refused(vec![entry(b"a", Kind::Link(vec![]))]), Error::Link(_)));
	assert!(matches!(
		refused(vec![entry(b"a", Kind::Link(vec![b'x'; 4_097]))]),
		Error::Link(_)
	));
	assert!(matches!(
		refused(vec![entry(b"a", Kind::File(1 << 32))]),
		Error::Size(_)
	));
	let large = |path: &[u8]| entry(path, Kind::File(3 << 30));
	assert!(matches!(refused(vec![large(b"a"), large(b"b")]), Error::Size(_)));
	let same = |path: &[u8], of: &[u8]| entry(path, Kind::Same(of.into()));
	for entries in [
		vec![same(b"a", b"b")],
		vec![same(b"a", b"a")],
		vec![same(b"a", b"b"), same(b"b", b"a")],
		vec![folder("d"), same(b"a", b"d")],
		vec![entry(b"l", Kind::Link(b"x".into())), same(b"a", b"l")],
	] {
		assert!(matches!(refused(entries), Error::Same(_)));
	}
	assert_eq!(
		refused(vec![file("a/../b")]).to_string(),
		"`a/../b` is no path of an image: names are UTF-8 of at most 255 bytes, paths of at most 4,096"
	);
}

#[test]
fn contents_must_be_as_long_as_stated() {
	let plan = Plan::new(vec![entry(b"a", Kind::File(5))]).unwrap();
	for content in [&b"1234"[..], b"123456"] {
		let written = plan.write(&mut Vec::new(), |_, out: &mut dyn Write| out.write_all(content));
		assert!(matches!(written, Err(Error::Changed(path)) if path == b"a"));
	}
	let failed = plan.write(&mut Vec::new(), |_, _| Err(io::Error::other("gone")));
	assert!(matches!(failed, Err(Error::Io(error)) if error.to_string() == "gone"));
}

#[test]
fn the_order_of_entries_does_not_matter() {
	let items = [
		file("a/x", b"1"),
		directory("a"),
		file("b.txt", b"2"),
		same("0", "a/x"),
		same("c", "0"),
		link("l", "a"),
		directory("b"),
		file("b/y", b"3"),
	];
	let first = image(&items);
	let mut turned = items.to_vec();
	for _ in 0..items.len() {
		turned.rotate_left(1);
		assert!(image(&turned) == first);
	}
	turned.reverse();
	assert!(image(&turned) == first);
	// The first name in the archive's order has the content.
	let names: Vec<(String, u8, String)> = read_names(&first)
		.into_iter()
		.filter(|(_, kind, _)| *kind != b'5')
		.collect();
	let expected = [
		(".millrace-index", b'0', ""),
		("0", b'0', ""),
		("a/x", b'1', "0"),
		("b.txt", b'0', ""),
		("b/y", b'0', ""),
		("c", b'1', "0"),
		("l", b'2', "a"),
	];
	assert_eq!(
		names,
		expected.map(|(path, kind, link)| (path.to_string(), kind, link.to_string()))
	);
	let mut p = Program::with_image(first.into());
	for path in ["0", "a/x", "c"] {
		assert_eq!(p.content(path), Ok(b"1".to_vec()));
	}
	// The last of several counts.
	let twice = image(&[file("a", b"1"), link("a", "x"), file("a", b"22")]);
	assert!(twice == image(&[file("a", b"22")]));
	assert_eq!(image(&[]).len(), 512 + 512 + 1_024);
	let mut p = Program::with_image(image(&[]).into());
	assert_eq!(p.names("."), Ok(vec!["tmp".into(), "dev".into()]));
}

/// Paths, kinds and links of an archive whose times are not those of an output.
fn read_names(archive: &[u8]) -> Vec<(String, u8, String)> {
	let mut names = Vec::new();
	let mut at = 0;
	while archive[at] != 0 {
		let text = |from: usize, len: usize| {
			let field = &archive[at + from..at + from + len];
			String::from_utf8(field[..field.iter().position(|byte| *byte == 0).unwrap_or(len)].to_vec()).unwrap()
		};
		names.push((text(0, 100), archive[at + 156], text(157, 100)));
		at += 512 + usize::from_str_radix(&text(124, 12), 8).unwrap().next_multiple_of(512);
	}
	names
}
