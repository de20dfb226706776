//! Random sequences of calls, compared with a file system of standard collections.
//!
//! `MILLRACE_WASI_FUZZ=10` runs ten times as many: 10^6 sequences.

#[path = "../common/mod.rs"]
mod common;
mod files;
mod run;

use common::*;
use files::{Model, TOP};
use run::{starts, Run};

/// Sequences by default, and calls of each.
const SEQUENCES: u64 = 100_000;
const CALLS: u64 = 30;

#[test]
fn random_calls_do_what_a_file_system_does() {
	let starts = starts();
	let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
	std::thread::scope(|scope| {
		for thread in 0..threads {
			let starts = &starts;
			scope.spawn(move || {
				for sequence in (thread..rounds(SEQUENCES)).step_by(threads as usize) {
					let mut run = Run::new(
						&starts[(sequence % starts.len() as u64) as usize],
						Random::new(sequence),
					);
					for _ in 0..CALLS {
						run.step();
					}
					run.compare();
				}
			});
		}
	});
}

#[test]
fn without_memory_nothing_happens() {
	let mut short = 0_u64;
	for start in &starts() {
		for seed in 0..rounds(SEQUENCES / 200) {
			let mut run = Run::new(start, Random::new(seed));
			run.scarce = true;
			run.real.stat(".").unwrap();
			run.real.wasi.host.pages = 4 + run.real.own_pages() as u32;
			run.fill();
			for _ in 0..100 {
				// Now and then there is a page more.
				let more = u32::from(run.random.below(200) == 0);
				run.real.wasi.host.pages = 4 + run.real.own_pages() as u32 + more;
				run.step();
			}
			short += run.calls.iter().filter(|call| call.ends_with("no memory")).count() as u64;
			run.real.wasi.host.pages = 1_000;
			run.compare();
		}
	}
	assert!(short > rounds(1_000), "{short}");
}

#[test]
fn what_is_removed_is_free_again() {
	let start = &starts()[0];
	for seed in 0..200 {
		let mut used = Vec::new();
		let mut run = Run::new(start, Random::new(seed));
		// The hash table and the root's list are as large as they will be.
		for n in 0..2_000 {
			run.real.file(&format!("n{n}"), b"");
		}
		for n in 0..2_000 {
			run.real.unlink(&format!("n{n}")).unwrap();
		}
		run.clean();
		for _ in 0..3 {
			run.random = Random::new(seed);
			let slots = run.calls.len();
			run.model = Model::new();
			for _ in 0..300 {
				run.step();
			}
			assert!(run.calls.len() > slots);
			if run.model.fds.get(&ROOT).map(|open| open.node) != Some(TOP) {
				break;
			}
			run.clean();
			used.push(run.real.wasi.in_use());
		}
		assert!(used.windows(2).all(|pair| pair[0] == pair[1]), "{seed}: {used:?}");
	}
}

#[test]
fn the_same_calls_give_the_same_memory() {
	for start in &starts() {
		for seed in 0..50 {
			let run = || {
				let mut run = Run::new(start, Random::new(seed));
				for _ in 0..200 {
					run.step();
				}
				(
					run.real.wasi.host.own.clone(),
					run.real.wasi.host.program.clone(),
					run.real.gas(),
				)
			};
			assert!(run() == run());
		}
	}
}
