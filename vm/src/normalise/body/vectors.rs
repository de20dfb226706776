//! Vectors: which of their bits an instruction shows, and what its result is. See `normalise/vectors.rs`.

use super::{accepted, Frame, Mark, Point, Rewriter, Set};
use crate::{
	normalise::{
		cost,
		gas::Kind,
		limits,
		nan::{Node, CLEAN, TAINTED},
		refused::feature,
		splice::Splice,
		vectors::{harmless, is_vector, may_be_tainted, tainted, vector, Rule, Width, MASKS, UNKNOWN},
		Reason,
	},
	vector::{gives, operands, operation, Gives},
};
use wasm_encoder::ValType;
use wasmparser::{BinaryReader, Operator, OperatorsReader};

/// What an instruction does with floats in vectors.
enum Effect {
	/// It computes with floats of one width; the result is tainted, of another width perhaps.
	Arithmetic(Width, Width),
	/// It reads floats of a width, is blind to the bits of NaNs, and gives this.
	Reads(Width, Node),
	/// The result has lanes of the operands, of a width or of any.
	Passes(Option<Width>),
	/// A float in all lanes.
	Splat(Width),
	/// A float in a lane.
	Replace(Width),
	/// A lane as a float.
	Extract(Width),
	/// It shows all bits and gives this.
	Shows(Node),
}

/// All instructions that do not show the bits of vectors are here, and those of which more is known than that the result
/// is some vector.
fn effect(op: &Operator<'_>, operands: &[Node]) -> Effect {
	use Operator as O;
	const F32: Width = Width::F32;
	const F64: Width = Width::F64;
	let [mask8, mask16, mask32, mask64] = MASKS;
	match op {
		O::F32x4Add
		| O::F32x4Sub
		| O::F32x4Mul
		| O::F32x4Div
		| O::F32x4Sqrt
		| O::F32x4Min
		| O::F32x4Max
		| O::F32x4Ceil
		| O::F32x4Floor
		| O::F32x4Trunc
		| O::F32x4Nearest => Effect::Arithmetic(F32, F32),
		O::F64x2Add
		| O::F64x2Sub
		| O::F64x2Mul
		| O::F64x2Div
		| O::F64x2Sqrt
		| O::F64x2Min
		| O::F64x2Max
		| O::F64x2Ceil
		| O::F64x2Floor
		| O::F64x2Trunc
		| O::F64x2Nearest => Effect::Arithmetic(F64, F64),
		O::F64x2PromoteLowF32x4 => Effect::Arithmetic(F32, F64),
		O::F32x4DemoteF64x2Zero => Effect::Arithmetic(F64, F32),

		O::F32x4Eq | O::F32x4Ne | O::F32x4Lt | O::F32x4Gt | O::F32x4Le | O::F32x4Ge => Effect::Reads(F32, mask32),
		O::F64x2Eq | O::F64x2Ne | O::F64x2Lt | O::F64x2Gt | O::F64x2Le | O::F64x2Ge => Effect::Reads(F64, mask64),
		O::I32x4TruncSatF32x4S | O::I32x4TruncSatF32x4U => Effect::Reads(F32, UNKNOWN),
		O::I32x4TruncSatF64x2SZero | O::I32x4TruncSatF64x2UZero => Effect::Reads(F64, UNKNOWN),

		// A minimum that is chosen by a comparison is one of the operands, bit by bit.
		O::F32x4Abs | O::F32x4PMin | O::F32x4PMax => Effect::Passes(Some(F32)),
		O::F64x2Abs | O::F64x2PMin | O::F64x2PMax => Effect::Passes(Some(F64)),
		O::V128Bitselect => match operands.last() {
			Some(mask) if *mask == mask64 => Effect::Passes(None),
			Some(mask) if *mask == mask32 => Effect::Passes(Some(F32)),
			_ => Effect::Shows(UNKNOWN),
		},
		O::I8x16Shuffle { lanes } => match (keeps_lanes(lanes, 8), keeps_lanes(lanes, 4)) {
			(true, _) => Effect::Passes(None),
			(_, true) => Effect::Passes(Some(F32)),
			_ => Effect::Shows(UNKNOWN),
		},
		O::F32x4Splat => Effect::Splat(F32),
		O::F64x2Splat => Effect::Splat(F64),
		O::F32x4ReplaceLane { .. } => Effect::Replace(F32),
		O::F64x2ReplaceLane { .. } => Effect::Replace(F64),
		O::F32x4ExtractLane { .. } => Effect::Extract(F32),
		O::F64x2ExtractLane { .. } => Effect::Extract(F64),

		O::F32x4ConvertI32x4S | O::F32x4ConvertI32x4U => Effect::Shows(harmless(F32)),
		O::F64x2ConvertLowI32x4S | O::F64x2ConvertLowI32x4U => Effect::Shows(harmless(F64)),
		O::I8x16Eq
		| O::I8x16Ne
		| O::I8x16LtS
		| O::I8x16LtU
		| O::I8x16GtS
		| O::I8x16GtU
		| O::I8x16LeS
		| O::I8x16LeU
		| O::I8x16GeS
		| O::I8x16GeU => Effect::Shows(mask8),
		O::I16x8Eq
		| O::I16x8Ne
		| O::I16x8LtS
		| O::I16x8LtU
		| O::I16x8GtS
		| O::I16x8GtU
		| O::I16x8LeS
		| O::I16x8LeU
		| O::I16x8GeS
		| O::I16x8GeU => Effect::Shows(mask16),
		O::I32x4Eq
		| O::I32x4Ne
		| O::I32x4LtS
		| O::I32x4LtU
		| O::I32x4GtS
		| O::I32x4GtU
		| O::I32x4LeS
		| O::I32x4LeU
		| O::I32x4GeS
		| O::I32x4GeU => Effect::Shows(mask32),
		O::I64x2Eq | O::I64x2Ne | O::I64x2LtS | O::I64x2GtS | O::I64x2LeS | O::I64x2GeS => Effect::Shows(mask64),
		// Masks of masks; the narrower lanes count.
		O::V128Not | O::V128And | O::V128Or | O::V128Xor | O::V128AndNot => {
			let is_mask = |node: &Node| MASKS.contains(node);
			match operands.iter().min() {
				Some(least) if operands.iter().all(is_mask) => Effect::Shows(*least),
				_ => Effect::Shows(UNKNOWN),
			}
		}
		_ => Effect::Shows(UNKNOWN),
	}
}

/// Whether a shuffle moves groups of so many bytes as they are.
fn keeps_lanes(indices: &[u8; 16], width: u8) -> bool {
	indices.chunks(width.into()).all(|group| {
		let first = group.first().copied().unwrap_or(0);
		first % width == 0 && (first..).zip(group).all(|(expected, index)| expected == *index)
	})
}

/// The number that is above or in place of a vector: its type, if the instruction takes one from the stack's top.
fn scalar(op: &Operator<'_>) -> ValType {
	use Operator as O;
	match op {
		O::I64x2Splat | O::I64x2ReplaceLane { .. } => ValType::I64,
		O::F32x4Splat | O::F32x4ReplaceLane { .. } => ValType::F32,
		O::F64x2Splat | O::F64x2ReplaceLane { .. } => ValType::F64,
		_ => ValType::I32,
	}
}

impl Rewriter<'_> {
	/// Takes in an instruction on vectors.
	pub(super) fn vector(&mut self, op: &Operator<'_>, start: u64, end: u64) -> Result<(), Reason> {
		if self.layout.memory != 0 {
			return Err(feature("SIMD in system functions", start));
		}
		accepted(op, start)?;
		self.regions.add(cost::plain(op).unwrap_or(1));
		let nodes = self.flow.top(operands(op)).to_vec();
		let given = match operation(op).map(gives) {
			Some(Gives::Vector) => Some(UNKNOWN),
			Some(Gives::Scalar) => Some(CLEAN),
			_ => None,
		};
		let effect = effect(op, &nodes);
		let mut result = given;
		match effect {
			Effect::Arithmetic(reads, makes) => {
				self.marked(op, &nodes, Rule::Read(reads));
				result = Some(tainted(makes));
			}
			Effect::Reads(reads, node) => {
				self.marked(op, &nodes, Rule::Read(reads));
				result = Some(node);
			}
			Effect::Passes(width) => {
				let (moved, above): (_, &[_]) = match op {
					// The mask only tells what is moved.
					Operator::V128Bitselect => (2, &[(ValType::V128, Mark::Clean)]),
					_ => (nodes.len(), &[]),
				};
				let joined = self.vectors.join(width, &all_vectors(&nodes, moved));
				self.marked_into(&nodes, moved, joined, above);
				result = Some(joined);
			}
			Effect::Splat(width) => result = Some(self.float(op, width)),
			Effect::Replace(width) => {
				let float = self.float(op, width);
				let joined = self
					.vectors
					.join(Some(width), &[all_vectors(&nodes, 1), vec![float]].concat());
				self.marked_into(&nodes, 1, joined, &[(scalar(op), into_mark(float, joined))]);
				result = Some(joined);
			}
			Effect::Extract(width) => {
				self.marked(op, &nodes, Rule::Read(width));
				result = Some(match nodes.first().copied().map(vector) {
					Some(node) if node == tainted(width) => TAINTED,
					Some(node) if may_be_tainted(node) => {
						let float = self.flow.meeting(scalar_of(width));
						self.vectors.extract(node, width, float);
						float
					}
					_ => CLEAN,
				});
			}
			Effect::Shows(node) => {
				self.marked(op, &nodes, Rule::Shown);
				if given == Some(UNKNOWN) {
					result = Some(node);
				}
			}
		}
		self.copy(start, end)?;
		let result: Vec<Node> = result.into_iter().collect();
		self.flow.replace(self.height, &result);
		Ok(())
	}

	/// The top operand, a float, as lanes: tainted if it comes straight from arithmetic, else made canonical.
	fn float(&mut self, op: &Operator<'_>, width: Width) -> Node {
		match self.flow.operand(0) {
			TAINTED => tainted(width),
			node => {
				self.visible(node, Splice::Top { ty: scalar(op), node });
				UNKNOWN
			}
		}
	}

	/// Makes the operands that are vectors canonical by a rule.
	fn marked(&mut self, op: &Operator<'_>, nodes: &[Node], rule: Rule) {
		let mark = |node: &Node| match (is_vector(*node), may_be_tainted(*node)) {
			(_, true) => (ValType::V128, Mark::Vector(*node, rule)),
			(true, _) => (ValType::V128, Mark::Clean),
			(false, _) => (scalar(op), Mark::Clean),
		};
		// What is below the first vector stays where it is.
		let operands = nodes.iter().skip_while(|node| !is_vector(**node)).map(mark).collect();
		self.show(operands);
	}

	/// Makes the first operands canonical if they are tainted and what they flow into is not.
	fn marked_into(&mut self, nodes: &[Node], moved: usize, to: Node, above: &[(ValType, Mark)]) {
		let mark = |node: &Node| (ValType::V128, into_mark(*node, to));
		let mut operands: Vec<_> = nodes.iter().take(moved).map(mark).collect();
		operands.extend_from_slice(above);
		self.show(operands);
	}

	/// Takes in a `select` of two vectors, below what there is above.
	pub(super) fn passes(&mut self, width: Option<Width>, above: &[(ValType, Mark)]) {
		let nodes: Vec<Node> = self.flow.top(2 + above.len()).to_vec();
		let joined = self.vectors.join(width, &all_vectors(&nodes, 2));
		self.marked_into(&nodes, 2, joined, above);
		self.flow.replace(self.height, &[joined]);
	}

	/// Notes a point here.
	pub(super) fn point(&mut self, point: Point) -> usize {
		let number = self.vectors.point(point);
		self.splice(Splice::Point(number));
		self.regions.later(number);
		number
	}

	/// Notes a point here, unless it does nothing.
	pub(super) fn point_here(&mut self, lists: Vec<Vec<(ValType, Mark)>>, locals: Vec<(u32, Node, Node)>) {
		let operands: Vec<_> = lists.into_iter().filter(|list| has_vector(list)).collect();
		if operands.is_empty() && locals.is_empty() {
			return;
		}
		self.spill_all(&operands);
		self.point(Point { operands, locals });
	}

	/// Fills a point that was noted before.
	pub(super) fn fill(
		&mut self,
		point: Option<usize>,
		operands: Vec<(ValType, Mark)>,
		locals: Vec<(u32, Node, Node)>,
	) {
		let lists: Vec<_> = Some(operands).filter(|list| has_vector(list)).into_iter().collect();
		self.spill_all(&lists);
		if let Some(point) = point.and_then(|point| self.vectors.point_mut(point)) {
			point.operands = lists;
			point.locals = locals
				.into_iter()
				.filter(|(_, from, _)| may_be_tainted(*from))
				.collect();
		}
	}

	fn spill_all(&mut self, lists: &[Vec<(ValType, Mark)>]) {
		for list in lists {
			let types: Vec<ValType> = list.iter().map(|(ty, _)| *ty).collect();
			self.spill(&types);
		}
	}

	/// Lets locals flow into what they are at a label; those that may have to be made canonical before.
	pub(super) fn flow_locals(&mut self, set: &[(u32, Node)]) -> Vec<(u32, Node, Node)> {
		let mut locals = Vec::new();
		for (local, meeting) in set {
			let value = self.value_of_vector(*local);
			self.vectors.flow(value, *meeting);
			if may_be_tainted(value) && value != *meeting {
				locals.push((self.local(*local), value, *meeting));
			}
		}
		locals
	}

	/// Leaves a construct in the flow of floats. What its results are.
	pub(super) fn close(&mut self, frame: Frame) -> Vec<Node> {
		if frame.kind == Kind::Then {
			// Without an `else`, what comes in goes out.
			for (from, to) in frame.entry.iter().zip(&frame.results) {
				self.join(*from, *to);
			}
			let types = frame.ty.params.iter().copied();
			let mut operands: Vec<_> = types.zip(super::into(&frame.entry, &frame.results)).collect();
			operands.push((ValType::I32, Mark::Clean));
			let mut locals = Vec::new();
			for Set { local, entry, meeting } in &frame.set {
				self.vectors.flow(*entry, *meeting);
				locals.push((self.local(*local), *entry, *meeting));
			}
			self.fill(frame.before, operands, locals);
		}
		self.flow.replace(frame.base + frame.results.len(), &frame.results);
		if frame.kind != Kind::Loop {
			for Set { local, meeting, .. } in &frame.set {
				self.set_value(*local, *meeting);
			}
		}
		frame.results
	}

	/// The locals that are vectors and set in the construct that begins here.
	pub(super) fn take_set(&mut self) -> Vec<Set> {
		let set = self
			.set
			.get_mut(self.constructs)
			.map(std::mem::take)
			.unwrap_or_default();
		self.constructs += 1;
		set.into_iter()
			.map(|local| Set {
				local,
				entry: self.value_of_vector(local),
				meeting: self.vectors.meeting(),
			})
			.collect()
	}

	/// The cells of a local.
	pub(super) fn width(&self, local: u32) -> u64 {
		match self.locals.get(local as usize) {
			Some(ValType::V128) => 2,
			_ => 1,
		}
	}

	/// The node of a local.
	pub(super) fn value(&self, local: u32) -> Node {
		match self.width(local) {
			2 => self.value_of_vector(local),
			_ => crate::normalise::nan::Flow::local(local),
		}
	}

	fn value_of_vector(&self, local: u32) -> Node {
		self.values.get(local as usize).copied().map_or(UNKNOWN, vector)
	}

	/// Says what a local that is a vector holds from here on.
	pub(super) fn set_value(&mut self, local: u32, node: Node) {
		if let Some(value) = self.values.get_mut(local as usize) {
			*value = node;
		}
	}

	/// Sets a local to the top operand.
	pub(super) fn set_local(&mut self, local: u32) {
		let node = self.flow.operand(0);
		match self.width(local) {
			2 => self.set_value(local, vector(node)),
			_ => self.flow.flow(node, crate::normalise::nan::Flow::local(local)),
		}
	}
}

/// The mark of a vector that flows into another.
pub(super) fn into_mark(from: Node, to: Node) -> Mark {
	match may_be_tainted(from) && from != to {
		true => Mark::Vector(from, Rule::Into(to)),
		false => Mark::Clean,
	}
}

/// The first nodes, as vectors.
fn all_vectors(nodes: &[Node], count: usize) -> Vec<Node> {
	nodes.iter().take(count).map(|node| vector(*node)).collect()
}

fn has_vector(list: &[(ValType, Mark)]) -> bool {
	list.iter().any(|(_, mark)| matches!(mark, Mark::Vector(..)))
}

fn scalar_of(width: Width) -> ValType {
	match width {
		Width::F32 => ValType::F32,
		Width::F64 => ValType::F64,
	}
}

/// The locals that are vectors and set in each construct, by the construct's number in the order of their starts. The
/// code is not validated yet.
pub(super) fn sets(
	code: BinaryReader<'_>,
	locals: &[ValType],
	total: u64,
	offset: u64,
) -> Result<Vec<Vec<u32>>, Reason> {
	use Operator as O;
	let mut sets: Vec<Vec<u32>> = Vec::new();
	let mut open: Vec<(usize, std::collections::BTreeSet<u32>)> = Vec::new();
	let mut ops = OperatorsReader::new(code);
	while !ops.eof() {
		match ops.read()? {
			O::Block { .. } | O::Loop { .. } | O::If { .. } => {
				open.push((sets.len(), Default::default()));
				sets.push(Vec::new());
				// As it will be found by the end, at least.
				let work = (sets.len() as u64).saturating_mul(2 * (8 + total));
				limits::check("blocks times vectors in a function", work, limits::VECTOR_WORK, offset)?;
			}
			O::End => {
				if let Some((number, set)) = open.pop() {
					sets[number] = set.iter().copied().collect();
					if let Some((_, outer)) = open.last_mut() {
						outer.extend(set);
					}
				}
			}
			O::LocalSet { local_index } | O::LocalTee { local_index }
				if locals.get(local_index as usize) == Some(&ValType::V128) =>
			{
				if let Some((_, set)) = open.last_mut() {
					set.insert(local_index);
				}
			}
			_ => {}
		}
	}
	Ok(sets)
}
