//! What is no proof convinces nobody, and whatever it is, the verifier ends in time.

use crate::{
	common::{cases, in_parallel, judged, limits, machine_of, program_of, smith, start_of, Rng},
	programs,
	steps::{checked_step, next_op, COUNT},
};
use millrace_vm::{
	hash::{Blake2, Hash},
	op::Op,
	simd::op::VectorOp,
	state::{Header, Region},
	tree::fold,
	witness::{registers, WitnessError, MAX_WITNESS},
	VERSION,
};
use std::{collections::BTreeMap, time::Instant};

/// A step to be forged: the root before it and its witness.
#[derive(Clone)]
struct Sample {
	root: Hash,
	witness: Vec<u8>,
}

/// A witness of each operation, and of halts and states of random programs.
fn samples() -> Vec<Sample> {
	let mut by_op: BTreeMap<u16, Sample> = BTreeMap::new();
	let mut others = Vec::new();
	for case in programs::all() {
		let mut machine = machine_of(&case.program, &case.input, &case.limits);
		for _ in 0..5_000 {
			match next_op(&machine) {
				Some(op) if !by_op.contains_key(&op) => {
					let (root, witness) = checked_step(&mut machine);
					by_op.insert(op, Sample { root, witness });
				}
				Some(_) => {
					machine.run(1);
				}
				None => break,
			}
		}
		machine.run(u64::MAX);
		let (root, witness) = checked_step(&mut machine);
		others.push(Sample { root, witness });
	}
	for number in 0..6 {
		let mut rng = Rng(0xf0 + number);
		let wasm = smith::program(&mut rng);
		let mut machine = machine_of(&program_of(&wasm), &[1, 2, 3], &limits(start_of(&wasm) + 50_000));
		machine.run(rng.below(3_000));
		let (root, witness) = checked_step(&mut machine);
		others.push(Sample { root, witness });
	}
	assert!(by_op.len() > 400, "witnesses of {} operations", by_op.len());
	by_op.into_values().chain(others).collect()
}

/// A few of them, spread over all, unless more are asked for.
fn some(in_ci: u64) -> Vec<Sample> {
	let all = samples();
	let wanted = cases(in_ci).clamp(1, all.len() as u64) as usize;
	(0..wanted).map(|n| all[n * all.len() / wanted].clone()).collect()
}

/// A witness of a running state in parts.
#[derive(Clone, PartialEq, Debug)]
struct Parts {
	header: Header,
	leaves: Vec<(u8, u32, [u8; 32])>,
	hashes: Vec<Hash>,
}

impl Parts {
	fn of(witness: &[u8]) -> Option<Self> {
		if witness[..2] != [VERSION, 0] {
			return None;
		}
		let header = Header::decode(witness[2..COUNT].try_into().unwrap());
		let count = usize::from(witness[COUNT]);
		let (leaves, hashes) = witness[COUNT + 1..].split_at(37 * count);
		let leaves = leaves
			.chunks_exact(37)
			.map(|leaf| {
				(
					leaf[0],
					u32::from_le_bytes(leaf[1..5].try_into().unwrap()),
					leaf[5..].try_into().unwrap(),
				)
			})
			.collect();
		let hashes = hashes[2..]
			.chunks_exact(32)
			.map(|hash| hash.try_into().unwrap())
			.collect();
		let parts = Self { header, leaves, hashes };
		assert_eq!(parts.bytes(), witness);
		Some(parts)
	}

	fn bytes(&self) -> Vec<u8> {
		let mut bytes = vec![VERSION, 0];
		bytes.extend(self.header.encode());
		bytes.push(self.leaves.len() as u8);
		for (region, place, leaf) in &self.leaves {
			bytes.push(*region);
			bytes.extend(place.to_le_bytes());
			bytes.extend(leaf);
		}
		bytes.extend((self.hashes.len() as u16).to_le_bytes());
		self.hashes.iter().for_each(|hash| bytes.extend(hash));
		bytes
	}

	/// Makes the header fit the leaves, and gives the root: a state that somebody may have committed to.
	fn commit(&mut self) -> Option<Hash> {
		let mut rest = &self.hashes[..];
		for region in Region::ALL {
			let leaves: Vec<_> = self
				.leaves
				.iter()
				.filter(|leaf| leaf.0 == region as u8)
				.map(|leaf| (leaf.1, leaf.2))
				.collect();
			if !leaves.is_empty() {
				self.header.roots[region as usize] = fold::<Blake2>(region.depth(), &leaves, &mut rest)?;
			}
		}
		Some(self.header.root::<Blake2>())
	}
}

#[test]
fn no_byte_of_a_witness_can_be_another() {
	let samples = some(60);
	let tried = in_parallel(samples.len() as u64, |number| {
		let Sample { root, witness } = &samples[number as usize];
		let mut rng = Rng(number);
		let mut forged = witness.clone();
		for at in 0..witness.len() {
			forged[at] ^= 1 << rng.below(8);
			assert!(judged(root, &forged).is_err(), "byte {at} of {}", witness.len());
			forged[at] = witness[at];
		}
		witness.len()
	});
	println!(
		"{} forgeries of {} witnesses",
		tried.iter().sum::<usize>(),
		samples.len()
	);
}

#[test]
fn no_witness_is_shorter_or_longer() {
	for Sample { root, witness } in some(25) {
		for len in 0..witness.len() {
			assert!(
				judged(&root, &witness[..len]).is_err(),
				"{len} bytes of {}",
				witness.len()
			);
		}
		let mut longer = witness.clone();
		for _ in 0..40 {
			longer.push(0);
			assert_eq!(judged(&root, &longer), Err(WitnessError::Malformed));
		}
	}
}

#[test]
fn a_witness_is_of_one_state_only() {
	let samples = samples();
	for (n, Sample { root, witness }) in samples.iter().enumerate() {
		for other in samples.iter().skip(n + 1).filter(|other| other.root != *root) {
			assert_eq!(judged(&other.root, witness), Err(WitnessError::OtherState));
		}
	}
}

#[test]
fn leaves_and_hashes_are_the_right_ones_in_the_right_order() {
	let mut tried = 0;
	for Sample { root, witness } in samples() {
		let Some(parts) = Parts::of(&witness) else { continue };
		let mut refused = |why: &str, forged: Parts| {
			if forged != parts {
				tried += 1;
				assert!(judged(&root, &forged.bytes()).is_err(), "{why}");
			}
		};
		for n in 0..parts.leaves.len() {
			let mut forged = parts.clone();
			forged.leaves.remove(n);
			refused("a leaf is missing", forged);
			let mut forged = parts.clone();
			forged.leaves.insert(n, parts.leaves[n]);
			refused("a leaf is there twice", forged);
			let mut forged = parts.clone();
			forged.leaves[n].1 ^= 1;
			refused("a leaf is at its sibling's place", forged);
			let mut forged = parts.clone();
			forged.leaves[n].0 = (forged.leaves[n].0 + 1) % 12;
			refused("a leaf is in another region", forged);
			let mut forged = parts.clone();
			forged.leaves[n].0 = 12;
			refused("a leaf is in no region", forged);
			let mut forged = parts.clone();
			forged.leaves.swap(0, n);
			refused("leaves are out of order", forged);
		}
		for n in 0..parts.hashes.len() {
			let mut forged = parts.clone();
			forged.hashes.remove(n);
			refused("a hash is missing", forged);
			let mut forged = parts.clone();
			forged.hashes.insert(n, parts.hashes[n]);
			refused("a hash is there twice", forged);
			let mut forged = parts.clone();
			forged.hashes.swap(0, n);
			refused("hashes are out of order", forged);
		}
		let mut forged = parts.clone();
		forged.hashes.push([0; 32]);
		refused("there is one hash more", forged);
		// All siblings of a leaf that the step does not touch, correctly proven, are still too much.
		for region in [0, 5] {
			let mut forged = parts.clone();
			let place = (1 << 20) + 77;
			forged.leaves.push((region, place, [0; 32]));
			forged.leaves.sort_unstable();
			refused("there is one leaf more", forged);
		}
	}
	println!("{tried} forgeries");
}

#[test]
fn a_leaf_that_the_step_does_not_read_is_refused() {
	// A state whose regions are all zeros but for its code: everything about it can be proven by hand.
	let zeros = millrace_vm::tree::Zeros::new::<Blake2>();
	let sample = samples()
		.into_iter()
		.find(|sample| Parts::of(&sample.witness).is_some())
		.unwrap();
	let mut parts = Parts::of(&sample.witness).unwrap();
	parts.header.registers.pc = 0;
	parts.leaves = vec![(0, 0, [0; 32])];
	parts.hashes = (0..Region::Code.depth()).map(|height| *zeros.of(height)).collect();
	let root = parts.commit().unwrap();
	assert!(judged(&root, &parts.bytes()).is_ok(), "place 0 traps");
	let mut more = parts.clone();
	more.leaves.push((Region::Output as u8, 3, [0; 32]));
	more.hashes
		.extend((0..Region::Output.depth()).map(|height| *zeros.of(height)));
	let root = more.commit().unwrap();
	assert_eq!(judged(&root, &more.bytes()), Err(WitnessError::Surplus));
	let mut none = parts.clone();
	(none.leaves, none.hashes) = (vec![], vec![]);
	let root = none.commit().unwrap();
	assert_eq!(judged(&root, &none.bytes()), Err(WitnessError::MissingLeaf));
}

#[test]
fn states_that_no_program_reaches_are_judged_too() {
	let samples = samples();
	let verdicts = in_parallel(cases(300) * 100, |number| {
		let mut rng = Rng(0xbad + number);
		let Some(mut parts) = Parts::of(&rng.pick(&samples).witness) else {
			return None;
		};
		for _ in 0..1 + rng.below(3) {
			match rng.below(4) {
				0 => {
					let mut bytes = parts.header.encode();
					let at = rng.below(millrace_vm::state::Registers::SIZE as u64) as usize;
					bytes[at] = *rng.pick(&[0, 1, 0x7f, 0x80, 0xff]);
					parts.header = Header::decode(bytes.as_slice().try_into().unwrap());
				}
				1 => {
					let count = parts.leaves.len() as u64;
					let leaf = &mut parts.leaves[rng.below(count) as usize].2;
					let at = rng.below(32) as usize;
					leaf[at] = rng.next() as u8;
				}
				2 => {
					// Another operation, valid most of the time.
					let op = match rng.chance(40) {
						true => *rng.pick(VectorOp::ALL) as u16,
						false => *rng.pick(Op::ALL) as u16,
					};
					let op = op ^ u16::from(rng.chance(5)) << 9;
					let at = (parts.header.registers.pc as usize % 2) * 16;
					parts.leaves[0].2[at..at + 2].copy_from_slice(&op.to_le_bytes());
				}
				_ => {
					let count = parts.leaves.len() as u64;
					let leaf = &mut parts.leaves[rng.below(count) as usize].2;
					let at = 8 * rng.below(4) as usize;
					leaf[at..at + 8].copy_from_slice(&rng.any_size().to_le_bytes());
				}
			}
		}
		let root = parts.commit()?;
		Some(judged(&root, &parts.bytes()))
	});
	let judged = verdicts.iter().flatten().filter(|verdict| verdict.is_ok()).count();
	let missing = verdicts
		.iter()
		.flatten()
		.filter(|verdict| **verdict == Err(WitnessError::MissingLeaf))
		.count();
	let total = verdicts.iter().flatten().count();
	assert!(judged * 10 > total, "{judged} of {total}");
	println!("{total} states, {judged} with a next one, {missing} that lack a leaf");
}

#[test]
fn bytes_are_no_witness() {
	let samples = samples();
	let start = Instant::now();
	let tried = in_parallel(cases(2_000) * 10, |number| {
		let mut rng = Rng(0x9a9a + number);
		let mut bytes = match rng.below(3) {
			0 => {
				let len = rng.below(2 * MAX_WITNESS as u64) as usize;
				rng.bytes(len)
			}
			_ => {
				let mut bytes = rng.pick(&samples).witness.clone();
				let from = rng.below(bytes.len() as u64) as usize;
				let len = rng.below((bytes.len() - from) as u64 + 1) as usize;
				let noise = rng.bytes(len);
				bytes[from..from + len].copy_from_slice(&noise);
				bytes
			}
		};
		if rng.chance(80) && bytes.len() > 2 {
			bytes[..2].copy_from_slice(&[VERSION, rng.below(2) as u8]);
		}
		// The root of whatever header is there, so that more than the first check is passed.
		let root = match bytes.get(2..COUNT) {
			Some(header) => Header::decode(header.try_into().unwrap()).root::<Blake2>(),
			None => [0; 32],
		};
		registers(&bytes);
		assert!(judged(&root, &bytes).is_err() || Parts::of(&bytes).is_some());
		bytes.len()
	});
	assert!(start.elapsed().as_secs() < 10 + tried.len() as u64 / 1_000);
	assert_eq!(judged(&[0; 32], &[]), Err(WitnessError::Malformed));
	assert_eq!(judged(&[0; 32], &[VERSION + 1, 0]), Err(WitnessError::Version));
	assert_eq!(judged(&[0; 32], &[VERSION, 2]), Err(WitnessError::Malformed));
}
