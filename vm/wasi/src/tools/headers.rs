//! Headers of archives, as the packer writes them.

use std::{
	format,
	io::{self, Write},
	vec,
	vec::Vec,
};

/// Bytes of a header, of which contents take a multiple.
pub(super) const BLOCK: u64 = 512;

/// How many bytes of a path go before its name in a header: 0 if it is short, none if it fits nowhere.
pub(super) fn split(path: &[u8]) -> Option<usize> {
	if path.len() <= 100 {
		return Some(0);
	}
	((path.len() - 101).max(1)..=155.min(path.len() - 2)).find(|at| path[*at] == b'/')
}

/// A pax record, which counts its own length.
pub(super) fn pax(key: &[u8], value: &[u8]) -> Vec<u8> {
	let rest = key.len() + value.len() + 3;
	let mut len = rest + 1;
	while len != rest + format!("{len}").len() {
		len += 1;
	}
	[format!("{len} ").as_bytes(), key, b"=", value, b"\n"].concat()
}

/// A header.
pub(super) fn header(
	name: &[u8],
	prefix: &[u8],
	link: &[u8],
	kind: u8,
	executable: bool,
	size: u64,
	mtime: u32,
) -> Vec<u8> {
	let mut header = vec![0; BLOCK as usize];
	let mut set = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
	set(0, name);
	set(100, if executable { b"0000755" } else { b"0000644" });
	set(108, b"0000000");
	set(116, b"0000000");
	set(124, format!("{size:011o}").as_bytes());
	set(136, format!("{mtime:011o}").as_bytes());
	set(148, b"        ");
	set(156, &[kind]);
	set(157, link);
	set(257, b"ustar\x0000");
	set(329, b"0000000");
	set(337, b"0000000");
	set(345, prefix);
	let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
	header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
	header
}

pub(super) fn pad(out: &mut impl Write, len: u64) -> io::Result<()> {
	out.write_all(&vec![0; (len.next_multiple_of(BLOCK) - len) as usize])
}
