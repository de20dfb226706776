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
//!   (call $exhausted (local.get $gas))
//!   unreachable)
//! ```
//!
//! So both counters travel in registers and nothing has to be restored. A charge of c is
//! `local.get $gas, i64.const c, i64.sub, local.tee $gas, i64.const 0, i64.lt_s, br_if $out`; with the check of the stack
//! for n cells it is `local.get $gas, i64.const c, i64.sub, local.tee $gas, local.get $stack, i64.const n, i64.sub,
//! local.tee $stack, i64.or, i64.const 0, i64.lt_s, br_if $out`. Code that control never reaches is dropped.

mod operators;
mod vectors;

pub(super) use operators::accepted;

use super::{
	cost,
	gas::{Head, Kind, Regions},
	inline::Inline,
	limits, measure,
	module::{cells, numeric, Signature},
	nan::{self, Flow, Node, CLEAN},
	splice::{Function, Splice},
	types::Types,
	vectors::{is_vector, may_be_tainted, vector, Mark, Point, Rule, Vectors, HARMLESS, UNKNOWN},
	Reason, Work, ERROR, GAS, HALT, OUTPUT, READ,
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
	/// One of the imports.
	Intrinsic(u32),
	/// An instruction, for the shims alone.
	Inline(Inline),
	/// It is not there: a shim that was not linked.
	Nowhere,
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
	/// The memory that the old module's only one becomes.
	pub memory: u32,
	/// Whether a type or a global is a vector's.
	pub vectors: bool,
}

/// Validates, checks and rewrites a body, of which the validator has seen nothing yet. Also tells how much work it is.
pub(super) fn rewrite(
	validator: &mut FuncValidator<ValidatorResources>,
	body: &FunctionBody<'_>,
	layout: &Layout<'_>,
	types: &mut Types,
) -> Result<(Vec<u8>, Work), Reason> {
	let offset = body.range().start;
	limits::check(
		"bytes in a function",
		body.as_bytes().len() as u64,
		limits::LOWERED_BYTES,
		offset,
	)?;
	let signature = validator
		.resources()
		.type_index_of_function(validator.index())
		.and_then(|ty| layout.types.get(ty as usize))
		.ok_or_else(|| broken(offset))?;
	let params = signature.params.len() as u32;
	let mut locals = Vec::new();
	let mut types_of_locals = signature.params.clone();
	let mut total = signature.param_cells();
	let mut reader = body.get_locals_reader()?;
	for _ in 0..reader.get_count() {
		let at = reader.original_position();
		let (count, ty) = reader.read()?;
		let wide = u64::from(ty == wasmparser::ValType::V128);
		total = total.saturating_add(u64::from(count) * (1 + wide));
		limits::check(
			"cells of locals in a function",
			total,
			limits::LOCALS + limits::LOWERED_MORE,
			at,
		)?;
		validator.define_locals(at, count, ty)?;
		if count > 0 {
			let ty = numeric(ty, at)?;
			locals.push((count, ty));
			types_of_locals.resize(types_of_locals.len() + count as usize, ty);
		}
	}
	let code = reader.get_binary_reader();
	let results = signature.result_cells();
	let (mut regions, entry) = Regions::new(results);
	let wide = |(at, ty): (usize, &ValType)| match ty {
		ValType::V128 if at < params as usize => UNKNOWN,
		ValType::V128 => HARMLESS,
		_ => CLEAN,
	};
	let values: Vec<Node> = types_of_locals.iter().enumerate().map(wide).collect();
	// All instructions on vectors start with this byte.
	let vectors = layout.vectors || values.iter().any(|node| is_vector(*node)) || body.as_bytes().contains(&0xfd);
	let mut set = Vec::new();
	let kept = 2 * types_of_locals.iter().filter(|ty| **ty == ValType::V128).count() as u64;
	if vectors {
		regions.keep();
		set = vectors::sets(code.clone(), &types_of_locals, kept, offset)?;
	}
	let mut rewriter = Rewriter {
		layout,
		params,
		scratch: types_of_locals.len() as u32 + 2,
		total,
		kept,
		code: Vec::with_capacity(body.as_bytes().len()),
		regions,
		splices: Vec::new(),
		flow: Flow::new(types_of_locals.len() as u64),
		locals: types_of_locals,
		vectors: Vectors::default(),
		values,
		set,
		constructs: 0,
		frames: Vec::new(),
		live: true,
		skipped: 0,
		calls: false,
		uses_scratch: false,
		blocks: 1,
		instructions: 0,
		operands: 0,
		height: 0,
		spilled: [0; 5],
		results: Vec::new(),
	};
	rewriter.regions.add(cost::function(total, results));
	let body_type = Signature {
		params: Vec::new(),
		results: signature.results.clone(),
	};
	rewriter.frame(Kind::Block, &body_type, 0, Vec::new(), None);
	let mut ops = OperatorsReader::new(code);
	while !ops.eof() {
		let start = ops.original_position();
		let op = ops.read()?;
		if let Operator::BrTable { targets } = &op {
			limits::check("targets of a br_table", targets.len().into(), limits::BR_TABLE, start)?;
		}
		validator.op(start, &op)?;
		let height = u64::from(validator.operand_stack_height());
		rewriter.height = height as usize;
		rewriter.operator(&op, start, ops.original_position())?;
		// Vectors count twice.
		let height = height + rewriter.flow.vectors() as u64;
		limits::check(
			"cells of operands on a function's stack",
			height,
			limits::OPERANDS,
			start,
		)?;
		rewriter.operands = rewriter.operands.max(height);
		if vectors {
			// What is kept of vectors grows with this.
			rewriter.check_work(offset)?;
		}
	}
	ops.finish()?;
	let operands = rewriter.operands;
	let body = rewriter.assemble(locals, entry, signature, types);
	let work = measure::function(&body, signature.param_cells() + 2, operands, offset)?;
	Ok((body, work))
}

struct Rewriter<'a> {
	layout: &'a Layout<'a>,
	params: u32,
	/// The first of two locals for intermediate values.
	scratch: u32,
	/// Cells of the locals that the old function has, with its parameters.
	total: u64,
	/// Those of them that are vectors'.
	kept: u64,
	/// Their types.
	locals: Vec<ValType>,
	/// The body, as yet without charges.
	code: Vec<u8>,
	regions: Regions,
	/// What may have to go where in `code`.
	splices: Vec<(usize, Splice)>,
	flow: Flow,
	vectors: Vectors,
	/// What the locals that are vectors hold now.
	values: Vec<Node>,
	/// The locals that are vectors and set in each construct, by the construct's number.
	set: Vec<Vec<u32>>,
	/// How many constructs were opened.
	constructs: usize,
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
	/// How many operands of each type may go to locals in between, at most.
	spilled: [u64; 5],
}

/// What a bulk operation does with its bytes, which decides about their price.
#[derive(Clone, Copy)]
enum Bytes {
	Copied,
	Written,
}

/// A local that is a vector and set in a construct.
struct Set {
	local: u32,
	/// What it holds where the construct begins.
	entry: Node,
	/// What it holds where the construct's label is.
	meeting: Node,
}

/// A construct, as the flow of floats knows it.
struct Frame {
	kind: Kind,
	set: Vec<Set>,
	/// A place before it, where what goes over its missing `else` is made canonical.
	before: Option<usize>,
	/// The types of what comes in and of what is there at the end.
	ty: Signature,
	/// What comes in.
	entry: Vec<Node>,
	/// What branches bring along.
	label: Vec<Node>,
	/// What is there at the end.
	results: Vec<Node>,
	/// Operands below it.
	base: usize,
}

impl Frame {
	/// The types of what branches bring along.
	fn label_types(&self) -> &[ValType] {
		match self.kind {
			Kind::Loop => &self.ty.params,
			_ => &self.ty.results,
		}
	}
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

	/// Refuses what would take too much memory here.
	fn check_work(&self, offset: u64) -> Result<(), Reason> {
		let work = self.blocks.saturating_mul(8 + self.kept + self.operands);
		limits::check("blocks times vectors in a function", work, limits::VECTOR_WORK, offset)
	}

	/// Makes an operand canonical here, if it turns out to be tainted.
	fn visible(&mut self, node: Node, splice: Splice) {
		if node != CLEAN {
			self.regions.add(nan::COST);
			for count in self.spilled.iter_mut().take(4) {
				*count = (*count).max(1);
			}
			self.splice(splice);
		}
	}

	/// The same for the top operands.
	fn visible_operands(&mut self, types: &[ValType]) {
		let nodes = self.flow.top(types.len()).to_vec();
		let operands = types.iter().copied().zip(nodes.into_iter().map(shown)).collect();
		self.show(operands);
	}

	/// Makes those of the top operands canonical here that must be.
	fn show(&mut self, operands: Vec<(ValType, Mark)>) {
		let types: Vec<ValType> = operands.iter().map(|(ty, _)| *ty).collect();
		if operands.iter().any(|(_, mark)| matches!(mark, Mark::Float(_))) {
			self.regions.add(nan::COST * types.len() as u64 + 2 * cells(&types));
			self.spill(&types);
			self.splice(Splice::Operands(operands.iter().map(without_vector).collect()));
		}
		if operands.iter().any(|(_, mark)| matches!(mark, Mark::Vector(..))) {
			self.spill(&types);
			let operands = vec![operands.iter().map(without_float).collect()];
			self.point(Point {
				operands,
				..Point::default()
			});
		}
	}

	/// Notes that operands of these types may go to locals in between.
	fn spill(&mut self, types: &[ValType]) {
		for (most, known) in
			self.spilled
				.iter_mut()
				.zip([ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128])
		{
			let count = types.iter().filter(|ty| **ty == known).count();
			*most = (*most).max(count as u64);
		}
	}

	/// A node into which others will flow; integers need none.
	fn meeting(&mut self, ty: ValType) -> Node {
		match ty {
			ValType::V128 => self.vectors.meeting(),
			ty => self.flow.meeting(ty),
		}
	}

	/// Lets one node flow into another.
	fn join(&mut self, from: Node, to: Node) {
		match is_vector(to) {
			true => self.vectors.flow(vector(from), to),
			false => self.flow.flow(from, to),
		}
	}

	/// Opens a construct in the flow of floats; its parameters are on the stack.
	fn frame(&mut self, kind: Kind, ty: &Signature, height: usize, set: Vec<Set>, before: Option<usize>) {
		let entry = self.flow.top(ty.params.len()).to_vec();
		let mut label: Vec<Node> = Vec::new();
		let results: Vec<Node> = ty.results.iter().map(|ty| self.meeting(*ty)).collect();
		match kind {
			Kind::Loop => {
				for (node, ty) in entry.iter().zip(&ty.params) {
					let meeting = self.meeting(*ty);
					self.join(*node, meeting);
					label.push(meeting);
				}
				self.flow.replace(height, &label);
				let operands = ty.params.iter().copied().zip(into(&entry, &label)).collect();
				let locals = set
					.iter()
					.map(|set| (self.local(set.local), set.entry, set.meeting))
					.collect();
				self.fill(before, operands, locals);
				for Set { local, entry, meeting } in &set {
					self.vectors.flow(*entry, *meeting);
					self.set_value(*local, *meeting);
				}
			}
			_ => label.clone_from(&results),
		}
		self.frames.push(Frame {
			kind,
			set,
			before,
			ty: ty.clone(),
			base: height - entry.len().min(height),
			entry,
			label,
			results,
		});
	}

	/// Lets the top operands flow into the innermost construct's results, if control gets there, and locals into what
	/// they are behind it.
	fn fall_through(&mut self) {
		let Some(frame) = self.frames.last() else { return };
		let results = frame.results.clone();
		let set: Vec<_> = match frame.kind {
			Kind::Loop => Vec::new(),
			_ => frame.set.iter().map(|set| (set.local, set.meeting)).collect(),
		};
		let top = self.flow.top(results.len()).to_vec();
		let operands = frame.ty.results.iter().copied().zip(into(&top, &results)).collect();
		for (from, to) in top.into_iter().zip(results) {
			self.join(from, to);
		}
		let locals = self.flow_locals(&set);
		self.point_here(vec![operands], locals);
	}

	/// Lets the top operands and locals flow to labels; above them is what the branch takes.
	fn flow_to(&mut self, labels: &[u32], above: &[ValType]) {
		let mut lists = Vec::new();
		let mut locals = Vec::new();
		for label in labels {
			let at = self.frames.len().checked_sub(1 + *label as usize);
			let Some(frame) = at.and_then(|at| self.frames.get(at)) else {
				continue;
			};
			let to = frame.label.clone();
			let types = frame.label_types().to_vec();
			let set: Vec<_> = frame.set.iter().map(|set| (set.local, set.meeting)).collect();
			let top = self.flow.top(to.len()).to_vec();
			let mut operands: Vec<_> = types.into_iter().zip(into(&top, &to)).collect();
			for (from, to) in top.into_iter().zip(to) {
				self.join(from, to);
			}
			operands.extend(above.iter().map(|ty| (*ty, Mark::Clean)));
			lists.push(operands);
			locals.extend(self.flow_locals(&set));
		}
		self.point_here(lists, locals);
	}

	fn copy(&mut self, start: u64, end: u64) -> Result<(), Reason> {
		let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
		let wasm = self.layout.wasm;
		let bytes = range.and_then(|(start, end)| wasm.get(start..end));
		self.code.extend_from_slice(bytes.ok_or_else(|| broken(start))?);
		Ok(())
	}

	/// The type of a block.
	fn block(&self, ty: BlockType, offset: u64) -> Result<Signature, Reason> {
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
			signature.param_cells(),
			limits::RESULTS,
			offset,
		)?;
		Ok(signature)
	}

	fn enter(&mut self, kind: Kind, ty: BlockType, start: u64, end: u64) -> Result<(), Reason> {
		let ty = self.block(ty, start)?;
		self.blocks += 2;
		// The condition of an `if` is gone by now.
		self.flow.replace(self.height, &[]);
		let set = self.take_set();
		let vectors = !set.is_empty() || ty.params.contains(&ValType::V128);
		let before = (vectors && kind != Kind::Block).then(|| self.point(Point::default()));
		self.copy(start, end)?;
		self.frame(kind, &ty, self.height, set, before);
		let operands = match kind {
			Kind::Loop => ty.param_cells(),
			_ => ty.result_cells(),
		};
		let head = self.regions.enter(kind, operands);
		self.head(head);
		Ok(())
	}

	/// A branch to a label, of an instruction that takes something above what it takes along.
	fn branch(&mut self, label: u32, above: &[ValType]) {
		self.blocks += 1;
		let operands = self.regions.operands(label);
		self.regions.add(cost::branch(operands));
		self.flow_to(&[label], above);
		self.regions.branch(label);
	}

	fn store_gas(&mut self) {
		self.regions.add(cost::STORE_GAS);
		let gas = self.gas();
		self.sink().local_get(gas).global_set(GAS);
	}

	fn call(&mut self, function: u32, offset: u64) -> Result<(), Reason> {
		let callee = self.layout.callees.get(function as usize);
		let ty = self.layout.function_types.get(function as usize);
		let ty = ty.and_then(|ty| self.layout.types.get(*ty as usize));
		let (callee, ty) = callee.zip(ty).ok_or_else(|| broken(offset))?;
		let operands = ty.param_cells();
		self.blocks += 1;
		match *callee {
			Callee::Own(index) => {
				self.visible_operands(&ty.params);
				self.calls = true;
				self.regions.call();
				self.regions.add(cost::call(operands + 2, true));
				let (gas, stack) = (self.gas(), self.stack());
				self.sink().local_get(gas).local_get(stack).call(index).local_set(gas);
			}
			Callee::Intrinsic(index) => {
				self.regions.add(cost::call(operands, false) + cost::intrinsic(index));
				match index {
					HALT => self.store_gas(),
					READ | ERROR => self.bulk_charge(Bytes::Copied),
					OUTPUT => self.bulk_charge(Bytes::Written),
					_ => {}
				}
				self.sink().call(index);
			}
			Callee::Inline(inline) => {
				match inline.is_bulk() {
					true => self.bulk_charge(Bytes::Copied),
					false => self.regions.add(inline.cost()),
				}
				let gas = self.gas();
				inline.emit(&mut self.code, gas);
			}
			Callee::Nowhere => return Err(broken(offset)),
		}
		self.flow.replace(self.height, &clean(&ty.results));
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
	fn bulk_charge(&mut self, bytes_are: Bytes) {
		self.regions.add(cost::BULK);
		self.uses_scratch = true;
		let (gas, bytes) = (self.gas(), self.scratch);
		self.sink()
			.local_tee(bytes)
			.local_get(gas)
			.local_get(bytes)
			.i64_extend_i32_u();
		match bytes_are {
			Bytes::Copied => self.sink().i64_const(cost::BULK_SHIFT).i64_shr_u(),
			Bytes::Written => self.sink().i64_const(cost::OUTPUT_SHIFT).i64_shl(),
		};
		self.charge_operand();
	}

	/// Grows and charges for the pages that were added, none if it failed.
	fn memory_grow(&mut self) {
		self.regions.add(cost::GROW);
		self.uses_scratch = true;
		let (gas, pages, old) = (self.gas(), self.scratch, self.scratch + 1);
		let memory = self.layout.memory;
		self.sink()
			.local_tee(pages)
			.memory_grow(memory)
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
		types: &mut Types,
	) -> Vec<u8> {
		if self.calls {
			self.regions.add(cost::STACK_CHECK);
		}
		// Room and gas as for any operands that are shown.
		let results: Vec<_> = signature
			.results
			.iter()
			.copied()
			.zip(self.results.iter().map(|node| shown(*node)))
			.collect();
		let mut last = None;
		if results.iter().any(|(_, mark)| matches!(mark, Mark::Float(_))) {
			self.regions
				.add(nan::COST * results.len() as u64 + 2 * signature.result_cells());
			self.spill(&signature.results);
		}
		if results.iter().any(|(_, mark)| matches!(mark, Mark::Vector(..))) {
			self.spill(&signature.results);
			let point = self.vectors.point(Point {
				operands: vec![results.iter().map(without_float).collect()],
				..Point::default()
			});
			self.regions.later(point);
			last = Some(point);
		}
		let [numbers @ .., vectors] = self.spilled;
		// They are set to zero at the start like all locals, with the two for intermediate values.
		self.regions
			.add((numbers.iter().sum::<u64>() + 2 * vectors + 2) / 8 + 1);
		let vectors = self.vectors.solve();
		for float in vectors.extracted() {
			self.flow.flow(nan::TAINTED, float);
		}
		self.regions
			.settle(signature.result_cells(), |point| vectors.cost(point));
		self.regions.close();
		let mut function = Function {
			locals,
			next: self.scratch,
			// With both counters.
			cells: self.total + 2,
			temporaries: Vec::new(),
			tainted: self.flow.tainted(),
			vectors,
			gas: self.params,
			code: Vec::with_capacity(self.code.len() + 16 * self.splices.len()),
		};
		if self.uses_scratch {
			function.declare(2, ValType::I32);
		}
		function.splice(&self.code, &self.splices, &self.regions);
		function.operands(&results.iter().map(without_vector).collect::<Vec<_>>());
		if let Some(point) = last {
			function.point(point);
		}
		let need = limits::frame(function.cells, self.operands, self.instructions);
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

/// The mark of an operand whose bits are seen.
fn shown(node: Node) -> Mark {
	match node {
		CLEAN => Mark::Clean,
		node if may_be_tainted(node) => Mark::Vector(node, Rule::Shown),
		node if is_vector(node) => Mark::Clean,
		node => Mark::Float(node),
	}
}

/// The marks of operands that flow into others; only vectors need any.
fn into<'a>(from: &'a [Node], to: &'a [Node]) -> impl Iterator<Item = Mark> + 'a {
	from.iter().zip(to).map(|(from, to)| vectors::into_mark(*from, *to))
}

fn without_vector((ty, mark): &(ValType, Mark)) -> (ValType, Mark) {
	match mark {
		Mark::Vector(..) => (*ty, Mark::Clean),
		mark => (*ty, *mark),
	}
}

fn without_float((ty, mark): &(ValType, Mark)) -> (ValType, Mark) {
	match mark {
		Mark::Float(_) => (*ty, Mark::Clean),
		mark => (*ty, *mark),
	}
}

/// The nodes of parameters and results of functions.
fn clean(types: &[ValType]) -> Vec<Node> {
	let node = |ty: &ValType| if *ty == ValType::V128 { UNKNOWN } else { CLEAN };
	types.iter().map(node).collect()
}

/// What cannot happen in a validated module.
fn broken(offset: u64) -> Reason {
	Reason::Invalid {
		message: "an index points nowhere".into(),
		offset,
	}
}
