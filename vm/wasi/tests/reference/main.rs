//! Random sequences of calls of the reference engine, compared with the model that the functions are compared with: where
//! both define what happens, the three do the same.

#[path = "../common/mod.rs"]
mod common;
#[path = "../model/files.rs"]
mod files;
#[path = "../model/run.rs"]
mod run;

use common::{reference::Reference, rounds, Random};
use run::Run;
use std::collections::BTreeSet;

/// Sequences by default, and calls of each.
const SEQUENCES: u64 = 1_000;
const CALLS: u64 = 30;

/// Where one of them does what the other refuses: the call, how it ends there, how here, and why. All else that both do is
/// the same. Of two reasons to refuse a call, which is named is not defined, so other numbers for the same are allowed.
const DIFFERENCES: [(&str, &str, &str, &str); 8] = [
	(
		"open",
		"28",
		"ok",
		"to be made anew without being made (O_EXCL alone): POSIX leaves it open",
	),
	(
		"open",
		"ok",
		"ok",
		"the number is the lowest that is free, as POSIX has it; there, the one that was closed last",
	),
	(
		"rename",
		"ok",
		"54",
		"a file to a name that ends in a slash, which Linux refuses",
	),
	(
		"rmdir",
		"28",
		"ok",
		"a folder by a name that ends in a slash, which Linux removes",
	),
	(
		"set_flags",
		"28",
		"ok",
		"flags of synchronous writing, which change nothing here",
	),
	("set_flags", "8", "ok", "flags of folders and standard streams"),
	("stat", "ok", "54", "`file/.`, which Linux refuses"),
	(
		"symlink",
		"63",
		"ok",
		"to an absolute path: here it is below the root, there it would lead out",
	),
];

#[test]
fn the_reference_engine_does_what_the_model_does() {
	let mut reference = Some(Reference::start());
	let (mut calls, mut whole, mut otherwise) = (0, 0, 0);
	let mut seen = BTreeSet::new();
	for sequence in 0..rounds(SEQUENCES) {
		let mut run = Run::of_reference(reference.take().expect("it comes back"), Random::new(sequence));
		for _ in 0..CALLS {
			run.step();
			if run.parted {
				break;
			}
		}
		calls += run.calls.len();
		otherwise += run.differences.len();
		for (call, there, here) in &run.differences {
			let name = call.split(' ').next().expect("a call has a name");
			let known = DIFFERENCES
				.iter()
				.position(|known| (known.0, known.1, known.2) == (name, &**there, &**here));
			assert!(
				known.is_some() || (there != "ok" && here != "ok"),
				"there {there}, here {here} after\n{}",
				run.calls.join("\n")
			);
			seen.extend(known);
		}
		if !run.parted {
			whole += 1;
			run.compare();
		}
		reference = run.real.reference.take();
	}
	println!("{calls} calls of {whole} whole sequences and others, {otherwise} refused for another reason or known, {} kinds", seen.len());
	assert!(whole as f64 > 0.6 * rounds(SEQUENCES) as f64, "{whole}");
	assert!((otherwise as f64) < 0.1 * calls as f64, "{otherwise} of {calls}");
}
