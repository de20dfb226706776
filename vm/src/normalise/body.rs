//! Rewrites one function: gas, stack and the new places of what it names.
//!
//! A function of type `P -> R` becomes one of type `P, gas i64, stack i64 -> R, gas i64`:
//!
//! ```text
//! (func (param P.. $gas i64 $stack i64) (result R.. i64) (local ..)
//!   (block $out                              ;; out of gas or stack
//!     charge                                 ;; and the check of the stack, if it calls anything
//!     (block $return (result R..)
//!       body)                                ;; `return` is `br $return`
//!     (return (local.get $gas)))
//!   unreachable)
//! ```
//!
//! So both counters travel in registers and nothing has to be restored. A charge of c is
//! `local.get $gas, i64.const c, i64.sub, local.tee $gas, i64.const 0, i64.lt_s, br_if $out`; with the check of the stack
//! for n cells it is `local.get $gas, i64.const c, i64.sub, local.tee $gas, local.get $stack, i64.const n, i64.sub,
//! local.tee $stack, i64.or, i64.const 0, i64.lt_s, br_if $out`. Code that control never reaches is dropped.

mod operators;

use super::{
	cost,
	gas::{Head, Kind, Regions},
	limits,
	module::{numeric, Signature},
	nan::{self, Flow, Node, CLEAN},
	splice::{Function, Splice},
	types::Types,
	Refused, EXIT, GAS,
};
use wasm_encoder::{InstructionSink, ValType};
use wasmparser::{
	BlockType, FuncValidator, FunctionBody, Operator, OperatorsReader, ValidatorResources, WasmModuleResources,
};

/// What a function index of the old module is now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
	/// A function of the normalised module.
	Own(u32),
	/// One of the four imports.
	Intrinsic(u32),
}

/// Where things of the old module are in the new one.
pub(super) struct Layout<'a> {
	/// The whole old module, into which offsets point.
	pub wasm: &'a [u8],
	/// The old module's types.
	pub types: &'a [Signature],
	/// The type of each function of the old module.
	pub function_types: &'a [u32],
	/// What became of each function of the old module.
	pub callees: &'a [Callee],
	/// The types of the old module's globals.
	pub globals: &'a [ValType],
	/// The new index of the first global.
	pub first_global: u32,
}

/// Validates, checks and rewrites a body, of which the validator has seen nothing yet. Also tells how much work it is, see
/// [`limits::WORK`].
pub(super) fn rewrite(
	validator: &mut FuncValidator<ValidatorResources>,
	body: &FunctionBody<'_>,
	layout: &Layout<'_>,
	types: &mut Types,
) -> Result<(Vec<u8>, u64), Refused> {
	let offset = body.range().start;
	limits::check(
		"bytes in a function",
		body.as_bytes().len() as u64,
		limits::BODY_BYTES,
		offset,
	)?;
	let signature = validator
		.resources()
		.type_index_of_function(validator.index())
		.and_then(|ty| layout.types.get(ty as usize))
		.ok_or_else(|| broken(offset))?;
	let params = signature.params.len() as u32;
	let mut locals = Vec::new();
	let mut total = u64::from(params);
	let mut reader = body.get_locals_reader()?;
	for _ in 0..reader.get_count() {
		let at = reader.original_position();
		let (count, ty) = reader.read()?;
		total = total.saturating_add(count.into());
		limits::check("locals in a function", total, limits::LOCALS, at)?;
		validator.define_locals(at, count, ty)?;
		if count > 0 {
			locals.push((count, numeric(ty, at)?));
		}
	}
	let results = signature.results.len() as u64;
	let (regions, entry) = Regions::new(results);
	let mut rewriter = Rewriter {
		layout,
		params,
		scratch: total as u32 + 2,
		code: Vec::with_capacity(body.as_bytes().len()),
		regions,
		splices: Vec::new(),
		flow: Flow::new(total),
		frames: Vec::new(),
		live: true,
		skipped: 0,
		calls: false,
		uses_scratch: false,
		blocks: 1,
		instructions: 0,
		operands: 0,
		height: 0,
		spilled: [0; 4],
		results: Vec::new(),
	};
	rewriter.regions.add(cost::function(total, results));
	let body_type = Signature {
		params: Vec::new(),
		results: signature.results.clone(),
	};
	rewriter.frame(Kind::Block, &body_type, 0);
	let mut ops = OperatorsReader::new(reader.get_binary_reader());
	while !ops.eof() {
		let start = ops.original_position();
		let op = ops.read()?;
		if let Operator::BrTable { targets } = &op {
			limits::check("targets of a br_table", targets.len().into(), limits::BR_TABLE, start)?;
		}
		validator.op(start, &op)?;
		let height = u64::from(validator.operand_stack_height());
		limits::check("operands on a function's stack", height, limits::OPERANDS, start)?;
		rewriter.operands = rewriter.operands.max(height);
		rewriter.height = height as usize;
		rewriter.operator(&op, start, ops.original_position())?;
	}
	ops.finish()?;
	let work = rewriter.blocks.saturating_mul(8 + total + rewriter.operands);
	limits::check("blocks times values in a function", work, limits::WORK, offset)?;
	Ok((rewriter.assemble(locals, entry, signature, total, types), work))
}

struct Rewriter<'a> {
	layout: &'a Layout<'a>,
	params: u32,
	/// The first of two locals for intermediate values.
	scratch: u32,
	/// The body, as yet without charges.
	code: Vec<u8>,
	regions: Regions,
	/// What may have to go where in `code`.
	splices: Vec<(usize, Splice)>,
	flow: Flow,
	/// The open constructs.
	frames: Vec<Frame>,
	/// The flow of the function's results.
	results: Vec<Node>,
	/// Whether control reaches this point.
	live: bool,
	/// Constructs that were opened since it does not.
	skipped: u32,
	calls: bool,
	uses_scratch: bool,
	blocks: u64,
	instructions: u64,
	operands: u64,
	/// Operands on the stack after the present instruction.
	height: usize,
	/// How many operands of each type of number may go to locals in between, at most.
	spilled: [u64; 4],
}

/// A construct, as the flow of floats knows it.
struct Frame {
	kind: Kind,
	/// What comes in.
	entry: Vec<Node>,
	/// What branches bring along.
	label: Vec<Node>,
	/// What is there at the end.
	results: Vec<Node>,
	/// Operands below it.
	base: usize,
}

impl Rewriter<'_> {
	fn gas(&self) -> u32 {
		self.params
	}

	fn stack(&self) -> u32 {
		self.params + 1
	}

	/// The new index of a local: the two counters come after the parameters.
	fn local(&self, index: u32) -> u32 {
		if index < self.params {
			index
		} else {
			index + 2
		}
	}

	fn sink(&mut self) -> InstructionSink<'_> {
		InstructionSink::new(&mut self.code)
	}

	fn head(&mut self, head: Option<Head>) {
		if let Some(head) = head {
			self.blocks += 1;
			let depth = self.regions.depth() as u32;
			self.splice(Splice::Charge { head, depth });
		}
	}

	fn splice(&mut self, splice: Splice) {
		self.splices.push((self.code.len(), splice));
	}

	/// Makes an operand canonical here, if it turns out to be tainted.
	fn visible(&mut self, node: Node, splice: Splice) {
		if node != CLEAN {
			self.regions.add(nan::COST);
			self.spilled = self.spilled.map(|count| count.max(1));
			self.splice(splice);
		}
	}

	/// The same for the top operands.
	fn visible_operands(&mut self, types: &[ValType]) {
		let nodes = self.flow.top(types.len());
		if nodes.iter().all(|node| *node == CLEAN) {
			return;
		}
		let operands: Vec<_> = types.iter().copied().zip(nodes.iter().copied()).collect();
		self.regions.add((nan::COST + 2) * operands.len() as u64);
		self.spill(types);
		self.splice(Splice::Operands(operands));
	}

	/// Notes that operands of these types may go to locals in between.
	fn spill(&mut self, types: &[ValType]) {
		for (most, known) in self
			.spilled
			.iter_mut()
			.zip([ValType::I32, ValType::I64, ValType::F32, ValType::F64])
		{
			let count = types.iter().filter(|ty| **ty == known).count();
			*most = (*most).max(count as u64);
		}
	}

	/// Opens a construct in the flow of floats.
	fn frame(&mut self, kind: Kind, ty: &Signature, height: usize) {
		let entry = self.flow.top(ty.params.len()).to_vec();
		let mut label: Vec<Node> = Vec::new();
		let mut results: Vec<Node> = Vec::new();
		for ty in &ty.results {
			results.push(self.flow.meeting(*ty));
		}
		match kind {
			Kind::Loop => {
				for (node, ty) in entry.iter().zip(&ty.params) {
					let meeting = self.flow.meeting(*ty);
					self.flow.flow(*node, meeting);
					label.push(meeting);
				}
				self.flow.replace(height, &label);
			}
			_ => label.clone_from(&results),
		}
		self.frames.push(Frame {
			kind,
			base: height - entry.len().min(height),
			entry,
			label,
			results,
		});
	}

	/// Lets the top operands flow into the innermost construct's results, if control gets there.
	fn fall_through(&mut self) {
		let Some(frame) = self.frames.last() else { return };
		let top = self.flow.top(frame.results.len()).to_vec();
		for (from, to) in top.into_iter().zip(&frame.results) {
			self.flow.flow(from, *to);
		}
	}

	/// Lets the top operands flow to a label.
	fn flow_to(&mut self, label: u32) {
		let Some(frame) = self
			.frames
			.len()
			.checked_sub(1 + label as usize)
			.and_then(|at| self.frames.get(at))
		else {
			return;
		};
		let top = self.flow.top(frame.label.len()).to_vec();
		for (from, to) in top.into_iter().zip(&frame.label) {
			self.flow.flow(from, *to);
		}
	}

	fn copy(&mut self, start: u64, end: u64) -> Result<(), Refused> {
		let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
		let wasm = self.layout.wasm;
		let bytes = range.and_then(|(start, end)| wasm.get(start..end));
		self.code.extend_from_slice(bytes.ok_or_else(|| broken(start))?);
		Ok(())
	}

	/// The type of a block.
	fn block(&self, ty: BlockType, offset: u64) -> Result<Signature, Refused> {
		let signature = match ty {
			BlockType::Empty => Signature::default(),
			BlockType::Type(ty) => Signature {
				params: Vec::new(),
				results: vec![numeric(ty, offset)?],
			},
			BlockType::FuncType(index) => {
				let ty = self.layout.types.get(index as usize);
				ty.ok_or_else(|| broken(offset))?.clone()
			}
		};
		limits::check(
			"parameters of a block",
			signature.params.len() as u64,
			limits::RESULTS,
			offset,
		)?;
		Ok(signature)
	}

	fn enter(&mut self, kind: Kind, ty: BlockType, start: u64, end: u64) -> Result<(), Refused> {
		let ty = self.block(ty, start)?;
		self.blocks += 2;
		self.copy(start, end)?;
		// The condition of an `if` is gone by now.
		self.flow.replace(self.height, &[]);
		self.frame(kind, &ty, self.height);
		let operands = match kind {
			Kind::Loop => ty.params.len(),
			_ => ty.results.len(),
		};
		let head = self.regions.enter(kind, operands as u64);
		self.head(head);
		Ok(())
	}

	fn branch(&mut self, label: u32) {
		self.blocks += 1;
		let operands = self.regions.operands(label);
		self.regions.add(cost::branch(operands));
		self.regions.branch(label);
		self.flow_to(label);
	}

	fn store_gas(&mut self) {
		self.regions.add(cost::STORE_GAS);
		let gas = self.gas();
		self.sink().local_get(gas).global_set(GAS);
	}

	fn call(&mut self, function: u32, offset: u64) -> Result<(), Refused> {
		let callee = self.layout.callees.get(function as usize);
		let ty = self.layout.function_types.get(function as usize);
		let ty = ty.and_then(|ty| self.layout.types.get(*ty as usize));
		let (callee, ty) = callee.zip(ty).ok_or_else(|| broken(offset))?;
		let operands = ty.params.len() as u64;
		self.blocks += 1;
		match *callee {
			Callee::Own(index) => {
				self.visible_operands(&ty.params);
				self.calls = true;
				self.regions.add(cost::call(operands + 2, true));
				let (gas, stack) = (self.gas(), self.stack());
				self.sink().local_get(gas).local_get(stack).call(index).local_set(gas);
			}
			Callee::Intrinsic(index) => {
				self.regions.add(cost::call(operands, false) + cost::intrinsic(index));
				if index == EXIT {
					self.store_gas();
				}
				self.sink().call(index);
			}
		}
		self.flow.replace(self.height, &vec![CLEAN; ty.results.len()]);
		Ok(())
	}

	/// Takes the gas on the stack, as i64, off the counter.
	fn charge_operand(&mut self) {
		self.blocks += 1;
		let (gas, label) = (self.gas(), self.regions.depth() as u32);
		self.sink()
			.i64_sub()
			.local_tee(gas)
			.i64_const(0)
			.i64_lt_s()
			.br_if(label);
	}

	/// Charges for as many bytes as the top operand says, which stays.
	fn bulk_charge(&mut self) {
		self.regions.add(cost::BULK);
		self.uses_scratch = true;
		let (gas, bytes) = (self.gas(), self.scratch);
		self.sink()
			.local_tee(bytes)
			.local_get(gas)
			.local_get(bytes)
			.i64_extend_i32_u()
			.i64_const(cost::BULK_SHIFT)
			.i64_shr_u();
		self.charge_operand();
	}

	/// Grows and charges for the pages that were added, none if it failed.
	fn memory_grow(&mut self) {
		self.regions.add(cost::GROW);
		self.uses_scratch = true;
		let (gas, pages, old) = (self.gas(), self.scratch, self.scratch + 1);
		self.sink()
			.local_tee(pages)
			.memory_grow(0)
			.local_tee(old)
			.local_get(gas)
			.local_get(pages)
			.i64_extend_i32_u()
			.i64_const(cost::PAGE_SHIFT)
			.i64_shl()
			.local_get(old)
			.i32_const(-1)
			.i32_ne()
			.i64_extend_i32_u()
			.i64_mul();
		self.charge_operand();
	}

	/// Puts the parts together.
	fn assemble(
		mut self,
		locals: Vec<(u32, ValType)>,
		entry: Head,
		signature: &Signature,
		total: u64,
		types: &mut Types,
	) -> Vec<u8> {
		if self.calls {
			self.regions.add(cost::STACK_CHECK);
		}
		let results: Vec<_> = signature
			.results
			.iter()
			.copied()
			.zip(self.results.iter().copied())
			.collect();
		if results.iter().any(|(_, node)| *node != CLEAN) {
			self.regions.add((nan::COST + 2) * results.len() as u64);
			self.spill(&signature.results);
		}
		// They are set to zero at the start like all locals, with the two for intermediate values.
		self.regions.add((self.spilled.iter().sum::<u64>() + 2) / 8 + 1);
		self.regions.close();
		let need = limits::frame(total, self.operands, self.instructions);
		let mut function = Function {
			locals,
			next: self.scratch,
			temporaries: Vec::new(),
			tainted: self.flow.tainted(),
			gas: self.params,
			code: Vec::with_capacity(self.code.len() + 16 * self.splices.len()),
		};
		if self.uses_scratch {
			function.declare(2, ValType::I32);
		}
		function.splice(&self.code, &self.splices, &self.regions);
		function.operands(&results);
		let block = match signature.results.as_slice() {
			[] => wasm_encoder::BlockType::Empty,
			[result] => wasm_encoder::BlockType::Result(*result),
			results => wasm_encoder::BlockType::FunctionType(types.index(Signature {
				params: Vec::new(),
				results: results.to_vec(),
			})),
		};
		let stack = self.calls.then_some((self.params + 1, need));
		function.finish(block, stack, self.regions.charge(entry))
	}
}

/// What cannot happen in a validated module.
fn broken(offset: u64) -> Refused {
	Refused::Invalid {
		message: "an index points nowhere".into(),
		offset,
	}
}
