//! The witness of a step: what [`crate::witness::verify`] checks.

use crate::{
	machine::{Machine, Reader},
	outcome::Outcome,
	state::Region,
	step::{step, Fault},
	stop::{unstopped, Stop, Stopped},
	tree::Leaf,
	witness::{Leaves, HALTED, RUNNING},
	VERSION,
};
use std::collections::BTreeSet;

/// The witness of the machine's next step. The machine does not move.
pub fn prove(machine: &mut Machine) -> Vec<u8> {
	unstopped(|stop| prove_until(machine, stop))
}

pub(crate) fn prove_until(machine: &mut Machine, stop: &Stop) -> Result<Vec<u8>, Stopped> {
	if let Some(outcome) = machine.outcome_until(stop)? {
		return Ok(halted(&outcome));
	}
	let header = machine.header_until(stop)?;
	let reader = machine.reader();
	let mut recorder = Recorder {
		reader: &reader,
		touched: BTreeSet::new(),
	};
	// How it ends is for the verifier to find out.
	let _ = step(&mut header.registers.clone(), &mut recorder);
	let touched = recorder.touched;

	let mut bytes = vec![VERSION, RUNNING];
	bytes.extend_from_slice(&header.encode());
	bytes.push(touched.len() as u8);
	for (region, leaf) in &touched {
		bytes.push(*region as u8);
		bytes.extend_from_slice(&leaf.to_le_bytes());
		bytes.extend_from_slice(&reader.leaf(*region, *leaf));
	}
	let mut hashes = Vec::new();
	for region in Region::ALL {
		let leaves: Vec<u32> = touched
			.iter()
			.filter(|(of, _)| *of == region)
			.map(|(_, leaf)| *leaf)
			.collect();
		if !leaves.is_empty() {
			hashes.extend(reader.tree(region).prove(&leaves, |page| reader.page(region, page)));
		}
	}
	bytes.extend_from_slice(&(hashes.len() as u16).to_le_bytes());
	hashes.iter().for_each(|hash| bytes.extend_from_slice(hash));
	Ok(bytes)
}

fn halted(outcome: &Outcome) -> Vec<u8> {
	let mut bytes = vec![VERSION, HALTED];
	bytes.extend_from_slice(&outcome.encoded());
	bytes
}

/// Notes what a step touches and changes nothing. That is enough, because a step reads before it writes.
struct Recorder<'a> {
	reader: &'a Reader<'a>,
	touched: BTreeSet<(Region, u32)>,
}

impl Leaves for Recorder<'_> {
	fn leaf(&mut self, region: Region, leaf: u32) -> Result<Leaf, Fault> {
		self.touched.insert((region, leaf));
		Ok(self.reader.leaf(region, leaf))
	}

	fn change(&mut self, region: Region, leaf: u32, _: usize, _: &[u8]) -> Result<(), Fault> {
		self.touched.insert((region, leaf));
		Ok(())
	}
}
