//! `verify(root[n], prove(n)) == root[n + 1]`.

use crate::{
	common::{cases, in_parallel, judged, limits, machine_of, program_of, smith, start_of, Rng},
	programs,
};
use millrace_vm::{
	hash::{Blake2, Hash, Hasher},
	machine::Machine,
	op::Op,
	prove::prove,
	simd::op::VectorOp,
	witness::{verify, verify_hashes, MAX_LEAVES, MAX_VERIFY_HASHES, MAX_WITNESS},
	VERSION,
};
use std::collections::BTreeSet;

/// Where the leaves of a running state's witness are counted: after version, kind and header.
pub const COUNT: usize = 2 + millrace_vm::state::Header::SIZE;

/// Proves the machine's next step, checks the proof, makes the step. The root before it and the witness.
pub fn checked_step(machine: &mut Machine) -> (Hash, Vec<u8>) {
	let before = machine.state_root();
	let witness = prove(machine);
	assert!(
		witness.len() <= MAX_WITNESS && MAX_WITNESS <= 8 * 1024,
		"{} bytes",
		witness.len()
	);
	if machine.halt().is_none() {
		assert!(usize::from(witness[COUNT]) <= MAX_LEAVES);
	}
	let next = judged(&before, &witness).expect("a machine proves its own step");
	machine.run(1);
	assert_eq!(
		machine.state_root(),
		next,
		"step {} of {:?}",
		machine.steps(),
		machine.registers()
	);
	(before, witness)
}

/// The operation of the next step, by its number.
pub fn next_op(machine: &Machine) -> Option<u16> {
	let instr = machine.program().code().get(machine.registers().pc as usize)?;
	Some(instr.op()).filter(|_| machine.halt().is_none())
}

/// A machine that was run to its end, and how many steps it took.
fn ran(mut machine: Machine) -> (Machine, u64) {
	machine.run(u64::MAX);
	let steps = machine.steps();
	(machine, steps)
}

/// Which of a run's steps are proven: all if they are few; else the first, the last and random ones.
fn chosen(total: u64, most: u64, rng: &mut Rng) -> BTreeSet<u64> {
	if total <= most {
		return (0..total).collect();
	}
	let part = most / 4;
	let some: Vec<u64> = (0..2 * part).map(|_| rng.below(total)).collect();
	(0..part).chain(total - part..total).chain(some).collect()
}

#[test]
fn every_instruction_proves_itself() {
	let cases = programs::all();
	let done = in_parallel(cases.len() as u64, |number| {
		let case = &cases[number as usize];
		let machine = || machine_of(&case.program, &case.input, &case.limits);
		let (mut ended, total) = ran(machine());
		assert_eq!(ended.halt(), Some(case.halt), "{}", case.name);
		let mut ops = BTreeSet::new();
		let mut walker = machine();
		let all = chosen(total, 12_000, &mut Rng(number));
		for step in &all {
			walker.run(step - walker.steps());
			ops.extend(next_op(&walker));
			checked_step(&mut walker);
		}
		assert_eq!(walker.state_root(), ended.state_root(), "{}", case.name);
		// A halted machine stays where it is.
		let (root, witness) = checked_step(&mut walker);
		assert_eq!(judged(&root, &witness), Ok(root));
		(ops, all.len())
	});
	let executed: BTreeSet<u16> = done.iter().flat_map(|(ops, _)| ops).copied().collect();
	// What no compiled program executes: place 0, and an operation kept for others.
	let missing: Vec<Op> = Op::ALL
		.iter()
		.copied()
		.filter(|op| !executed.contains(&(*op as u16)))
		.collect();
	// Accesses that the system functions happen not to need are covered by states that no program reaches.
	let of_systems = |op: &Op| format!("{op:?}").starts_with("System");
	let missing: Vec<Op> = missing.into_iter().filter(|op| !of_systems(op)).collect();
	assert_eq!(missing, [Op::Trap, Op::Nop]);
	let missing = VectorOp::ALL.iter().filter(|op| !executed.contains(&(**op as u16)));
	assert_eq!(missing.collect::<Vec<_>>(), [] as [&VectorOp; 0]);
	println!(
		"{} steps of {} programs proven",
		done.iter().map(|(_, steps)| steps).sum::<usize>(),
		cases.len()
	);
}

#[test]
fn random_programs_prove_their_steps() {
	let programs = cases(60);
	let proven = in_parallel(programs, |number| {
		let mut rng = Rng(0x57e9 + number);
		let wasm = smith::program(&mut rng);
		if millrace_vm::normalise::normalise(&wasm).is_err() {
			return 0;
		}
		let program = program_of(&wasm);
		let input = rng.bytes(50);
		let limits = limits(start_of(&wasm) + 1 + rng.below(60_000) + 40_000);
		let (mut ended, total) = ran(machine_of(&program, &input, &limits));
		let mut walker = machine_of(&program, &input, &limits);
		let all = chosen(total, 400, &mut rng);
		for step in &all {
			walker.run(step - walker.steps());
			checked_step(&mut walker);
		}
		assert_eq!(walker.state_root(), ended.state_root());
		all.len()
	});
	let refused = proven.iter().filter(|steps| **steps == 0).count();
	assert!(
		refused * 10 < proven.len(),
		"{refused} of {programs} programs are refused"
	);
	println!(
		"{} steps of {programs} random programs proven",
		proven.iter().sum::<usize>()
	);
}

/// Counts what is hashed.
struct Counting;

thread_local!(static HASHES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });

impl Hasher for Counting {
	fn hash(bytes: &[u8]) -> Hash {
		HASHES.set(HASHES.get() + 1);
		Blake2::hash(bytes)
	}
}

#[test]
fn a_proof_takes_no_more_hashes_than_its_bytes_say() {
	let mut most = 0;
	for case in programs::all() {
		let mut machine = machine_of(&case.program, &case.input, &case.limits);
		let (_, total) = ran(machine_of(&case.program, &case.input, &case.limits));
		// The last step is one of them: an outcome is hashed there.
		for step in chosen(total, 400, &mut Rng(5)) {
			machine.run(step - machine.steps());
			let (root, witness) = (machine.state_root(), prove(&mut machine));
			HASHES.set(0);
			verify::<Counting>(VERSION, &root, &witness).expect("a machine proves its own step");
			let bound = verify_hashes(witness.len());
			assert!(
				HASHES.get() <= bound && bound <= MAX_VERIFY_HASHES,
				"{} of {bound}",
				HASHES.get()
			);
			most = most.max(HASHES.get());
		}
	}
	println!("at most {most} hashes");
}
