//! The module that is linked into programs: what is in it, and what it costs.
//!
//! `scripts/wasi.sh` makes it, and runs the other tests in it as well.

mod common;
use common::{
	archive::*,
	decode::{bytes, Module, Type},
	*,
};
use millrace_wasi::{
	tools::native::{EARLY, FUNCTIONS},
	Status,
};

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;

/// What the normaliser knows: name, parameters, result.
const IMPORTS: &[(&str, &[u8], &[u8])] = &[
	("program_load8", &[I32], &[I32]),
	("program_load32", &[I32], &[I32]),
	("program_load64", &[I32], &[I64]),
	("program_store8", &[I32, I32], &[]),
	("program_store32", &[I32, I32], &[]),
	("program_store64", &[I32, I64], &[]),
	("program_size", &[], &[I32]),
	("copy_in", &[I32, I32, I32], &[]),
	("copy_out", &[I32, I32, I32], &[]),
	("gas_left", &[], &[I64]),
	("gas_limit", &[], &[I64]),
	("size", &[I32], &[I64]),
	("read", &[I32, I32, I32, I32], &[]),
	("output", &[I32, I32, I32], &[]),
	("error", &[I32, I32, I32], &[]),
	("seed", &[I32], &[I64]),
	("halt", &[I32, I32], &[]),
];

#[test]
fn it_needs_nothing_that_the_normaliser_has_not() {
	let module = Module::built();
	// Types, imports, functions, memory, globals, exports, code, data: no table, no elements, no start.
	assert_eq!(module.sections, [1, 2, 3, 5, 6, 7, 10, 11]);
	for (from, name, ty) in &module.imports {
		let known = IMPORTS.iter().find(|(known, ..)| known == name);
		let (_, params, results) =
			known.unwrap_or_else(|| panic!("{name} is no import; `panic` is one if a panic can be reached"));
		assert_eq!(from, "millrace");
		assert_eq!(
			module.types[*ty],
			Type {
				params: params.to_vec(),
				results: results.to_vec()
			},
			"{name}"
		);
	}
	assert_eq!(module.pages, (1, None));
	for (ty, changes, _) in &module.globals {
		assert_eq!(*ty, I32);
		assert!(!changes || module.globals[0].1, "only the end of the stack changes");
	}
	assert_eq!(module.globals[0].2, 16_384, "the stack comes first");
	assert!(module.data.iter().all(|(at, _)| *at >= 16_384));
}

#[test]
fn it_has_all_functions_with_their_types() {
	let module = Module::built();
	let mut names: Vec<&str> = Vec::new();
	for (name, parameters, wide) in FUNCTIONS.iter().chain(EARLY) {
		let params = (0..*parameters)
			.map(|i| if wide >> i & 1 == 1 { I64 } else { I32 })
			.collect();
		let results = if *name == "proc_exit" { vec![] } else { vec![I32] };
		let ty = Type { params, results };
		for export in [name.to_string(), format!("plain.{name}")] {
			if let Some((kind, index)) = module.exports.get(&export) {
				assert_eq!(*kind, 0);
				assert_eq!(*module.type_of(*index), ty, "{export}");
				names.push(name);
			}
		}
		assert!(module.exports.contains_key(*name), "{name}");
	}
	let functions = module.exports.values().filter(|(kind, _)| *kind == 0).count();
	assert_eq!(names.len(), functions, "nothing else is exported");
}

#[test]
fn it_is_made_of_these_sources() {
	let made = include_str!("../wasi.made");
	let stated = made.lines().find_map(|line| line.strip_prefix("sources ")).unwrap();
	let mut files: Vec<_> = std::fs::read_dir(std::env::var("CARGO_MANIFEST_DIR").unwrap() + "/src")
		.unwrap()
		.map(|entry| entry.unwrap().path())
		.filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
		.collect();
	files.sort();
	let sources: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
	assert_eq!(blake2b(&sources), stated, "run scripts/wasi.sh");
}

/// BLAKE2b of 32 bytes (RFC 7693) in hexadecimal digits.
fn blake2b(data: &[u8]) -> String {
	const IV: [u64; 8] = [
		0x6a09_e667_f3bc_c908,
		0xbb67_ae85_84ca_a73b,
		0x3c6e_f372_fe94_f82b,
		0xa54f_f53a_5f1d_36f1,
		0x510e_527f_ade6_82d1,
		0x9b05_688c_2b3e_6c1f,
		0x1f83_d9ab_fb41_bd6b,
		0x5be0_cd19_137e_2179,
	];
	const SIGMA: [[usize; 16]; 10] = [
		[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
		[14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
		[11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
		[7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
		[9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
		[2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
		[12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
		[13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
		[6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
		[10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
	];
	let mut h = IV;
	h[0] ^= 0x0101_0000 ^ 32;
	let blocks = data.len().div_ceil(128).max(1);
	for block in 0..blocks {
		let end = (128 * (block + 1)).min(data.len());
		let mut bytes = [0; 128];
		bytes[..end - 128 * block].copy_from_slice(&data[128 * block..end]);
		let m: Vec<u64> = bytes
			.chunks(8)
			.map(|word| u64::from_le_bytes(word.try_into().unwrap()))
			.collect();
		let mut v: Vec<u64> = h.iter().chain(&IV).copied().collect();
		v[12] ^= end as u64;
		if block + 1 == blocks {
			v[14] = !v[14];
		}
		for round in 0..12 {
			let s = &SIGMA[round % 10];
			for (i, (a, b, c, d)) in [
				(0, 4, 8, 12),
				(1, 5, 9, 13),
				(2, 6, 10, 14),
				(3, 7, 11, 15),
				(0, 5, 10, 15),
				(1, 6, 11, 12),
				(2, 7, 8, 13),
				(3, 4, 9, 14),
			]
			.into_iter()
			.enumerate()
			{
				for (x, r1, r2) in [(m[s[2 * i]], 32, 24), (m[s[2 * i + 1]], 16, 63)] {
					v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
					v[d] = (v[d] ^ v[a]).rotate_right(r1);
					v[c] = v[c].wrapping_add(v[d]);
					v[b] = (v[b] ^ v[c]).rotate_right(r2);
				}
			}
		}
		for i in 0..8 {
			h[i] ^= v[i] ^ v[i + 8];
		}
	}
	h[..4]
		.iter()
		.flat_map(|word| word.to_le_bytes())
		.map(|byte| format!("{byte:02x}"))
		.collect()
}

#[test]
fn programs_without_files_see_no_difference() {
	// What a program may import and still be one without files.
	let functions: Vec<_> = FUNCTIONS
		.iter()
		.filter(|(name, ..)| {
			let files = ["fd_readdir", "fd_filestat_get", "fd_filestat_set_times"];
			let ends = ["proc_exit", "proc_raise"];
			// They tell the gas that was used.
			let times = ["clock_time_get", "poll_oneoff"];
			!name.starts_with("path_") && ![&files[..], &ends, &times].concat().contains(name)
		})
		.collect();
	assert_eq!(functions.len(), 46 - 10 - 3 - 4);
	let plain = FUNCTIONS
		.iter()
		.filter(|(name, ..)| Module::built().exports.contains_key(&format!("plain.{name}")))
		.count();
	assert_eq!(plain, 16);
	for seed in 0..40 {
		let mut random = Random::new(seed);
		let setup = Setup {
			argv: &["a", "b"],
			env: &["A=b"],
			..Setup::default()
		};
		let mut both = [true, false].map(|plain| {
			let mut program = Program::with(&setup, &[5; 300], b"");
			program.use_module(plain);
			program
		});
		for _ in 0..300 {
			let (name, parameters, _) = **random.one(&functions);
			let at = random.below(500);
			let word = (random.below(3) * random.below(200)) | (random.below(50) << 32);
			let parameters: Vec<u64> = (0..parameters)
				.map(|i| match random.below(4) {
					0 => random.next(),
					1 if i > 0 => random.below(600),
					_ => random.below(6),
				})
				.collect();
			let results = both.each_mut().map(|program| {
				program.put(8 * at, &word.to_le_bytes());
				program.try_call(name, &parameters)
			});
			assert_eq!(results[0], results[1], "{name} {parameters:?}");
		}
		assert!(both[0].wasi.host.program == both[1].wasi.host.program);
		assert_eq!(both[0].output(), both[1].output());
		let ends = both.each_mut().map(|program| program.exit(3));
		assert_eq!(ends, [(Status::Exit, 3); 2]);
	}
	// An output that is a file is not there.
	for output in [1, 2] {
		let mut program = Program::with(
			&Setup {
				output,
				output_path: "out",
				..Setup::default()
			},
			b"",
			b"",
		);
		program.use_module(true);
		assert_eq!(program.write(1, b"x"), Ok(1));
		assert_eq!(program.exit(0), (Status::NoOutput, 0));
		assert_eq!((program.output(), program.errors().as_str()), (&b""[..], "x"));
	}
}

/// Runs in the module: the gas of what is done, by and by.
struct Meter {
	program: Program,
	last: u64,
	lines: Vec<(String, u64)>,
}

impl Meter {
	fn new(plain: bool, setup: &Setup, input: &[u8], image: &[u8]) -> Self {
		let mut program = Program::with(setup, input, image);
		program.use_module(plain);
		Self {
			program,
			last: 0,
			lines: Vec::new(),
		}
	}

	fn note(&mut self, what: &str) -> u64 {
		let gas = self.program.gas() - self.last;
		self.last = self.program.gas();
		println!("{gas:>9} {what}");
		self.lines.push((what.into(), gas));
		gas
	}

	fn stack(&self) -> u64 {
		16_384 - self.program.machine.as_ref().unwrap().lowest
	}
}

#[test]
fn plain_programs_pay_little() {
	println!("{} bytes, {} functions", bytes().len(), Module::built().functions.len());
	for plain in [true, false] {
		let mut m = Meter::new(plain, &Setup::default(), &[7; 1_000], b"");
		m.program.wasi.host.setup = [].into();
		m.program.call("environ_sizes_get", &[64, 68]);
		m.program.call("args_sizes_get", &[64, 68]);
		m.program.call("args_get", &[64, 200]);
		let start = m.note("start, sizes, arguments");
		m.program.read(0, 1_000).unwrap();
		let read = m.note("read 1,000 bytes") - 250;
		m.program.read(0, 1_000).unwrap();
		m.note("read none");
		m.program.write(1, &[1; 1_000]).unwrap();
		let write = m.note("write 1,000 bytes") - 32_000;
		m.program.write(2, b"x").unwrap();
		m.note("write an error");
		m.program.call("clock_time_get", &[1, 0, 64]);
		m.note("clock");
		m.program.call("random_get", &[64, 16]);
		m.note("16 random bytes");
		assert_eq!(m.program.exit(0), (Status::Success, 0));
		let exit = m.note("exit");
		assert!(start + read + write + exit < 5_000, "{start} {read} {write} {exit}");
		assert_eq!(m.program.own_pages(), 1);
		assert!(m.stack() < 1_024, "{} bytes of stack", m.stack());
	}
}

#[test]
fn files_cost_what_they_should() {
	let mut items = Vec::new();
	for folder in 0..20 {
		for n in 0..200 {
			items.push(file(&format!("usr/lib/folder{folder}/module{n}.py"), &[b'x'; 3_000]));
		}
	}
	let setup = Setup {
		argv: &["python", "-c", "pass"],
		env: &["PATH=/", "HOME=/tmp"],
		..Setup::default()
	};
	let mut m = Meter::new(false, &setup, b"", &image(&items));
	m.program.call("args_sizes_get", &[64, 68]);
	m.note("start with a setup");
	m.program.stat(".").unwrap();
	let first = m.note("the first look at files");
	m.program.stat("usr/lib/folder7/module150.py").unwrap();
	m.note("stat in an image, 3 folders for the first time");
	m.program.stat("usr/lib/folder7/module151.py").unwrap();
	let stat = m.note("stat in an image");
	assert_eq!(m.program.stat("usr/lib/folder7/none.py"), Err(NOENT));
	m.note("stat of what is not there");
	let fd = m.program.open("usr/lib/folder7/module15.py", 0, READ).unwrap();
	let open = m.note("open");
	m.program.call("fd_filestat_get", &[fd.into(), 64]);
	m.note("stat of an open file");
	m.program.read(fd, 3_000).unwrap();
	let read = m.note("read 3,000 bytes");
	m.program.close(fd).unwrap();
	m.note("close");
	let fd = m.program.open("usr/lib/folder7", DIRECTORY, 0).unwrap();
	m.note("open a folder");
	m.program.readdir(fd, 4_096, 0).unwrap();
	m.note("list 113 of 202 entries");
	m.program.file("tmp/new", &[1; 100]);
	let made = m.note("make a file of 100 bytes");
	m.program.mkdir("tmp/d").unwrap();
	m.note("make a folder");
	m.program.rename("tmp/new", "tmp/d/other").unwrap();
	m.note("rename");
	m.program.unlink("tmp/d/other").unwrap();
	m.note("unlink");
	assert_eq!(m.program.own_pages(), 1);
	m.program.file("tmp/large", &[1; 900_000]);
	m.note("write 900,000 bytes");
	println!("{} pages, {} bytes of stack", m.program.own_pages(), m.stack());
	assert!(m.stack() < 8_192);
	assert!(
		first < 25_000 && stat < 15_000 && open < 15_000 && read < 3_000 && made < 10_000,
		"{first} {stat} {open} {read} {made}"
	);
}

#[test]
fn archives_cost_what_they_should() {
	let items: Vec<Item> = (0..2_000)
		.map(|n| file(&format!("folder{}/file{n}", n % 20), b"x"))
		.collect();
	let mut m = Meter::new(
		false,
		&Setup {
			output: 2,
			output_path: "out",
			..Setup::default()
		},
		b"",
		&plain(&items),
	);
	m.program.stat("folder1").unwrap();
	let index = m.note("index of 2,000 entries");
	for n in 0..100 {
		m.program.file(&format!("out/{n}"), &[1; 100]);
	}
	m.note("100 files");
	assert_eq!(m.program.exit(0), (Status::Success, 0));
	let bytes = m.program.output().len() as u64;
	let out = m.note("archive of them") - 32 * bytes;
	println!("{} pages, {} bytes of stack", m.program.own_pages(), m.stack());
	assert!(m.stack() < 8_192);
	assert!(index / 2_000 < 10_000 && out / 100 < 8_000, "{index} {out}");
}
