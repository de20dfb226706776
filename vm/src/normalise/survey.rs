//! A first look over a whole module that collects all reasons to refuse it.
//!
//! It reads every section and every instruction, and judges each by itself. What follows from several together (types,
//! the heights of stacks, what a function becomes) is the second reading's, which validates and rewrites. So this one
//! takes time in proportion to the module's length, whatever it holds, and keeps nothing but reasons.

use super::{
	body::accepted,
	entry::{self, Found},
	features, limits,
	lower::{self, Uses},
	module::{numeric, Export},
	refused::{feature, shortened, Reason, Reasons},
	shims,
};
use wasmparser::{
	BlockType, CompositeInnerType, DataKind, ElementItems, ElementKind, Encoding, ExternalKind, FuncType, FunctionBody,
	Import, Imports, Operator, Parser, Payload, TypeRef, ValType, WasmFeatures,
};

/// What was found.
#[derive(Default)]
pub(super) struct Survey<'a> {
	pub reasons: Reasons,
	/// What is wrong with the module around its functions, so that these cannot be looked at further.
	pub stops: bool,
	/// What is to be run.
	pub entry: Option<Found>,
	/// What it uses that is taken out before the rest looks at it.
	pub uses: Uses,
	for_tests: bool,
	/// The entry's name, if the module has one.
	named: Option<&'a str>,
	/// The types that are functions of numbers.
	types: Vec<Option<FuncType>>,
	/// The type of each function.
	functions: Vec<u32>,
	exports: Vec<Export<'a>>,
	imported: u64,
	entries: u64,
	elements: u64,
	globals: u64,
	bytes: u64,
}

/// Looks over a module, which is a program or one for a test suite.
pub(super) fn survey(wasm: &[u8], for_tests: bool) -> Survey<'_> {
	let mut survey = Survey {
		for_tests,
		..Survey::default()
	};
	if let Err(reason) = survey.module(wasm) {
		survey.stop(reason);
		return survey;
	}
	if survey.bytes > limits::MODULE_BYTES as u64 {
		let found = survey.bytes;
		survey.stop(Reason::TooLong {
			found,
			limit: limits::MODULE_BYTES as u64,
		});
	}
	if !for_tests {
		let signature = |function: u32| {
			let ty = survey.functions.get(function as usize);
			ty.and_then(|ty| survey.types.get(*ty as usize)?.as_ref())
				.map(entry::Form::of)
		};
		match entry::find(&survey.exports, signature, survey.named) {
			Ok(found) => survey.entry = Some(found),
			Err(missing) => survey.reasons.add(Reason::Export(missing)),
		}
		let exported = survey.exports.iter().any(Export::is_memory);
		if survey.imported > 0 && !exported && !survey.reasons.any(|reason| matches!(reason, Reason::Import { .. })) {
			survey.reasons.add(Reason::Export("a memory named `memory`".into()));
		}
	}
	survey
}

impl<'a> Survey<'a> {
	fn stop(&mut self, reason: Reason) {
		self.stops = true;
		self.reasons.add(reason);
	}

	fn check(&mut self, result: Result<(), Reason>) {
		if let Err(reason) = result {
			self.stop(reason);
		}
	}

	fn module(&mut self, wasm: &'a [u8]) -> Result<(), Reason> {
		// The parser also says so, in many words.
		if !wasm.starts_with(b"\0asm") {
			return Err(Reason::Invalid {
				message: "it does not start with \"\\0asm\"".into(),
				offset: 0,
			});
		}
		let mut parser = Parser::new(0);
		parser.set_features(WasmFeatures::all());
		for payload in parser.parse_all(wasm) {
			let payload = payload?;
			if let (Some((_, range)), false) = (payload.as_section(), matches!(payload, Payload::CustomSection(_))) {
				self.bytes = self.bytes.saturating_add(range.end.saturating_sub(range.start));
			}
			match payload {
				Payload::Version {
					encoding: Encoding::Component,
					range,
					..
				} => {
					return Err(feature(
						"components (compile for preview 1, or take the core module out)",
						range.start,
					))
				}
				Payload::CodeSectionEntry(body) => self.function(&body)?,
				Payload::CustomSection(custom) if custom.name() == entry::SECTION => {
					match str::from_utf8(custom.data()) {
						Ok(name) if self.named.is_none() => self.named = Some(name),
						_ => {
							return Err(Reason::Invalid {
								message: format!(
									"more than one entry in sections `{}`, or one that is no text",
									entry::SECTION
								),
								offset: custom.data_offset(),
							})
						}
					}
				}
				Payload::UnknownSection { id, range, .. } => {
					return Err(Reason::Invalid {
						message: format!("a section of the unknown kind {id}"),
						offset: range.start,
					})
				}
				payload => self.section(payload)?,
			}
		}
		Ok(())
	}

	fn section(&mut self, payload: Payload<'a>) -> Result<(), Reason> {
		match payload {
			Payload::TypeSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, group) = item?;
					if group.is_explicit_rec_group() {
						self.stop(feature("garbage collection", offset));
					}
					for ty in group.into_types() {
						let plain = ty.is_final
							&& ty.supertype_idxs.is_empty()
							&& !ty.composite_type.shared
							&& ty.composite_type.descriptor_idx.is_none()
							&& ty.composite_type.describes_idx.is_none();
						match ty.composite_type.inner {
							CompositeInnerType::Func(ty) if plain => self.signature(ty, offset),
							CompositeInnerType::Cont(_) => self.odd("stack switching", offset),
							_ => self.odd("garbage collection", offset),
						}
					}
				}
				let found = self.types.len() as u64;
				self.check(limits::check("types", found, limits::TYPES, 0));
			}
			Payload::ImportSection(section) => {
				let start = section.range().start;
				for imports in section {
					match imports? {
						Imports::Single(offset, import) => self.import(import, offset),
						_ => return Err(feature("compact imports", start)),
					}
				}
				self.check(limits::check("imports", self.imported, limits::FUNCTIONS, 0));
			}
			Payload::FunctionSection(section) => {
				let all = u64::from(section.count()).saturating_add(self.functions.len() as u64);
				limits::check("functions", all, limits::FUNCTIONS, section.range().start)?;
				for ty in section {
					self.functions.push(ty?);
				}
			}
			Payload::TableSection(section) => {
				let (count, start) = (section.count(), section.range().start);
				self.check(limits::check("tables", count.into(), limits::TABLES, start));
				for item in section.into_iter_with_offsets() {
					let (offset, table) = item?;
					if !self.uses.table(table.ty.element_type) {
						let name = features::reference(table.ty.element_type);
						self.stop(feature(&format!("a table of {name}"), offset));
					}
					if table.ty.table64 || table.ty.shared {
						self.stop(feature("64-bit or shared tables", offset));
					}
					self.entries = self.entries.saturating_add(table.ty.initial);
					self.check(limits::check(
						"table entries",
						self.entries,
						limits::TABLE_ENTRIES,
						offset,
					));
				}
			}
			Payload::MemorySection(section) => {
				for (index, item) in section.into_iter_with_offsets().enumerate() {
					let (offset, memory) = item?;
					let odd = [
						(index > 0, "multiple memories"),
						(memory.memory64, "64-bit memory (compile for wasm32)"),
						(memory.shared, "threads (compile without -pthread)"),
						(memory.page_size_log2.is_some(), "custom page sizes"),
					];
					for (_, name) in odd.into_iter().filter(|(odd, _)| *odd) {
						self.stop(feature(name, offset));
					}
					self.check(limits::check(
						"pages of memory at the start",
						memory.initial,
						limits::PAGES,
						offset,
					));
				}
			}
			Payload::TagSection(section) => {
				self.uses.tag();
				for item in section.into_iter_with_offsets() {
					let (offset, tag) = item?;
					let ty = self.types.get(tag.func_type_idx as usize).and_then(Option::as_ref);
					if let Err(reason) = lower::carries(ty, offset) {
						self.stop(reason);
					}
				}
			}
			Payload::GlobalSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, global) = item?;
					match self.value(global.ty.content_type, offset) {
						Ok(_) if global.ty.shared => self.stop(feature("shared-everything threads", offset)),
						Ok(_) => self.globals += cells(&[global.ty.content_type]),
						Err(reason) => self.stop(reason),
					}
					self.check(limits::check("cells of globals", self.globals, limits::GLOBALS, offset));
				}
			}
			Payload::ExportSection(section) => {
				for export in section {
					let export = export?;
					self.exports.push(Export {
						name: export.name,
						kind: match export.kind {
							ExternalKind::FuncExact => ExternalKind::Func,
							kind => kind,
						},
						index: export.index,
					});
				}
			}
			Payload::ElementSection(section) => {
				for item in section.into_iter_with_offsets() {
					let (offset, element) = item?;
					self.elements = self.elements.saturating_add(match &element.items {
						ElementItems::Functions(items) => items.count().into(),
						ElementItems::Expressions(_, items) => items.count().into(),
					});
					self.check(limits::check(
						"entries of element segments",
						self.elements,
						limits::ELEMENTS,
						offset,
					));
					if !matches!(element.kind, ElementKind::Active { .. }) {
						self.uses.passive();
					}
				}
			}
			Payload::DataSection(section) => {
				for data in section {
					if let DataKind::Passive = data?.kind {
						self.uses.passive();
					}
				}
			}
			_ => {}
		}
		Ok(())
	}

	/// A type that is no function's.
	fn odd(&mut self, name: &str, offset: u64) {
		self.types.push(None);
		self.stop(feature(name, offset));
	}

	/// Refuses a type that is neither a number nor becomes one.
	fn value(&mut self, ty: ValType, offset: u64) -> Result<(), Reason> {
		match self.uses.value(ty) {
			true => Ok(()),
			false => numeric(ty, offset).map(|_| ()),
		}
	}

	fn signature(&mut self, ty: FuncType, offset: u64) {
		for (list, what, limit) in [
			(ty.params(), "parameters of a function", limits::PARAMS),
			(ty.results(), "results of a function", limits::RESULTS),
		] {
			for ty in list {
				if let Err(reason) = self.value(*ty, offset) {
					self.stop(reason);
				}
			}
			self.check(limits::check(what, cells(list), limit, offset));
		}
		self.types.push(Some(ty));
	}

	fn import(&mut self, import: Import<'_>, offset: u64) {
		self.imported += 1;
		let hint = self.hint(import);
		if let TypeRef::Func(ty) = import.ty {
			self.functions.push(ty);
		} else {
			// Places of what is no function would be counted wrong.
			self.stops = true;
		}
		if let Some(hint) = hint {
			self.reasons.add(Reason::Import {
				module: shortened(import.module),
				name: shortened(import.name),
				hint,
				offset,
			});
		}
	}

	/// What is wrong with an import.
	fn hint(&self, import: Import<'_>) -> Option<String> {
		let TypeRef::Func(ty) = import.ty else {
			return Some(", which is not a function: only functions of WASI can be imported".into());
		};
		if self.for_tests || ![shims::MODULE, shims::EARLY_MODULE].contains(&import.module) {
			return Some(features::advice(import.module).into());
		}
		let Some((_, expected)) = shims::imported(import.module, import.name) else {
			return Some(", which programs cannot use".into());
		};
		let found = self.types.get(ty as usize)?.as_ref()?;
		let expected = expected.to_string();
		let found = signature(found);
		(found != expected).then(|| format!(" as {found}, but it is {expected}"))
	}

	/// Looks at a function. What is wrong in it does not keep others from being looked at.
	fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), Reason> {
		let start = body.range().start;
		let bytes = body.as_bytes().len() as u64;
		self.reasons
			.check(limits::check("bytes in a function", bytes, limits::BODY_BYTES, start));
		let mut locals = body.get_locals_reader()?;
		let mut total = 0_u64;
		for _ in 0..locals.get_count() {
			let at = locals.original_position();
			let (count, ty) = locals.read()?;
			if let Err(reason) = self.value(ty, at) {
				self.reasons.add(reason);
			}
			total = total.saturating_add(u64::from(count) * cells(&[ty]));
		}
		self.reasons.check(limits::check(
			"cells of locals in a function",
			total,
			limits::LOCALS,
			start,
		));
		let mut ops = body.get_operators_reader()?;
		let (mut loops, mut depth, mut deepest) = (0, 0, (0, start));
		// Whether each open construct is a loop.
		let mut open = Vec::new();
		while !ops.eof() {
			let at = ops.original_position();
			let op = ops.read()?;
			let block = match &op {
				Operator::Block { blockty } | Operator::If { blockty } => {
					open.push(false);
					Some(*blockty)
				}
				Operator::Loop { blockty } => {
					open.push(true);
					(loops, depth) = (loops + 1, depth + 1);
					if depth > deepest.0 {
						deepest = (depth, at);
					}
					Some(*blockty)
				}
				Operator::End => {
					depth -= u64::from(open.pop().unwrap_or(false));
					None
				}
				Operator::BrTable { targets } => {
					let found = targets.len().into();
					self.reasons
						.check(limits::check("targets of a br_table", found, limits::BR_TABLE, at));
					None
				}
				Operator::TryTable { try_table } => {
					self.uses.operator(&op);
					open.push(false);
					Some(try_table.ty)
				}
				Operator::Try { blockty } => {
					self.uses.operator(&op);
					open.push(false);
					Some(*blockty)
				}
				Operator::Delegate { .. } => {
					open.pop();
					None
				}
				Operator::TypedSelect { ty } if self.uses.value(*ty) => None,
				op if self.uses.operator(op) => None,
				op => {
					if let Err(reason) = accepted(op, at) {
						self.reasons.add(reason);
					}
					None
				}
			};
			if let Some(BlockType::Type(ty)) = block {
				if let Err(reason) = self.value(ty, at) {
					self.reasons.add(reason);
				}
			}
		}
		self.reasons
			.check(limits::check("loops in a function", loops, limits::LOOPS, start));
		let (depth, at) = deepest;
		self.reasons
			.check(limits::check("loops inside each other", depth, limits::LOOP_DEPTH, at));
		Ok(())
	}
}

/// Cells that values of these types take: two for a vector.
fn cells(types: &[ValType]) -> u64 {
	let vectors = types.iter().filter(|ty| **ty == ValType::V128).count();
	(types.len() + vectors) as u64
}

/// A function's type, as messages show it.
fn signature(ty: &FuncType) -> String {
	let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
	match ty.results() {
		[] => format!("({})", list(ty.params())),
		results => format!("({}) -> {}", list(ty.params()), list(results)),
	}
}
