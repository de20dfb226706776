//! The half of the crate that a runtime links, compiled for the runtime's target, judges as this process does.
//!
//! The vectors are in `vectors/`, of the version in their names. A change of the machine, its formats or what the
//! normaliser makes changes them and must raise [`VERSION`]; then
//! `MILLRACE_VECTORS=write cargo test --release -p millrace-vm --test no_std` writes new ones.

mod common;

#[path = "proofs/programs.rs"]
mod programs;

use common::{engine, hashed, judged, limits, machine_of, Both, Rng, SEED};
use millrace_vm::{
	data::data_root,
	fast::Stop,
	hash::{Blake2, Hash},
	machine::Machine,
	normalise::normalise,
	outcome::Status,
	prove::prove,
	supply::Supply,
	task::{first_root, Limits, Task},
	VERSION,
};
use std::{
	fmt::Write,
	path::PathBuf,
	time::{Duration, Instant},
};

fn vectors(name: &str) -> PathBuf {
	PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join(format!("tests/vectors/{name}-v{VERSION}.txt"))
}

fn hex(bytes: &[u8]) -> String {
	bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
	let digit = |n: usize| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).expect("vectors are hexadecimal");
	(0..text.len() / 2).map(digit).collect()
}

/// Compares a file of vectors with what it should hold, or writes it.
fn same_or_written(name: &str, text: &str) {
	let path = vectors(name);
	if std::env::var("MILLRACE_VECTORS").as_deref() == Ok("write") {
		std::fs::create_dir_all(path.parent().unwrap()).unwrap();
		std::fs::write(&path, text).unwrap();
	}
	let found = std::fs::read_to_string(&path).unwrap_or_default();
	let differ = found
		.lines()
		.zip(text.lines())
		.find(|(found, expected)| found != expected);
	assert!(
		found == text,
		"{}: {:?}",
		path.display(),
		differ.map(|(found, expected)| (short(found), short(expected)))
	);
}

fn short(text: &str) -> &str {
	&text[..text.len().min(90)]
}

/// The steps whose proofs are vectors: name, root before, witness.
fn steps() -> Vec<(String, Hash, Vec<u8>)> {
	let mut steps = Vec::new();
	let mut take = |name: String, machine: &mut Machine| {
		let root = machine.state_root();
		steps.push((name, root, prove(machine)));
	};
	for case in programs::all() {
		let mut machine = machine_of(&case.program, &case.input, &case.limits);
		let at: &[u64] = match case.name.as_str() {
			"numbers" => &[0, 500],
			"memory" => &[100],
			"bulk" => &[3_000, 4_000],
			"control" | "calls" => &[60, 300],
			"input and output" => &[200, 1_000],
			"unreachable" => &[u64::MAX],
			_ => continue,
		};
		for step in at {
			machine.run(step - machine.steps());
			take(format!("{} {}", case.name, machine.steps()), &mut machine);
		}
	}
	steps
}

/// What the verifier says, in the words of the verifier as a program.
fn said(root: &Hash, witness: &[u8]) -> Vec<u8> {
	match judged(root, witness) {
		Ok(next) => [&[1], &next[..]].concat(),
		Err(error) => [&[0], format!("{error:?}").as_bytes()].concat(),
	}
}

/// A vector: the program's input, its output.
struct Vector {
	name: String,
	input: Vec<u8>,
	output: Vec<u8>,
}

fn read() -> Vec<Vector> {
	let text = std::fs::read_to_string(vectors("steps")).expect("there are vectors");
	let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
	lines
		.chunks_exact(4)
		.map(|lines| Vector {
			name: lines[0].into(),
			input: unhex(&[lines[1], lines[2]].concat()),
			output: unhex(lines[3]),
		})
		.collect()
}

#[test]
fn the_machine_makes_the_vectors() {
	let mut text = String::from(
		"# Four lines each: name, root, witness, and 01 with the next root or 00 with the error's name.\n",
	);
	let mut rng = Rng(99);
	for (name, root, witness) in steps() {
		writeln!(
			text,
			"{name}\n{}\n{}\n{}",
			hex(&root),
			hex(&witness),
			hex(&said(&root, &witness))
		)
		.unwrap();
		// One forgery of each third, somewhere.
		if rng.below(3) == 0 {
			let mut forged = witness.clone();
			let at = rng.below(forged.len() as u64) as usize;
			forged[at] ^= 4;
			writeln!(
				text,
				"{name}, forged\n{}\n{}\n{}",
				hex(&root),
				hex(&forged),
				hex(&said(&root, &forged))
			)
			.unwrap();
		}
	}
	same_or_written("steps", &text);

	let mut text = String::from(
		"# Programs: id, if the module is no bytes; then of a task: root of the first state, root of the outcome, gas, steps.\n",
	);
	for case in programs::all() {
		let [input, image, setup] = hashed(&case.input).blobs();
		let mut machine = machine_of(&case.program, &case.input, &case.limits);
		let first = machine.state_root();
		// What a chain computes from the commitments alone.
		let task = Task {
			engine: VERSION,
			program: case.program.id(&setup),
			image: Some(image),
			setup,
			input,
			seed: SEED,
			limits: case.limits,
		};
		assert_eq!(first_root::<Blake2>(case.program.roots(), &task), Ok(first));
		let none = Task { image: None, ..task };
		assert_eq!(first_root::<Blake2>(case.program.roots(), &none), Ok(first));
		machine.run(u64::MAX);
		let gas = machine.outcome().unwrap().gas_used;
		let hashes = [task.program, first, machine.state_root()];
		let hashes: Vec<String> = hashes.iter().map(|hash| hex(hash)).collect();
		writeln!(text, "{}: {} {gas} {}", case.name, hashes.join(" "), machine.steps()).unwrap();
	}
	text.push_str("# Data: length of bytes 0, 1, 2, ... modulo 251; root.\n");
	for len in [0, 1, 31, 32, 33, 4095, 4096, 4097, 100_000] {
		let bytes: Vec<u8> = (0..len).map(|n: u32| (n % 251) as u8).collect();
		writeln!(text, "{len}: {}", hex(&data_root(&bytes))).unwrap();
	}
	same_or_written("roots", &text);
}

#[test]
fn the_verifier_without_std_says_the_same() {
	let file = std::env::current_exe()
		.ok()
		.and_then(|exe| Some(exe.parent()?.parent()?.parent()?.join("examples/wasm-verifier.wasm")))
		.unwrap();
	let wasm =
		std::fs::read(&file).unwrap_or_else(|_| panic!("no {}: run scripts/build-examples.sh first", file.display()));
	let module = normalise(&wasm).expect("the verifier is a program");
	let both = Both::new(&engine(), &module);
	let task = Limits {
		memory_pages: 256,
		..limits(1 << 32)
	};
	let vectors = read();
	assert!(vectors.len() >= 12);
	let mut costs = Vec::new();
	for vector in &vectors {
		// In wasmtime, and in the machine that it verifies.
		let run = both.run(&vector.input, &task).unwrap();
		assert_eq!(
			(run.outcome.status, hex(&run.output)),
			(Status::Success, hex(&vector.output)),
			"{}",
			vector.name
		);
		costs.push((run.gas_used, vector));
	}
	// Not the longest, which may be refused at its first bytes.
	let (most, costliest) = costs
		.into_iter()
		.max_by_key(|(gas, _)| *gas)
		.expect("there are vectors");
	println!("{} vectors, at most {most} gas", vectors.len());
	// What it takes: the best of some runs of the costliest, the start of the program and its reading included.
	let best = |run: &dyn Fn()| {
		let times = (0..40).map(|_| {
			let started = Instant::now();
			run();
			started.elapsed()
		});
		times.min().unwrap_or_default()
	};
	let (root, witness) = costliest.input.split_first_chunk().unwrap();
	let native = best(&|| drop(std::hint::black_box(said(root, witness))));
	let wasm = best(&|| {
		drop(
			both.fast
				.run(&task, Supply::of_input(costliest.input.clone(), SEED), &Stop::new()),
		)
	});
	println!("{} bytes: {native:?} here, {wasm:?} as a program", witness.len());
	assert!(witness.len() <= 8 * 1024);
	assert!(wasm < Duration::from_millis(2), "{wasm:?}");
	// A verifier's own steps can be verified.
	let vector = &vectors[0];
	let mut machine = machine_of(&both.flat, &vector.input, &task);
	let mut rng = Rng(3);
	for _ in 0..40 {
		machine.run(rng.below(60_000));
		let (root, witness) = (machine.state_root(), prove(&mut machine));
		machine.run(1);
		assert_eq!(judged(&root, &witness), Ok(machine.state_root()));
	}
}

#[test]
fn the_vectors_hold_in_this_process() {
	for vector in read() {
		let (root, witness) = vector.input.split_first_chunk().unwrap();
		assert_eq!(said(root, witness), vector.output, "{}", vector.name);
	}
}
