//! Files of the image and of the input, and what a program changes of them.

mod common;
use common::{archive::*, *};
use std::{process::Command, sync::Arc};

fn items() -> Vec<Item> {
	let mut items = vec![
		directory("etc"),
		file("etc/a", b"image a"),
		file("etc/b", b"image b"),
		file("etc/long-name-of-a-file", b"long"),
		directory("etc/sub"),
		file("etc/sub/x", b"x"),
		link("etc/link", "sub/x"),
		link("etc/absolute", "/etc/a"),
		file("implied/folder/file", b"implied"),
		same("etc/same", "etc/a"),
		link("far", &"../".repeat(50)),
		file(&format!("{}/{}", "p".repeat(120), "q".repeat(120)), b"prefix"),
		file(&format!("{}/{}", "r".repeat(200), "s".repeat(200)), b"pax"),
		file("ä/€", b"text"),
	];
	for n in 0..300 {
		items.push(file(&format!("many/{n}"), n.to_string().as_bytes()));
	}
	items
}

/// The same image with an index and without.
fn both() -> [Vec<u8>; 2] {
	[image(&items()), plain(&items())]
}

#[test]
fn an_image_is_read_by_its_index_or_without() {
	let mut lists = Vec::new();
	for image in both() {
		let mut p = Program::with_image(image.into());
		assert_eq!(p.content("etc/a"), Ok(b"image a".to_vec()));
		assert_eq!(p.content("etc/same"), Ok(b"image a".to_vec()));
		assert_eq!(p.content("etc/link"), Ok(b"x".to_vec()));
		assert_eq!(p.content("etc/absolute"), Ok(b"image a".to_vec()));
		assert_eq!(p.content("implied/folder/file"), Ok(b"implied".to_vec()));
		assert_eq!(
			p.content(&format!("{}/{}", "p".repeat(120), "q".repeat(120))),
			Ok(b"prefix".to_vec())
		);
		assert_eq!(
			p.content(&format!("{}/{}", "r".repeat(200), "s".repeat(200))),
			Ok(b"pax".to_vec())
		);
		assert_eq!(p.content("ä/€"), Ok(b"text".to_vec()));
		assert_eq!(p.readlink("far", 1_000), Ok("../".repeat(50).into_bytes()));
		assert_eq!(p.stat("far"), Err(PERM));
		assert_eq!(p.stat("etc/c"), Err(NOENT));
		assert_eq!(p.stat("etc/a/x"), Err(NOTDIR));
		for n in 0..300 {
			assert_eq!(p.content(&format!("many/{n}")), Ok(n.to_string().into_bytes()));
		}
		for n in [300, 1_000] {
			assert_eq!(p.stat(&format!("many/{n}")), Err(NOENT));
		}
		let stat = p.stat("etc/b").unwrap();
		assert_eq!((stat.kind, stat.links, stat.size), (4, 1, 7));
		assert_eq!(
			(stat.mtime, stat.atime),
			(1_700_000_000_000_000_000, 1_700_000_000_000_000_000)
		);
		assert_eq!(p.stat("etc").unwrap().kind, 3);
		assert_eq!(p.stat("implied").unwrap().mtime, 0);
		// An open file is the one that is found by its name, and closed again it is no different.
		let fd = p.open("etc/b", 0, READ).unwrap();
		assert_eq!(p.fstat(fd).unwrap(), stat);
		p.close(fd).unwrap();
		assert_eq!(p.stat("etc/b").unwrap(), stat);
		assert!(stat.inode < 1 << 31);
		let mut all = Vec::new();
		for path in [".", "etc", "etc/sub", "many", "ä"] {
			let fd = p.open(path, DIRECTORY, 0).unwrap();
			for room in [24, 100, 4_096] {
				let list = p.list_fd(fd, room).unwrap();
				for entry in list.iter().filter(|entry| entry.name != "..") {
					let stat = p.stat_at(fd, &entry.name, 0).unwrap();
					assert_eq!(
						(stat.inode, stat.kind),
						(entry.inode, entry.kind),
						"{path} {}",
						entry.name
					);
				}
				all.push(list);
			}
			p.close(fd).unwrap();
		}
		lists.push(all);
	}
	// An index that is built is the one that would have been there.
	for (one, other) in lists[0].iter().zip(&lists[1]) {
		for (one, other) in one.iter().zip(other) {
			assert_eq!((one.next, one.kind, &one.name), (other.next, other.kind, &other.name));
		}
		assert_eq!(one.len(), other.len());
	}
}

#[test]
fn the_input_lies_over_the_image() {
	let above = [
		file("etc/a", b"input a"),
		file("etc/new", b"new"),
		file("etc/sub/y", b"y"),
		directory("implied"),
		file("many", b"a file over a folder"),
		directory("far"),
		file("far/away", b"a folder over a link"),
	];
	let setup = Setup {
		input: 2,
		..Setup::default()
	};
	for image in both() {
		for input in [common::archive::image(&above), plain(&above)] {
			let mut p = Program::with(&setup, &input, &image);
			assert_eq!(p.content("etc/a"), Ok(b"input a".to_vec()));
			assert_eq!(p.content("etc/b"), Ok(b"image b".to_vec()));
			assert_eq!(p.content("etc/same"), Ok(b"image a".to_vec()));
			assert_eq!(p.content("etc/sub/x"), Ok(b"x".to_vec()));
			assert_eq!(p.content("etc/sub/y"), Ok(b"y".to_vec()));
			assert_eq!(p.content("implied/folder/file"), Ok(b"implied".to_vec()));
			assert_eq!(p.content("many"), Ok(b"a file over a folder".to_vec()));
			assert_eq!(p.stat("many/1"), Err(NOTDIR));
			assert_eq!(p.names("far"), Ok(vec!["away".into()]));
			assert_eq!(p.names("etc/sub"), Ok(vec!["y".into(), "x".into()]));
			let names = [
				"a",
				"new",
				"sub",
				"absolute",
				"b",
				"link",
				"long-name-of-a-file",
				"same",
			];
			assert_eq!(p.names("etc").unwrap(), names);
			let fd = p.open("etc", DIRECTORY, 0).unwrap();
			for entry in p.list_fd(fd, 50).unwrap().iter().filter(|entry| entry.name != "..") {
				let stat = p.stat_at(fd, &entry.name, 0).unwrap();
				assert_eq!((stat.inode, stat.kind), (entry.inode, entry.kind), "{}", entry.name);
			}
			assert!(p.stat("etc/a").unwrap().inode > 1 << 31);
			// From a folder of both, its parent.
			let sub = p.open("etc/sub", DIRECTORY, 0).unwrap();
			assert_eq!(p.stat_at(sub, "../new", 0).unwrap().size, 3);
			assert_eq!(p.read(0, 10), Ok(vec![]), "standard input is empty");
		}
	}
}

#[test]
fn what_is_removed_leaves_no_ghost() {
	for bytes in both() {
		let image: Arc<[u8]> = bytes.into();
		let mut p = Program::with_image(image.clone());
		p.unlink("etc/a").unwrap();
		assert_eq!(p.stat("etc/a"), Err(NOENT));
		assert_eq!(p.unlink("etc/a"), Err(NOENT));
		assert_eq!(p.content("etc/absolute"), Err(NOENT));
		assert_eq!(p.content("etc/same"), Ok(b"image a".to_vec()));
		// Made again, it is another.
		let before = p.stat("etc/b").unwrap().inode;
		p.unlink("etc/b").unwrap();
		p.file("etc/b", b"mine");
		assert_ne!(p.stat("etc/b").unwrap().inode, before);
		assert_eq!(p.content("etc/b"), Ok(b"mine".to_vec()));
		let names = ["absolute", "link", "long-name-of-a-file", "same", "sub", "b"];
		assert_eq!(p.names("etc").unwrap(), names);
		// A whole folder.
		assert_eq!(p.rmdir("many"), Err(NOTEMPTY));
		for n in 0..300 {
			p.unlink(&format!("many/{n}")).unwrap();
		}
		assert_eq!(p.names("many"), Ok(vec![]));
		let open = p.open("many", DIRECTORY, 0).unwrap();
		p.rmdir("many").unwrap();
		assert_eq!(p.stat("many"), Err(NOENT));
		assert_eq!(p.stat_at(open, "1", 0), Err(NOENT));
		p.mkdir("many").unwrap();
		assert_eq!(p.names("many"), Ok(vec![]));
		assert_eq!(p.stat("many/5"), Err(NOENT));
		p.file("many/5", b"other");
		assert_eq!(p.content("many/5"), Ok(b"other".to_vec()));
		p.close(open).unwrap();
		// Renamed, a folder takes everything along.
		p.file("etc/sub/mine", b"mine");
		p.rename("etc", "moved").unwrap();
		assert_eq!(p.stat("etc"), Err(NOENT));
		assert_eq!(p.content("moved/sub/x"), Ok(b"x".to_vec()));
		assert_eq!(p.content("moved/link"), Ok(b"x".to_vec()));
		assert_eq!(p.content("moved/sub/mine"), Ok(b"mine".to_vec()));
		assert_eq!(p.stat("moved/a"), Err(NOENT));
		assert_eq!(p.names("moved/sub"), Ok(vec!["x".into(), "mine".into()]));
		p.mkdir("etc").unwrap();
		assert_eq!(p.names("etc"), Ok(vec![]));
		p.rename("moved/sub", "etc/sub").unwrap();
		assert_eq!(p.content("etc/sub/x"), Ok(b"x".to_vec()));
		assert_eq!(p.rename("etc", "etc/sub/deeper"), Err(INVAL));
		let sub = p.open("etc/sub", DIRECTORY, 0).unwrap();
		assert_eq!(p.stat_at(sub, "../../moved/same", 0).unwrap().size, 7);
		// A file of the image over one that was made and the other way round.
		p.rename("moved/same", "etc/sub/mine").unwrap();
		assert_eq!(p.content("etc/sub/mine"), Ok(b"image a".to_vec()));
		p.file("mine", b"mine");
		p.rename("mine", "implied/folder/file").unwrap();
		assert_eq!(p.content("implied/folder/file"), Ok(b"mine".to_vec()));
		p.rename("implied/folder/file", "mine").unwrap();
		assert_eq!(p.names("implied/folder"), Ok(vec![]));
		p.rename("implied", "etc/implied").unwrap();
		p.rmdir("etc/implied/folder").unwrap();
		p.rmdir("etc/implied").unwrap();
		// Over a folder of the image that was emptied.
		p.unlink("ä/€").unwrap();
		p.mkdir("new").unwrap();
		p.file("new/x", b"1");
		p.rename("new", "ä").unwrap();
		assert_eq!(p.names("ä"), Ok(vec!["x".into()]));
		assert_eq!(p.stat("ä/€"), Err(NOENT));
		assert_eq!(p.wasi.host.image, image);
	}
}

#[test]
fn a_file_of_the_image_is_changed_by_blocks() {
	let mut random = Random::new(7);
	let large = random.bytes(3 << 20);
	for size in [0, 1, 4_095, 4_096, 4_097, 3 << 20] {
		let content = &large[..size];
		let image: Arc<[u8]> = image(&[file("large", content)]).into();
		let mut p = Program::with_image(image);
		let fd = p.open("large", 0, READ | WRITE).unwrap();
		let mut expected = content.to_vec();
		for _ in 0..60 {
			let at = random.below(size as u64 + 10_000);
			let some = random.below(9_000) as usize;
			let len = some + 1;
			match random.below(4) {
				0 => {
					let bytes = random.bytes(len);
					p.pwrite(fd, &bytes, at).unwrap();
					let end = at as usize + len;
					if expected.len() < end {
						expected.resize(end, 0);
					}
					expected[at as usize..end].copy_from_slice(&bytes);
				}
				1 if random.below(5) == 0 => {
					p.set_size(fd, at).unwrap();
					expected.resize(at as usize, 0);
				}
				_ => {
					let from = (at as usize).min(expected.len());
					let to = (from + 20 * len).min(expected.len());
					assert!(p.pread(fd, 20 * len, at).unwrap() == expected[from..to]);
				}
			}
		}
		assert!(p.content("large").unwrap() == expected);
		// Another name is another file.
		p.unlink("large").unwrap();
		p.close(fd).unwrap();
		assert_eq!(p.stat("large"), Err(NOENT));
	}
}

#[test]
fn appending_to_a_large_file_copies_a_block() {
	let mut image = image(&[file("large", b"")]);
	// 100 MiB that are there without being written: the index says so.
	let size = 100_u64 << 20;
	let at = image.len();
	let record = 512 + 32 + 32;
	image[record..record + 8].copy_from_slice(&(at as u64).to_le_bytes());
	image[record + 8..record + 16].copy_from_slice(&size.to_le_bytes());
	image.resize(at + size as usize, 5);
	let image: Arc<[u8]> = image.into();
	for append in [true, false] {
		let mut p = Program::with_image(image.clone());
		p.stat(".").unwrap();
		let (pages, gas) = (p.own_pages(), p.gas());
		let fd = p.open_at(ROOT, "large", 1, 0, READ | WRITE, u64::from(append)).unwrap();
		let at = if append { size } else { 50_000_001 };
		p.seek(fd, at as i64, 0).unwrap();
		p.write(fd, b"x").unwrap();
		assert!(p.own_pages() - pages <= 3, "{} pages", p.own_pages() - pages);
		assert!(p.gas() - gas < 50_000, "{} gas", p.gas() - gas);
		assert_eq!(
			p.pread(fd, 5, at - 2),
			Ok(if append {
				b"\x05\x05x".to_vec()
			} else {
				b"\x05\x05x\x05\x05".to_vec()
			})
		);
		let gas = p.gas();
		assert_eq!(p.pread(fd, 200_000, 1_000).unwrap(), [5; 200_000]);
		assert!(p.gas() - gas < 200_000 / 3, "{} gas", p.gas() - gas);
	}
}

#[test]
fn open_files_and_times_of_archives_are_kept() {
	let mut p = Program::with_image(both()[0].clone().into());
	// Opened twice, it is one.
	let one = p.open("etc/a", 0, READ).unwrap();
	let other = p.open("etc/a", 0, READ | WRITE).unwrap();
	p.pwrite(other, b"IMAGE", 0).unwrap();
	assert_eq!(p.read(one, 10), Ok(b"IMAGE a".to_vec()));
	p.close(one).unwrap();
	p.close(other).unwrap();
	assert_eq!(p.content("etc/a"), Ok(b"IMAGE a".to_vec()));
	// Removed while open.
	let fd = p.open("etc/b", 0, READ).unwrap();
	p.unlink("etc/b").unwrap();
	assert_eq!(p.read(fd, 10), Ok(b"image b".to_vec()));
	assert_eq!(p.fstat(fd).unwrap().links, 0);
	p.close(fd).unwrap();
	p.set_times("etc/sub/x", 0, 1, 2, 5).unwrap();
	assert_eq!(p.stat("etc/sub/x").unwrap().mtime, 2);
	p.set_times("etc/sub", 0, 1, 3, 5).unwrap();
	assert_eq!(p.stat("etc/sub").unwrap().mtime, 3);
	p.set_times("etc/link", 0, 1, 4, 5).unwrap();
	assert_eq!(p.lstat("etc/link").unwrap().mtime, 4);
	p.link("etc/sub/x", "y", 0).unwrap();
	assert_eq!(p.stat("etc/sub/x").unwrap().links, 2);
	p.unlink("etc/sub/x").unwrap();
	assert_eq!((p.stat("y").unwrap().links, p.content("y")), (1, Ok(b"x".to_vec())));
	// Truncated when it is opened.
	let fd = p.open("far/../etc/a", TRUNCATE, WRITE);
	assert_eq!(fd, Err(PERM));
	let fd = p.open("etc/a", TRUNCATE, READ | WRITE).unwrap();
	p.pwrite(fd, b"z", 3).unwrap();
	assert_eq!(p.pread(fd, 10, 0), Ok(b"\0\0\0z".to_vec()));
	assert_eq!(p.content("etc/same"), Ok(b"image a".to_vec()));
	// Untouched files leave nothing behind.
	p.content("many/0").unwrap();
	let pages = p.own_pages();
	for _ in 0..20 {
		for n in 0..300 {
			p.content(&format!("many/{n}")).unwrap();
		}
	}
	assert_eq!(p.own_pages(), pages);
}

#[test]
fn the_input_may_be_a_file_as_well() {
	for path in ["in.svg", "/a/b/in.svg", "etc/a", "etc/link"] {
		let setup = Setup {
			input_path: path,
			..Setup::default()
		};
		let mut p = Program::with(&setup, b"the input", &both()[0]);
		let path = path.trim_start_matches('/');
		assert_eq!(p.content(path), Ok(b"the input".to_vec()));
		assert_eq!(p.lstat(path).unwrap().kind, 4);
		assert_eq!(p.read(0, 100), Ok(b"the input".to_vec()));
		let fd = p.open(path, 0, READ | WRITE).unwrap();
		p.pwrite(fd, b"THE", 0).unwrap();
		assert_eq!(p.content(path), Ok(b"THE input".to_vec()));
		p.unlink(path).unwrap();
		assert_eq!(p.stat(path), Err(NOENT));
		assert_eq!(&*p.wasi.host.input, b"the input");
	}
	for path in ["etc", "etc/a/b", "..", "x/", "."] {
		let setup = Setup {
			input_path: path,
			..Setup::default()
		};
		let mut p = Program::with(&setup, b"", &both()[0]);
		p.put(4_096, b"x");
		assert_eq!(
			p.ends("path_filestat_get", &[3, 0, 4_096, 1, 64]),
			(millrace_wasi::Status::Malformed, 0),
			"{path}"
		);
		assert_eq!(p.errors(), "setup: the input's path cannot be a file's");
	}
}

#[test]
fn what_a_tool_packs_is_read() {
	if !Command::new("tar")
		.arg("--version")
		.output()
		.is_ok_and(|output| output.status.success())
	{
		return;
	}
	let folder = std::env::temp_dir().join(format!("millrace-wasi-tar-{}", std::process::id()));
	let _ = std::fs::remove_dir_all(&folder);
	std::fs::create_dir_all(folder.join("in/sub")).unwrap();
	let long = "long/".repeat(60);
	std::fs::create_dir_all(folder.join("in").join(&long)).unwrap();
	std::fs::write(folder.join("in/sub/a"), b"a").unwrap();
	std::fs::write(folder.join("in").join(&long).join("n".repeat(200)), b"deep").unwrap();
	std::fs::hard_link(folder.join("in/sub/a"), folder.join("in/sub/b")).unwrap();
	#[cfg(unix)]
	std::os::unix::fs::symlink(&long, folder.join("in/link")).unwrap();
	for format in ["v7", "ustar", "gnu", "pax"] {
		let out = folder.join("out.tar");
		let mut tar = Command::new("tar");
		tar.arg(format!("--format={format}"))
			.arg("-cf")
			.arg(&out)
			.arg("-C")
			.arg(folder.join("in"));
		let simple = matches!(format, "v7" | "ustar");
		tar.args(if simple { &["sub"][..] } else { &["."] });
		assert!(tar.output().unwrap().status.success());
		let mut p = Program::with_image(std::fs::read(&out).unwrap().into());
		assert_eq!(p.content("sub/a"), Ok(b"a".to_vec()), "{format}");
		assert_eq!(p.content("sub/b"), Ok(b"a".to_vec()));
		if !simple {
			assert_eq!(p.content(&format!("link/{}", "n".repeat(200))), Ok(b"deep".to_vec()));
		}
		// What the packer makes, the tool reads.
		let image = image(&items());
		std::fs::write(&out, &image).unwrap();
		let listed = Command::new("tar").arg("-tf").arg(&out).output().unwrap();
		assert!(listed.status.success() && listed.stderr.is_empty());
		assert_eq!(
			listed.stdout.iter().filter(|byte| **byte == b'\n').count(),
			1 + image_nodes(&image) - 1
		);
	}
	std::fs::remove_dir_all(&folder).unwrap();
}

fn image_nodes(image: &[u8]) -> usize {
	u32::from_le_bytes(image[520..524].try_into().unwrap()) as usize
}
