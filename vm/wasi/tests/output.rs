//! Outputs that are files and directories.

mod common;
use common::{archive::*, *};
use millrace_wasi::Status;

fn writes(output: u8, path: &str) -> Program {
	Program::with(
		&Setup {
			output,
			output_path: path,
			argv: &["a"],
			..Setup::default()
		},
		b"",
		b"",
	)
}

#[test]
fn a_file_is_the_output() {
	// Its folders are made before.
	for path in ["out", "/a/b/out", "a/b/out", "./a//b/out", "tmp/out"] {
		let mut p = writes(1, path);
		p.file(path.trim_start_matches('/'), b"content");
		assert_eq!(p.write(1, b"not the output"), Ok(14));
		assert_eq!(p.exit(0), (Status::Success, 0), "{path}");
		assert_eq!((p.output(), p.errors().as_str()), (&b"content"[..], "not the output"));
	}
	// Not there, a folder, a folder in its place, removed.
	let mut p = writes(1, "out");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	assert_eq!(p.errors(), "output: there is nothing at its path");
	let mut p = writes(1, "out");
	assert_eq!(p.exit(7), (Status::Exit, 7));
	assert_eq!(p.output(), b"");
	let mut p = writes(1, "d/out");
	p.mkdir("d/out").unwrap();
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	assert_eq!(p.errors(), "output: what is at its path is no file");
	let mut p = writes(1, "d/out");
	p.rmdir("d").unwrap();
	p.file("d", b"x");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	let mut p = writes(1, "tmp/");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	let mut p = writes(1, "../out");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	// Kept whatever the exit code, and empty is something.
	let mut p = writes(1, "out");
	p.file("out", b"half");
	assert_eq!(p.exit(3), (Status::Exit, 3));
	assert_eq!(p.output(), b"half");
	let mut p = writes(1, "out");
	p.file("out", b"");
	assert_eq!(p.exit(0), (Status::Success, 0));
	// Through a link, with holes, still open.
	let mut p = writes(1, "out");
	let fd = p.open("x", CREATE, WRITE).unwrap();
	p.pwrite(fd, b"start", 0).unwrap();
	p.pwrite(fd, b"end", 9_000).unwrap();
	p.symlink("x", "out").unwrap();
	assert_eq!(p.exit(0), (Status::Success, 0));
	assert_eq!(p.output(), [&b"start"[..], &[0; 8_995], b"end"].concat());
	let mut p = writes(1, "dev/null");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
}

#[test]
fn too_long_an_output_is_told_before_it_is_written() {
	for limit in [0, 999, 1_000] {
		let mut p = writes(1, "out");
		p.wasi.host.limit = limit;
		p.file("out", &[1; 1_000]);
		let fits = limit == 1_000;
		let end = if fits {
			(Status::Exit, 4)
		} else {
			(Status::OutputTooLong, 4)
		};
		assert_eq!(p.exit(4), end);
		assert_eq!(p.output().len(), if fits { 1_000 } else { 0 });
	}
	// A hole is as long as what is written.
	let mut p = writes(1, "out");
	p.wasi.host.limit = 1 << 20;
	let fd = p.open("out", CREATE, WRITE).unwrap();
	p.set_size(fd, u32::MAX.into()).unwrap();
	assert_eq!(p.exit(0), (Status::OutputTooLong, 0));
	for limit in [0, 1_023, 1_535, 2_047] {
		let mut p = writes(2, "out");
		p.wasi.host.limit = limit;
		p.file("out/f", b"x");
		assert_eq!(p.exit(0), (Status::OutputTooLong, 0), "{limit}");
	}
	let mut p = writes(2, "out");
	p.wasi.host.limit = 2_048;
	p.file("out/f", b"x");
	assert_eq!(p.exit(0), (Status::Success, 0));
	assert_eq!(p.output().len(), 2_048);
}

/// Path, kind, link, content.
fn entries(p: &Program) -> Vec<(String, u8, String, Vec<u8>)> {
	let all = read(p.output());
	for entry in &all {
		assert_eq!(entry.mode, if entry.kind == b'5' { 0o755 } else { 0o644 });
	}
	all.into_iter()
		.map(|entry| (entry.path, entry.kind, entry.link, entry.content))
		.collect()
}

#[test]
fn a_directory_is_the_output() {
	let mut p = writes(2, "out/put");
	assert_eq!(p.exit(0), (Status::Success, 0));
	assert_eq!(p.output(), [0; 1_024], "nothing in it");
	let mut p = writes(2, "out");
	p.rmdir("out").unwrap();
	assert_eq!(p.exit(0), (Status::NoOutput, 0));
	let mut p = writes(2, "out");
	p.rmdir("out").unwrap();
	assert_eq!(p.exit(1), (Status::Exit, 1));
	assert_eq!(p.output(), b"");
	let mut p = writes(2, "out");
	p.rmdir("out").unwrap();
	p.file("out", b"x");
	assert_eq!(p.exit(0), (Status::NoOutput, 0));

	let run = || {
		let mut p = writes(2, "out");
		for directory in ["out/a", "out/a-", "out/a/deep", "out/b0", "out/empty"] {
			p.mkdir(directory).unwrap();
		}
		p.file("elsewhere", b"not in it");
		for (path, content) in [
			("out/a.txt", &b"dot"[..]),
			("out/a/x", b"x"),
			("out/b", b""),
			("out/a-/y", &[9; 1_025]),
		] {
			p.file(path, content);
		}
		p.link("out/b", "out/a/another", 0).unwrap();
		p.link("elsewhere", "out/z", 0).unwrap();
		p.symlink("../nowhere", "out/link").unwrap();
		let long = "l".repeat(101);
		p.symlink(&long, "out/long").unwrap();
		p.link("out/long", "out/longer", 0).unwrap();
		p.unlink("out/longer").unwrap();
		assert_eq!(p.exit(0), (Status::Success, 0));
		p
	};
	let p = run();
	let expected: Vec<(String, u8, String, Vec<u8>)> = [
		("a-/", b'5', "", &b""[..]),
		("a-/y", b'0', "", &[9; 1_025]),
		("a.txt", b'0', "", b"dot"),
		("a/", b'5', "", b""),
		("a/another", b'0', "", b""),
		("a/deep/", b'5', "", b""),
		("a/x", b'0', "", b"x"),
		("b", b'1', "a/another", b""),
		("b0/", b'5', "", b""),
		("empty/", b'5', "", b""),
		("link", b'2', "../nowhere", b""),
		("long", b'2', &"l".repeat(101), b""),
		("z", b'0', "", b"not in it"),
	]
	.into_iter()
	.map(|(path, kind, link, content)| (path.into(), kind, link.into(), content.into()))
	.collect();
	assert_eq!(entries(&p), expected);
	let paths: Vec<&str> = expected.iter().map(|entry| &*entry.0).collect();
	assert!(paths.is_sorted(), "by bytes");
	assert_eq!(p.output(), run().output(), "the same bytes twice");
}

#[test]
fn names_may_be_long_and_deep() {
	let mut p = writes(2, "out");
	let mut expected = Vec::new();
	// Of each length around those that fit a header.
	let component = "c".repeat(60);
	p.mkdir(&format!("out/{component}")).unwrap();
	p.mkdir(&format!("out/{component}/{component}")).unwrap();
	for base in [
		String::new(),
		format!("{component}/"),
		format!("{component}/{component}/"),
	] {
		for len in [
			1, 37, 38, 39, 40, 41, 99, 100, 101, 132, 133, 134, 135, 154, 155, 156, 254, 255,
		] {
			let path = format!("{base}{}", "n".repeat(len));
			p.file(&format!("out/{path}"), path.as_bytes());
			expected.push(path);
		}
		for len in [98, 99, 100, 101, 253] {
			let path = format!("{base}{}", "d".repeat(len));
			p.mkdir(&format!("out/{path}")).unwrap();
			expected.push(format!("{path}/"));
		}
	}
	// A path of more than 4,096 bytes can be made step by step.
	let mut fd = p.open("out", DIRECTORY, 0).unwrap();
	let mut deep = String::new();
	let mut deepest = Vec::new();
	for _ in 0..40 {
		let name = "e".repeat(200);
		p.mkdir_at(fd, &name).unwrap();
		let next = p.open_at(fd, &name, 0, DIRECTORY, 0, 0).unwrap();
		p.close(fd).unwrap();
		fd = next;
		deep += &format!("{name}/");
		deepest.push(deep.clone());
	}
	p.open_at(fd, "f", 0, CREATE, WRITE, 0).unwrap();
	deepest.push(format!("{deep}f"));
	expected.extend(deepest);
	expected.push(format!("{component}/"));
	expected.push(format!("{component}/{component}/"));
	expected.sort();
	assert_eq!(p.exit(0), (Status::Success, 0));
	let all = entries(&p);
	let paths: Vec<&String> = all.iter().map(|entry| &entry.0).collect();
	assert!(paths.into_iter().eq(&expected));
	for (path, kind, _, content) in &all {
		if *kind == b'0' && !path.ends_with("/f") {
			assert_eq!(path.as_bytes(), content);
		}
	}
	if let Ok(tar) = std::process::Command::new("tar").arg("--version").output() {
		assert!(tar.status.success());
		let file = std::env::temp_dir().join(format!("millrace-wasi-{}.tar", std::process::id()));
		std::fs::write(&file, p.output()).unwrap();
		let listed = std::process::Command::new("tar")
			.arg("-tf")
			.arg(&file)
			.env("LC_ALL", "C")
			.output()
			.unwrap();
		std::fs::remove_file(&file).unwrap();
		assert!(
			listed.status.success() && listed.stderr.is_empty(),
			"{}",
			String::from_utf8_lossy(&listed.stderr)
		);
		let listed = String::from_utf8(listed.stdout).unwrap();
		assert!(listed.lines().eq(expected.iter()));
	}
}

#[test]
fn the_root_may_be_the_output() {
	let mut p = writes(2, "/");
	p.file("f", b"x");
	assert_eq!(p.exit(0), (Status::Success, 0));
	let paths: Vec<String> = entries(&p).into_iter().map(|entry| entry.0).collect();
	assert_eq!(paths, ["dev/", "f", "tmp/"], "there are no devices in archives");
}

#[test]
fn what_comes_from_archives_is_in_the_output() {
	let mut executable = file("out/run", b"#!");
	executable.0.executable = true;
	let image = image(&[
		directory("out/d"),
		file("out/d/below", b"below"),
		file("out/d/hidden", b"hidden"),
		file("out/kept", &[5; 10_000]),
		file("out/changed", &[6; 10_000]),
		link("out/link", "kept"),
		executable,
	]);
	let input = plain(&[
		file("out/d/above", b"above"),
		file("out/d/hidden", b"shown"),
		link("out/other", "link"),
	]);
	let setup = Setup {
		input: 2,
		output: 2,
		output_path: "out",
		argv: &["a"],
		..Setup::default()
	};
	let mut p = Program::with(&setup, &input, &image);
	let fd = p.open("out/changed", 0, WRITE).unwrap();
	p.pwrite(fd, b"changed", 5_000).unwrap();
	p.link("out/kept", "out/again", 0).unwrap();
	assert_eq!(p.exit(0), (Status::Success, 0));
	let mut changed = vec![6; 10_000];
	changed[5_000..5_007].copy_from_slice(b"changed");
	let found: Vec<(String, u8, u32, String, Vec<u8>)> = read(p.output())
		.into_iter()
		.map(|e| (e.path, e.kind, e.mode, e.link, e.content))
		.collect();
	let expected: Vec<(String, u8, u32, String, Vec<u8>)> = [
		("again", b'0', 0o644, "", vec![5; 10_000]),
		("changed", b'0', 0o644, "", changed),
		("d/", b'5', 0o755, "", vec![]),
		("d/above", b'0', 0o644, "", b"above".to_vec()),
		("d/below", b'0', 0o644, "", b"below".to_vec()),
		("d/hidden", b'0', 0o644, "", b"shown".to_vec()),
		("kept", b'1', 0o644, "again", vec![]),
		("link", b'2', 0o644, "kept", vec![]),
		("other", b'2', 0o644, "link", vec![]),
		("run", b'0', 0o755, "", b"#!".to_vec()),
	]
	.into_iter()
	.map(|(path, kind, mode, link, content)| (path.into(), kind, mode, link.into(), content))
	.collect();
	assert_eq!(found, expected);
	// A file of an archive that nobody touched.
	let setup = Setup {
		output: 1,
		output_path: "out/kept",
		..Setup::default()
	};
	let mut p = Program::with(&setup, b"", &image);
	assert_eq!(p.exit(0), (Status::Success, 0));
	assert_eq!(p.output(), [5; 10_000]);
}

#[test]
fn without_memory_there_is_no_output() {
	let mut ended = [0, 0];
	for pages in 17..30 {
		let mut p = writes(2, "out");
		p.wasi.host.pages = 40;
		p.mkdir("out/d").unwrap();
		for n in 0..300 {
			p.file(&format!("out/d/{n}{}", "n".repeat(200)), b"");
		}
		p.wasi.host.pages = (p.own_pages() as u32 + 16).max(pages);
		if p.exit(0).0 == Status::Success {
			ended[0] += 1;
		} else {
			assert_eq!(p.errors(), "output: no memory is left to write it");
			ended[1] += 1;
		}
	}
	assert!(ended[0] > 0 && ended[1] > 0, "{ended:?}");
}
