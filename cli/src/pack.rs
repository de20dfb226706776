//! Archives of files for programs: a folder, or a tar that somebody made, as a ustar with the index by which programs read
//! it. What such an archive is stands with its reader, in `vm/wasi`.
//!
//! Names, symbolic links, executable bits and times stay as they are. A folder that changes while it is read is refused:
//! every file's size and time are compared before and after, and once more at the end.

use crate::{
	failure::{Failure, Result},
	stored::Stored,
};
use millrace_client::words;
use plan::{Entry, Kind, Plan};
use std::{
	collections::BTreeMap,
	ffi::OsStr,
	fs::{self, File, Metadata},
	io::{self, Read, Seek, SeekFrom, Write},
	os::unix::{ffi::OsStrExt, fs::MetadataExt},
	path::{Path, PathBuf},
};

#[path = "../../vm/wasi/src/tools/headers.rs"]
mod headers;
/// The layout, and the headers in it. That crate is a workspace of its own, which cannot be a dependency from here.
#[path = "../../vm/wasi/src/tools/pack.rs"]
mod plan;

/// The index's name in an archive.
const INDEX: &[u8] = b".millrace-index";

/// What an archive will hold.
pub struct Package {
	source: PathBuf,
	/// Of a tar, what tells that it was not changed.
	stamp: Option<Stamp>,
	plan: Plan,
	contents: Vec<Content>,
}

/// Where an entry's content is.
enum Content {
	/// None.
	Nothing,
	/// A file.
	File(PathBuf, Stamp),
	/// A part of the tar.
	Part(u64, u64),
}

/// What tells that something was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
	size: u64,
	modified: (i64, i64),
	inode: u64,
	kind: u32,
}

impl Stamp {
	/// That of a file as it is.
	pub fn of(metadata: &Metadata) -> Self {
		Self {
			// A folder's size says nothing.
			size: if metadata.is_dir() { 0 } else { metadata.len() },
			modified: (metadata.mtime(), metadata.mtime_nsec()),
			inode: metadata.ino(),
			kind: metadata.mode(),
		}
	}

	/// The size in bytes.
	pub fn len(&self) -> u64 {
		self.size
	}

	/// True if size and time are the same: what is in it has not changed, whatever else did.
	pub fn has_same_content(&self, other: &Self) -> bool {
		(self.size, self.modified) == (other.size, other.modified)
	}
}

impl Package {
	/// Looks at a folder or a tar. With `mtime` that is every entry's time, so that the archive does not depend on when
	/// the files were written.
	pub fn new(source: &Path, mtime: Option<u32>) -> Result<Self> {
		crate::job::exists(source)?;
		let metadata = fs::metadata(source).map_err(|error| failed(source, error))?;
		if !metadata.is_dir() && !metadata.is_file() {
			return Err(failed(source, "neither a folder nor a file: name one of these"));
		}
		// Before it is looked at.
		let stamp = metadata.is_file().then(|| Stamp::of(&metadata));
		let (mut entries, contents) = match stamp {
			None => walk(source)?,
			Some(_) => list(source)?,
		};
		if let Some(mtime) = mtime {
			entries.iter_mut().for_each(|entry| entry.mtime = mtime);
		}
		let plan = Plan::new(entries).map_err(|error| failed(source, error))?;
		Ok(Self {
			source: source.into(),
			stamp,
			plan,
			contents,
		})
	}

	/// The archive's length in bytes.
	pub fn len(&self) -> u64 {
		self.plan.len()
	}

	/// The number of entries.
	pub fn entries(&self) -> usize {
		self.contents.len()
	}

	/// Writes it.
	pub fn write(&self, mut out: &mut dyn Write) -> Result<()> {
		self.unchanged()?;
		let mut tar = None;
		// Its own words where an error of input and output has none.
		let mut trouble: Option<Failure> = None;
		let written = self.plan.write(&mut out, |number, out| {
			let copied = match self.contents.get(number) {
				Some(Content::File(path, stamp)) => copy_file(path, stamp, out),
				Some(Content::Part(at, len)) => copy_part(&self.source, &mut tar, *at, *len, out),
				_ => Ok(()),
			};
			copied.map_err(|error| {
				let kind = error.kind();
				let path = match self.contents.get(number) {
					Some(Content::File(path, _)) => path,
					_ => &self.source,
				};
				trouble = Some(failed(path, error));
				kind.into()
			})
		});
		if let Some(trouble) = trouble {
			return Err(trouble);
		}
		written.map_err(|error| failed(&self.source, error))?;
		self.unchanged()?;
		for content in &self.contents {
			if let Content::File(path, stamp) = content {
				let now = fs::symlink_metadata(path).map_err(|error| failed(path, error))?;
				if Stamp::of(&now) != *stamp {
					return Err(failed(path, CHANGED));
				}
			}
		}
		Ok(())
	}

	/// Refuses a tar that was changed since it was listed.
	fn unchanged(&self) -> Result<()> {
		let Some(stamp) = self.stamp else {
			return Ok(());
		};
		let now = fs::metadata(&self.source).map_err(|error| failed(&self.source, error))?;
		match Stamp::of(&now) == stamp {
			true => Ok(()),
			false => Err(failed(&self.source, CHANGED)),
		}
	}

	/// Writes it to a file of this process's own, of at most `most` bytes.
	pub fn store(&self, most: u32) -> Result<Stored> {
		self.fits(most)?;
		Stored::write(&self.source.display().to_string(), most, |out| self.write(out))
	}

	/// The same for one of a job's many inputs.
	pub fn store_one_of_many(&self, most: u32) -> Result<Stored> {
		self.fits(most)?;
		Stored::write_one_of_many(&self.source.display().to_string(), most, |out| self.write(out))
	}

	fn fits(&self, most: u32) -> Result<()> {
		if self.len() > most.into() {
			return Err(failed(
				&self.source,
				format!("{} bytes as an archive, the limit is {most}", self.len()),
			));
		}
		Ok(())
	}
}

const CHANGED: &str = "it changed while it was read";

/// Names in folders and archives may have any characters.
fn failed(path: &Path, reason: impl std::fmt::Display) -> Failure {
	Failure::Input(words::line(&format!("{}: {reason}", path.display())))
}

fn copy_file(path: &Path, stamp: &Stamp, out: &mut dyn Write) -> io::Result<()> {
	let changed = || io::Error::other(CHANGED);
	let mut file = File::open(path)?;
	if Stamp::of(&file.metadata()?) != *stamp {
		return Err(changed());
	}
	let copied = io::copy(&mut Read::take(&mut file, stamp.size), out)?;
	if copied != stamp.size || Stamp::of(&file.metadata()?) != *stamp {
		return Err(changed());
	}
	Ok(())
}

fn copy_part(source: &Path, tar: &mut Option<File>, at: u64, len: u64, out: &mut dyn Write) -> io::Result<()> {
	let file = match tar {
		Some(file) => file,
		None => tar.insert(File::open(source)?),
	};
	file.seek(SeekFrom::Start(at))?;
	match io::copy(&mut file.take(len), out)? == len {
		true => Ok(()),
		false => Err(io::Error::other(CHANGED)),
	}
}

type Listed = (Vec<Entry>, Vec<Content>);

/// All that a folder holds, hidden files too.
fn walk(folder: &Path) -> Result<Listed> {
	let mut listed = Listed::default();
	let mut open = vec![(folder.to_path_buf(), Vec::new())];
	while let Some((folder, below)) = open.pop() {
		let mut children = fs::read_dir(&folder)
			.and_then(Iterator::collect::<io::Result<Vec<_>>>)
			.map_err(|error| failed(&folder, error))?;
		children.sort_by_key(fs::DirEntry::file_name);
		for child in children {
			let path = child.path();
			let metadata = fs::symlink_metadata(&path).map_err(|error| failed(&path, error))?;
			let inside = match below.is_empty() {
				true => child.file_name().as_bytes().to_vec(),
				false => [&below[..], b"/", child.file_name().as_bytes()].concat(),
			};
			let (kind, content) = match metadata.file_type() {
				kind if kind.is_dir() => {
					open.push((path, inside.clone()));
					(Kind::Directory, Content::Nothing)
				}
				kind if kind.is_symlink() => {
					let text = fs::read_link(&path).map_err(|error| failed(&path, error))?;
					(Kind::Link(text.as_os_str().as_bytes().to_vec()), Content::Nothing)
				}
				kind if kind.is_file() => (Kind::File(metadata.len()), Content::File(path, Stamp::of(&metadata))),
				_ => {
					return Err(failed(
						&path,
						"neither a file, a folder nor a symbolic link; programs have no others",
					))
				}
			};
			listed.0.push(Entry {
				path: inside,
				kind,
				executable: metadata.mode() & 0o111 != 0,
				mtime: metadata.mtime().clamp(0, u32::MAX.into()) as u32,
			});
			listed.1.push(content);
		}
	}
	Ok(listed)
}

/// All that a tar holds. Of several entries with one path the last counts.
fn list(source: &Path) -> Result<Listed> {
	let mut file = File::open(source).map_err(|error| failed(source, error))?;
	let size = file.metadata().map_err(|error| failed(source, error))?.len();
	if size == 0 {
		return Err(failed(source, "not a tar archive: it is empty"));
	}
	let compressed = compression(&mut file).map_err(|error| failed(source, error))?;
	let no_archive = |error: io::Error| match compressed {
		Some((name, tool)) => failed(
			source,
			format!("it is compressed ({name}), which programs cannot read: unpack it first with `{tool}`"),
		),
		None => failed(source, format!("not a tar archive, or not all of one: {error}")),
	};
	let mut archive = tar::Archive::new(file);
	let mut listed = Listed::default();
	// Where the contents of files are, for their other names.
	let mut files: BTreeMap<Vec<u8>, (u64, u64)> = BTreeMap::new();
	// Where the last entry ends.
	let mut end = 0;
	for entry in archive.entries_with_seek().map_err(no_archive)? {
		let mut entry = entry.map_err(no_archive)?;
		end = entry.raw_file_position().saturating_add(entry.size());
		let raw = entry.path_bytes().into_owned();
		let wrong = |why: &str| failed(source, format!("`{}` {why}", String::from_utf8_lossy(&raw)));
		let kind = entry.header().entry_type();
		if raw == INDEX || kind.is_pax_global_extensions() {
			continue;
		}
		let (mut is_sparse, mut time) = (kind.is_gnu_sparse(), None);
		for key in entry.pax_extensions().map_err(no_archive)?.into_iter().flatten() {
			// A value with a line's end in it is none that matters here, and is read wrong.
			let Ok(key) = key else { continue };
			is_sparse |= key.key_bytes().starts_with(b"GNU.sparse.");
			if key.key_bytes() == b"mtime" {
				time = key.value().ok().and_then(whole_seconds);
			}
		}
		if is_sparse {
			return Err(wrong("is a sparse file; make the tar without --sparse"));
		}
		let path = inside(&raw).ok_or_else(|| wrong("leads out of the archive"))?;
		if path.is_empty() {
			if kind.is_dir() || (kind.is_file() && raw.ends_with(b"/") && entry.size() == 0) {
				// The root, which is there anyway.
				continue;
			}
			return Err(wrong("is no name of a file"));
		}
		let link = || {
			entry
				.link_name_bytes()
				.map(|name| name.into_owned())
				.ok_or_else(|| wrong("is a link that leads nowhere"))
		};
		let part = (entry.raw_file_position(), entry.size());
		if part.0.saturating_add(part.1) > size {
			return Err(wrong("is not all there: the archive is cut off; copy or make it again"));
		}
		let (kind, content) = match kind {
			// Before there was a kind for folders, a slash at the end meant one.
			kind if kind.is_dir() || (kind.is_file() && raw.ends_with(b"/")) => (Kind::Directory, Content::Nothing),
			kind if kind.is_file() || kind.is_contiguous() => {
				files.insert(path.clone(), part);
				(Kind::File(part.1), Content::Part(part.0, part.1))
			}
			kind if kind.is_symlink() => (Kind::Link(link()?), Content::Nothing),
			kind if kind.is_hard_link() => {
				let (at, len) = inside(&link()?)
					.and_then(|target| files.get(&target).copied())
					.ok_or_else(|| wrong("is another name of a file that is not there before it"))?;
				files.insert(path.clone(), (at, len));
				(Kind::File(len), Content::Part(at, len))
			}
			_ => return Err(wrong("is a device, a pipe or the like; programs have none")),
		};
		let header = entry.header();
		listed.0.push(Entry {
			path,
			kind,
			executable: header.mode().unwrap_or_default() & 0o111 != 0,
			mtime: time
				.unwrap_or_else(|| header.mtime().unwrap_or_default())
				.min(u32::MAX.into()) as u32,
		});
		listed.1.push(content);
	}
	if !ends(source, end).map_err(|error| failed(source, error))? {
		return Err(failed(
			source,
			"it is cut off: behind its last file there is no end of an archive; copy or make it again",
		));
	}
	Ok(listed)
}

/// The whole seconds of a time as pax headers have it, `-1.25`; what was before 1970 is 0.
fn whole_seconds(text: &str) -> Option<u64> {
	let whole = text.split('.').next()?;
	match whole.strip_prefix('-') {
		Some(_) => Some(0),
		None => whole.parse().ok(),
	}
}

/// Whether there is a block of zeros, with which archives end, where the last entry ends.
fn ends(source: &Path, end: u64) -> io::Result<bool> {
	let mut file = File::open(source)?;
	file.seek(SeekFrom::Start(end.next_multiple_of(512)))?;
	let mut block = Vec::new();
	file.take(512).read_to_end(&mut block)?;
	Ok(block.len() == 512 && block.iter().all(|byte| *byte == 0))
}

/// How a file is compressed, by its first bytes: the name, and what undoes it. The file is at its beginning afterwards.
fn compression(file: &mut File) -> io::Result<Option<(&'static str, &'static str)>> {
	let mut first = Vec::new();
	Read::take(&mut *file, 6).read_to_end(&mut first)?;
	file.rewind()?;
	Ok(match first.as_slice() {
		[0x1f, 0x8b, ..] => Some(("gzip", "gunzip")),
		[0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("zstd", "unzstd")),
		[0xfd, b'7', b'z', b'X', b'Z', 0] => Some(("xz", "unxz")),
		[b'B', b'Z', b'h', ..] => Some(("bzip2", "bunzip2")),
		_ => None,
	})
}

/// An entry's path from the archive's root, without `./` and slashes around it; none if it leads out.
fn inside(path: &[u8]) -> Option<Vec<u8>> {
	let components = path.split(|byte| *byte == b'/');
	let kept: Vec<_> = components
		.filter(|component| !component.is_empty() && *component != b".")
		.collect();
	match kept.iter().any(|component| *component == b"..") {
		true => None,
		false => Some(kept.join(&b'/')),
	}
}

/// True if this is the name of a tar.
pub fn is_tar(name: &OsStr) -> bool {
	name.as_bytes().to_ascii_lowercase().ends_with(b".tar")
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use std::os::unix::fs::{symlink, PermissionsExt};

	fn pack(source: &Path) -> Result<Vec<u8>> {
		let mut bytes = Vec::new();
		let package = Package::new(source, None)?;
		package.write(&mut bytes)?;
		assert_eq!(bytes.len() as u64, package.len());
		Ok(bytes)
	}

	/// What another program finds in an archive: path, kind, content or link, executable, time.
	type Found = (String, char, Vec<u8>, bool, u64);

	fn found(bytes: &[u8]) -> Vec<Found> {
		let mut archive = tar::Archive::new(bytes);
		let entries = archive.entries().unwrap();
		entries
			.map(|entry| {
				let mut entry = entry.unwrap();
				let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
				let kind = entry.header().entry_type().as_byte().into();
				let mut content = Vec::new();
				entry.read_to_end(&mut content).unwrap();
				content.extend(
					entry
						.link_name_bytes()
						.map(|name| name.into_owned())
						.unwrap_or_default(),
				);
				let header = entry.header();
				(
					path,
					kind,
					content,
					header.mode().unwrap() & 0o111 != 0,
					header.mtime().unwrap(),
				)
			})
			.collect()
	}

	/// A folder with something of everything.
	pub fn folder() -> tempfile::TempDir {
		let folder = tempfile::tempdir().unwrap();
		let at = |name: &str| folder.path().join(name);
		fs::create_dir_all(at("lib/deep")).unwrap();
		fs::create_dir(at("empty")).unwrap();
		for (name, content) in [
			("lib/a.py", "print(1)"),
			("lib/deep/Ü b", ""),
			(".hidden", "x"),
			("run", "#!"),
		] {
			fs::write(at(name), content).unwrap();
		}
		fs::set_permissions(at("run"), fs::Permissions::from_mode(0o755)).unwrap();
		symlink("lib/a.py", at("link")).unwrap();
		let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 999_999_999);
		File::options()
			.write(true)
			.open(at("lib/a.py"))
			.unwrap()
			.set_modified(time)
			.unwrap();
		folder
	}

	#[test]
	fn a_folder_becomes_an_archive_with_an_index_that_others_read_too() {
		let folder = folder();
		let bytes = pack(folder.path()).unwrap();
		assert_eq!(&bytes[..INDEX.len()], INDEX);
		assert_eq!(&bytes[512..520], b"MRINDEX1");
		let found = found(&bytes);
		let paths: Vec<_> = found.iter().map(|(path, ..)| path.as_str()).collect();
		let expected = [
			".millrace-index",
			".hidden",
			"empty/",
			"lib/",
			"lib/a.py",
			"lib/deep/",
			"lib/deep/Ü b",
			"link",
			"run",
		];
		assert_eq!(paths, expected);
		assert_eq!(
			found[4],
			("lib/a.py".into(), '0', b"print(1)".to_vec(), false, 1_700_000_000)
		);
		assert_eq!((found[7].1, found[7].2.as_slice()), ('2', &b"lib/a.py"[..]));
		assert!(found[8].3 && !found[1].3);
		assert!(pack(folder.path()).unwrap() == bytes, "the same again");
	}

	#[test]
	fn a_tar_becomes_the_same_archive_however_it_was_made() {
		let folder = folder();
		let bytes = pack(folder.path()).unwrap();
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("a.tar");
		fs::write(&path, &bytes).unwrap();
		assert!(pack(&path).unwrap() == bytes, "one of ours");
		let mut builder = tar::Builder::new(File::create(&path).unwrap());
		builder.follow_symlinks(false);
		builder.append_dir_all("./", folder.path()).unwrap();
		builder.finish().unwrap();
		assert!(pack(&path).unwrap() == bytes, "one of another program");
	}

	#[test]
	fn times_can_be_made_all_the_same() {
		let folder = folder();
		let mut bytes = Vec::new();
		Package::new(folder.path(), Some(7)).unwrap().write(&mut bytes).unwrap();
		assert!(found(&bytes)[1..].iter().all(|entry| entry.4 == 7));
	}

	fn tar_of(entries: &[(&str, tar::EntryType, &str)]) -> (tempfile::TempDir, PathBuf) {
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("a.tar");
		let mut builder = tar::Builder::new(File::create(&path).unwrap());
		for (name, kind, content) in entries {
			let mut header = tar::Header::new_ustar();
			header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
			header.set_entry_type(*kind);
			header.set_mode(0o644);
			header.set_mtime(5);
			if kind.is_hard_link() || kind.is_symlink() {
				header.set_link_name(content).unwrap();
				header.set_size(0);
				header.set_cksum();
				builder.append(&header, io::empty()).unwrap();
			} else {
				header.set_size(content.len() as u64);
				header.set_cksum();
				builder.append(&header, content.as_bytes()).unwrap();
			}
		}
		builder.finish().unwrap();
		(place, path)
	}

	#[test]
	fn of_a_tar_the_last_of_a_name_counts_and_other_names_have_the_content() {
		use tar::EntryType as Type;
		let (_place, path) = tar_of(&[
			("./a", Type::Regular, "old"),
			("/z", Type::Regular, "zz"),
			("a", Type::Regular, "new!"),
			("b", Type::Link, "./z"),
		]);
		let found = found(&pack(&path).unwrap());
		let contents: Vec<_> = found[1..]
			.iter()
			.map(|entry| (entry.0.as_str(), entry.2.as_slice()))
			.collect();
		assert_eq!(contents, [("a", &b"new!"[..]), ("b", b"zz"), ("z", b"zz")]);
	}

	#[test]
	fn what_is_no_files_is_refused_with_its_name() {
		use tar::EntryType as Type;
		for (entry, part) in [
			(("../a", Type::Regular, "x"), "`../a` leads out"),
			(("a/../../b", Type::Regular, "x"), "leads out"),
			(("dev", Type::Char, ""), "`dev` is a device"),
			(("pipe", Type::Fifo, ""), "`pipe` is a device"),
			(("b", Type::Link, "none"), "`b` is another name"),
		] {
			let (_place, path) = tar_of(&[entry]);
			let error = pack(&path).unwrap_err();
			assert!(error.to_string().contains(part), "{part}: {error}");
			assert_eq!(error.exit_code(), 2);
		}
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("x");
		for bytes in [&b""[..], b"text", &[b'x'; 2_000]] {
			fs::write(&path, bytes).unwrap();
			let error = pack(&path).unwrap_err().to_string();
			assert!(error.contains("not a tar archive"), "{error}");
		}
		assert!(pack(&place.path().join("none"))
			.unwrap_err()
			.to_string()
			.contains("no such"));
	}

	#[test]
	fn what_changes_while_it_is_read_is_refused() {
		let folder = folder();
		let package = Package::new(folder.path(), None).unwrap();
		fs::write(folder.path().join("run"), "#?").unwrap();
		let error = package.write(&mut Vec::new()).unwrap_err().to_string();
		assert!(error.contains("run: it changed"), "{error}");
		let package = Package::new(folder.path(), None).unwrap();
		fs::write(folder.path().join("run"), "#! longer").unwrap();
		assert!(package.write(&mut Vec::new()).is_err());
		let package = Package::new(folder.path(), None).unwrap();
		fs::remove_file(folder.path().join("run")).unwrap();
		assert!(package.write(&mut Vec::new()).is_err());
	}

	#[test]
	fn a_tar_that_changes_is_refused_and_a_short_one_is_called_so() {
		use tar::EntryType as Type;
		let content = "x".repeat(5_000);
		let entries = [("a", Type::Regular, content.as_str())];
		let (_place, path) = tar_of(&entries);
		let package = Package::new(&path, None).unwrap();
		let mut bytes = fs::read(&path).unwrap();
		bytes[600] = b'y';
		fs::write(&path, &bytes).unwrap();
		File::options()
			.write(true)
			.open(&path)
			.unwrap()
			.set_modified(std::time::SystemTime::UNIX_EPOCH)
			.unwrap();
		let error = package.write(&mut Vec::new()).unwrap_err().to_string();
		assert!(error.contains("it changed"), "{error}");
		for len in [600, 5_000, 512] {
			fs::write(&path, &bytes[..len]).unwrap();
			let error = pack(&path).unwrap_err().to_string();
			assert!(error.contains("`a` is not all there"), "{len}: {error}");
		}
	}

	#[test]
	fn a_tar_without_an_end_is_cut_off() {
		use tar::EntryType as Type;
		let (_place, path) = tar_of(&[("a", Type::Regular, "one"), ("b", Type::Regular, "two")]);
		let bytes = fs::read(&path).unwrap();
		// Behind the first file, behind the second.
		for len in [1_024, 2_048] {
			fs::write(&path, &bytes[..len]).unwrap();
			let error = pack(&path).unwrap_err().to_string();
			assert!(error.contains("it is cut off"), "{len}: {error}");
		}
		// One block is enough: some programs write no more.
		fs::write(&path, &bytes[..2_560]).unwrap();
		assert!(pack(&path).is_ok());
	}

	#[test]
	fn times_may_be_in_headers_of_their_own() {
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("a.tar");
		for (time, expected) in [
			(&b"1700000000.75"[..], 1_700_000_000),
			(b"1700000001", 1_700_000_001),
			(b"-3.5", 0),
			(b"99999999999", u64::from(u32::MAX)),
			(b"nonsense", 5),
		] {
			let mut builder = tar::Builder::new(File::create(&path).unwrap());
			builder.append_pax_extensions([("mtime", time)]).unwrap();
			let mut header = tar::Header::new_ustar();
			header.set_path("a").unwrap();
			header.set_mtime(5);
			header.set_size(1);
			header.set_cksum();
			builder.append(&header, &b"x"[..]).unwrap();
			builder.into_inner().unwrap();
			let bytes = pack(&path).unwrap();
			assert_eq!(found(&bytes).last().unwrap().4, expected, "{time:?}");
		}
	}

	#[test]
	fn a_file_without_a_name_is_refused() {
		use tar::EntryType as Type;
		for name in [".", "/", ""] {
			let (_place, path) = tar_of(&[(name, Type::Regular, "lost")]);
			let error = pack(&path).unwrap_err().to_string();
			assert!(error.contains("is no name of a file"), "{name}: {error}");
		}
		let (_place, path) = tar_of(&[("./", Type::Directory, ""), ("a", Type::Regular, "x")]);
		assert!(pack(&path).is_ok());
	}

	#[test]
	fn sparse_files_are_refused_in_both_of_their_forms() {
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("a.tar");
		let mut header = tar::Header::new_gnu();
		header.set_path("a").unwrap();
		header.set_entry_type(tar::EntryType::GNUSparse);
		header.set_size(0);
		header.as_gnu_mut().unwrap().set_real_size(0);
		header.set_cksum();
		let mut builder = tar::Builder::new(File::create(&path).unwrap());
		builder.append(&header, io::empty()).unwrap();
		builder.into_inner().unwrap();
		assert!(pack(&path).unwrap_err().to_string().contains("`a` is a sparse file"));
		let mut builder = tar::Builder::new(File::create(&path).unwrap());
		builder
			.append_pax_extensions([("GNU.sparse.major", &b"1"[..]), ("GNU.sparse.name", b"a")])
			.unwrap();
		let mut header = tar::Header::new_ustar();
		header.set_path("GNUSparseFile.1/a").unwrap();
		header.set_size(1);
		header.set_cksum();
		builder.append(&header, &b"x"[..]).unwrap();
		builder.into_inner().unwrap();
		let error = pack(&path).unwrap_err().to_string();
		assert!(
			error.contains("is a sparse file; make the tar without --sparse"),
			"{error}"
		);
	}

	#[test]
	fn compressed_archives_are_called_so_and_names_are_escaped() {
		let place = tempfile::tempdir().unwrap();
		let path = place.path().join("a.tar");
		for (magic, name) in [
			(&b"\x1f\x8b\x08\x00"[..], "(gzip)"),
			(b"\x28\xb5\x2f\xfd", "(zstd)"),
			(b"\xfd7zXZ\0", "(xz)"),
			(b"BZh9", "(bzip2)"),
		] {
			fs::write(&path, [magic, &[0xee; 2_000]].concat()).unwrap();
			let error = pack(&path).unwrap_err().to_string();
			assert!(error.contains(name) && error.contains("unpack it first"), "{error}");
		}
		let (_place, path) = tar_of(&[("\u{1b}[31m", tar::EntryType::Fifo, "")]);
		let error = pack(&path).unwrap_err().to_string();
		assert!(error.contains("`\\u{1b}[31m` is a device"), "{error}");
	}

	#[test]
	fn what_is_too_large_is_refused_before_it_is_written() {
		let folder = folder();
		let error = Package::new(folder.path(), None).unwrap().store(1_000).unwrap_err();
		assert!(error.to_string().contains("the limit is 1000"), "{error}");
		let stored = Package::new(folder.path(), None).unwrap().store(1 << 20).unwrap();
		assert!(fs::read(stored.path()).unwrap() == pack(folder.path()).unwrap());
	}
}
