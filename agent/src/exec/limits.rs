//! Bounds on what compiling a program may cost, checked in one pass over the module before anything is compiled.
//!
//! A compiler's time and memory do not grow with a module's size alone. Two bytes of WebAssembly can call a function of a
//! thousand parameters, and every local may have to be followed through every branch of its function. So each function
//! has a bound on its *work*, the operands that its instructions move and the places that its branches lead to, one on its
//! locals times its branches, and one on its locals times the depth of its loops, each of which carries all of them. The bounds are far above what compilers make of real programs. They are the same on
//! every machine: a program beyond them is refused by all. What a machine's own compiler needs beyond them is bounded by
//! time and memory, see [`trial`](super::trial).

use super::{
	binary::{
		bodies, imported_functions, malformed, section, sections, walk, Instruction, SECTION_CODE, SECTION_ELEMENT,
		SECTION_FUNCTION, SECTION_GLOBAL, SECTION_TYPE,
	},
	Refused,
};

/// The most functions.
const MAX_FUNCTIONS: u64 = 100_000;
/// The longest function, in bytes.
const MAX_BODY: u64 = 512 * 1024;
/// The most work in a function.
const MAX_FUNCTION_WORK: u64 = 1_000_000;
/// The most work in a module.
const MAX_WORK: u64 = 24_000_000;
/// The most that a function's locals and parameters times its branches may be.
const MAX_SPREAD: u64 = 16_000_000;
/// The most that a function's locals and parameters times its loops in loops may be.
const MAX_CARRIED: u64 = 200_000;
/// The most globals: they are set anew for each task.
const MAX_GLOBALS: u64 = 16_384;
/// The most bytes of element segments: tables are filled anew for each task.
const MAX_ELEMENTS: u64 = 512 * 1024;

/// Checks a module, which need not be valid: the validator's time grows with the same numbers.
pub fn check(wasm: &[u8]) -> Result<(), Refused> {
	let sections = sections(wasm)?;
	let count = |id| section(&sections, id).map_or(Ok(0), |section| section.count(wasm));
	bound("functions", count(SECTION_FUNCTION)?.into(), MAX_FUNCTIONS)?;
	bound("globals", count(SECTION_GLOBAL)?.into(), MAX_GLOBALS)?;
	let elements = section(&sections, SECTION_ELEMENT).map_or(0, |section| section.content.len());
	bound("bytes of table elements", elements as u64, MAX_ELEMENTS)?;
	let Some(code) = section(&sections, SECTION_CODE) else {
		return Ok(());
	};
	let types = match section(&sections, SECTION_TYPE) {
		Some(section) => arities(wasm, section)?,
		None => Vec::new(),
	};
	let mut functions = imported_functions(wasm, &sections)?;
	let imported = functions.len();
	if let Some(section) = section(&sections, SECTION_FUNCTION) {
		let mut reader = section.reader(wasm);
		for _ in 0..reader.number()? {
			functions.push(reader.number()?);
		}
	}
	let module = Module { types, functions };
	let mut work = 0u64;
	for (body, index) in bodies(wasm, code)?.into_iter().zip(0u32..) {
		bound("a function of so many bytes", body.len() as u64, MAX_BODY)?;
		let own = module
			.functions
			.get(imported + index as usize)
			.copied()
			.ok_or_else(malformed)?;
		let own = module.arity(own)?;
		let mut function = Function {
			// Branches may lead to the function's end, with its results.
			widest: own.results,
			..Function::default()
		};
		let locals = walk(wasm, body, index, |instruction, _| function.see(&module, instruction))?;
		bound("a function that makes so much work", function.work, MAX_FUNCTION_WORK)?;
		let values = own.params.saturating_add(locals.into());
		bound(
			"a function with so many locals times branches",
			values.saturating_mul(function.branches),
			MAX_SPREAD,
		)?;
		bound(
			"a function with so many locals times loops in loops",
			values.saturating_mul(function.deepest),
			MAX_CARRIED,
		)?;
		work = work.saturating_add(function.work);
	}
	bound("so much work for a compiler", work, MAX_WORK)
}

fn bound(what: &'static str, found: u64, limit: u64) -> Result<(), Refused> {
	if found > limit {
		return Err(Refused::Limit { what, found, limit });
	}
	Ok(())
}

#[derive(Clone, Copy, Default)]
struct Arity {
	params: u64,
	results: u64,
}

impl Arity {
	fn sum(self) -> u64 {
		self.params + self.results
	}
}

/// How many parameters and results each type has. With the accepted features each of them is one byte.
fn arities(wasm: &[u8], section: &super::binary::Section) -> Result<Vec<Arity>, Refused> {
	let mut reader = section.reader(wasm);
	let mut arities = Vec::new();
	for _ in 0..reader.number()? {
		if reader.byte()? != 0x60 {
			return Err(malformed());
		}
		let params = reader.number()?;
		reader.skip(params as usize)?;
		let results = reader.number()?;
		reader.skip(results as usize)?;
		arities.push(Arity {
			params: params.into(),
			results: results.into(),
		});
	}
	Ok(arities)
}

struct Module {
	types: Vec<Arity>,
	/// The type of each function.
	functions: Vec<u32>,
}

impl Module {
	fn arity(&self, ty: u32) -> Result<Arity, Refused> {
		self.types.get(ty as usize).copied().ok_or_else(malformed)
	}
}

/// What a function costs a compiler.
#[derive(Default)]
struct Function {
	work: u64,
	branches: u64,
	/// The most values that a branch to anything seen so far can carry.
	widest: u64,
	/// What is open: true for a loop.
	open: Vec<bool>,
	loops: u64,
	/// The most loops that were open at once.
	deepest: u64,
}

impl Function {
	fn see(&mut self, module: &Module, instruction: Instruction) -> Result<(), Refused> {
		let (work, branches) = match instruction {
			Instruction::End => {
				// The last one is the function's own.
				if self.open.pop() == Some(true) {
					self.loops -= 1;
				}
				(1, 0)
			}
			Instruction::Block(ty) | Instruction::Loop(ty) => {
				let is_loop = matches!(instruction, Instruction::Loop(_));
				self.open.push(is_loop);
				self.loops += u64::from(is_loop);
				self.deepest = self.deepest.max(self.loops);
				let arity = match u32::try_from(ty) {
					Ok(ty) => module.arity(ty)?,
					// Nothing, or one result.
					Err(_) => Arity { params: 0, results: 1 },
				};
				self.widest = self.widest.max(arity.params).max(arity.results);
				(1 + arity.sum(), 1)
			}
			Instruction::Branch => (1 + self.widest, 1),
			Instruction::Table(targets) => {
				let targets = u64::from(targets) + 1;
				(targets.saturating_mul(1 + self.widest), targets)
			}
			Instruction::Call(function) => {
				let ty = module.functions.get(function as usize).copied().ok_or_else(malformed)?;
				(1 + module.arity(ty)?.sum(), 0)
			}
			Instruction::CallIndirect(ty) => (1 + module.arity(ty)?.sum(), 0),
			_ => (1, 0),
		};
		self.work = self.work.saturating_add(work);
		self.branches = self.branches.saturating_add(branches);
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn refused(text: &str) -> Option<&'static str> {
		match check(&wat::parse_str(text).unwrap()) {
			Ok(()) => None,
			Err(Refused::Limit { what, found, limit }) => {
				assert!(found > limit);
				Some(what)
			}
			Err(other) => panic!("{other}"),
		}
	}

	#[test]
	fn what_compilers_make_of_real_programs_is_far_below() {
		// A function of a hundred thousand instructions with a thousand locals and ten thousand branches.
		let locals = "(local ".to_string() + &"i64 ".repeat(1_000) + ")";
		let code =
			"(if (i32.eqz (local.get 0)) (then (local.set 0 (i32.add (local.get 0) (i32.const 9)))))".repeat(10_000);
		assert_eq!(refused(&format!("(module (func (param i32) {locals} {code}))")), None);
		assert_eq!(refused("(module)"), None);
	}

	#[test]
	fn small_code_that_is_much_work_is_refused() {
		let many = "i32 ".repeat(1_000);
		// Calls that take and give a thousand values.
		let calls = "(call $f) ".repeat(1_000);
		let values = "(i32.const 0) ".repeat(1_000);
		let text = format!(
			"(module (func $f (param {many}) (result {many}) unreachable)
				(func (result {many}) {values} {calls}))"
		);
		assert_eq!(refused(&text), Some("a function that makes so much work"));
		// Branches that carry a thousand values.
		let branches = "(br_if 0 (i32.const 0)) ".repeat(1_000);
		let text = format!("(module (func (result {many}) {values} {branches}))");
		assert_eq!(refused(&text), Some("a function that makes so much work"));
		let table = format!(
			"(module (func (result {many}) {values} (br_table {} (i32.const 0))))",
			"0 ".repeat(1_001)
		);
		assert_eq!(refused(&table), Some("a function that makes so much work"));
		// Locals that must be followed through every branch.
		let locals = "i64 ".repeat(40_000);
		let branches = "(br_if 0 (i32.const 0)) ".repeat(1_000);
		assert_eq!(
			refused(&format!("(module (func (local {locals}) {branches}))")),
			Some("a function with so many locals times branches")
		);
	}

	#[test]
	fn loops_in_loops_that_carry_many_locals_are_refused() {
		let nested = |loops: usize, locals: usize| {
			let (locals, open, close) = (
				"i64 ".repeat(locals),
				"(loop ".repeat(loops),
				"(br_if 0 (i32.const 0)))".repeat(loops),
			);
			refused(&format!("(module (func (local {locals}) {open} {close}))"))
		};
		assert_eq!(nested(100, 2_000), None);
		assert_eq!(
			nested(100, 2_001),
			Some("a function with so many locals times loops in loops")
		);
		// One after the other they are no more than one.
		let (locals, loops) = ("i64 ".repeat(5_000), "(loop (br_if 0 (i32.const 0)))".repeat(1_000));
		assert_eq!(refused(&format!("(module (func (local {locals}) {loops}))")), None);
	}

	#[test]
	fn large_parts_are_refused() {
		let long = "(drop (i64.const 9223372036854775807)) ".repeat(50_000);
		assert_eq!(
			refused(&format!("(module (func {long}))")),
			Some("a function of so many bytes")
		);
		assert_eq!(
			refused(&format!("(module {})", "(func) ".repeat(100_001))),
			Some("functions")
		);
		let globals = "(global i32 (i32.const 0)) ".repeat(16_385);
		assert_eq!(refused(&format!("(module {globals})")), Some("globals"));
		let elements = "(elem (i32.const 0) $f $f $f $f $f $f $f $f $f $f $f $f) ".repeat(40_000);
		assert_eq!(
			refused(&format!("(module (table 12 funcref) (func $f) {elements})")),
			Some("bytes of table elements")
		);
		let function = format!("(func {}) ", "(br_if 0 (i32.const 0)) ".repeat(40_000));
		let all = function.repeat(301);
		assert_eq!(refused(&format!("(module {all})")), Some("so much work for a compiler"));
	}
}
