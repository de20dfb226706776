//! What fetching leaves behind that was ended in the middle: it is taken away by the next one.

use std::{collections::BTreeSet, fs, path::Path};

/// Removes what belongs to a process that is no more, in a folder and beside the outputs in it.
pub fn sweep(folder: &Path, outputs: impl Iterator<Item = String>) {
	let beside = outputs.filter_map(|output| Some(folder.join(Path::new(&output).parent()?)));
	let folders: BTreeSet<_> = beside.chain([folder.into()]).collect();
	for folder in folders {
		for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
			let stale = entry.file_name().to_str().and_then(owner).is_some_and(is_gone);
			if !stale {
				continue;
			}
			// If it cannot be removed it is no worse than before.
			let _ = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
				true => fs::remove_dir_all(entry.path()),
				false => fs::remove_file(entry.path()),
			};
		}
	}
}

/// The process that a temporary file or folder of a fetch belongs to, by its name.
fn owner(name: &str) -> Option<u32> {
	let part = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
	let (of, digits) = match part {
		Some(part) => (part, 16),
		None => (name.strip_prefix(".millrace-")?, 6),
	};
	let (process, random) = of.split_once('-')?;
	let is_random = random.len() == digits && random.bytes().all(|one| one.is_ascii_alphanumeric());
	let is_number = process.bytes().all(|one| one.is_ascii_digit());
	(is_random && is_number)
		.then_some(process)?
		.parse()
		.ok()
		.filter(|process| *process > 0)
}

fn is_gone(process: u32) -> bool {
	!Path::new("/proc").join(process.to_string()).exists() && Path::new("/proc/self").exists()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_a_process_left_is_removed_and_nothing_else() {
		let folder = tempfile::tempdir().unwrap();
		let place = |name: &str| folder.path().join(name);
		// No process has this number: it is beyond the largest.
		let gone = [".4194999-0123456789abcdef.part", "sub/.4194999-00000000000000aa.part"];
		let mine = format!(".{}-0123456789abcdef.part", std::process::id());
		let kept = [
			"4194999-00.part",
			".4194999.part",
			".a-00.part",
			".4194999-0/0.part",
			&mine,
			"out",
			"sub/out",
		];
		for name in gone.iter().copied().chain(kept) {
			fs::create_dir_all(place(name).parent().unwrap()).unwrap();
			fs::write(place(name), "x").unwrap();
		}
		fs::create_dir_all(place(".millrace-4194999-aB3xyz/d")).unwrap();
		fs::create_dir_all(place(".millrace-notes")).unwrap();
		sweep(folder.path(), ["out".into(), "sub/out".into()].into_iter());
		assert!(gone.iter().all(|name| !place(name).exists()));
		assert!(kept.iter().all(|name| place(name).exists()));
		assert!(!place(".millrace-4194999-aB3xyz").exists() && place(".millrace-notes").exists());
	}
}
