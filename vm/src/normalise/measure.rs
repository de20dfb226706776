//! How much work a function is for a compiler, as far as it grows faster than the function does.
//!
//! It is measured on what the normaliser made of it, so whatever the normaliser puts in counts as well. Four products
//! are kept, one for each way in which the time of the fast engine's compiler was seen to grow with a square:
//!
//! - *values*: places where control or registers are cut (branches, blocks, targets, calls) times the values that may be
//!   alive there. What is kept for each block and value.
//! - *square*: the same places times all instructions. Expressions that are found equal stay alive from the first to the
//!   last, however few locals there are, and a value alive over many calls is split at each.
//! - *pressure*: instructions times values. What more values than registers cost where each is used often.
//! - *meetings*: for each label the square of the branches to it, times the values that may meet there. The label outside
//!   of a function's code, where charges end that cannot be paid, takes along the counter alone and is left out.
//!
//! [`super::limits`] bounds them for a function, and for a module in proportion to its instructions.

use super::limits;
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator, ValType};

/// What was measured, of a function or of several.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Work {
	/// Instructions.
	pub instructions: u64,
	/// Places times values.
	pub values: u64,
	/// Places times instructions.
	pub square: u64,
	/// Instructions times values.
	pub pressure: u64,
	/// Squares of branches to a label, times values.
	pub meetings: u64,
}

impl Work {
	/// Adds another function's.
	pub fn add(&mut self, other: Self) {
		self.instructions = self.instructions.saturating_add(other.instructions);
		self.values = self.values.saturating_add(other.values);
		self.square = self.square.saturating_add(other.square);
		self.pressure = self.pressure.saturating_add(other.pressure);
		self.meetings = self.meetings.saturating_add(other.meetings);
	}

	/// Refuses a module that is too much work for its length.
	pub(super) fn check(&self) -> Result<(), super::Reason> {
		let most = |share: u64, least: u64| least.saturating_add(share.saturating_mul(self.instructions));
		for (what, found, limit) in [
			(
				"blocks times values in all functions",
				self.values,
				most(limits::WORK_SHARE, limits::WORK),
			),
			(
				"blocks and calls times instructions in all functions",
				self.square,
				most(limits::SQUARE_SHARE, limits::SQUARE),
			),
			(
				"instructions times values in all functions",
				self.pressure,
				most(limits::PRESSURE_SHARE, limits::PRESSURE),
			),
			(
				"squares of branches to a label, times values, in all functions",
				self.meetings,
				most(limits::MEETINGS_SHARE, limits::MEETINGS),
			),
		] {
			limits::check(what, found, limit, 0)?;
		}
		Ok(())
	}
}

/// Measures a body of a normalised function that takes so many cells of parameters and keeps so many of operands, and
/// refuses it if it is too much. It comes from this place of the program.
pub(super) fn function(body: &[u8], params: u64, operands: u64, offset: u64) -> Result<Work, super::Reason> {
	let counted = count(body)?;
	let values = 8 + params + operands + counted.locals;
	let places = counted.places + counted.calls;
	let work = Work {
		instructions: counted.instructions,
		values: places.saturating_mul(values),
		square: places.saturating_mul(counted.instructions),
		pressure: counted.instructions.saturating_mul(values),
		meetings: counted.squares.saturating_mul(values),
	};
	for (what, found, limit) in [
		(
			"instructions in a function (one on vectors counts as seven)",
			counted.instructions + limits::VECTOR_MORE * counted.vectors,
			limits::INSTRUCTIONS,
		),
		("calls in a function", counted.calls, limits::CALLS),
		("blocks times values in a function", work.values, limits::WORK),
		(
			"blocks and calls times instructions in a function",
			work.square,
			limits::SQUARE,
		),
		(
			"instructions times values in a function",
			work.pressure,
			limits::PRESSURE,
		),
		(
			"squares of branches to a label, times values, in a function",
			work.meetings,
			limits::MEETINGS,
		),
	] {
		limits::check(what, found, limit, offset)?;
	}
	Ok(work)
}

#[derive(Default)]
struct Counted {
	/// Cells of locals, without parameters.
	locals: u64,
	instructions: u64,
	/// Those of them that are on vectors.
	vectors: u64,
	/// Where control goes more than one way, or comes from.
	places: u64,
	calls: u64,
	/// The sum of the squares of the branches to each label.
	squares: u64,
}

fn count(body: &[u8]) -> Result<Counted, BinaryReaderError> {
	use Operator as O;
	let body = FunctionBody::new(BinaryReader::new(body, 0));
	let mut found = Counted::default();
	for local in body.get_locals_reader()? {
		let (count, ty) = local?;
		found.locals += u64::from(count) * (1 + u64::from(ty == ValType::V128));
	}
	let mut ops = body.get_operators_reader()?;
	// The branches to each open label: the function's, the one behind its code, and so on inwards.
	let mut open = vec![0_u64];
	let mut labels: Vec<u32> = Vec::new();
	while !ops.eof() {
		found.instructions += 1;
		// All instructions on vectors start with this byte.
		let code = body.as_bytes().get(ops.original_position() as usize);
		found.vectors += u64::from(code == Some(&0xfd));
		match ops.read()? {
			O::Block { .. } | O::If { .. } | O::Loop { .. } => {
				found.places += 2;
				open.push(1);
			}
			O::End => {
				let branches = open.pop().unwrap_or(0);
				if open.len() > 1 {
					found.squares += branches * branches;
				}
			}
			O::Else | O::Unreachable | O::Return => found.places += 1,
			O::Br { relative_depth } | O::BrIf { relative_depth } => labels.push(relative_depth),
			O::BrTable { targets } => {
				for target in targets.targets() {
					labels.push(target?);
				}
				found.places += labels.len() as u64 / 8;
				labels.push(targets.default());
				labels.sort_unstable();
				labels.dedup();
			}
			O::Call { .. } | O::CallIndirect { .. } => found.calls += 1,
			_ => {}
		}
		for label in labels.drain(..) {
			found.places += 1;
			let at = open.len().checked_sub(1 + label as usize);
			if let Some(branches) = at.and_then(|at| open.get_mut(at)) {
				*branches += 1;
			}
		}
	}
	Ok(found)
}
