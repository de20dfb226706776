//! Any calls of the file system's functions, over images and inputs or nothing: they do what the model does.
//! The first byte chooses what there is at the start and whether memory is scarce; the others choose the calls.

#![no_main]

#[path = "../../wasi/tests/common/mod.rs"]
mod common;
#[path = "../../wasi/tests/model/files.rs"]
mod files;
mod quiet;
#[path = "../../wasi/tests/model/run.rs"]
mod run;

use common::Random;
use libfuzzer_sys::fuzz_target;
use run::{starts, Run, Start};
use std::sync::OnceLock;

/// Calls of a sequence at most, since what is compared at the end grows with them.
const CALLS: usize = 200;

fuzz_target!(|script: &[u8]| quiet::run(|| {
	let Some((first, script)) = script.split_first() else {
		return;
	};
	static STARTS: OnceLock<Vec<Start>> = OnceLock::new();
	let starts = STARTS.get_or_init(starts);
	let mut run = Run::new(&starts[usize::from(first % 8) % starts.len()], Random::scripted(script));
	if first / 8 % 4 == 0 {
		run.real.stat(".").expect("there is a root");
		run.scarce = true;
		run.real.wasi.host.pages = 4 + run.real.own_pages() as u32 + u32::from(first / 32);
	}
	for _ in 0..CALLS {
		if !run.random.has_script() {
			break;
		}
		run.step();
	}
	run.real.wasi.host.pages = 1_000;
	run.compare();
}));
