//! Reading archives: v7, ustar, GNU long names, pax paths, sizes and times.
//!
//! Whatever is not understood ends the run, since a file that is missing silently would be worse: devices, sparse files,
//! volumes, checksums that are wrong, archives that end without a block of zeros.

use crate::{
	host::{scratch, Host, Memory, Region},
	setup::PATH,
	text::Name,
	wasi::Wasi,
};

/// Bytes of a header, of which contents take a multiple.
pub(crate) const HEADER: u32 = 512;
/// Bytes of a pax record that are looked at: its length, its key, and a number.
const WINDOW: u32 = 64;

/// What an entry of an archive is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
	File,
	Directory,
	/// A symbolic link.
	Link,
	/// Another name of an entry before it.
	Same,
}

/// Bytes in a region.
#[derive(Clone, Copy)]
pub(crate) struct Span {
	pub at: u32,
	pub len: u32,
}

/// An entry of an archive. Its path is in the scratch room.
pub(crate) struct Header {
	pub kind: Kind,
	pub path: Name,
	/// The content of a file, or the text of a link.
	pub data: Span,
	pub mtime: u32,
	pub executable: bool,
}

/// Where the reading of an archive is.
pub(crate) struct Archive {
	pub region: Region,
	pub at: u64,
	pub len: u64,
}

/// What comes before a header and changes it.
#[derive(Clone, Copy, Default)]
struct Changes {
	path: Option<(u32, u32)>,
	link: Option<(u32, u32)>,
	size: Option<u64>,
	mtime: Option<u64>,
}

impl<H: Host> Wasi<H> {
	/// Ends the run for what is wrong with an archive.
	#[cold]
	#[inline(never)]
	pub(crate) fn bad_archive(&mut self, region: Region, reason: &'static str) -> ! {
		self.host
			.reason(if region == Region::Input { "input: " } else { "image: " });
		self.malformed(reason)
	}

	/// The next entry of an archive; none at its end.
	#[inline(never)]
	pub(crate) fn header(&mut self, archive: &mut Archive) -> Option<Header> {
		let region = archive.region;
		let mut changes = Changes::default();
		loop {
			if archive.len - archive.at < HEADER.into() {
				self.bad_archive(region, "an archive that is cut off");
			}
			let (start, record) = (archive.at as u32, self.scratch(scratch::RECORD));
			self.host.read(region, Memory::Own, start, record, HEADER);
			let sum = self.sum(record);
			if sum == 0 {
				return None;
			}
			let stated = self.number(record + 148, 8);
			let blanks = (0..8)
				.map(|i| u64::from(self.host.load8(record + 148 + i, 0)))
				.sum::<u64>();
			if stated != Some(sum - blanks + 8 * u64::from(b' ')) {
				self.bad_archive(region, "an archive with a wrong checksum");
			}
			let kind = self.host.load8(record, 156) as u8;
			// What is no file has no content, whatever its size says.
			let has_content = !matches!(kind, b'1' | b'2' | b'5');
			let size = match changes.size.filter(|_| matches!(kind, 0 | b'0' | b'7')) {
				Some(size) => Some(size),
				None => self.number(record + 124, 12),
			};
			let Some(size) = size else {
				self.bad_archive(region, "an archive with a size that is no number");
			};
			let data = archive.at + u64::from(HEADER);
			let size = if has_content { size } else { 0 };
			archive.at = match size
				.checked_next_multiple_of(HEADER.into())
				.and_then(|size| data.checked_add(size))
			{
				Some(at) if at <= archive.len => at,
				_ => self.bad_archive(region, "an archive that is cut off"),
			};
			if size > u32::MAX.into() {
				self.bad_archive(region, "an archive with a file of more than 2^32 - 1 bytes");
			}
			let content = Span {
				at: data as u32,
				len: size as u32,
			};
			match kind {
				b'x' => self.pax(region, content, &mut changes),
				b'g' => {}
				b'L' => changes.path = Some(self.trimmed(region, content)),
				b'K' => changes.link = Some(self.trimmed(region, content)),
				b'0' | b'7' | 0 => return Some(self.entry_of(region, record, Kind::File, content, start, changes)),
				b'1' => return Some(self.entry_of(region, record, Kind::Same, content, start, changes)),
				b'2' => return Some(self.entry_of(region, record, Kind::Link, content, start, changes)),
				b'5' => return Some(self.entry_of(region, record, Kind::Directory, content, start, changes)),
				_ => self.bad_archive(region, "an archive with an entry of unknown kind"),
			}
		}
	}

	/// Puts an entry together.
	#[inline(never)]
	fn entry_of(
		&mut self,
		region: Region,
		record: u32,
		kind: Kind,
		content: Span,
		start: u32,
		changes: Changes,
	) -> Header {
		let path = Name {
			at: self.scratch(scratch::PATH),
			len: 0,
		};
		let path = match changes.path {
			Some((_, len)) if len > PATH => self.bad_archive(region, "an archive with a path of more than 4,096 bytes"),
			Some((at, len)) => {
				self.host.read(region, Memory::Own, at, path.at, len);
				Name { len, ..path }
			}
			None => self.short_path(record, path),
		};
		if path.len == 0 || self.check_text(path.at, path.len).is_err() {
			self.bad_archive(region, "an archive with a path that is none");
		}
		// Before there was a kind for directories, a slash at the end meant one.
		let ends = self.host.load8(path.at + path.len - 1, 0) == u32::from(b'/');
		let kind = if kind == Kind::File && ends {
			Kind::Directory
		} else {
			kind
		};
		let mut data = content;
		if matches!(kind, Kind::Link | Kind::Same) {
			let (at, len) = match changes.link {
				Some(link) => link,
				None => (start + 157, self.text_len(record + 157, 100)),
			};
			if len == 0 || len > PATH {
				self.bad_archive(region, "an archive with a link that leads nowhere");
			}
			data = Span { at, len };
		}
		let mtime = changes.mtime.or_else(|| self.number(record + 136, 12)).unwrap_or(0);
		let mode = self.number(record + 100, 8).unwrap_or(0);
		Header {
			kind,
			path,
			data,
			mtime: mtime.min(u32::MAX.into()) as u32,
			executable: mode & 0o111 != 0,
		}
	}

	/// The path that is in a header itself.
	fn short_path(&mut self, record: u32, path: Name) -> Name {
		let mut len = 0;
		// GNU has other things where POSIX has the path's beginning.
		if self.host.load64(record, 257) & 0xffff_ffff_ffff == u64::from_le_bytes(*b"ustar\0\0\0") {
			len = self.text_len(record + 345, 155);
			if len > 0 {
				self.host.copy(path.at, record + 345, len);
				self.host.store8(path.at, len, u32::from(b'/'));
				len += 1;
			}
		}
		let name = self.text_len(record, 100);
		self.host.copy(path.at + len, record, name);
		Name {
			len: len + name,
			..path
		}
	}

	/// The bytes of a field before its first NUL.
	fn text_len(&self, at: u32, most: u32) -> u32 {
		self.find_byte(at, most, 0)
	}

	/// Without the NULs at its end.
	#[inline(never)]
	fn trimmed(&mut self, region: Region, content: Span) -> (u32, u32) {
		let mut len = content.len;
		// There is one; more would be odd, and a program need not pay for many.
		for _ in 0..8 {
			if len == 0 {
				break;
			}
			let last = self.scratch(scratch::NAME);
			self.host.read(region, Memory::Own, content.at + len - 1, last, 1);
			if self.host.load8(last, 0) != 0 {
				break;
			}
			len -= 1;
		}
		(content.at, len)
	}

	/// The sum of a header's bytes.
	#[inline(never)]
	pub(crate) fn sum(&self, record: u32) -> u64 {
		const LANES: u64 = 0x00ff_00ff_00ff_00ff;
		let mut lanes = 0;
		let mut at = record;
		while at < record + HEADER {
			// Some at a time, since every turn of a loop is paid.
			for offset in [0, 8, 16, 24, 32, 40, 48, 56] {
				let word = self.host.load64(at, offset);
				lanes += (word & LANES) + (word >> 8 & LANES);
			}
			at += 64;
		}
		(lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48)
	}

	/// A number of a header: octal digits among blanks, or a positive number of the highest bits' kind.
	#[inline(never)]
	pub(crate) fn number(&self, at: u32, len: u32) -> Option<u64> {
		let first = self.host.load8(at, 0);
		let mut value: u64 = 0;
		if first == 0x80 {
			for i in 1..len {
				if value >> 56 != 0 {
					return None;
				}
				value = value << 8 | u64::from(self.host.load8(at + i, 0));
			}
			return Some(value);
		}
		let mut digits = 0;
		for i in 0..len {
			match self.host.load8(at + i, 0) as u8 {
				digit @ b'0'..=b'7' => {
					value = value << 3 | u64::from(digit - b'0');
					digits += 1;
				}
				b' ' if digits == 0 => {}
				b' ' | 0 => break,
				_ => return None,
			}
		}
		Some(value)
	}

	/// Reads the records of a pax header: `LENGTH KEY=VALUE\n` each.
	#[inline(never)]
	fn pax(&mut self, region: Region, content: Span, changes: &mut Changes) {
		let window = self.scratch(scratch::NAME);
		let (mut at, mut left) = (content.at, content.len);
		while left > 0 {
			let seen = left.min(WINDOW);
			self.host.read(region, Memory::Own, at, window, seen);
			let (len, digits) = self.decimal(window, 0, seen);
			let len = match u32::try_from(len) {
				Ok(len) if digits > 0 && len > digits + 1 && len <= left && digits < seen => len,
				_ => self.bad_archive(region, "an archive with a pax header that is none"),
			};
			let last = self.scratch(scratch::LISTED);
			self.host.read(region, Memory::Own, at + len - 1, last, 1);
			if self.host.load8(window, digits) != u32::from(b' ') || self.host.load8(last, 0) != u32::from(b'\n') {
				self.bad_archive(region, "an archive with a pax header that is none");
			}
			let key = digits + 1;
			let ends = seen.min(len - 1);
			let value = |key_len: u32| (at + key + key_len, len - 1 - key - key_len);
			if self.begins(window, key, ends, b"path=") {
				changes.path = Some(value(5));
			} else if self.begins(window, key, ends, b"linkpath=") {
				changes.link = Some(value(9));
			} else if self.begins(window, key, ends, b"size=") {
				let (size, digits) = self.decimal(window, key + 5, ends);
				if digits == 0 || key + 5 + digits != len - 1 {
					self.bad_archive(region, "an archive with a size that is no number");
				}
				changes.size = Some(size);
			} else if self.begins(window, key, ends, b"mtime=") {
				// A fraction is cut off; before 1970 there is nothing.
				changes.mtime = Some(self.decimal(window, key + 6, ends).0);
			} else if self.begins(window, key, ends, b"GNU.sparse.") {
				self.bad_archive(region, "an archive with a sparse file");
			}
			at += len;
			left -= len;
		}
	}

	/// Whether a text is in a window at a place.
	#[inline(never)]
	fn begins(&self, window: u32, at: u32, end: u32, text: &[u8]) -> bool {
		text.len() <= (end - at) as usize
			&& text
				.iter()
				.zip(window + at..)
				.all(|(byte, at)| self.host.load8(at, 0) == u32::from(*byte))
	}

	/// The decimal number at a place of a window, and its digits. It stays at its greatest if it has too many.
	#[inline(never)]
	fn decimal(&self, window: u32, from: u32, end: u32) -> (u64, u32) {
		let mut value = 0_u64;
		let mut at = from;
		while at < end {
			let digit = self.host.load8(window, at).wrapping_sub(u32::from(b'0'));
			if digit > 9 {
				break;
			}
			value = value.saturating_mul(10).saturating_add(digit.into());
			at += 1;
		}
		(value, at - from)
	}
}
