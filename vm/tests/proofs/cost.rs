//! A root costs what changed since the last one.

use crate::common::{limits, machine_of, program_of, wasm_of};
use millrace_vm::{machine::Machine, task::Limits};
use std::time::{Duration, Instant};

const MIB: u32 = 64;
const PAGES: u32 = MIB * 256;
const DIRTY: u32 = PAGES / 100;

/// Writes a number to every 4 KiB of 64 MiB; then to every hundredth of them again, for ever.
fn program() -> Vec<u8> {
	let (bytes, pages) = (MIB << 20, MIB * 16);
	wasm_of(&format!(
		"(module (memory (export \"memory\") {pages}) (func (export \"_start\") (local $at i32) (local $n i32)
			(loop $fill
				(i32.store (local.get $at) (i32.const -1))
				(br_if $fill (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const {bytes}))))
			(loop $again
				(local.set $n (i32.add (local.get $n) (i32.const 1)))
				(i32.store (i32.and (local.get $at) (i32.const {})) (local.get $n))
				(local.set $at (i32.add (local.get $at) (i32.const 409600)))
				(br $again))))",
		bytes - 1
	))
}

#[test]
fn the_root_of_a_large_state_with_few_changes_is_cheap() {
	let program = program_of(&program());
	let task = Limits {
		memory_pages: MIB * 16,
		..limits(1 << 32)
	};
	let mut machine = machine_of(&program, &[], &task);
	let root = |machine: &mut Machine| {
		let started = Instant::now();
		let root = machine.state_root();
		(started.elapsed(), root)
	};
	// A turn of the first loop takes fewer steps.
	machine.run(u64::from(PAGES) * 40);
	let (whole, first) = root(&mut machine);
	let mut times = Vec::new();
	for _ in 0..20 {
		// About 16 steps for each page.
		machine.run(u64::from(DIRTY) * 16);
		times.push(root(&mut machine));
	}
	assert!(times.iter().all(|(_, root)| *root != first));
	let best = times.iter().map(|(time, _)| *time).min().unwrap_or(Duration::MAX);
	println!("{MIB} MiB: {whole:?}; about {DIRTY} of {PAGES} pages changed: {best:?} at best");
	// A hundredth changed; a tenth would be a defect.
	assert!(best < whole / 10, "{best:?} of {whole:?}");
}
