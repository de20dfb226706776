//! Writing headers of archives: ustar, and pax for what is too long for it.
//!
//! Nothing in them depends on when or by whom they are written.

use crate::{
	host::{scratch, Host, Memory},
	tar::HEADER,
	text::Name,
	wasi::Wasi,
};

/// Bytes of the field of a name, and of what comes before it.
const NAME: u32 = 100;
const PREFIX: u32 = 155;

/// What a header says.
#[derive(Clone, Copy)]
pub(crate) struct Head {
	/// `0` file, `1` another name, `2` symbolic link, `5` directory.
	pub kind: u8,
	pub executable: bool,
	pub size: u32,
	pub path: Name,
	/// Where a link leads.
	pub link: Name,
}

impl<H: Host> Wasi<H> {
	/// Appends bytes of our own memory to the output.
	#[inline(never)]
	pub(crate) fn put(&mut self, from: u32, len: u32, code: u32) {
		if len > 0 {
			self.reserve(len, code);
			self.host.output(Memory::Own, from, len);
		}
	}

	/// Appends zeros to the output.
	#[inline(never)]
	pub(crate) fn put_zeros(&mut self, len: u32, code: u32) {
		let mut left = len;
		while left > 0 {
			let some = left.min(scratch::ZEROS_LEN);
			self.put(self.scratch(scratch::ZEROS), some, code);
			left -= some;
		}
	}

	/// Fills the last block after so many bytes.
	pub(crate) fn put_padding(&mut self, len: u32, code: u32) {
		self.put_zeros(len.wrapping_neg() % HEADER, code);
	}

	/// Appends a header to the output.
	#[inline(never)]
	pub(crate) fn put_head(&mut self, head: Head, code: u32) {
		let split = self.split_path(head.path);
		let long_path = split.is_none();
		let long_link = head.link.len > NAME;
		if long_path || long_link {
			let path = if long_path { pax_len(4, head.path.len) } else { 0 };
			let link = if long_link { pax_len(8, head.link.len) } else { 0 };
			let name = Name {
				at: self.scratch(scratch::LISTED),
				len: 3,
			};
			self.host.store32(name.at, 0, u32::from_le_bytes(*b"pax\0"));
			let none = Name { len: 0, ..name };
			let size = path + link;
			self.put_one(
				Head {
					kind: b'x',
					executable: false,
					size,
					path: name,
					link: none,
				},
				0,
				code,
			);
			if long_path {
				self.put_pax(b"path", head.path, path, code);
			}
			if long_link {
				self.put_pax(b"linkpath", head.link, link, code);
			}
			self.put_padding(size, code);
		}
		self.put_one(head, split.unwrap_or(0), code);
	}

	/// How many bytes of a path go before its name: 0 if it is short, none if it fits nowhere.
	fn split_path(&self, path: Name) -> Option<u32> {
		if path.len <= NAME {
			return Some(0);
		}
		let first = path.len - NAME - 1;
		(first.max(1)..=PREFIX.min(path.len - 2)).find(|at| self.host.load8(path.at + at, 0) == u32::from(b'/'))
	}

	#[inline(never)]
	fn put_one(&mut self, head: Head, prefix: u32, code: u32) {
		let record = self.scratch(scratch::RECORD);
		self.host.clear(record, HEADER);
		if prefix > 0 {
			self.host.copy(record + 345, head.path.at, prefix);
			self.host
				.copy(record, head.path.at + prefix + 1, head.path.len - prefix - 1);
		} else {
			self.host.copy(record, head.path.at, head.path.len.min(NAME));
		}
		self.host.copy(record + 157, head.link.at, head.link.len.min(NAME));
		let mode = if head.kind == b'5' || head.executable {
			0o755
		} else {
			0o644
		};
		// Mode, user, group, size, time, and the numbers of a device.
		for (at, digits, value) in [
			(100, 7, mode),
			(108, 7, 0),
			(116, 7, 0),
			(124, 11, head.size),
			(136, 11, 0),
			(329, 7, 0),
			(337, 7, 0),
		] {
			self.octal(record + at, digits, value);
		}
		self.host.store8(record, 156, head.kind.into());
		self.host.store64(record, 257, u64::from_le_bytes(*b"ustar\x0000"));
		// The sum is of blanks in its own place.
		self.host.store64(record, 148, u64::from_le_bytes(*b"        "));
		let sum = self.sum(record) as u32;
		self.octal(record + 148, 6, sum);
		self.host.store8(record, 154, 0);
		self.put(record, HEADER, code);
	}

	/// Stores a number with so many digits.
	#[inline(never)]
	fn octal(&mut self, at: u32, digits: u32, value: u32) {
		let mut value = value;
		for i in (0..digits).rev() {
			self.host.store8(at + i, 0, u32::from(b'0') + value % 8);
			value /= 8;
		}
	}

	/// Appends a pax record of so many bytes.
	#[inline(never)]
	fn put_pax(&mut self, key: &[u8], value: Name, len: u32, code: u32) {
		// Ten digits are enough; they are written from the last one on.
		let mut at = self.scratch(scratch::RECORD) + 10;
		let mut start = at;
		let mut rest = len;
		loop {
			start -= 1;
			self.host.store8(start, 0, u32::from(b'0') + rest % 10);
			rest /= 10;
			if rest == 0 {
				break;
			}
		}
		for byte in [b' '].iter().chain(key).chain(b"=") {
			self.host.store8(at, 0, u32::from(*byte));
			at += 1;
		}
		self.put(start, at - start, code);
		self.put(value.at, value.len, code);
		self.host.store8(start, 0, u32::from(b'\n'));
		self.put(start, 1, code);
	}
}

/// Bytes of a pax record, which counts its own length.
fn pax_len(key: u32, value: u32) -> u32 {
	// A blank, `=` and the end of the line.
	let rest = key + value + 3;
	let mut digits = 1;
	let mut power = 10;
	while rest + digits >= power {
		digits += 1;
		power *= 10;
	}
	rest + digits
}
