//! A trace takes no more memory than it may, says the same whatever that is, and ends when it is asked to.

use crate::common::{hashed, limits, program_of, wasm_of};
use millrace_vm::{
	bisect::{Budget, Trace},
	game::Range,
	program::Program,
	stop::{Stop, Stopped},
	task::Limits,
};
use std::{
	sync::Arc,
	thread,
	time::{Duration, Instant},
};

/// Writes all of 4 MiB, again and again, and for a while a few pages of it.
fn restless() -> Arc<Program> {
	program_of(&wasm_of(
		r#"(module (memory 64) (func (export "_start") (local $n i32) (local $at i32)
			(loop $all
				(memory.fill (i32.const 0) (local.get $n) (i32.const 0x400000))
				(loop $some
					(i32.store (i32.and (i32.mul (local.get $at) (i32.const 40960)) (i32.const 0x1fffc)) (local.get $at))
					(local.set $at (i32.add (local.get $at) (i32.const 1)))
					(br_if $some (i32.and (local.get $at) (i32.const 0xffff))))
				(br_if $all (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 40))))))"#,
	))
}

fn trace(program: &Arc<Program>, limits: &Limits, bytes: u64, threads: usize, stop: &Stop) -> Trace {
	let budget = Budget { bytes, threads };
	Trace::new(program.clone(), hashed(&[]), limits, budget, stop.clone()).unwrap()
}

#[test]
fn snapshots_take_what_they_may_and_change_nothing() {
	let program = restless();
	let task = limits(1 << 32);
	let seen = [(0, 1), (1 << 20, 2), (12 << 20, 1), (40 << 20, 3), (1 << 30, 2)].map(|(bytes, threads)| {
		let mut trace = trace(&program, &task, bytes, threads, &Stop::new());
		let within = |trace: &Trace| assert!(trace.kept() <= bytes, "{} of {bytes}", trace.kept());
		let (outcome, steps) = trace.finish().unwrap();
		within(&trace);
		let kept = trace.kept();
		let mut roots = Vec::new();
		let fault = steps / 3 * 2;
		let mut range = Range { from: 0, to: steps };
		while !range.is_step() {
			roots.extend(trace.roots(&range).unwrap());
			within(&trace);
			let parts = (0..range.parts()).filter_map(|n| range.part(n));
			range = parts
				.into_iter()
				.find(|part| (part.from..part.to).contains(&fault))
				.unwrap();
		}
		println!("{bytes} bytes may be kept: {kept} are, {} in the end", trace.kept());
		(outcome, steps, roots)
	});
	assert!(seen.iter().all(|one| *one == seen[0]));
}

#[test]
fn a_byte_far_away_costs_a_byte() {
	let wasm = wasm_of(
		r#"(module (memory 1) (func (export "_start")
			(drop (memory.grow (i32.const 65530))) (i32.store (i32.const 0xfffa0000) (i32.const 7))))"#,
	);
	let task = Limits {
		memory_pages: 65_535,
		..limits(1 << 33)
	};
	let started = Instant::now();
	let mut trace = trace(&program_of(&wasm), &task, 1 << 20, 1, &Stop::new());
	let (_, steps) = trace.finish().unwrap();
	trace.roots(&Range { from: 0, to: steps }).unwrap();
	// Zeros up to there would be 4 GiB, and seconds.
	assert!(
		started.elapsed() < Duration::from_millis(500),
		"{:?}",
		started.elapsed()
	);
	assert!(trace.kept() < 1 << 20);
}

#[test]
fn whatever_takes_long_can_be_stopped_and_asked_again() {
	let endless = program_of(&wasm_of(
		r#"(module (memory 512) (func (export "_start") (local $n i32)
		(loop $l
			(memory.fill (i32.const 0) (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 0x2000000))
			(br $l))))"#,
	));
	let task = Limits {
		memory_pages: 512,
		..limits(1 << 39)
	};
	let stop = Stop::new();
	let mut trace = trace(&endless, &task, 64 << 20, 1, &stop);
	let progress = trace.progress();
	thread::scope(|scope| {
		scope.spawn(|| {
			while progress.steps() < 30_000_000 {
				thread::sleep(Duration::from_millis(1));
			}
			stop.request();
		});
		assert_eq!(trace.finish(), Err(Stopped));
	});
	assert!(progress.steps() >= 30_000_000);
	let far = progress.steps() + 1_000_000_000;
	for result in [trace.seek(far), trace.root(far).map(drop), trace.prove(far).map(drop)] {
		assert_eq!(result, Err(Stopped));
	}
	// Hashing is stopped as well, and nothing that it did is wrong.
	let here = progress.steps();
	assert_eq!(trace.root(here), Err(Stopped));
	trace.stop_by(Stop::new());
	let root = trace.root(here).unwrap();
	let mut other = self::trace(&endless, &task, 0, 2, &Stop::new());
	assert_eq!(other.root(here), Ok(root));
}
