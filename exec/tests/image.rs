//! Tasks over a large image that they share: what each of them takes does not grow with it.

use millrace_exec::{
	image::{self, Identity},
	Execute, Named, Program, Stop, Supply, Wasm, WasmLimits,
};
use millrace_primitives::{Limits, Status};
use std::{
	fs::File,
	io::{BufWriter, Read, Write},
	sync::Arc,
	time::{Duration, Instant},
};

// The layout's own home is a workspace of its own, which cannot be a dependency from here.
#[allow(dead_code)]
#[path = "../../vm/wasi/src/tools/headers.rs"]
mod headers;
#[allow(dead_code)]
#[path = "../../vm/wasi/src/tools/pack.rs"]
mod pack;

const TASKS: usize = 1_000;
const FILES: u64 = 100;
const MIB: u64 = 1 << 20;
const LIMITS: Limits = Limits {
	gas: 1_000_000_000,
	memory_pages: 64,
	output: 4096,
};

/// A program that writes the first 1,024 bytes of its standard input, or of a file.
fn reader(file: bool) -> Vec<u8> {
	let (import, open, from) = match file {
		true => (
			r#"(import "wasi_snapshot_preview1" "path_open"
				(func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
			(data (i32.const 64) "d/file-77")"#,
			"(if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0)
				(i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)) (then unreachable))",
			"(i32.load (i32.const 32))",
		),
		false => ("", "", "(i32.const 0)"),
	};
	let text = format!(
		r#"(module
			(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
			{import}
			(memory (export "memory") 1)
			(func (export "_start")
				{open}
				(i32.store (i32.const 0) (i32.const 4096)) (i32.store (i32.const 4) (i32.const 1024))
				(if (call $read {from} (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
				(i32.store (i32.const 4) (i32.load (i32.const 8)))
				(if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))))"#
	);
	wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// What a file holds.
fn content(file: u64) -> impl Read {
	std::io::repeat(b'a' + (file % 26) as u8).take(MIB)
}

#[test]
fn a_thousand_tasks_over_an_image_take_hardly_longer_than_without() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("image");
	let entries = (0..FILES).map(|file| pack::Entry {
		path: format!("d/file-{file}").into_bytes(),
		kind: pack::Kind::File(MIB),
		executable: false,
		mtime: 0,
	});
	let plan = pack::Plan::new(entries.collect()).unwrap();
	let mut out = BufWriter::new(File::create(&path).unwrap());
	plan.write(&mut out, |file, out| {
		std::io::copy(&mut content(file as u64), out).map(drop)
	})
	.unwrap();
	out.flush().unwrap();
	drop(out);
	let identity = Identity::of(&File::open(&path).unwrap()).unwrap();
	let image = image::map(&path, &identity).unwrap();
	assert!((*image).as_ref().len() as u64 > FILES * MIB);

	let executor = Wasm::new(WasmLimits::default()).expect("wasmtime works here");
	let load = |wasm: &[u8]| {
		executor
			.load(&Named::of(wasm).unwrap(), wasm, LIMITS.memory_pages)
			.unwrap_or_else(|error| panic!("{error}"))
	};
	let (with, without) = (load(&reader(true)), load(&reader(false)));
	let mut input = Vec::new();
	content(77).take(1024).read_to_end(&mut input).unwrap();
	let input = Arc::new(input);
	let of_image = Supply {
		image,
		..Supply::of_input(Vec::new(), [7; 32])
	};
	let of_input = Supply {
		input: input.clone(),
		..Supply::of_input(Vec::new(), [7; 32])
	};
	let thousand = |program: &dyn Program, supply: &Supply| -> Duration {
		let start = Instant::now();
		for _ in 0..TASKS {
			let done = program.run(&LIMITS, supply.clone(), &Stop::new()).unwrap();
			assert_eq!((done.outcome.status, &done.output), (Status::Success, &*input));
		}
		start.elapsed()
	};
	// In turns; the machine is not ours alone.
	let ratios: Vec<f64> = (0..5)
		.map(|_| thousand(&*with, &of_image).as_secs_f64() / thousand(&*without, &of_input).as_secs_f64())
		.collect();
	let best = ratios.iter().copied().fold(f64::MAX, f64::min);
	println!("{TASKS} tasks that read 1 KiB of an image of {FILES} MiB, to the same of their input: {ratios:.2?}");
	assert!(best < 2.0, "{ratios:?}");
}
