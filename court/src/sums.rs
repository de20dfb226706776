//! Opening the tree of outcomes that a report commits to, four levels at a time.
//!
//! A report is any 32 bytes and a number until somebody opens it. The shape of the tree follows from the number of tasks
//! alone; of a node the hash and the gas below it are claimed, and both must come out of what is below.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{
	job::MAX_SHARD_TASKS,
	merkle::{left_of, SumNode},
	Gas, Outcome, Report,
};
use scale_info::TypeInfo;
use sp_runtime::{traits::ConstU32, BoundedVec};

/// The levels of a tree that are opened at once.
pub const LEVELS: u32 = 4;
/// The most nodes that are shown at once.
pub const MAX_NODES: u32 = 1 << LEVELS;
/// The most levels of a tree.
pub const MAX_PATH: u32 = 12;

const _: () = assert!(MAX_SHARD_TASKS <= 1 << MAX_PATH);

/// The tasks below a node of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Span {
	/// The first.
	pub first: u32,
	/// How many.
	pub len: u32,
}

impl Span {
	/// The spans of the nodes [`LEVELS`] below, or of leaves that are nearer, from left to right: at most [`MAX_NODES`]. A leaf
	/// is below itself.
	pub fn below(&self) -> Vec<Self> {
		fn walk(span: Span, levels: u32, found: &mut Vec<Span>) {
			let left = left_of(span.len);
			if levels == 0 || left == 0 {
				found.push(span);
				return;
			}
			let (first, len) = (span.first, left);
			walk(Span { first, len }, levels - 1, found);
			let right = Span {
				first: first.saturating_add(left),
				len: span.len - left,
			};
			walk(right, levels - 1, found);
		}
		let mut found = Vec::new();
		walk(*self, LEVELS, &mut found);
		found
	}

	/// Whether a task is among them.
	pub const fn contains(&self, task: u32) -> bool {
		task >= self.first && task - self.first < self.len
	}
}

/// What is known of a node before it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Claim {
	/// The top of a tree: a report closes it.
	Report(Report),
	/// A node that was shown.
	Node(SumNode),
}

impl Claim {
	/// The gas that is claimed.
	pub const fn gas(&self) -> Gas {
		match self {
			Self::Report(report) => report.gas_used,
			Self::Node(node) => node.gas,
		}
	}

	/// Whether a node over so many tasks is the one that was claimed.
	pub fn is(&self, node: &SumNode, len: u32) -> bool {
		match self {
			Self::Report(report) => node.close(len) == *report,
			Self::Node(claimed) => claimed == node,
		}
	}
}

/// The node above those [`Span::below`] one, in their order. `None` if they are not as many, one claims more gas than its
/// tasks may use together, or their gas adds up to no number.
pub fn above(span: Span, nodes: &[SumNode], gas_of_task: Gas) -> Option<SumNode> {
	fn walk<'a>(span: Span, levels: u32, nodes: &mut impl Iterator<Item = &'a SumNode>, most: Gas) -> Option<SumNode> {
		let left = left_of(span.len);
		if levels == 0 || left == 0 {
			return nodes
				.next()
				.filter(|node| node.gas <= most.saturating_mul(span.len.into()))
				.copied();
		}
		let (first, len) = (span.first, left);
		let one = walk(Span { first, len }, levels - 1, nodes, most)?;
		let right = Span {
			first: first.saturating_add(left),
			len: span.len - left,
		};
		SumNode::above(&one, &walk(right, levels - 1, nodes, most)?)
	}
	let mut rest = nodes.iter();
	walk(span, LEVELS, &mut rest, gas_of_task).filter(|_| rest.next().is_none())
}

/// The nodes to show below one, by whoever has the outcomes of all tasks. `None` if it has not, or their gas adds up to no
/// number.
pub fn show(outcomes: &[Outcome], span: Span) -> Option<Vec<SumNode>> {
	span.below()
		.into_iter()
		.map(|span| {
			let first = span.first as usize;
			top(outcomes.get(first..first.checked_add(span.len as usize)?)?)
		})
		.collect()
}

/// The node above all of these.
fn top(outcomes: &[Outcome]) -> Option<SumNode> {
	match outcomes {
		[] => None,
		[outcome] => Some(SumNode::leaf(outcome)),
		_ => {
			let (left, right) = halves(outcomes);
			SumNode::above(&top(left)?, &top(right)?)
		}
	}
}

/// The outcomes below the left and the right one of two nodes.
fn halves(outcomes: &[Outcome]) -> (&[Outcome], &[Outcome]) {
	outcomes.split_at(left_of(outcomes.len() as u32) as usize)
}

/// A leaf of a report's tree, and what closes it to the report.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ShownLeaf {
	/// The leaf.
	pub node: SumNode,
	/// The nodes beside the way from the leaf to the top, from the leaf up.
	pub path: BoundedVec<SumNode, ConstU32<MAX_PATH>>,
}

impl ShownLeaf {
	/// The leaf of a task, counted from 0, by whoever has the outcomes of all tasks of the report. `None` if there is no such
	/// task, they are more than [`MAX_SHARD_TASKS`], or their gas adds up to no number.
	pub fn of(outcomes: &[Outcome], task: u32) -> Option<Self> {
		if outcomes.len() > MAX_SHARD_TASKS as usize {
			return None;
		}
		let (mut below, mut at) = (outcomes, task as usize);
		let mut beside = Vec::new();
		while below.len() > 1 {
			let (left, right) = halves(below);
			let other;
			(below, other, at) = match at.checked_sub(left.len()) {
				None => (left, right, at),
				Some(at) => (right, left, at),
			};
			beside.push(top(other)?);
		}
		beside.reverse();
		let shown = Self {
			node: SumNode::leaf(below.get(at)?),
			path: beside.try_into().ok()?,
		};
		shown.top(outcomes.len() as u32, task).map(|_| shown)
	}

	/// Whether it is the leaf of this task of a report over so many, and claims no more gas than a task may use.
	pub fn is_of(&self, report: &Report, tasks: u32, task: u32, gas_of_task: Gas) -> bool {
		self.node.gas <= gas_of_task && self.top(tasks, task).is_some_and(|top| top.close(tasks) == *report)
	}

	/// The top of the tree over so many tasks, if this is the leaf of one of them. `None` if it is not, another number of
	/// nodes is beside its way, or their gas adds up to no number.
	fn top(&self, tasks: u32, task: u32) -> Option<SumNode> {
		if task >= tasks {
			return None;
		}
		// Whether the way goes left, from the top down.
		let (mut len, mut at) = (tasks, task);
		let mut ways = Vec::new();
		while len > 1 {
			let left = left_of(len);
			let goes_left = at < left;
			(len, at) = match goes_left {
				true => (left, at),
				false => (len - left, at - left),
			};
			ways.push(goes_left);
		}
		if ways.len() != self.path.len() {
			return None;
		}
		let mut ways = ways.iter().rev().zip(&self.path);
		ways.try_fold(self.node, |node, (is_left, beside)| match is_left {
			true => SumNode::above(&node, beside),
			false => SumNode::above(beside, &node),
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{machine::EMPTY_BLOB, outcome::report, Status};
	use proptest::prelude::*;

	fn outcomes(gas: &[Gas]) -> Vec<Outcome> {
		let outcome = |gas_used: &Gas| Outcome {
			status: Status::Success,
			code: 0,
			output: EMPTY_BLOB,
			errors: [0; 32],
			gas_used: *gas_used,
		};
		gas.iter().map(outcome).collect()
	}

	proptest! {
		#[test]
		fn a_tree_opens_to_each_of_its_leaves_and_to_nothing_else(
			gas in proptest::collection::vec(0_u64..100, 1..600),
			task in any::<prop::sample::Index>(),
			wrong in any::<prop::sample::Index>(),
		) {
			let outcomes = outcomes(&gas);
			let task = task.index(gas.len()) as u32;
			let mut span = Span { first: 0, len: gas.len() as u32 };
			let mut claim = Claim::Report(report(&outcomes).unwrap());
			let mut levels = 0;
			while span.len > 1 {
				let nodes = show(&outcomes, span).unwrap();
				prop_assert!(nodes.len() <= MAX_NODES as usize);
				let top = above(span, &nodes, 100).unwrap();
				prop_assert!(claim.is(&top, span.len));
				// Any change shows, but for the gas of tasks being more than they may use, which is refused before.
				let mut forged = nodes.clone();
				forged[wrong.index(nodes.len())].gas += 1;
				prop_assert!(above(span, &forged, 101).is_none_or(|top| !claim.is(&top, span.len)));
				let mut forged = nodes.clone();
				forged[wrong.index(nodes.len())].hash.0[3] ^= 1;
				prop_assert!(!claim.is(&above(span, &forged, 100).unwrap(), span.len));
				prop_assert_eq!(above(span, &nodes[1..], 100), None);
				prop_assert_eq!(above(span, &[&nodes[..], &nodes[..1]].concat(), 100), None);
				let spans = span.below();
				prop_assert_eq!(spans.len(), nodes.len());
				prop_assert_eq!(spans.iter().map(|span| span.len).sum::<u32>(), span.len);
				let at = spans.iter().position(|span| span.contains(task)).unwrap();
				claim = Claim::Node(nodes[at]);
				span = spans[at];
				levels += 1;
			}
			prop_assert_eq!(span, Span { first: task, len: 1 });
			prop_assert!(claim.is(&SumNode::leaf(&outcomes[task as usize]), 1));
			prop_assert!(levels <= 3);
		}

		#[test]
		fn a_leaf_is_shown_and_nothing_else(
			gas in proptest::collection::vec(1_u64..100, 1..600),
			task in any::<prop::sample::Index>(),
			other in any::<prop::sample::Index>(),
			level in any::<prop::sample::Index>(),
			byte in 0_usize..32,
		) {
			let outcomes = outcomes(&gas);
			let report = report(&outcomes).unwrap();
			let tasks = gas.len() as u32;
			let (task, other) = (task.index(gas.len()) as u32, other.index(gas.len()) as u32);
			let shown = ShownLeaf::of(&outcomes, task).unwrap();
			let is = |shown: &ShownLeaf| shown.is_of(&report, tasks, task, 100);
			prop_assert!(is(&shown));
			prop_assert_eq!(shown.node, SumNode::leaf(&outcomes[task as usize]));
			// No more gas than a task may use.
			prop_assert!(shown.is_of(&report, tasks, task, shown.node.gas));
			prop_assert!(!shown.is_of(&report, tasks, task, shown.node.gas - 1));
			// It is of one place in a tree of one size, and of one report.
			prop_assert!(task == other || !shown.is_of(&report, tasks, other, 100));
			prop_assert!(!shown.is_of(&report, tasks + 1, task, 100) && !shown.is_of(&report, tasks - 1, task, 100));
			prop_assert!(!shown.is_of(&report, tasks, tasks, 100) && !shown.is_of(&report, tasks, u32::MAX, 100));
			let mut forged = report;
			forged.root.0[byte] ^= 1;
			prop_assert!(!shown.is_of(&forged, tasks, task, 100));
			let forged = Report { gas_used: report.gas_used + 1, ..report };
			prop_assert!(!shown.is_of(&forged, tasks, task, 100));
			// Nothing of it can be changed.
			let mut forged = shown.clone();
			forged.node.hash.0[byte] ^= 1;
			prop_assert!(!is(&forged));
			let mut forged = shown.clone();
			forged.node.gas -= 1;
			prop_assert!(!is(&forged));
			let mut longer = shown.path.to_vec();
			longer.push(shown.node);
			if let Ok(path) = longer.try_into() {
				let longer = ShownLeaf { path, ..shown.clone() };
				prop_assert!(!is(&longer));
			}
			if tasks > 1 {
				let level = level.index(shown.path.len());
				let mut forged = shown.clone();
				forged.path[level].hash.0[byte] ^= 1;
				prop_assert!(!is(&forged));
				for gas in [0, shown.path[level].gas + 1, Gas::MAX] {
					let mut forged = shown.clone();
					forged.path[level].gas = gas;
					prop_assert!(!is(&forged));
				}
				// Nor gas moved from one node to another, which adds up to the same.
				let mut forged = shown.clone();
				(forged.node.gas, forged.path[level].gas) = (forged.node.gas - 1, forged.path[level].gas + 1);
				prop_assert!(!is(&forged));
				let mut forged = shown.clone();
				forged.path.remove(level);
				prop_assert!(!is(&forged));
				// Its own node above it is no leaf.
				let forged = ShownLeaf { node: shown.top(tasks, task).unwrap(), path: BoundedVec::default() };
				prop_assert!(!is(&forged));
			}
		}
	}

	#[test]
	fn each_leaf_of_every_shape_is_shown() {
		let gas: Vec<Gas> = (1..=40).collect();
		let large: Vec<Gas> = (1..=u64::from(MAX_SHARD_TASKS)).collect();
		let check = |gas: &[Gas], task: u32| {
			let outcomes = outcomes(gas);
			let shown = ShownLeaf::of(&outcomes, task).unwrap();
			assert!(shown.is_of(&report(&outcomes).unwrap(), gas.len() as u32, task, 1 << 20));
			shown.path.len()
		};
		for tasks in 1..=40 {
			for task in 0..tasks {
				check(&gas[..tasks as usize], task);
			}
		}
		for task in [0, 1, 2_047, 2_048, 4_095] {
			assert_eq!(check(&large, task), MAX_PATH as usize);
			assert!(check(&large[..4_095], task.min(4_094)) <= MAX_PATH as usize);
		}
		assert!(ShownLeaf::max_encoded_len() <= 600);
	}

	#[test]
	fn nobody_shows_what_is_not_there() {
		assert_eq!(ShownLeaf::of(&[], 0), None);
		assert_eq!(ShownLeaf::of(&outcomes(&[1, 2]), 2), None);
		assert_eq!(ShownLeaf::of(&outcomes(&[1, 2]), u32::MAX), None);
		assert_eq!(ShownLeaf::of(&outcomes(&[1, Gas::MAX]), 0), None);
		assert_eq!(
			ShownLeaf::of(&outcomes(&vec![1; MAX_SHARD_TASKS as usize + 1]), 0),
			None
		);
		// A report over nothing has no leaf.
		let shown = ShownLeaf::of(&outcomes(&[1]), 0).unwrap();
		assert!(!shown.is_of(&report(&[]).unwrap(), 0, 0, 9));
	}

	#[test]
	fn the_largest_shard_is_opened_in_three() {
		let mut span = Span { first: 0, len: 4_096 };
		let mut opened = 0;
		while span.len > 1 {
			span = span.below()[15];
			opened += 1;
		}
		assert_eq!((opened, span.first), (3, 4_095));
	}

	#[test]
	fn no_node_claims_more_gas_than_its_tasks_may_use() {
		let span = Span { first: 0, len: 2 };
		let nodes = show(&outcomes(&[5, 6]), span).unwrap();
		assert!(above(span, &nodes, 6).is_some());
		assert_eq!(above(span, &nodes, 5), None);
		// Nor do sums wrap, whatever a task may use.
		let nodes = show(&outcomes(&[1, Gas::MAX]), span).unwrap();
		assert_eq!(above(span, &nodes, Gas::MAX), None);
	}

	#[test]
	fn who_lacks_an_outcome_shows_nothing() {
		assert_eq!(show(&outcomes(&[1, 2]), Span { first: 0, len: 3 }), None);
		assert_eq!(
			show(
				&outcomes(&[1]),
				Span {
					first: u32::MAX,
					len: 2
				}
			),
			None
		);
		assert_eq!(Span { first: 0, len: 0 }.below().len(), 1);
	}
}
