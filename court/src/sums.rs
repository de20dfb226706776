//! Opening the tree of outcomes that a report commits to, four levels at a time.
//!
//! A report is any 32 bytes and a number until somebody opens it. The shape of the tree follows from the number of tasks
//! alone; of a node the hash and the gas below it are claimed, and both must come out of what is below.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_primitives::{
	merkle::{left_of, SumNode},
	Gas, Outcome, Report,
};
use scale_info::TypeInfo;

/// The levels of a tree that are opened at once.
pub const LEVELS: u32 = 4;
/// The most nodes that are shown at once.
pub const MAX_NODES: u32 = 1 << LEVELS;

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
	fn node(outcomes: &[Outcome]) -> Option<SumNode> {
		match outcomes {
			[] => None,
			[outcome] => Some(SumNode::leaf(outcome)),
			_ => {
				let (left, right) = outcomes.split_at(left_of(outcomes.len() as u32) as usize);
				SumNode::above(&node(left)?, &node(right)?)
			}
		}
	}
	span.below()
		.into_iter()
		.map(|span| {
			let first = span.first as usize;
			node(outcomes.get(first..first.checked_add(span.len as usize)?)?)
		})
		.collect()
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
