//! Any bytes as a program: refused, or normalised always alike, with flat code whose steps can be proven.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace_vm::{
	flatten::flatten,
	hash::Blake2,
	machine::Machine,
	normalise::normalise,
	prove::prove,
	supply::{Hashed, Supply},
	task::Limits,
	witness::verify,
	VERSION,
};
use std::sync::Arc;

/// What the memory of a program that is run may start with.
const PAGES: u32 = 16;

fuzz_target!(|wasm: &[u8]| {
	let module = normalise(wasm);
	assert_eq!(module, normalise(wasm));
	let Ok(module) = module else { return };
	// Running takes a hundred times as long as normalising, so few are run.
	let sum = wasm
		.iter()
		.fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
	if module.initial_pages() + module.system_pages() > PAGES || sum % 32 != 0 {
		return;
	}
	let program = flatten(&module).expect("what is accepted has flat code");
	let supply = Hashed::new(Supply::of_input(wasm.to_vec(), [7; 32])).expect("it is short");
	let limits = Limits {
		gas: 100_000,
		memory_pages: PAGES,
		output: 1_000,
	};
	let mut machine = Machine::new(Arc::new(program), Arc::new(supply), &limits).expect("it fits");
	for steps in [50, 2_000] {
		machine.run(steps);
		let (root, witness) = (machine.state_root(), prove(&mut machine));
		machine.run(1);
		let next = verify::<Blake2>(VERSION, &root, &witness).map(|next| next.root::<Blake2>());
		assert_eq!(next, Ok(machine.state_root()));
	}
});
