//! Every function with every kind of argument: none panics, none touches what is outside, all do the same twice.

mod common;
use common::{archive::*, *};
use millrace_wasi::{tools::native::FUNCTIONS, Status};

const PAGES: u32 = 2;
const SIZE: u64 = 65_536 * PAGES as u64;

#[test]
fn there_are_forty_six_functions() {
	assert_eq!(FUNCTIONS.len(), 46);
	assert!(FUNCTIONS.iter().all(|(_, parameters, _)| *parameters <= 9));
}

fn narrow(random: &mut Random) -> u64 {
	match random.below(12) {
		0..4 => random.below(10),
		4 => random.below(64),
		5..7 => 1_000 + random.below(200),
		7 => random.below(SIZE),
		8 => SIZE - random.below(70),
		9 => SIZE + random.below(70),
		10 => u64::from(u32::MAX) - random.below(70),
		_ => random.next() & 0xffff_ffff,
	}
}

fn wide(random: &mut Random) -> u64 {
	match random.below(8) {
		0..3 => random.below(10),
		3 => random.below(100_000),
		4 => u64::MAX - random.below(10),
		5 => (1 << 63) - random.below(10),
		6 => (1 << 32) - 5 + random.below(10),
		_ => random.next(),
	}
}

/// Memory that functions find something in: paths, lists, subscriptions, noise.
fn fill(program: &mut Program, random: &mut Random) {
	for at in (0..SIZE).step_by(8) {
		let word = match random.below(6) {
			0 => random.next(),
			1 => narrow(random) | narrow(random) << 32,
			2 => random.below(3),
			3 => u64::from_le_bytes(*b"a/b/../c"),
			_ => random.below(300) | random.below(300) << 32,
		};
		program.put(at, &word.to_le_bytes());
	}
	for (i, path) in ["a", "a/b", "d", "l", "d/x", "..", ".", "tmp/new", "dev/null", "a/"]
		.iter()
		.enumerate()
	{
		program.put(1_000 + 8 * i as u64, &[0; 8]);
		program.put(1_000 + 8 * i as u64, path.as_bytes());
	}
}

fn run(seed: u64, rounds: u64) -> (Vec<u32>, Vec<u8>, Vec<u8>) {
	let mut random = Random::new(seed);
	let image = image(&[
		file("a", b"content"),
		directory("d"),
		file("d/x", &[1; 6_000]),
		link("l", "d/x"),
	]);
	let (input, kind) = match seed % 3 {
		0 => (b"input".to_vec(), 0),
		1 => (b"one\0two\0".to_vec(), 1),
		_ => (plain(&[file("d/y", b"y"), file("a", b"above")]), 2),
	};
	let output = (seed % 5 % 3) as u8;
	let setup = Setup {
		input: kind,
		output,
		argv: &["a"],
		env: &["A=b", "SOURCE_DATE_EPOCH=5"],
		output_path: if output == 0 { "" } else { "d/out" },
		input_path: if kind == 0 { "in" } else { "" },
	};
	let mut p = Program::with_pages(PAGES);
	p.wasi.host.setup = setup.bytes().into();
	p.wasi.host.input = input.into();
	p.wasi.host.image = image.into();
	p.wasi.host.pages = 40;
	p.wasi.host.limit = 100_000;
	for (path, ask, rights) in [
		("a", 0, READ | WRITE),
		("d", DIRECTORY, 0),
		("tmp/f", CREATE, READ | WRITE),
	] {
		p.open(path, ask, rights).unwrap();
	}
	fill(&mut p, &mut random);
	let mut results = Vec::new();
	for _ in 0..rounds {
		let (name, parameters, wides) = *random.one(FUNCTIONS);
		if name == "proc_exit" || name == "proc_raise" {
			continue;
		}
		let mut values: Vec<u64> = (0..parameters)
			.map(|i| {
				if wides >> i & 1 == 1 {
					wide(&mut random)
				} else {
					narrow(&mut random)
				}
			})
			.collect();
		if name.starts_with("path_") && random.below(3) > 0 {
			// A path that is one, from the root.
			let at = if parameters == 5 && name == "path_symlink" {
				2
			} else {
				0
			};
			values[at] = 3;
			let path = if matches!(
				name,
				"path_filestat_get" | "path_filestat_set_times" | "path_link" | "path_open"
			) {
				2
			} else {
				at + 1
			};
			values[path] = 1_000 + 8 * random.below(10);
			values[path + 1] = 1 + random.below(8);
		}
		if name.starts_with("fd_") && random.below(3) > 0 {
			values[0] = random.below(7);
		}
		if matches!(name, "fd_close" | "fd_renumber") && random.below(4) > 0 {
			continue;
		}
		match p.try_call(name, &values) {
			Ok(errno) => results.push(errno),
			Err(halted) => {
				assert_eq!(
					(halted.status, halted.code),
					(Status::OutputTooLong, 0),
					"{name} {values:?}"
				);
				break;
			}
		}
		if random.below(50) == 0 {
			fill(&mut p, &mut random);
		}
	}
	let code = random.below(3);
	let _ = p.try_call("proc_exit", &[code]);
	(results, p.wasi.host.program.clone(), p.wasi.host.own.clone())
}

#[test]
fn no_argument_does_harm() {
	let mut seen = std::collections::BTreeMap::new();
	for seed in 0..rounds(400) {
		let first = run(seed, 500);
		for errno in &first.0 {
			*seen.entry(*errno).or_insert(0_u64) += 1;
		}
		if seed % 10 == 0 {
			assert!(first == run(seed, 500), "{seed}");
		}
	}
	// Of the errors, all that such calls can meet.
	for errno in [
		0,
		BADF,
		EXIST,
		FAULT,
		FBIG,
		INVAL,
		ISDIR,
		NAMETOOLONG,
		NOENT,
		NOTDIR,
		PERM,
		SPIPE,
		NOTSOCK,
	] {
		assert!(seen.contains_key(&errno), "{errno}: {seen:?}");
	}
}

#[test]
fn a_fault_changes_nothing() {
	// Each function with each of its pointers outside, everything else fine: an error, and memory as before.
	let end = SIZE;
	let fresh = || {
		let mut p = Program::with_pages(PAGES);
		p.wasi.host.input = b"input"[..].into();
		p.file("f", b"content");
		p.file("g", b"content");
		p.mkdir("d").unwrap();
		p.symlink("f", "l").unwrap();
		assert_eq!(p.open("f", 0, READ | WRITE), Ok(4));
		assert_eq!(p.open("d", DIRECTORY, 0), Ok(5));
		p.put(16, &[0, 8, 0, 0, 4, 0, 0, 0]);
		p.put(1_000, b"fgdlnew");
		p.put(3_000, &[0; 48]);
		p.wasi.host.program[3_016] = 1;
		p
	};
	let (f, d, l, new) = (1_000, 1_002, 1_003, 1_004);
	// The function, its parameters, and which of them are pointers, with the bytes that each needs.
	let cases: &[(&str, &[u64], &[(usize, u64)])] = &[
		("args_get", &[64, 200], &[(0, 4), (1, 8)]),
		("args_sizes_get", &[64, 68], &[(0, 4), (1, 4)]),
		("environ_sizes_get", &[64, 68], &[(0, 4), (1, 4)]),
		("clock_res_get", &[0, 64], &[(1, 8)]),
		("clock_time_get", &[0, 0, 64], &[(2, 8)]),
		("fd_fdstat_get", &[4, 64], &[(1, 24)]),
		("fd_fdstat_get", &[1, 64], &[(1, 24)]),
		("fd_filestat_get", &[4, 64], &[(1, 64)]),
		("fd_filestat_get", &[0, 64], &[(1, 64)]),
		("fd_pread", &[4, 16, 1, 0, 64], &[(1, 8), (4, 4)]),
		("fd_prestat_dir_name", &[3, 64, 1], &[(1, 1)]),
		("fd_prestat_get", &[3, 64], &[(1, 8)]),
		("fd_pwrite", &[4, 16, 1, 0, 64], &[(1, 8), (4, 4)]),
		("fd_read", &[0, 16, 1, 64], &[(1, 8), (3, 4)]),
		("fd_read", &[4, 16, 1, 64], &[(1, 8), (3, 4)]),
		("fd_readdir", &[5, 4_000, 100, 0, 64], &[(1, 100), (4, 4)]),
		("fd_seek", &[4, 3, 0, 64], &[(3, 8)]),
		("fd_tell", &[4, 64], &[(1, 8)]),
		("fd_write", &[1, 16, 1, 64], &[(1, 8), (3, 4)]),
		("fd_write", &[2, 16, 1, 64], &[(1, 8), (3, 4)]),
		("fd_write", &[4, 16, 1, 64], &[(1, 8), (3, 4)]),
		("path_create_directory", &[3, new, 3], &[(1, 3)]),
		("path_filestat_get", &[3, 0, f, 1, 64], &[(2, 1), (4, 64)]),
		("path_filestat_set_times", &[3, 0, f, 1, 1, 1, 5], &[(2, 1)]),
		("path_link", &[3, 0, f, 1, 3, new, 3], &[(2, 1), (5, 3)]),
		("path_open", &[3, 0, new, 3, 1, 66, 0, 0, 64], &[(2, 3), (8, 4)]),
		("path_readlink", &[3, l, 1, 4_000, 100, 64], &[(1, 1), (3, 100), (5, 4)]),
		("path_remove_directory", &[3, d, 1], &[(1, 1)]),
		("path_rename", &[3, f, 1, 3, new, 3], &[(1, 1), (4, 3)]),
		("path_symlink", &[f, 1, 3, new, 3], &[(0, 1), (3, 3)]),
		("path_unlink_file", &[3, f, 1], &[(1, 1)]),
		("poll_oneoff", &[3_000, 4_000, 1, 64], &[(0, 48), (1, 32), (3, 4)]),
		("random_get", &[64, 16], &[(0, 16)]),
	];
	for (name, parameters, pointers) in cases {
		let mut p = fresh();
		assert_eq!(p.call(name, parameters), 0, "{name} {parameters:?}");
		for (which, needs) in *pointers {
			for bad in [
				end - needs + 1,
				end,
				end + 1,
				u64::from(u32::MAX),
				u64::from(u32::MAX) - needs / 2,
			] {
				let mut p = fresh();
				let before = p.wasi.host.program.clone();
				let mut parameters = parameters.to_vec();
				parameters[*which] = bad;
				assert_eq!(p.call(name, &parameters), FAULT, "{name} {parameters:?}");
				assert!(p.wasi.host.program == before, "{name} {parameters:?} changed memory");
				assert_eq!((p.output(), p.errors().as_str()), (&b""[..], ""));
				assert_eq!(p.tell(4), Ok(0), "{name} moved a position");
				assert_eq!(p.content("f"), Ok(b"content".to_vec()), "{name} changed a file");
				assert_eq!(
					p.names(".").unwrap(),
					["tmp", "dev", "f", "g", "d", "l"],
					"{name} changed a folder"
				);
				assert_eq!(p.read(0, 10), Ok(b"input".to_vec()));
			}
			// The last place that is inside.
			let mut p = fresh();
			let mut parameters = parameters.to_vec();
			let content = p.get(parameters[*which], *needs as usize);
			p.put(end - needs, &content);
			parameters[*which] = end - needs;
			assert_eq!(p.call(name, &parameters), 0, "{name} {parameters:?}");
		}
	}
}
