//! A look at everything in an archive.

use super::*;

/// Whatever an archive is: no function panics, loops for ever, or says something else the second time.
pub fn explore(image: &[u8]) -> Vec<u64> {
	everything(Program::with_image(image.into()))
}

/// The same of an input, unpacked over an image as a setup says.
pub fn over(setup: &Setup, input: &[u8], image: &[u8]) -> Vec<u64> {
	everything(Program::with(setup, input, image))
}

fn everything(mut p: Program) -> Vec<u64> {
	let mut seen = Vec::new();
	let visit = |p: &mut Program, seen: &mut Vec<u64>| {
		let mut folders = vec![String::from(".")];
		let mut visited = 0;
		while let Some(folder) = folders.pop() {
			visited += 1;
			if visited > 50 {
				break;
			}
			let Ok(fd) = p.open(&folder, 0, 0) else { continue };
			let Ok(list) = p.list_fd(fd, 300) else {
				let _ = p.close(fd);
				continue;
			};
			for entry in list.iter().skip(2).take(100) {
				let path = format!("{folder}/{}", entry.name);
				seen.push(entry.inode);
				let stat = p.lstat(&path);
				seen.push(stat.map_or_else(u64::from, |stat| stat.size));
				if let Ok(content) = p.content(&path) {
					seen.push(content.len() as u64);
				}
				let _ = p.readlink(&path, 100);
				if entry.kind == 3 {
					folders.push(path);
				}
			}
			let _ = p.close(fd);
		}
		for (path, new) in [("a", "b"), ("d/x", "e"), ("d", "c"), ("c/y", "tmp/y")] {
			let _ = p.content(path);
			seen.push(p.rename(path, new).map_or_else(u64::from, |()| 0));
			seen.push(p.unlink(path).map_or_else(u64::from, |()| 0));
			seen.push(p.rmdir(path).map_or_else(u64::from, |()| 0));
			if let Ok(fd) = p.open(path, CREATE, WRITE) {
				let _ = p.pwrite(fd, b"x", 5_000);
				let _ = p.close(fd);
			}
		}
	};
	let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| visit(&mut p, &mut seen)));
	if let Err(panic) = result {
		// Only an end of the run as malformed, which the helpers turn into a message.
		let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
		assert!(message.contains("status: Malformed"), "{message}");
		seen.push(u64::MAX);
	}
	seen
}
