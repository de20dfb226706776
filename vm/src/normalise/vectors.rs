//! NaNs in vectors: see `nan.rs` for why.
//!
//! A vector has no type of lanes, and compilers keep in one local integers first and floats later. So what is followed
//! here are values, not locals: each `local.set` gives the local a new value, and where control flows meet, at the starts
//! of loops and at the ends of blocks, there is a *meeting* for each local that is set in the loop or block.
//!
//! | state of a value | meaning |
//! |---|---|
//! | harmless | made canonical as floats of either width, it stays as it is: constants without NaNs |
//! | harmless of a width | the same of one width: integers that were converted |
//! | tainted, of a width | results of arithmetic: a lane that is a NaN may have any bits |
//! | unknown | bits that are the same everywhere and must stay: loads, integers, parameters, what was made canonical |
//!
//! A meeting of tainted values and harmless ones of the same width is tainted; what is made canonical later was tainted or
//! does not change. Every other meeting of a tainted value is unknown: the tainted value is made canonical on its way
//! there, and the others stay untouched. So no bits are ever changed but those of a NaN that arithmetic made, whatever a
//! program hides in vectors, and the result is WebAssembly's deterministic profile.
//!
//! All instructions show the bits of vectors but those that `body/vectors.rs` lists.

use super::{
	nan::{self, Node},
	splice::Function,
};
use wasm_encoder::{InstructionSink, ValType};

/// The width of floats in lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
	F32,
	F64,
}

/// Marks nodes of vectors among nodes of numbers.
const VECTOR: Node = 1 << 31;
/// Bits that must stay.
pub(super) const UNKNOWN: Node = VECTOR;
/// Bits without NaNs.
pub(super) const HARMLESS: Node = VECTOR + 1;
const HARMLESS32: Node = VECTOR + 2;
const HARMLESS64: Node = VECTOR + 3;
const TAINTED32: Node = VECTOR + 4;
const TAINTED64: Node = VECTOR + 5;
/// Lanes of 8, 16, 32, 64 bits that are all zeros or all ones; unknown otherwise.
pub(super) const MASKS: [Node; 4] = [VECTOR + 6, VECTOR + 7, VECTOR + 8, VECTOR + 9];
/// The states of the nodes above.
const FIXED: [State; 10] = [
	State::Unknown,
	State::Harmless,
	State::HarmlessOf(Width::F32),
	State::HarmlessOf(Width::F64),
	State::Tainted(Width::F32),
	State::Tainted(Width::F64),
	State::Unknown,
	State::Unknown,
	State::Unknown,
	State::Unknown,
];

/// Results of arithmetic.
pub(super) const fn tainted(width: Width) -> Node {
	match width {
		Width::F32 => TAINTED32,
		Width::F64 => TAINTED64,
	}
}

/// Floats that are no NaNs.
pub(super) const fn harmless(width: Width) -> Node {
	match width {
		Width::F32 => HARMLESS32,
		Width::F64 => HARMLESS64,
	}
}

/// A constant's node.
pub(super) fn constant(bits: u128) -> Node {
	let ok32 = (0..4).all(|n| {
		let lane = (bits >> (32 * n)) as u32;
		!f32::from_bits(lane).is_nan() || lane == CANONICAL32
	});
	let ok64 = (0..2).all(|n| {
		let lane = (bits >> (64 * n)) as u64;
		!f64::from_bits(lane).is_nan() || lane == CANONICAL64
	});
	match (ok32, ok64) {
		(true, true) => HARMLESS,
		(true, false) => HARMLESS32,
		(false, true) => HARMLESS64,
		(false, false) => UNKNOWN,
	}
}

/// Whether a node is one of a vector.
pub(super) fn is_vector(node: Node) -> bool {
	node & VECTOR != 0
}

/// A vector's node; what is not known is not.
pub(super) fn vector(node: Node) -> Node {
	match is_vector(node) {
		true => node,
		false => UNKNOWN,
	}
}

/// Whether a vector may turn out to be tainted.
pub(super) fn may_be_tainted(node: Node) -> bool {
	is_vector(node) && fixed(node).is_none_or(|state| matches!(state, State::Tainted(_)))
}

fn fixed(node: Node) -> Option<State> {
	FIXED.get((node & !VECTOR) as usize).copied()
}

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
	Harmless,
	HarmlessOf(Width),
	Tainted(Width),
	Unknown,
}

impl State {
	/// What a meeting of two is. Only ever goes up: harmless, harmless of a width, tainted, unknown.
	fn join(self, other: Self) -> Self {
		match (self, other) {
			(one, other) if one == other => one,
			(Self::Harmless, state) | (state, Self::Harmless) => state,
			(Self::HarmlessOf(one), Self::Tainted(other)) | (Self::Tainted(one), Self::HarmlessOf(other))
				if one == other =>
			{
				Self::Tainted(one)
			}
			_ => Self::Unknown,
		}
	}

	/// What it is to an instruction that moves lanes of a width.
	fn as_lanes_of(self, width: Option<Width>) -> Self {
		match (width, self) {
			(None, state) => state,
			(Some(width), Self::Harmless) => Self::HarmlessOf(width),
			(Some(width), state) if state == Self::HarmlessOf(width) || state == Self::Tainted(width) => state,
			_ => Self::Unknown,
		}
	}

	fn node(self) -> Node {
		match self {
			Self::Harmless => HARMLESS,
			Self::HarmlessOf(width) => harmless(width),
			Self::Tainted(width) => tainted(width),
			Self::Unknown => UNKNOWN,
		}
	}
}

/// When an operand is made canonical.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
	/// If it is tainted: its bits are seen.
	Shown,
	/// If it is tainted as floats of the other width than this, which is blind to its own NaNs.
	Read(Width),
	/// If it is tainted and this is not.
	Into(Node),
}

/// What is to be done with an operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
	/// Nothing.
	Clean,
	/// A float's node.
	Float(Node),
	/// A vector's node, or that of a float as a lane.
	Vector(Node, Rule),
}

/// What may have to be made canonical at one place.
#[derive(Default, Debug)]
pub(super) struct Point {
	/// Top operands, the topmost last; one list after the other.
	pub operands: Vec<Vec<(ValType, Mark)>>,
	/// Locals, by their new numbers, with their values and what these flow into.
	pub locals: Vec<(u32, Node, Node)>,
}

/// The flow of vectors through a function.
#[derive(Default)]
pub(super) struct Vectors {
	/// Of each node beyond the fixed ones: the width of the lanes that it is made of.
	nodes: Vec<Option<Width>>,
	edges: Vec<(Node, Node)>,
	points: Vec<Point>,
	/// Floats that were lanes of a vector: it, the width, the float's node.
	extracted: Vec<(Node, Width, Node)>,
}

impl Vectors {
	fn node(&mut self, width: Option<Width>) -> Node {
		self.nodes.push(width);
		VECTOR | (FIXED.len() + self.nodes.len() - 1) as u32
	}

	/// A node into which others will flow.
	pub fn meeting(&mut self) -> Node {
		self.node(None)
	}

	/// Lets a node flow into another.
	pub fn flow(&mut self, from: Node, to: Node) {
		if from != to {
			self.edges.push((from, to));
		}
	}

	/// The result of an instruction that moves lanes of a width, or whole vectors.
	pub fn join(&mut self, width: Option<Width>, operands: &[Node]) -> Node {
		let states: Option<Vec<State>> = operands.iter().map(|node| fixed(*node)).collect();
		if let Some(states) = states {
			let least = State::Harmless.as_lanes_of(width);
			let all = states
				.iter()
				.fold(least, |all, state| all.join(state.as_lanes_of(width)));
			return all.node();
		}
		let node = self.node(width);
		operands.iter().for_each(|operand| self.flow(*operand, node));
		node
	}

	/// Notes that a float is a lane of a vector.
	pub fn extract(&mut self, from: Node, width: Width, float: Node) {
		self.extracted.push((from, width, float));
	}

	/// A point, by its number.
	pub fn point(&mut self, point: Point) -> usize {
		self.points.push(point);
		self.points.len() - 1
	}

	/// A point that was made before.
	pub fn point_mut(&mut self, point: usize) -> Option<&mut Point> {
		self.points.get_mut(point)
	}

	/// What all values are at last: the least states that fit.
	pub fn solve(mut self) -> Solved {
		let mut states: Vec<State> = FIXED.to_vec();
		states.extend(self.nodes.iter().map(|width| State::Harmless.as_lanes_of(*width)));
		self.edges.sort_unstable();
		self.edges.dedup();
		let mut found: Vec<Node> = (0..states.len() as u32).map(|node| VECTOR | node).collect();
		while let Some(node) = found.pop() {
			let first = self.edges.partition_point(|(from, _)| *from < node);
			for (_, to) in self.edges[first..].iter().take_while(|(from, _)| *from == node) {
				let (at, from) = ((to & !VECTOR) as usize, states[(node & !VECTOR) as usize]);
				// Fixed nodes are no meetings.
				let Some(width) = at.checked_sub(FIXED.len()).and_then(|at| self.nodes.get(at)) else {
					continue;
				};
				let joined = states[at].join(from.as_lanes_of(*width));
				if joined != states[at] {
					states[at] = joined;
					found.push(*to);
				}
			}
		}
		Solved {
			states,
			points: self.points,
			extracted: self.extracted,
		}
	}
}

/// What all values are.
pub(super) struct Solved {
	states: Vec<State>,
	points: Vec<Point>,
	extracted: Vec<(Node, Width, Node)>,
}

impl Solved {
	fn state(&self, node: Node) -> State {
		let state = self.states.get((node & !VECTOR) as usize);
		state.copied().unwrap_or(State::Unknown)
	}

	/// The floats that are tainted because they were lanes.
	pub fn extracted(&self) -> impl Iterator<Item = Node> + '_ {
		let tainted = |(from, width, float): &(Node, Width, Node)| {
			(self.state(*from) == State::Tainted(*width)).then_some(*float)
		};
		self.extracted.iter().filter_map(tainted)
	}

	/// How a value is made canonical, if it must be.
	pub fn needs(&self, node: Node, rule: Rule) -> Option<Width> {
		let State::Tainted(width) = self.state(node) else {
			return None;
		};
		let stays = match rule {
			Rule::Shown => false,
			Rule::Read(read) => read == width,
			Rule::Into(to) => self.state(to) == State::Tainted(width),
		};
		(!stays).then_some(width)
	}

	/// The locals that are made canonical at a point, each once.
	fn locals(&self, point: &Point) -> Vec<(u32, Width)> {
		let needed = |(local, from, to): &(u32, Node, Node)| Some((*local, self.needs(*from, Rule::Into(*to))?));
		let mut locals: Vec<_> = point.locals.iter().filter_map(needed).collect();
		locals.sort_unstable_by_key(|(local, _)| *local);
		locals.dedup_by_key(|(local, _)| *local);
		locals
	}

	/// What a point costs.
	pub fn cost(&self, point: usize) -> u64 {
		let Some(point) = self.points.get(point) else { return 0 };
		let list = |operands: &Vec<(ValType, Mark)>| {
			let needed = |mark: &Mark| matches!(mark, Mark::Vector(node, rule) if self.needs(*node, *rule).is_some());
			match operands.iter().any(|(_, mark)| needed(mark)) {
				true => operands
					.iter()
					.map(|(ty, mark)| if needed(mark) { COST } else { spilling(*ty) })
					.sum(),
				false => 0,
			}
		};
		self.locals(point).len() as u64 * COST + point.operands.iter().map(list).sum::<u64>()
	}
}

/// What it costs to make a vector canonical.
const COST: u64 = 14;

/// What it costs to put an operand aside and back.
fn spilling(ty: ValType) -> u64 {
	match ty {
		ValType::V128 => 4,
		_ => 2,
	}
}

const CANONICAL32: u32 = 0x7fc0_0000;
const CANONICAL64: u64 = 0x7ff8_0000_0000_0000;

/// Puts the vector in a local on the stack, with canonical NaNs.
pub(super) fn canonical(out: &mut Vec<u8>, width: Width, local: u32) {
	let mut code = InstructionSink::new(out);
	code.local_get(local);
	match width {
		Width::F32 => code
			.v128_const((0..4).fold(0, |all, n| all | i128::from(CANONICAL32) << (32 * n)))
			.local_get(local)
			.local_get(local)
			.f32x4_eq(),
		Width::F64 => code
			.v128_const((0..2).fold(0, |all, n| all | i128::from(CANONICAL64) << (64 * n)))
			.local_get(local)
			.local_get(local)
			.f64x2_eq(),
	};
	code.v128_bitselect();
}

impl Function {
	/// Writes what a point turned out to need.
	pub fn point(&mut self, point: usize) {
		let Some(point) = self.vectors.points.get_mut(point).map(std::mem::take) else {
			return;
		};
		for (local, width) in self.vectors.locals(&point) {
			canonical(&mut self.code, width, local);
			InstructionSink::new(&mut self.code).local_set(local);
		}
		for operands in &point.operands {
			self.operands(operands);
		}
	}

	/// Writes a value from a local, canonical if it must be.
	pub fn put(&mut self, ty: ValType, mark: Mark, local: u32) {
		match mark {
			Mark::Float(_) if self.is_needed(mark) => nan::canonical(&mut self.code, ty, local),
			Mark::Vector(node, rule) => match self.vectors.needs(node, rule) {
				// A float on its way into a vector.
				Some(_) if ty != ValType::V128 => nan::canonical(&mut self.code, ty, local),
				Some(width) => canonical(&mut self.code, width, local),
				None => {
					InstructionSink::new(&mut self.code).local_get(local);
				}
			},
			_ => {
				InstructionSink::new(&mut self.code).local_get(local);
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const STATES: [State; 6] = [
		State::Harmless,
		State::HarmlessOf(Width::F32),
		State::HarmlessOf(Width::F64),
		State::Tainted(Width::F32),
		State::Tainted(Width::F64),
		State::Unknown,
	];

	#[test]
	fn joining_is_a_lattice_and_lanes_keep_its_order() {
		for a in STATES {
			for b in STATES {
				assert_eq!(a.join(b), b.join(a));
				assert_eq!(a.join(a.join(b)), a.join(b));
				for c in STATES {
					assert_eq!(a.join(b).join(c), a.join(b.join(c)));
				}
				for width in [None, Some(Width::F32), Some(Width::F64)] {
					// If a is below b, so are they as lanes.
					if a.join(b) == b {
						let (a, b) = (a.as_lanes_of(width), b.as_lanes_of(width));
						assert_eq!(a.join(b), b, "{a:?} {b:?}");
					}
				}
			}
			assert_eq!(fixed(a.node()), Some(a));
		}
	}

	#[test]
	fn constants_are_what_their_lanes_are() {
		assert_eq!(constant(0), HARMLESS);
		assert_eq!(constant(u128::MAX), UNKNOWN);
		assert_eq!(constant(0x7fc0_0000), HARMLESS);
		assert_eq!(constant(0x7fc0_0001), HARMLESS64);
		assert_eq!(constant(0x7ff8_0000_0000_0000), HARMLESS64);
		assert_eq!(constant(0x7ff0_0000_0000_0000), HARMLESS64);
		assert_eq!(constant(0x7ff0_0001_0000_0000 >> 1), HARMLESS);
	}

	#[test]
	fn a_loop_from_a_constant_stays_tainted_and_one_from_a_load_does_not() {
		for (entry, width) in [
			(HARMLESS, None),
			(UNKNOWN, Some(Width::F32)),
			(TAINTED64, Some(Width::F32)),
		] {
			let mut vectors = Vectors::default();
			let meeting = vectors.meeting();
			vectors.flow(entry, meeting);
			vectors.flow(tainted(Width::F32), meeting);
			let solved = vectors.solve();
			assert_eq!(solved.needs(tainted(Width::F32), Rule::Into(meeting)), width);
		}
	}
}
