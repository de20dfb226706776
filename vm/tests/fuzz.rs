//! Modules that were tampered with, and bytes that are none: the normaliser refuses them, or both engines agree on them.

mod common;

#[path = "proofs/programs.rs"]
mod programs;

use common::{cases, engine, in_parallel, limits, smith, wasm_of, Both, Rng};
use millrace_vm::{
	flatten::flatten,
	normalise::{instrument_for_tests, normalise, Refused},
};

use std::time::{Duration, Instant};
use wasmparser::{Parser, Payload};

/// No module this small takes longer, on a slow and busy machine.
const LONGEST: Duration = Duration::from_secs(5);

/// Changes a module in some places.
fn mutate(wasm: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
	for _ in 0..1 + rng.below(4) {
		// The header is better left alone.
		let at = 8 + rng.below(wasm.len() as u64 - 8) as usize;
		let len = (rng.below(24) as usize).min(wasm.len() - at);
		match rng.below(8) {
			0 => wasm[at] ^= 1 << rng.below(8),
			1 => wasm[at] = rng.next() as u8,
			2 => {
				wasm[at] = *rng.pick(&[
					0x00, 0x0b, 0x02, 0x03, 0x04, 0x05, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0xfc, 0x7f, 0x80,
				])
			}
			3 => {
				let copy = wasm[at..at + len].to_vec();
				wasm.splice(at..at, copy);
			}
			4 => {
				wasm.drain(at..at + len);
			}
			5 => {
				// The longest number.
				wasm.splice(at..at, [0xff, 0xff, 0xff, 0xff, *rng.pick(&[0x0f, 0x7f])]);
			}
			6 => {
				let from = rng.below(other.len() as u64) as usize;
				let len = len.min(other.len() - from);
				wasm.splice(at..at, other[from..from + len].iter().copied());
			}
			_ => wasm.truncate(at),
		}
		if wasm.len() <= 8 {
			return;
		}
	}
}

/// Another instruction of the same type is put where one was: the module stays valid.
fn swap_instruction(wasm: &mut [u8], rng: &mut Rng) {
	const FAMILIES: [std::ops::RangeInclusive<u8>; 16] = [
		0x2c..=0x2d,
		0x30..=0x31,
		0x46..=0x4f,
		0x51..=0x5a,
		0x5b..=0x60,
		0x61..=0x66,
		0x67..=0x69,
		0x6a..=0x78,
		0x79..=0x7b,
		0x7c..=0x8a,
		0x8b..=0x91,
		0x92..=0x98,
		0x99..=0x9f,
		0xa0..=0xa6,
		0xb2..=0xb5,
		0xb7..=0xba,
	];
	let mut places = Vec::new();
	for payload in Parser::new(0).parse_all(wasm) {
		let Ok(Payload::CodeSectionEntry(body)) = payload else {
			continue;
		};
		let Ok(mut ops) = body.get_operators_reader() else {
			continue;
		};
		while !ops.eof() {
			let at = ops.original_position() as usize;
			let family = FAMILIES.iter().find(|family| family.contains(&wasm[at]));
			places.extend(family.map(|family| (at, family)));
			if ops.read().is_err() {
				break;
			}
		}
	}
	if !places.is_empty() {
		let (at, family) = rng.pick(&places);
		// The conversions of one family take different integers, so that some modules become invalid after all.
		wasm[*at] = family.start() + rng.below(u64::from(family.end() - family.start()) + 1) as u8;
	}
}

/// Normalises, twice and in time.
fn normalised(wasm: &[u8]) -> Result<millrace_vm::normalise::Normalised, Refused> {
	let start = Instant::now();
	let module = normalise(wasm);
	assert!(
		start.elapsed() < LONGEST,
		"{:?} for {} bytes",
		start.elapsed(),
		wasm.len()
	);
	assert_eq!(module, normalise(wasm), "the normaliser does not repeat itself");
	if let Some(offset) = module.as_ref().err().and_then(Refused::offset) {
		assert!(offset <= wasm.len() as u64, "{offset:#x} of {:#x}", wasm.len());
	}
	module
}

#[test]
fn tampered_modules_are_refused_or_run_alike() {
	let engine = engine();
	let texts = programs::texts();
	let all = in_parallel(cases(6_000), |number| {
		let mut rng = Rng(0xf022 + number);
		let mut wasm = match rng.below(3) {
			0 => wasm_of(rng.pick::<String>(&texts)),
			_ => smith::program(&mut rng),
		};
		match rng.below(2) {
			0 => {
				let other = wasm_of(rng.pick::<String>(&texts));
				mutate(&mut wasm, &other, &mut rng);
			}
			_ => (0..1 + rng.below(6)).for_each(|_| swap_instruction(&mut wasm, &mut rng)),
		}
		let _ = instrument_for_tests(&wasm);
		let Ok(module) = normalised(&wasm) else { return (0, 0) };
		flatten(&module).expect("what is accepted has flat code");
		// Compiling takes most of the time.
		if number % 3 != 0 {
			return (1, 0);
		}
		let mut limits = limits(module.start_cost() + 1 + rng.below(50_000) + 20_000);
		limits.memory_pages = module.initial_pages().max(16);
		if limits.memory_pages > 1_000 {
			return (1, 0);
		}
		Both::new(&engine, &module)
			.run(&[1, 2, 3], &limits)
			.unwrap_or_else(|why| panic!("case {number}: {why}"));
		(1, 1)
	});
	let accepted: u64 = all.iter().map(|(accepted, _)| accepted).sum();
	let run: u64 = all.iter().map(|(_, run)| run).sum();
	println!("{} modules, {accepted} accepted, {run} run", all.len());
	assert!(accepted * 20 > all.len() as u64 && accepted < all.len() as u64);
}

#[test]
fn bytes_are_no_module() {
	in_parallel(cases(6_000), |number| {
		let mut rng = Rng(0xb17e + number);
		let len = rng.any_size() as usize % 4_000;
		let mut bytes = b"\0asm\x01\0\0\0".to_vec();
		match rng.below(3) {
			0 => bytes = rng.bytes(len),
			1 => bytes.extend(rng.bytes(len)),
			// Sections of the right form with anything in them.
			_ => {
				let mut id = 0;
				while id < 12 {
					id += rng.below(4) as u8;
					let len = rng.below(60) as usize;
					bytes.extend([id, len as u8]);
					bytes.extend((0..len).map(|_| rng.any_size() as u8 & rng.next() as u8));
				}
			}
		}
		let _ = normalised(&bytes);
		let _ = instrument_for_tests(&bytes);
	});
}

#[test]
fn a_module_cut_inside_a_section_is_refused() {
	let mut rng = Rng(4);
	let wasm = smith::program(&mut rng);
	// Between two sections it may be another module.
	let ends: Vec<usize> = Parser::new(0)
		.parse_all(&wasm)
		.filter_map(|payload| Some(payload.ok()?.as_section()?.1.end as usize))
		.collect();
	for len in (0..wasm.len()).filter(|len| !ends.contains(len)) {
		assert!(normalised(&wasm[..len]).is_err(), "{len} bytes of {}", wasm.len());
	}
}
