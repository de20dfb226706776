//! Archives for tests: images with an index, plain ones, and a reader of outputs.

use millrace_wasi::tools::pack::{Entry, Kind, Plan};
use std::io::Write;

/// An entry, and what it contains if it is a file.
pub type Item = (Entry, Vec<u8>);

pub fn directory(path: &str) -> Item {
	(entry(path, Kind::Directory), Vec::new())
}

pub fn file(path: &str, content: &[u8]) -> Item {
	(entry(path, Kind::File(content.len() as u64)), content.to_vec())
}

pub fn link(path: &str, text: &str) -> Item {
	(entry(path, Kind::Link(text.into())), Vec::new())
}

pub fn same(path: &str, of: &str) -> Item {
	(entry(path, Kind::Same(of.into())), Vec::new())
}

fn entry(path: &str, kind: Kind) -> Entry {
	Entry {
		path: path.into(),
		kind,
		executable: false,
		mtime: 1_700_000_000,
	}
}

/// An image with an index.
pub fn image(items: &[Item]) -> Vec<u8> {
	let plan = Plan::new(items.iter().map(|(entry, _)| entry.clone()).collect()).expect("entries of an image");
	let mut bytes = Vec::new();
	plan.write(&mut bytes, |number, out: &mut dyn Write| {
		out.write_all(&items[number].1)
	})
	.expect("an image");
	assert_eq!(bytes.len() as u64, plan.len());
	bytes
}

/// Where the entries behind the index begin.
pub fn after_index(image: &[u8]) -> usize {
	let size = std::str::from_utf8(&image[124..135]).unwrap();
	512 + usize::from_str_radix(size, 8).unwrap().next_multiple_of(512)
}

/// The same files without an index.
pub fn plain(items: &[Item]) -> Vec<u8> {
	let image = image(items);
	image[after_index(&image)..].to_vec()
}

/// A header with these fields; the rest is as `tar` has it.
pub fn header(name: &[u8], kind: u8, size: u64, link: &[u8]) -> Vec<u8> {
	let mut header = vec![0; 512];
	header[..name.len()].copy_from_slice(name);
	header[100..107].copy_from_slice(b"0000644");
	header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
	header[136..147].copy_from_slice(b"14524750400");
	header[156] = kind;
	header[157..157 + link.len()].copy_from_slice(link);
	header[257..265].copy_from_slice(b"ustar\x0000");
	seal(&mut header);
	header
}

/// Sets the checksum.
pub fn seal(header: &mut [u8]) {
	header[148..156].copy_from_slice(b"        ");
	let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
	header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

/// A whole entry: header, content, padding.
pub fn whole(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
	let mut bytes = header(name.as_bytes(), kind, content.len() as u64, b"");
	bytes.extend(content);
	bytes.resize(bytes.len().next_multiple_of(512), 0);
	bytes
}

/// A pax header.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
	let mut content = Vec::new();
	for (key, value) in records {
		let rest = key.len() + value.len() + 3;
		let len = (rest..).find(|len| *len == rest + len.to_string().len()).unwrap();
		content.extend(format!("{len} {key}={value}\n").as_bytes());
	}
	whole("pax", b'x', &content)
}

/// Parts and the two blocks of zeros at the end.
pub fn ended(parts: &[Vec<u8>]) -> Vec<u8> {
	[parts.concat(), vec![0; 1_024]].concat()
}

/// An entry of an archive, read independently of the functions that are tested.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
	pub path: String,
	pub kind: u8,
	pub mode: u32,
	pub link: String,
	pub content: Vec<u8>,
}

/// Reads an archive as outputs are: ustar and pax, everything else a panic.
pub fn read(archive: &[u8]) -> Vec<Read> {
	let mut entries = Vec::new();
	let (mut path, mut link) = (None, None);
	let mut at = 0;
	loop {
		let header = &archive[at..at + 512];
		at += 512;
		if header.iter().all(|byte| *byte == 0) {
			assert_eq!(archive[at..], [0; 512], "two blocks of zeros at the end");
			return entries;
		}
		let mut sealed = header.to_vec();
		seal(&mut sealed);
		assert_eq!(sealed, header, "the checksum");
		let text = |from: usize, len: usize| {
			let field = &header[from..from + len];
			let end = field.iter().position(|byte| *byte == 0).unwrap_or(len);
			String::from_utf8_lossy(&field[..end]).into_owned()
		};
		let number = |from: usize, len: usize| u64::from_str_radix(&text(from, len), 8).unwrap();
		assert_eq!(&header[257..265], b"ustar\x0000");
		assert_eq!(
			(number(108, 8), number(116, 8), number(136, 12)),
			(0, 0, 0),
			"user, group, time"
		);
		assert_eq!(header[265..329], [0; 64], "names of users");
		let size = number(124, 12) as usize;
		let content = archive[at..at + size].to_vec();
		at += size.next_multiple_of(512);
		if header[156] == b'x' {
			let mut rest = &content[..];
			while !rest.is_empty() {
				let space = rest.iter().position(|byte| *byte == b' ').unwrap();
				let len: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
				let record = std::str::from_utf8(&rest[space + 1..len])
					.unwrap()
					.strip_suffix('\n')
					.unwrap();
				let (key, value) = record.split_once('=').unwrap();
				match key {
					"path" => path = Some(value.to_string()),
					"linkpath" => link = Some(value.to_string()),
					_ => panic!("{key}"),
				}
				rest = &rest[len..];
			}
			continue;
		}
		let prefix = text(345, 155);
		let short = if prefix.is_empty() {
			text(0, 100)
		} else {
			format!("{prefix}/{}", text(0, 100))
		};
		entries.push(Read {
			path: path.take().unwrap_or(short),
			kind: header[156],
			mode: number(100, 8) as u32,
			link: link.take().unwrap_or_else(|| text(157, 100)),
			content,
		});
	}
}
