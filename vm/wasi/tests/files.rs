//! Files that a program makes itself.

mod common;
use common::*;

#[test]
fn the_root_is_open_under_its_name() {
	let mut p = Program::new();
	assert_eq!(p.call("fd_prestat_get", &[3, 64]), 0);
	assert_eq!(p.long(64), 1 << 32);
	assert_eq!(p.call("fd_prestat_get", &[4, 64]), BADF);
	assert_eq!(p.call("fd_prestat_get", &[0, 64]), BADF);
	assert_eq!(p.call("fd_prestat_dir_name", &[3, 64, 0]), NAMETOOLONG);
	p.put(64, b"xyz");
	assert_eq!(p.call("fd_prestat_dir_name", &[3, 64, 1]), 0);
	assert_eq!(p.get(64, 3), b"/yz");
	assert_eq!(p.call("fd_prestat_dir_name", &[3, 64, 2]), 0);
	assert_eq!(p.call("fd_prestat_dir_name", &[1, 64, 2]), NOTDIR);
	assert_eq!(p.call("fd_prestat_dir_name", &[4, 64, 2]), BADF);
	// Once it was closed, what is opened in its place is none.
	let tmp = p.open("tmp", DIRECTORY, 0).unwrap();
	p.close(3).unwrap();
	assert_eq!(p.call("fd_prestat_get", &[3, 64]), BADF);
	assert_eq!(p.open_at(tmp, "a", 1, CREATE, WRITE, 0), Ok(3));
	assert_eq!(p.call("fd_prestat_get", &[3, 64]), BADF);
	assert_eq!(p.call("fd_prestat_dir_name", &[3, 64, 1]), NOTDIR);
}

#[test]
fn nothing_leads_out_of_the_root() {
	let mut p = Program::new();
	for path in ["../x", "/x", "tmp/../../x", "..", "/", "tmp/../..", "./../tmp"] {
		assert_eq!(p.open(path, 0, READ), Err(PERM), "{path}");
	}
	p.file("x", b"found");
	p.symlink("/x", "tmp/link").unwrap();
	p.symlink("../../x", "tmp/up").unwrap();
	assert_eq!(p.content("tmp/link"), Ok(b"found".to_vec()));
	assert_eq!(p.content("tmp/up"), Err(PERM));
	// From a folder, the folder above it can be reached.
	let tmp = p.open("tmp", DIRECTORY, 0).unwrap();
	assert!(p.open_at(tmp, "../x", 1, 0, READ, 0).is_ok());
	assert_eq!(p.open_at(tmp, "../../x", 1, 0, READ, 0), Err(PERM));
}

#[test]
fn files_are_made_once() {
	let mut p = Program::new();
	assert_eq!(p.open("a", 0, READ), Err(NOENT));
	assert_eq!(p.open("a", CREATE, READ), Ok(4));
	assert_eq!(p.open("a", CREATE | EXCLUSIVE, WRITE), Err(EXIST));
	p.mkdir("d").unwrap();
	assert_eq!(p.open("d", CREATE | EXCLUSIVE, WRITE), Err(EXIST));
	p.symlink("nowhere", "l").unwrap();
	assert_eq!(p.open("l", CREATE | EXCLUSIVE, WRITE), Err(EXIST));
	assert_eq!(p.open("b", CREATE | DIRECTORY, WRITE), Err(INVAL));
	assert_eq!(p.open("a", 16, READ), Err(INVAL));
	// Through a link that leads nowhere, what it leads to is made.
	assert_eq!(p.open("l", CREATE, WRITE), Ok(5));
	assert_eq!(p.lstat("nowhere").unwrap().kind, 4);
	assert_eq!(p.open("d", 0, WRITE), Err(ISDIR));
	assert_eq!(p.open("d", CREATE, READ), Err(ISDIR));
	assert_eq!(p.open("a", DIRECTORY, READ), Err(NOTDIR));
	assert_eq!(p.open("a/", 0, READ), Err(NOTDIR));
	assert_eq!(p.open("a/b", CREATE, READ), Err(NOTDIR));
	assert_eq!(p.open("c/", CREATE, READ), Err(ISDIR));
	assert_eq!(p.open("c/d", CREATE, READ), Err(NOENT));
}

#[test]
fn files_are_cut_and_grow_by_zeros() {
	let mut p = Program::new();
	let fd = p.open("a", CREATE, READ | WRITE).unwrap();
	assert_eq!(p.write(fd, b"0123456789"), Ok(10));
	p.set_size(fd, 4).unwrap();
	p.set_size(fd, 8).unwrap();
	assert_eq!(p.pread(fd, 100, 0), Ok(b"0123\0\0\0\0".to_vec()));
	assert_eq!(p.tell(fd), Ok(10));
	assert_eq!(p.open("a", TRUNCATE, READ), Err(INVAL));
	let again = p.open("a", TRUNCATE, WRITE).unwrap();
	assert_eq!(p.fstat(fd).unwrap().size, 0);
	assert_eq!(p.read(again, 1), Err(BADF));
	// Written far behind the end again.
	assert_eq!(p.write(fd, b"x"), Ok(1));
	assert_eq!(p.content("a"), Ok(b"\0\0\0\0\0\0\0\0\0\0x".to_vec()));
	let reader = p.open("a", 0, READ).unwrap();
	assert_eq!(p.set_size(reader, 0), Err(INVAL));
	assert_eq!(p.write(reader, b"x"), Err(BADF));
	assert_eq!(p.set_size(fd, 1 << 32), Err(FBIG));
	assert_eq!(p.set_size(fd, u64::MAX), Err(FBIG));
	// Cut off inside a block, and through tables of both levels.
	for size in [100, 4_095, 4_096, 4_097, 10_000, 5 << 20, u64::from(u32::MAX)] {
		p.set_size(fd, 0).unwrap();
		p.pwrite(fd, &[7; 5_000], size.saturating_sub(5_000)).unwrap();
		p.set_size(fd, size / 2 + 1).unwrap();
		p.set_size(fd, size).unwrap();
		let tail = p
			.pread(fd, 3_000, size.saturating_sub(3_000).max(size / 2 + 1))
			.unwrap();
		assert!(tail.iter().all(|byte| *byte == 0), "{size}");
	}
}

#[test]
fn appended_bytes_come_at_the_end() {
	let mut p = Program::new();
	p.file("a", b"abc");
	let fd = p.open_at(ROOT, "a", 1, 0, READ | WRITE, APPEND).unwrap();
	assert_eq!(p.seek(fd, 0, 0), Ok(0));
	assert_eq!(p.write(fd, b"de"), Ok(2));
	assert_eq!(p.tell(fd), Ok(5));
	assert_eq!(p.pwrite(fd, b"A", 0), Ok(1));
	assert_eq!(p.content("a"), Ok(b"Abcde".to_vec()));
	// Flags can be set later.
	let fd = p.open("a", 0, READ | WRITE).unwrap();
	assert_eq!(p.call("fd_fdstat_set_flags", &[fd.into(), 1]), 0);
	assert_eq!(p.write(fd, b"f"), Ok(1));
	assert_eq!(p.call("fd_fdstat_set_flags", &[fd.into(), 0]), 0);
	assert_eq!(p.write(fd, b"G"), Ok(1));
	assert_eq!(p.pwrite(fd, b"-", 1), Ok(1));
	assert_eq!(p.content("a"), Ok(b"A-cdefG".to_vec()));
}

#[test]
fn holes_take_no_room() {
	let mut p = Program::new();
	let pages = p.own_pages();
	let fd = p.open("a", CREATE, READ | WRITE).unwrap();
	assert_eq!(p.pwrite(fd, b"end", 1 << 20), Ok(3));
	assert_eq!(p.fstat(fd).unwrap().size, (1 << 20) + 3);
	assert_eq!(p.pread(fd, 20, (1 << 20) - 10), Ok(b"\0\0\0\0\0\0\0\0\0\0end".to_vec()));
	assert!(p.pread(fd, 500_000, 3).unwrap().iter().all(|byte| *byte == 0));
	assert_eq!(p.own_pages(), pages);
	// A large hole is read at a price by the byte.
	p.set_size(fd, 1 << 31).unwrap();
	let gas = p.gas();
	assert_eq!(p.pread(fd, 900_000, 1 << 30).unwrap().len(), 900_000);
	assert!(p.gas() - gas < 900_000, "{}", p.gas() - gas);
	assert_eq!(p.pwrite(fd, b"end", u64::from(u32::MAX) - 2), Ok(2));
	assert_eq!(p.pwrite(fd, b"end", u64::from(u32::MAX)), Err(FBIG));
	assert_eq!(p.pwrite(fd, b"end", i64::MAX as u64), Err(FBIG));
	assert_eq!(p.pwrite(fd, b"end", u64::MAX), Err(INVAL));
	assert_eq!(p.pwrite(fd, b"", i64::MAX as u64), Ok(0));
	assert_eq!(p.pread(fd, 10, u64::from(u32::MAX) - 3), Ok(b"\0en".to_vec()));
	assert_eq!(p.pread(fd, 10, i64::MAX as u64), Ok(vec![]));
	assert_eq!(p.own_pages(), pages);
}

#[test]
fn a_file_lives_as_long_as_it_is_open() {
	let mut p = Program::new();
	let before = {
		p.file("a", &[1; 20_000]);
		p.unlink("a").unwrap();
		p.own_pages()
	};
	for _ in 0..100 {
		let fd = p.open("a", CREATE, READ | WRITE).unwrap();
		p.write(fd, &[2; 20_000]).unwrap();
		p.unlink("a").unwrap();
		assert_eq!(p.stat("a"), Err(NOENT));
		assert_eq!(p.fstat(fd).unwrap().links, 0);
		p.write(fd, b"more").unwrap();
		assert_eq!(p.pread(fd, 10, 19_999), Ok(b"\x02more".to_vec()));
		p.close(fd).unwrap();
	}
	assert_eq!(p.own_pages(), before, "blocks are free again");
}

#[test]
fn renaming_over_an_open_file_leaves_it_open() {
	let mut p = Program::new();
	p.file("a", b"new");
	p.file("b", b"old");
	let fd = p.open("b", 0, READ).unwrap();
	p.rename("a", "b").unwrap();
	assert_eq!(p.read(fd, 10), Ok(b"old".to_vec()));
	assert_eq!(p.fstat(fd).unwrap().links, 0);
	assert_eq!(p.content("b"), Ok(b"new".to_vec()));
	assert_eq!(p.stat("a"), Err(NOENT));
	p.close(fd).unwrap();
	assert_eq!(p.names("."), Ok(vec!["tmp".into(), "dev".into(), "b".into()]));
}

#[test]
fn what_is_renamed_fits_what_it_replaces() {
	let mut p = Program::new();
	p.file("f", b"f");
	p.file("g", b"g");
	for directory in ["d", "e", "full", "full/sub"] {
		p.mkdir(directory).unwrap();
	}
	assert_eq!(p.rename("f", "d"), Err(ISDIR));
	assert_eq!(p.rename("d", "f"), Err(NOTDIR));
	assert_eq!(p.rename("d", "full"), Err(NOTEMPTY));
	assert_eq!(p.rename("full", "full/sub"), Err(INVAL));
	assert_eq!(p.rename("full", "full/new"), Err(INVAL));
	assert_eq!(p.rename("full", "full/sub/new"), Err(INVAL));
	assert_eq!(p.rename("full/sub", "full"), Err(NOTEMPTY));
	assert_eq!(p.rename("f", "f"), Ok(()));
	assert_eq!(p.rename("full", "full"), Ok(()));
	p.link("f", "same", 0).unwrap();
	assert_eq!(p.rename("f", "same"), Ok(()));
	assert!(p.stat("f").is_ok() && p.stat("same").is_ok());
	assert_eq!(p.rename("nothing", "f"), Err(NOENT));
	assert_eq!(p.rename("f", "nowhere/f"), Err(NOENT));
	assert_eq!(p.rename("f", "g/f"), Err(NOTDIR));
	assert_eq!(p.rename("f", "new/"), Err(NOTDIR));
	assert_eq!(p.rename("f/", "new"), Err(NOTDIR));
	assert_eq!(p.rename(".", "new"), Err(BUSY));
	assert_eq!(p.rename("d", "."), Err(BUSY));
	assert_eq!(p.rename("d/..", "new"), Err(BUSY));
	assert_eq!(p.rename("d", "e"), Ok(()));
	assert_eq!(p.rename("e/", "h/"), Ok(()));
	assert_eq!(p.rename("full", "h/moved"), Ok(()));
	assert_eq!(p.names("h/moved"), Ok(vec!["sub".into()]));
	// Its parent is the new one.
	let sub = p.open("h/moved/sub", DIRECTORY, 0).unwrap();
	assert_eq!(p.stat_at(sub, "../../../g", 1).unwrap().kind, 4);
	assert_eq!(p.rename("f", "g"), Ok(()));
	assert_eq!(p.content("g"), Ok(b"f".to_vec()));
	// A link is renamed itself.
	p.symlink("g", "l").unwrap();
	p.rename("l", "k").unwrap();
	assert_eq!(p.readlink("k", 10), Ok(b"g".to_vec()));
}

#[test]
fn directories_are_listed_in_pieces_while_they_change() {
	let mut p = Program::new();
	p.mkdir("d").unwrap();
	let names: Vec<String> = (0..1_000).map(|n| format!("{:x}{}", n, "y".repeat(n % 40))).collect();
	for name in &names {
		p.file(&format!("d/{name}"), b"");
	}
	let fd = p.open("d", DIRECTORY, 0).unwrap();
	for room in [1, 23, 24, 25, 26, 27, 60, 100, 300, 65_536] {
		let all = p.list_fd(fd, room).unwrap();
		let listed: Vec<&String> = all[2..].iter().map(|entry| &entry.name).collect();
		assert!(listed.iter().copied().eq(&names), "{room}");
	}
	for entry in p.list_fd(fd, 4_096).unwrap() {
		assert_ne!(entry.inode, 0);
		let stat = p.stat_at(fd, &entry.name, 0).unwrap();
		assert_eq!((stat.inode, stat.kind), (entry.inode, entry.kind), "{}", entry.name);
	}
	// Deleted while it is read; each name is still seen once.
	let mut seen = Vec::new();
	let mut cookie = 0;
	loop {
		let (some, _) = p.readdir(fd, 300, cookie).unwrap();
		let Some(last) = some.last() else { break };
		cookie = last.next;
		for entry in some.iter().filter(|entry| !entry.name.starts_with('.')) {
			p.unlink(&format!("d/{}", entry.name)).unwrap();
			seen.push(entry.name.clone());
		}
		// What is new comes later.
		if seen.len() % 7 == 0 && seen.len() < 900 {
			p.file(&format!("d/new{}", seen.len()), b"");
		}
	}
	assert!(seen.len() > 1_000);
	let old: Vec<&String> = seen.iter().filter(|name| !name.starts_with("new")).collect();
	assert!(old.into_iter().eq(&names));
	assert_eq!(p.names("d"), Ok(vec![]));
	assert_eq!(p.rmdir("d"), Ok(()));
	// What is removed is empty, and nothing can be made in it.
	assert_eq!(p.list_fd(fd, 100).unwrap().len(), 2);
	assert_eq!(p.open_at(fd, "x", 0, CREATE, WRITE, 0), Err(NOENT));
	assert_eq!(p.mkdir_at(fd, "x"), Err(NOENT));
	assert_eq!(p.stat_at(fd, "..", 0), Err(NOENT));
	assert_eq!(p.stat_at(fd, ".", 0).unwrap().links, 0);
	assert_eq!(p.readdir(fd, 100, u64::MAX), Ok((vec![], false)));
	let file = p.open("f", CREATE, READ).unwrap();
	assert_eq!(p.readdir(file, 100, 0), Err(NOTDIR));
	assert_eq!(p.readdir(0, 100, 0), Err(NOTDIR));
}

#[test]
fn forty_links_are_followed() {
	let mut p = Program::new();
	p.file("l0", b"end");
	for n in 1..=41 {
		p.symlink(&format!("l{}", n - 1), &format!("l{n}")).unwrap();
	}
	assert_eq!(p.content("l40"), Ok(b"end".to_vec()));
	assert_eq!(p.content("l41"), Err(LOOP));
	p.symlink("loop", "loop").unwrap();
	assert_eq!(p.stat("loop"), Err(LOOP));
	assert_eq!(p.lstat("loop").unwrap().kind, 7);
	assert_eq!(p.open_at(ROOT, "l1", 0, 0, READ, 0), Err(LOOP));
	assert_eq!(p.stat("l1/"), Err(NOTDIR));
	assert_eq!(p.lstat("l1/"), Err(NOTDIR));
	assert_eq!(p.readlink("l1", 1), Ok(b"l".to_vec()));
	assert_eq!(p.readlink("l1", 0), Ok(vec![]));
	assert_eq!(p.readlink("l0", 9), Err(INVAL));
	// Many on the way, each with something behind it.
	p.mkdir("tmp/deep").unwrap();
	p.symlink("tmp/deep/", "s1").unwrap();
	p.symlink("../../s1/.", "tmp/deep/s2").unwrap();
	p.file("tmp/deep/x", b"x");
	assert_eq!(p.content("s1/s2/s2//./s2/../deep/x"), Ok(b"x".to_vec()));
	p.symlink("//tmp//deep//", "abs").unwrap();
	assert_eq!(p.content("abs/x"), Ok(b"x".to_vec()));
	p.symlink("/", "root").unwrap();
	assert_eq!(p.content("root/root/abs/x"), Ok(b"x".to_vec()));
	assert_eq!(p.stat("root").unwrap().inode, p.stat(".").unwrap().inode);
}

#[test]
fn names_of_links_have_no_slash() {
	let mut p = Program::new();
	p.file("f", b"");
	p.mkdir("d").unwrap();
	assert_eq!(p.symlink("x", "new/"), Err(NOENT));
	assert_eq!(p.symlink("x", "d"), Err(EXIST));
	assert_eq!(p.symlink("x", "d/"), Err(EXIST));
	assert_eq!(p.symlink("x", "f"), Err(EXIST));
	assert_eq!(p.symlink("x", "f/"), Err(NOTDIR));
	assert_eq!(p.symlink("", "e"), Err(NOENT));
	assert_eq!(p.symlink("a\0b", "e"), Err(INVAL));
	assert_eq!(p.symlink(&"x".repeat(4_097), "e"), Err(NAMETOOLONG));
	assert_eq!(p.symlink(&"x".repeat(4_096), "e"), Ok(()));
	assert_eq!(p.lstat("e").unwrap().size, 4_096);
	assert_eq!(p.stat("e"), Err(NAMETOOLONG));
	assert_eq!(p.link("f", "g/", 0), Err(NOENT));
	assert_eq!(p.link("f", "d", 0), Err(EXIST));
	assert_eq!(p.link("d", "g", 0), Err(PERM));
	assert_eq!(p.link("none", "g", 0), Err(NOENT));
	assert_eq!(p.unlink("f/"), Err(NOTDIR));
	assert_eq!(p.unlink("d"), Err(ISDIR));
	assert_eq!(p.unlink("d/"), Err(ISDIR));
	assert_eq!(p.unlink("."), Err(ISDIR));
	assert_eq!(p.rmdir("f"), Err(NOTDIR));
	assert_eq!(p.rmdir("."), Err(BUSY));
	assert_eq!(p.rmdir("d/."), Err(INVAL));
	assert_eq!(p.rmdir("d/.."), Err(BUSY));
	p.symlink("d", "l").unwrap();
	assert_eq!(p.rmdir("l"), Err(NOTDIR));
	assert_eq!(p.rmdir("l/"), Err(NOTDIR));
	assert_eq!(p.unlink("l/"), Err(NOTDIR));
	assert_eq!(p.mkdir("d"), Err(EXIST));
	assert_eq!(p.mkdir("l"), Err(EXIST));
	assert_eq!(p.mkdir("."), Err(EXIST));
	assert_eq!(p.mkdir("new/"), Ok(()));
	assert_eq!(p.mkdir("none/new"), Err(NOENT));
	p.file("d/x", b"");
	assert_eq!(p.rmdir("d"), Err(NOTEMPTY));
	p.unlink("d/x").unwrap();
	assert_eq!(p.rmdir("d/"), Ok(()));
}

#[test]
fn links_are_names_of_one_file() {
	let mut p = Program::new();
	p.file("a", b"one");
	p.link("a", "b", 0).unwrap();
	let (a, b) = (p.stat("a").unwrap(), p.stat("b").unwrap());
	assert_eq!((a, a.links), (b, 2));
	let fd = p.open("b", 0, WRITE).unwrap();
	p.write(fd, b"two").unwrap();
	assert_eq!(p.content("a"), Ok(b"two".to_vec()));
	p.unlink("a").unwrap();
	assert_eq!(p.stat("b").unwrap().links, 1);
	p.symlink("b", "l").unwrap();
	p.link("l", "m", 0).unwrap();
	p.link("l", "n", 1).unwrap();
	assert_eq!(p.lstat("m").unwrap().kind, 7);
	assert_eq!(p.lstat("n").unwrap().kind, 4);
	assert_eq!(p.stat("b").unwrap().links, 2);
}

#[test]
fn file_descriptors_are_the_lowest_that_are_free() {
	let mut p = Program::new();
	p.file("a", b"abc");
	for fd in 4..1_024 {
		assert_eq!(p.open("a", 0, READ), Ok(fd));
	}
	assert_eq!(p.open("a", 0, READ), Err(MFILE));
	assert_eq!(p.open("new", CREATE, READ), Err(MFILE));
	assert_eq!(p.stat("new"), Err(NOENT), "nothing is made");
	p.close(7).unwrap();
	p.close(500).unwrap();
	assert_eq!(p.open("a", 0, READ), Ok(7));
	assert_eq!(p.open("a", 0, READ), Ok(500));
	// Nine becomes standard input.
	assert_eq!(p.call("fd_renumber", &[9, 0]), 0);
	assert_eq!(p.read(0, 10), Ok(b"abc".to_vec()));
	assert_eq!(p.read(9, 10), Err(BADF));
	assert_eq!(p.call("fd_renumber", &[9, 0]), BADF);
	assert_eq!(p.call("fd_renumber", &[0, 9]), BADF);
	assert_eq!(p.call("fd_renumber", &[0, 1_024]), BADF);
	assert_eq!(p.call("fd_renumber", &[10, 10]), 0);
	assert_eq!(p.open("a", 0, READ), Ok(9));
	assert_eq!(p.close(1_024), Err(BADF));
	assert_eq!(p.close(u32::MAX), Err(BADF));
	// Standard output under another number, a file in its place.
	p.close(20).unwrap();
	p.file("out", b"");
	let out = p.open("out", 0, WRITE).unwrap();
	assert_eq!(out, 20);
	assert_eq!(p.call("fd_renumber", &[1, 21]), 0);
	assert_eq!(p.call("fd_renumber", &[20, 1]), BADF, "it is closed");
	assert_eq!(p.open("out", 0, WRITE), Ok(1));
	p.write(1, b"file").unwrap();
	p.write(21, b"out").unwrap();
	assert_eq!(p.output(), b"out");
	assert_eq!(p.fdstat(1).unwrap().0, 4);
	// The root may move, too.
	assert_eq!(p.call("fd_renumber", &[3, 30]), 0);
	assert_eq!(p.call("fd_prestat_get", &[30, 64]), 0);
	assert_eq!(p.stat("a"), Err(BADF));
	assert!(p.stat_at(30, "a", 0).is_ok());
}

#[test]
fn rights_are_as_files_were_opened() {
	let mut p = Program::new();
	p.file("a", b"");
	for (rights, expected) in [
		(READ, READ),
		(WRITE, WRITE),
		(READ | WRITE, READ | WRITE),
		(0, 0),
		(!WRITE, READ),
	] {
		let fd = p.open("a", 0, rights).unwrap();
		let (kind, _, base, inheriting) = p.fdstat(fd).unwrap();
		assert_eq!((kind, base & (READ | WRITE), inheriting), (4, expected, 0));
		assert_eq!(base & 4, 4, "seek");
		p.close(fd).unwrap();
	}
	let fd = p.open("tmp", DIRECTORY, 0).unwrap();
	for fd in [3, fd] {
		let (kind, _, base, inheriting) = p.fdstat(fd).unwrap();
		assert_eq!((kind, base & (READ | WRITE | 4), inheriting), (3, 0, (1 << 30) - 1));
		assert_ne!(base & 1 << 13, 0, "path_open");
		assert_eq!(p.call("fd_fdstat_set_rights", &[fd.into(), 0, 0]), 0);
		assert_eq!(p.fdstat(fd).unwrap().2, base, "which changes nothing");
	}
	assert_eq!(p.call("fd_fdstat_set_rights", &[99, 0, 0]), BADF);
	assert!(p.open_at(fd, "sub", 0, CREATE, WRITE, 0).is_ok());
	assert_eq!(p.mkdir_at(fd, "d"), Ok(()));
}

#[test]
fn directories_are_no_files() {
	let mut p = Program::new();
	let fd = p.open("tmp", DIRECTORY, 0).unwrap();
	for fd in [3, fd] {
		assert_eq!(p.read(fd, 1), Err(BADF));
		assert_eq!(p.write(fd, b"x"), Err(BADF));
		assert_eq!(p.pread(fd, 1, 0), Err(BADF));
		assert_eq!(p.pwrite(fd, b"x", 0), Err(BADF));
		assert_eq!(p.seek(fd, 0, 1), Err(BADF));
		assert_eq!(p.tell(fd), Err(BADF));
		assert_eq!(p.set_size(fd, 0), Err(BADF));
		assert_eq!(p.call("fd_allocate", &[fd.into(), 0, 1]), BADF);
		assert_eq!(p.call("fd_advise", &[fd.into(), 0, 1, 0]), BADF);
		assert_eq!(p.call("fd_sync", &[fd.into()]), 0);
		assert_eq!(p.call("fd_datasync", &[fd.into()]), 0);
		assert_eq!(p.fstat(fd).unwrap().kind, 3);
	}
	let file = p.open("f", CREATE, WRITE).unwrap();
	assert_eq!(p.open_at(file, "x", 0, CREATE, WRITE, 0), Err(NOTDIR));
	assert_eq!(p.open_at(0, "x", 0, CREATE, WRITE, 0), Err(NOTDIR));
	assert_eq!(p.open_at(77, "x", 0, CREATE, WRITE, 0), Err(BADF));
	assert_eq!(p.call("fd_allocate", &[file.into(), 100, 28]), 0);
	assert_eq!(p.call("fd_allocate", &[file.into(), 10, 28]), 0);
	assert_eq!(p.fstat(file).unwrap().size, 128);
	assert_eq!(p.call("fd_allocate", &[file.into(), 10, 0]), INVAL);
	assert_eq!(p.call("fd_allocate", &[file.into(), u64::MAX, 1]), INVAL);
	assert_eq!(
		p.call("fd_allocate", &[file.into(), i64::MAX as u64, i64::MAX as u64]),
		FBIG
	);
	assert_eq!(p.call("fd_advise", &[file.into(), 0, 0, 5]), 0);
	assert_eq!(p.call("fd_advise", &[file.into(), 0, 0, 6]), INVAL);
}

#[test]
fn positions_stay_in_range() {
	let mut p = Program::new();
	p.file("a", b"0123456789");
	let fd = p.open("a", 0, READ).unwrap();
	assert_eq!(p.seek(fd, 4, 0), Ok(4));
	assert_eq!(p.seek(fd, -2, 1), Ok(2));
	assert_eq!(p.read(fd, 2), Ok(b"23".to_vec()));
	assert_eq!(p.seek(fd, -3, 2), Ok(7));
	assert_eq!(p.seek(fd, -11, 2), Err(INVAL));
	assert_eq!(p.seek(fd, i64::MIN, 1), Err(INVAL));
	assert_eq!(p.seek(fd, 0, 3), Err(INVAL));
	assert_eq!(p.tell(fd), Ok(7));
	assert_eq!(p.seek(fd, i64::MAX, 0), Ok(i64::MAX as u64));
	assert_eq!(p.seek(fd, 1, 1), Err(INVAL));
	assert_eq!(p.read(fd, 2), Ok(vec![]));
	let fd = p.open("a", 0, READ | WRITE).unwrap();
	assert_eq!(p.seek(fd, i64::MAX, 0), Ok(i64::MAX as u64));
	assert_eq!(p.write(fd, b"x"), Err(FBIG));
}

#[test]
fn paths_are_text() {
	let mut p = Program::new();
	assert_eq!(p.stat(""), Err(NOENT));
	assert_eq!(p.stat("a\0b"), Err(INVAL));
	for bad in [
		&b"\xff"[..],
		b"abcdefgh\x80",
		b"\xc0\x80",
		b"\xed\xa0\x80",
		b"\xf4\x90\x80\x80",
		b"ab\xe2\x82",
		b"\xc2",
	] {
		p.put(4_096, bad);
		let parameters = [3, 0, 4_096, bad.len() as u64, 64];
		assert_eq!(p.call("path_filestat_get", &parameters), ILSEQ, "{bad:?}");
	}
	for good in [
		"ä",
		"€",
		"😀",
		"abcdefghä€😀",
		"\u{7ff}\u{800}\u{ffff}\u{10ffff}",
		"\u{1}\u{7f}",
	] {
		assert_eq!(p.stat(good), Err(NOENT));
		p.file(good, b"x");
		assert_eq!(p.content(good), Ok(b"x".to_vec()));
	}
	assert_eq!(p.mkdir(&"n".repeat(255)), Ok(()));
	assert_eq!(p.mkdir(&"n".repeat(256)), Err(NAMETOOLONG));
	assert_eq!(p.stat(&"n".repeat(256)), Err(NAMETOOLONG));
	assert_eq!(p.stat(&"./".repeat(2_048)).unwrap().kind, 3);
	assert_eq!(p.stat(&"./".repeat(2_049)), Err(NAMETOOLONG));
	p.file("f", b"");
	assert_eq!(p.stat("f/"), Err(NOTDIR));
	assert_eq!(p.stat("f/."), Err(NOTDIR));
	assert_eq!(p.stat("tmp//.//..//tmp/").unwrap().kind, 3);
	assert_eq!(p.stat("none/.."), Err(NOENT));
}

#[test]
fn times_are_as_told() {
	let mut p = Program::new();
	p.file("a", b"");
	let first = p.stat("a").unwrap();
	assert!(first.mtime > 946_684_800_000_000_000);
	assert_eq!(p.set_times("a", 0, 5, 6, 1 | 4), Ok(()));
	let stat = p.stat("a").unwrap();
	assert_eq!((stat.atime, stat.mtime), (5, 6));
	assert_eq!(p.set_times("a", 0, 7, 8, 4), Ok(()));
	assert_eq!((p.stat("a").unwrap().atime, p.stat("a").unwrap().mtime), (5, 8));
	assert_eq!(p.set_times("a", 0, 7, 8, 2 | 8), Ok(()));
	let now = p.stat("a").unwrap();
	assert!(now.atime > first.mtime && now.mtime == now.atime);
	for flags in [3, 12, 15, 16] {
		assert_eq!(p.set_times("a", 0, 7, 8, flags), Err(INVAL));
	}
	p.symlink("a", "l").unwrap();
	p.set_times("l", 0, 1, 1, 5).unwrap();
	assert_eq!(p.lstat("l").unwrap().mtime, 1);
	assert_ne!(p.stat("l").unwrap().mtime, 1);
	p.set_times("l", 1, 2, 2, 5).unwrap();
	assert_eq!(p.stat("a").unwrap().mtime, 2);
	// Writing is noticed, also in the directory.
	let directory = p.stat(".").unwrap();
	let fd = p.open("a", 0, WRITE).unwrap();
	p.write(fd, b"x").unwrap();
	assert!(p.stat("a").unwrap().mtime > now.mtime);
	assert_eq!(p.stat(".").unwrap().mtime, directory.mtime);
	p.unlink("a").unwrap();
	assert!(p.stat(".").unwrap().mtime > directory.mtime);
	assert_eq!(p.call("fd_filestat_set_times", &[fd.into(), 3, 4, 5]), 0);
	assert_eq!((p.fstat(fd).unwrap().atime, p.fstat(fd).unwrap().mtime), (3, 4));
	assert_eq!(p.call("fd_filestat_set_times", &[1, 3, 4, 5]), BADF);
}

#[test]
fn the_null_device_takes_all() {
	let mut p = Program::new();
	let fd = p.open("dev/null", 0, READ | WRITE).unwrap();
	assert_eq!(p.fdstat(fd).unwrap().0, 2);
	assert_eq!(p.fdstat(fd).unwrap().2 & 4, 4, "no terminal");
	assert_eq!(p.write(fd, &[1; 100_000]), Ok(100_000));
	assert_eq!(p.pwrite(fd, b"x", 1 << 40), Ok(1));
	assert_eq!(p.read(fd, 10), Ok(vec![]));
	assert_eq!(p.seek(fd, 10, 0), Ok(0));
	assert_eq!(p.fstat(fd).unwrap().size, 0);
	assert_eq!(p.set_size(fd, 0), Err(INVAL));
	let again = p.open("dev/null", CREATE | TRUNCATE, WRITE).unwrap();
	assert_eq!(p.write(again, b"x"), Ok(1));
	assert_eq!(p.unlink("dev/null"), Ok(()));
}

#[test]
fn without_memory_calls_fail_and_nothing_is_half_done() {
	// One page more at a time, until all of it works.
	for pages in 17..60 {
		let mut p = Program::new();
		p.wasi.host.pages = pages;
		let made = p.mkdir("d");
		if made.is_err() {
			assert_eq!(made, Err(NOSPC));
			continue;
		}
		let mut names = 0;
		let mut written = 0_u64;
		let fd = p.open("d/file", CREATE, READ | WRITE).unwrap();
		loop {
			match p.write(fd, &[3; 10_000]) {
				Ok(len) => written += u64::from(len),
				Err(errno) => {
					assert_eq!(errno, NOSPC);
					break;
				}
			}
			if written > 3_000_000 {
				break;
			}
		}
		assert_eq!(p.fstat(fd).unwrap().size, written);
		loop {
			match p.mkdir(&format!("d/name{names}")) {
				Ok(()) => names += 1,
				Err(errno) => {
					assert_eq!(errno, NOSPC);
					break;
				}
			}
			if names > 200 {
				break;
			}
		}
		// What is removed makes room.
		p.set_size(fd, 0).unwrap();
		assert_eq!(p.names("d").unwrap().len(), names + 1);
		p.unlink("d/file").unwrap();
		p.close(fd).unwrap();
		p.mkdir("d/another").unwrap();
	}
}

#[test]
fn the_early_form_differs_in_four_functions() {
	let mut p = Program::new();
	p.file("f", &[7; 100]);
	let fd = p.open("f", 0, READ).unwrap();
	let seek = |p: &mut Program, offset: i64, whence: u64| {
		p.result("early.fd_seek", &[fd.into(), offset as u64, whence, 64])
			.map(|()| p.long(64))
	};
	// From where it is, from the end, from the start.
	assert_eq!(seek(&mut p, 10, 2), Ok(10));
	assert_eq!(seek(&mut p, 5, 0), Ok(15));
	assert_eq!(seek(&mut p, -1, 1), Ok(99));
	assert_eq!(seek(&mut p, 0, 3), Err(INVAL));
	assert_eq!(seek(&mut p, -1, 2), Err(INVAL));
	// The links stand behind the kind, everything after them eight bytes earlier, and nothing is stored beyond.
	p.link("f", "g", 0).unwrap();
	p.put(4_096, b"g");
	for (name, parameters) in [
		("early.fd_filestat_get", vec![fd.into(), 64]),
		("early.path_filestat_get", vec![ROOT.into(), 0, 4_096, 1, 64]),
	] {
		let stat = p.fstat(fd).unwrap();
		p.put(64, &[0xaa; 64]);
		p.result(name, &parameters).unwrap();
		assert_eq!((p.long(64), p.long(72)), (1, stat.inode), "{name}");
		assert_eq!((p.long(80), stat.kind), (4 | 2 << 32, 4), "{name}");
		assert_eq!((p.long(88), p.long(96)), (100, stat.atime), "{name}");
		assert_eq!((p.long(104), p.long(112)), (stat.mtime, stat.ctime), "{name}");
		assert_eq!(p.long(120), 0xaaaa_aaaa_aaaa_aaaa, "{name}");
	}
	p.put(64, &[0xaa; 64]);
	p.result("early.fd_filestat_get", &[1, 64]).unwrap();
	assert_eq!((p.get(64, 56), p.get(120, 1)), (vec![0; 56], vec![0xaa]));
	// A clock has a number of the program's before it: 56 bytes, of which the time is at 32.
	let mut subscriptions = vec![0; 112];
	for (at, value) in [
		(0, 71),
		(16, 5),
		(24, 1),
		(32, 2_000),
		(56, 72),
		(72, 5),
		(80, 1),
		(88, 9_000),
	] {
		subscriptions[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
	}
	p.put(DATA, &subscriptions);
	p.result("early.poll_oneoff", &[DATA, DATA + 1_000, 2, 64]).unwrap();
	// The earlier one alone.
	assert_eq!((p.word(64), p.long(DATA + 1_000)), (1, 71));
	let last = p.wasi.host.program.len() as u64 - 111;
	assert_eq!(p.call("early.poll_oneoff", &[last, DATA, 2, 64]), FAULT);
}
