//! Ends the node before its disk is full.
//!
//! The database maps sparse files into memory: on a full disk the operating system kills the process in the middle of a
//! write, without a word. Stopping while there is room left loses nothing and says why.

use sc_service::TaskManager;
use std::{
	fs, io,
	os::unix::fs::MetadataExt,
	path::{Path, PathBuf},
	time::Duration,
};
use sysinfo::{Disk, DiskRefreshKind, Disks};

const MIB: u64 = 1024 * 1024;

/// How much room the node insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageLimits {
	/// The node stops when less is available to the database, in MiB; 0: never.
	pub threshold: u64,
	/// Time between two looks.
	pub polling_period: Duration,
}

/// The database's disk has too little room left.
#[derive(Debug, thiserror::Error)]
#[error(
	"only {available} MiB are left for the database at {path}, less than the {threshold} MiB of \
	 --db-storage-threshold; make room or move the database (--base-path)"
)]
struct Full {
	path: String,
	available: u64,
	threshold: u64,
}

/// Watches the disk that holds `database` until the node ends.
///
/// # Errors
/// There is too little room already, or the directory cannot be created.
pub(crate) fn watch(limits: StorageLimits, database: &Path, task_manager: &TaskManager) -> io::Result<()> {
	if limits.threshold == 0 {
		return Ok(());
	}
	fs::create_dir_all(database)?;
	let Some(mut disk) = disk_of(database)? else {
		log::warn!(
			"The disk of {} is of an unknown kind: its free space is not watched.",
			database.display()
		);
		return Ok(());
	};
	let database = database.to_path_buf();
	check(&mut disk, &database, limits.threshold)?;

	// Essential: when this task ends, so does the node.
	task_manager
		.spawn_essential_handle()
		.spawn_blocking("storage-monitor", None, async move {
			loop {
				tokio::time::sleep(limits.polling_period).await;
				if let Err(error) = check(&mut disk, &database, limits.threshold) {
					log::error!("The node stops: {error}");
					return;
				}
			}
		});
	Ok(())
}

fn check(disk: &mut Disk, database: &Path, threshold: u64) -> io::Result<()> {
	disk.refresh_specifics(DiskRefreshKind::nothing().with_storage());
	let available = disk.available_space() / MIB;
	if available < threshold {
		let path = database.display().to_string();
		return Err(io::Error::new(
			io::ErrorKind::StorageFull,
			Full {
				path,
				available,
				threshold,
			},
		));
	}
	Ok(())
}

/// The disk that holds a directory, unless it is of a kind that has no mount point of its own in the system's list
/// (a memory file system, for instance).
fn disk_of(directory: &Path) -> io::Result<Option<Disk>> {
	let directory: PathBuf = directory.canonicalize()?;
	let device = fs::metadata(&directory)?.dev();
	let disks: Vec<Disk> = Disks::new_with_refreshed_list().into();
	Ok(disks
		.into_iter()
		.filter(|disk| directory.starts_with(disk.mount_point()))
		.max_by_key(|disk| disk.mount_point().as_os_str().len())
		.filter(|disk| fs::metadata(disk.mount_point()).is_ok_and(|root| root.dev() == device)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn too_little_room_is_an_error_that_names_path_and_option() {
		let directory = std::env::current_dir().unwrap();
		let Some(mut disk) = disk_of(&directory).unwrap() else {
			// A memory file system: nothing to watch.
			return;
		};
		check(&mut disk, &directory, 0).unwrap();
		let error = check(&mut disk, &directory, u64::MAX).unwrap_err();
		assert_eq!(error.kind(), io::ErrorKind::StorageFull);
		let text = error.to_string();
		assert!(text.contains(directory.to_str().unwrap()), "{text}");
		assert!(text.contains("--db-storage-threshold"), "{text}");
	}

	#[test]
	fn the_longest_mount_point_wins() {
		let root = disk_of(Path::new("/")).unwrap();
		assert!(root.is_none_or(|disk| disk.mount_point() == Path::new("/")));
		assert!(disk_of(Path::new("/nowhere/at/all")).is_err());
	}
}
