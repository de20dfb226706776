//! Snapshots go on as what they were taken of, and roots do not depend on when they are asked for.

use crate::{
	common::{cases, in_parallel, machine_of, Rng},
	programs,
};
use millrace_vm::machine::Snapshot;
use std::collections::BTreeMap;

#[test]
fn a_snapshot_goes_on_with_the_same_roots() {
	let all = programs::all();
	in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let mut rng = Rng(77 + number);
		let mut whole = machine_of(&case.program, &case.input, &case.limits);
		let mut taken: Vec<(Snapshot, Vec<(u64, [u8; 32])>)> = Vec::new();
		for _ in 0..cases(12).min(60) {
			let step = rng.any_size() % 40_000;
			whole.run(step);
			let root = whole.state_root();
			taken
				.iter_mut()
				.for_each(|(_, roots)| roots.push((whole.steps(), root)));
			taken.push((whole.snapshot(), vec![(whole.steps(), root)]));
			if whole.halt().is_some() {
				break;
			}
		}
		for (snapshot, roots) in &taken {
			let mut again = machine_of(&case.program, &case.input, &case.limits);
			again.go_to(snapshot);
			assert_eq!(again.steps(), snapshot.steps());
			for (step, root) in roots {
				again.run(step - again.steps());
				assert_eq!(again.state_root(), *root, "{} after {step} steps", case.name);
			}
			// A snapshot of what was restored is worth the same.
			let copy = again.snapshot();
			let mut again = machine_of(&case.program, &case.input, &case.limits);
			again.go_to(&copy);
			let last = roots.last().map(|(_, root)| *root);
			assert_eq!(Some(again.state_root()), last, "{}", case.name);
			assert_eq!(
				again.output(),
				if again.halt().is_some() { whole.output() } else { vec![] }
			);
		}
	});
}

#[test]
fn a_machine_goes_back_and_forth() {
	let all = programs::all();
	in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let mut rng = Rng(0xbac + number);
		let mut machine = machine_of(&case.program, &case.input, &case.limits);
		let mut kept = vec![(machine.snapshot(), machine.state_root())];
		let mut known: BTreeMap<u64, [u8; 32]> = BTreeMap::new();
		for _ in 0..cases(60) {
			match rng.below(4) {
				0 => {
					let (snapshot, root) = rng.pick(&kept);
					machine.go_to(snapshot);
					assert!(rng.chance(50) || machine.state_root() == *root, "{}", case.name);
				}
				1 => kept.push((machine.snapshot(), machine.state_root())),
				2 => {
					machine.use_threads(1 + rng.below(3) as usize);
					let root = machine.state_root();
					assert_eq!(*known.entry(machine.steps()).or_insert(root), root, "{}", case.name);
				}
				_ => drop(machine.run(rng.any_size() % 3_000)),
			}
		}
		for (step, root) in known {
			let mut once = machine_of(&case.program, &case.input, &case.limits);
			once.run(step);
			assert_eq!(once.state_root(), root, "{} after {step} steps", case.name);
		}
	});
}

#[test]
fn a_root_is_the_same_whether_it_was_kept_up_or_computed_once() {
	let all = programs::all();
	in_parallel(all.len() as u64, |number| {
		let case = &all[number as usize];
		let mut rng = Rng(number);
		let mut kept = machine_of(&case.program, &case.input, &case.limits);
		let mut step = 0;
		for _ in 0..20 {
			for _ in 0..rng.below(30) {
				step += rng.below(60);
				kept.run(step - kept.steps());
				kept.state_root();
			}
			let mut once = machine_of(&case.program, &case.input, &case.limits);
			once.run(kept.steps());
			assert_eq!(once.state_root(), kept.state_root(), "{} after {step} steps", case.name);
		}
	});
}
