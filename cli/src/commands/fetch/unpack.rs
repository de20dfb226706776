//! Unpacks an output that is an archive of a directory, into a new folder and nowhere else.
//!
//! The archive is verified, but whoever wrote the program decided what is in it. So paths stay inside, nothing is written
//! through a link, and links that lead out are left out and said. What was there before is never replaced.

use millrace_client::words;
use std::{
	collections::BTreeMap,
	fs::{self, DirBuilder, File},
	io,
	os::unix::fs::{symlink, PermissionsExt},
	path::{Component, Path, PathBuf},
};

/// The most that is copied for files with several names, in bytes: a name takes a block of an archive, its copy all of
/// the file.
const MAX_COPIES: u64 = 1 << 30;

/// Unpacks an archive into a new folder. Returns the links that were left out.
///
/// # Errors
/// What cannot be read or written, or must not be; if something is there already.
pub fn unpack(archive: &Path, to: &Path) -> io::Result<Vec<String>> {
	let parent = to.parent().unwrap_or(Path::new("."));
	let new = tempfile::Builder::new()
		.prefix(&format!(".millrace-{}-", std::process::id()))
		.tempdir_in(parent)?;
	let left_out = fill(archive, new.path(), MAX_COPIES)?;
	fs::set_permissions(new.path(), fs::Permissions::from_mode(0o755))?;
	// Fails if anything but an empty folder is there.
	fs::rename(new.path(), to)?;
	// It is no temporary one any more.
	drop(new.keep());
	Ok(left_out)
}

/// Of files with several names at most `most` bytes are copied.
fn fill(archive: &Path, folder: &Path, most: u64) -> io::Result<Vec<String>> {
	let mut archive = tar::Archive::new(File::open(archive)?);
	// After all files, so that none is written through one.
	let mut links: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
	let mut copied = 0u64;
	for entry in archive.entries()? {
		let mut entry = entry?;
		let name = entry.path()?.into_owned();
		let refused = |why: &str| io::Error::other(words::line(&format!("`{}` {why}", name.display())));
		let path = inside(&name).ok_or_else(|| refused("leads out of the folder"))?;
		let kind = entry.header().entry_type();
		if path.as_os_str().is_empty() || kind.is_pax_global_extensions() {
			continue;
		}
		let place = folder.join(&path);
		let mut builder = DirBuilder::new();
		builder.recursive(true);
		if kind.is_dir() {
			builder.create(&place)?;
			continue;
		}
		builder.create(place.parent().unwrap_or(folder))?;
		if kind.is_symlink() {
			let target = entry
				.link_name()?
				.ok_or_else(|| refused("is a link that leads nowhere"))?;
			links.insert(path, target.into_owned());
		} else if kind.is_hard_link() {
			let target = entry.link_name()?.and_then(|target| inside(&target));
			let target = target.ok_or_else(|| refused("is another name of what is outside"))?;
			let target = folder.join(target);
			copied = copied.saturating_add(fs::symlink_metadata(&target)?.len());
			if copied > most {
				return Err(refused("and other second names of files would take too much room"));
			}
			fs::copy(target, &place)?;
		} else if kind.is_file() || kind.is_contiguous() {
			let executable = entry.header().mode().unwrap_or_default() & 0o111 != 0;
			let mut file = File::create_new(&place)?;
			io::copy(&mut entry, &mut file)?;
			let mode = if executable { 0o755 } else { 0o644 };
			file.set_permissions(fs::Permissions::from_mode(mode))?;
		} else {
			return Err(refused("is neither a file, a folder nor a link"));
		}
	}
	let mut left_out = Vec::new();
	for (path, target) in links {
		match stays_inside(&path, &target) {
			true => symlink(&target, folder.join(&path))?,
			false => left_out.push(format!("{} -> {}", path.display(), target.display())),
		}
	}
	Ok(left_out)
}

/// A path without what is not in it; none if it leads out.
fn inside(path: &Path) -> Option<PathBuf> {
	let mut inside = PathBuf::new();
	for component in path.components() {
		match component {
			Component::Normal(name) => inside.push(name),
			Component::CurDir => {}
			_ => return None,
		}
	}
	Some(inside)
}

/// True if a link at a path of a folder leads to a place in it. `..` must come before all names: above what has a name,
/// which may be a link itself, is anything.
fn stays_inside(link: &Path, target: &Path) -> bool {
	let mut depth = link.components().count().saturating_sub(1);
	let mut named = false;
	for component in target.components() {
		match component {
			Component::Normal(_) => named = true,
			Component::CurDir => {}
			Component::ParentDir => match depth.checked_sub(1) {
				Some(above) if !named => depth = above,
				_ => return false,
			},
			_ => return false,
		}
	}
	true
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::pack::{tests::folder, Package};

	fn tar_of(entries: &[(&str, tar::EntryType, &str)]) -> tempfile::TempDir {
		let place = tempfile::tempdir().unwrap();
		let mut builder = tar::Builder::new(File::create(place.path().join("a.tar")).unwrap());
		for (name, kind, content) in entries {
			let mut header = tar::Header::new_ustar();
			header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
			header.set_entry_type(*kind);
			header.set_mode(0o644);
			let is_link = kind.is_hard_link() || kind.is_symlink();
			if is_link {
				header.set_link_name_literal(content).unwrap();
			}
			let content = if is_link { "" } else { content };
			header.set_size(content.len() as u64);
			header.set_cksum();
			builder.append(&header, content.as_bytes()).unwrap();
		}
		builder.finish().unwrap();
		place
	}

	#[test]
	fn what_was_packed_comes_out_again() {
		let source = folder();
		let place = tempfile::tempdir().unwrap();
		let (archive, to) = (place.path().join("a.tar"), place.path().join("a"));
		let mut file = File::create(&archive).unwrap();
		Package::new(source.path(), None).unwrap().write(&mut file).unwrap();
		assert_eq!(unpack(&archive, &to).unwrap(), Vec::<String>::new());
		fs::write(to.join("mine"), "mine").unwrap();
		// The second time nothing is replaced.
		for _ in 0..2 {
			for name in ["lib/a.py", "lib/deep/Ü b", ".hidden", "run"] {
				let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
				assert_eq!(read(&to), read(source.path()), "{name}");
			}
			assert!(to.join("empty").is_dir());
			assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("lib/a.py"));
			assert!(fs::metadata(to.join("run")).unwrap().permissions().mode() & 0o111 != 0);
			assert_eq!(fs::read(to.join("mine")).unwrap(), b"mine");
			assert!(unpack(&archive, &to).is_err());
		}
		assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing else is left");
	}

	#[test]
	fn nothing_gets_out() {
		use tar::EntryType as Type;
		for entries in [
			&[("../x", Type::Regular, "x")][..],
			&[("/x", Type::Regular, "x")],
			&[("a/../../x", Type::Regular, "x")],
			&[("x", Type::Link, "../../x")],
			&[("x", Type::Char, "")],
			&[("a", Type::Regular, "1"), ("a", Type::Regular, "2")],
			&[("a", Type::Regular, "1"), ("a/b", Type::Regular, "2")],
		] {
			let place = tar_of(entries);
			let to = place.path().join("in/a");
			fs::create_dir(place.path().join("in")).unwrap();
			assert!(unpack(&place.path().join("a.tar"), &to).is_err(), "{entries:?}");
			assert_eq!(fs::read_dir(place.path().join("in")).unwrap().count(), 0, "{entries:?}");
			assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
		}
	}

	#[test]
	fn links_that_lead_out_are_left_out_and_files_are_not_written_through_links() {
		use tar::EntryType as Type;
		let place = tar_of(&[
			("out", Type::Symlink, "/etc"),
			("d/up", Type::Symlink, "../../x"),
			("d/fine", Type::Symlink, "../a"),
			("a", Type::Regular, "a"),
		]);
		let to = place.path().join("to");
		let left_out = unpack(&place.path().join("a.tar"), &to).unwrap();
		assert_eq!(left_out, ["d/up -> ../../x", "out -> /etc"]);
		assert_eq!(fs::read(to.join("d/fine")).unwrap(), b"a");
		// A link, then a file below it: the folder is made, the link has no place any more.
		let place = tar_of(&[("l", Type::Symlink, "d"), ("l/x", Type::Regular, "x")]);
		assert!(unpack(&place.path().join("a.tar"), &place.path().join("to")).is_err());
	}

	#[test]
	fn no_link_leads_out_through_another_one() {
		use tar::EntryType as Type;
		let place = tar_of(&[
			("a/b/l", Type::Symlink, "../.."),
			("x", Type::Symlink, "a/b/l/../secret"),
			("y", Type::Symlink, "a/../a/f"),
			("z", Type::Symlink, "a/b/l/a/f"),
			("a/f", Type::Regular, "f"),
		]);
		fs::write(place.path().join("secret"), "secret").unwrap();
		let to = place.path().join("to");
		let left_out = unpack(&place.path().join("a.tar"), &to).unwrap();
		assert_eq!(left_out, ["x -> a/b/l/../secret", "y -> a/../a/f"]);
		assert!(fs::read(to.join("x")).is_err());
		assert_eq!(fs::read(to.join("z")).unwrap(), b"f");
	}

	#[test]
	fn second_names_are_bounded_and_names_are_escaped() {
		use tar::EntryType as Type;
		let place = tar_of(&[
			("a", Type::Regular, "12345"),
			("b", Type::Link, "a"),
			("c", Type::Link, "b"),
		]);
		let fill = |most| {
			let to = tempfile::tempdir().unwrap();
			fill(&place.path().join("a.tar"), to.path(), most).map(|_| fs::read(to.path().join("c")).unwrap())
		};
		assert_eq!(fill(10).unwrap(), b"12345");
		let error = fill(9).unwrap_err();
		assert!(error.to_string().contains("`c` and other second names"), "{error}");
		let place = tar_of(&[("\u{1b}[31m", Type::Fifo, "")]);
		let error = unpack(&place.path().join("a.tar"), &place.path().join("to")).unwrap_err();
		assert!(error.to_string().contains("`\\u{1b}[31m` is neither"), "{error}");
	}
}
