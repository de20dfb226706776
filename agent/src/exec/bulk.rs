//! Makes operations on the memory pay by what they touch.
//!
//! wasmtime charges one unit of fuel for a `memory.fill` of four gigabytes, and for any call of the host that an
//! instruction hides. Programs that ordinary compilers make do contain them, so these are not refused but replaced by
//! calls of three functions that are appended to the module: two move [`CHUNK`] bytes at a time in a loop, which is
//! charged like any loop; the third grows the memory. Each of them also sets locals to themselves, which costs gas and no
//! time, since a call of the host takes longer than plain instructions. New pages are paid for when the memory grows, see
//! [`PAGE_GAS`](super::engine::PAGE_GAS). Operations on tables and passive segments, which no such program needs, are
//! refused by name.
//!
//! A bulk operation outside the memory traps before it writes; in chunks it traps at the chunk that leaves the memory.
//! No program can tell, since a trap ends it. Chunks cannot step over the end of the address space unnoticed: a memory
//! has at most 65,535 pages, so that the last 64 KiB of the 4 GiB always trap.

use super::{
	binary::{
		bodies, imported_functions, leb, malformed, section, sections, walk, Instruction, SECTION_CODE,
		SECTION_FUNCTION, SECTION_TYPE,
	},
	Refused,
};
use std::{borrow::Cow, ops::Range};

/// Bytes that are moved for each turn of the loop, which costs about thirty gas.
#[cfg(test)]
const CHUNK: u32 = 256;

/// `(func (param $to i32) (param $value i32) (param $n i32) ...)`; the text is in the tests.
const FILL: &str = "\
	00034020024180024b044020002001418002fc0b0020004180026a210020024180026b210220002100200021002000210020\
	002100200021000c010b0b20002100200021002000210020002100200020012002fc0b000b";
/// `(func (param $to i32) (param $from i32) (param $n i32) ...)`; the text is in the tests.
const COPY: &str = "\
	00200020014d0440034020024180024b044020002001418002fc0a000020004180026a210020014180026a21012002418002\
	6b210220002100200021002000210020002100200021000c010b0b05034020024180024b044020024180026b210220002002\
	6a200120026a418002fc0a000020002100200021002000210020002100200021000c010b0b0b200021002000210020002100\
	20002100200020012002fc0a00000b";
/// `(func (param $pages i32) (result i32) ...)`; the text is in the tests.
const GROW: &str = "\
	0020002100200021002000210020002100200021002000210020002100200021002000210020002100200021002000210020\
	0021002000210020002100200021002000210020002100200021002000210020002100200021002000210020002100200021\
	0020002100200021002000210020002100200021002000210020002100200021002000210020002100200021002000210020\
	0021002000210020002100200040000b";
/// `(func (param i32 i32 i32))` and `(func (param i32) (result i32))`.
const TYPES: [u8; 11] = [0x60, 3, 0x7f, 0x7f, 0x7f, 0, 0x60, 1, 0x7f, 1, 0x7f];

/// Rewrites a *valid* module; what needs no change is returned as it is.
pub fn rewrite(wasm: &[u8]) -> Result<Cow<'_, [u8]>, Refused> {
	let sections = sections(wasm)?;
	let count = |id| section(&sections, id).map_or(Ok(0), |section| section.count(wasm));
	let (types, functions) = (count(SECTION_TYPE)?, count(SECTION_FUNCTION)?);
	let Some(code) = section(&sections, SECTION_CODE) else {
		return Ok(wasm.into());
	};
	let mut changed = Vec::new();
	for (body, index) in bodies(wasm, code)?.into_iter().zip(0..) {
		let operations = operations(wasm, body.clone(), index)?;
		changed.push((body, operations));
	}
	if changed.iter().all(|(_, operations)| operations.is_empty()) {
		return Ok(wasm.into());
	}
	let imported = u32::try_from(imported_functions(wasm, &sections)?.len()).map_err(|_| malformed())?;
	let first = imported.checked_add(functions).ok_or_else(malformed)?;
	// The two types that are appended.
	let (moving, growing) = (leb(types), leb(types.checked_add(1).ok_or_else(malformed)?));
	let mut module = wasm.get(..8).ok_or_else(malformed)?.to_vec();
	for section in &sections {
		let content = match section.id {
			SECTION_TYPE => section.extended(wasm, 2, &TYPES)?,
			SECTION_FUNCTION => section.extended(wasm, 3, &[&moving[..], &moving, &growing].concat())?,
			SECTION_CODE => code_section(wasm, &changed, first)?,
			_ => wasm.get(section.content.clone()).ok_or_else(malformed)?.to_vec(),
		};
		module.push(section.id);
		module.extend(leb(u32::try_from(content.len()).map_err(|_| malformed())?));
		module.extend(content);
	}
	Ok(module.into())
}

/// The code with calls instead of the operations. The appended functions are numbered from `first` on.
fn code_section(wasm: &[u8], bodies: &[(Range<usize>, Vec<Operation>)], first: u32) -> Result<Vec<u8>, Refused> {
	let shims = [FILL, COPY, GROW].map(|body| hex::decode(body).map_err(|_| malformed()));
	let mut section = leb(u32::try_from(bodies.len() + shims.len()).map_err(|_| malformed())?);
	let mut append = |body: Vec<u8>| -> Result<(), Refused> {
		section.extend(leb(u32::try_from(body.len()).map_err(|_| malformed())?));
		section.extend(body);
		Ok(())
	};
	for (range, operations) in bodies {
		let mut body = Vec::with_capacity(range.len() + 4 * operations.len());
		let mut at = range.start;
		for operation in operations {
			body.extend(wasm.get(at..operation.range.start).ok_or_else(malformed)?);
			body.push(0x10);
			body.extend(leb(first.checked_add(operation.shim).ok_or_else(malformed)?));
			at = operation.range.end;
		}
		body.extend(wasm.get(at..range.end).ok_or_else(malformed)?);
		append(body)?;
	}
	for shim in shims {
		append(shim?)?;
	}
	Ok(section)
}

/// An instruction that becomes a call of one of the appended functions.
struct Operation {
	range: Range<usize>,
	shim: u32,
}

/// Finds the operations of a function's body.
fn operations(wasm: &[u8], body: Range<usize>, function: u32) -> Result<Vec<Operation>, Refused> {
	let mut operations = Vec::new();
	walk(wasm, body, function, |instruction, range| {
		let shim = match instruction {
			Instruction::Fill => 0,
			Instruction::Copy => 1,
			Instruction::Grow => 2,
			_ => return Ok(()),
		};
		operations.push(Operation { range, shim });
		Ok(())
	})?;
	Ok(operations)
}

#[cfg(test)]
mod tests {
	use super::*;

	const FILL_TEXT: &str = "(func (param $to i32) (param $value i32) (param $n i32)
		(loop $more
			(if (i32.gt_u (local.get $n) (i32.const CHUNK)) (then
				(memory.fill (local.get $to) (local.get $value) (i32.const CHUNK))
				(local.set $to (i32.add (local.get $to) (i32.const CHUNK)))
				(local.set $n (i32.sub (local.get $n) (i32.const CHUNK)))
				PAD PAD PAD PAD PAD
				(br $more))))
		PAD PAD PAD PAD
		(memory.fill (local.get $to) (local.get $value) (local.get $n)))";

	/// From the front if the target lies before the source, from the back otherwise, as overlaps demand.
	const COPY_TEXT: &str = "(func (param $to i32) (param $from i32) (param $n i32)
		(if (i32.le_u (local.get $to) (local.get $from))
			(then (loop $more
				(if (i32.gt_u (local.get $n) (i32.const CHUNK)) (then
					(memory.copy (local.get $to) (local.get $from) (i32.const CHUNK))
					(local.set $to (i32.add (local.get $to) (i32.const CHUNK)))
					(local.set $from (i32.add (local.get $from) (i32.const CHUNK)))
					(local.set $n (i32.sub (local.get $n) (i32.const CHUNK)))
					PAD PAD PAD PAD PAD
					(br $more)))))
			(else (loop $more
				(if (i32.gt_u (local.get $n) (i32.const CHUNK)) (then
					(local.set $n (i32.sub (local.get $n) (i32.const CHUNK)))
					(memory.copy
						(i32.add (local.get $to) (local.get $n))
						(i32.add (local.get $from) (local.get $n))
						(i32.const CHUNK))
					PAD PAD PAD PAD PAD
					(br $more))))))
		PAD PAD PAD PAD
		(memory.copy (local.get $to) (local.get $from) (local.get $n)))";

	const GROW_TEXT: &str = "(func (param $pages i32) (result i32)
		PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD
		PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD PAD
		(memory.grow (local.get $pages)))";

	/// The body of the only function of a module with this text.
	fn body(text: &str) -> String {
		let text = text
			.replace("CHUNK", &CHUNK.to_string())
			.replace("PAD", "(local.set 0 (local.get 0))");
		let wasm = wat::parse_str(format!("(module (memory 1) {text})")).unwrap();
		let sections = sections(&wasm).unwrap();
		let bodies = bodies(&wasm, section(&sections, SECTION_CODE).unwrap()).unwrap();
		assert_eq!(bodies.len(), 1);
		hex::encode(&wasm[bodies[0].clone()])
	}

	#[test]
	fn the_appended_functions_are_what_their_text_says() {
		assert_eq!(body(FILL_TEXT), FILL);
		assert_eq!(body(COPY_TEXT), COPY);
		assert_eq!(body(GROW_TEXT), GROW);
	}

	#[test]
	fn modules_without_bulk_operations_stay_as_they_are() {
		let wasm = wat::parse_str(r#"(module (memory 1) (func (drop (i32.load (i32.const 4)))))"#).unwrap();
		assert!(matches!(rewrite(&wasm), Ok(Cow::Borrowed(same)) if same == wasm));
	}

	#[test]
	fn garbage_is_refused_and_never_panics() {
		let wasm = wat::parse_str(
			FILL_TEXT
				.replace("CHUNK", "9")
				.replace("PAD", "")
				.replace("(func", "(module (memory 1) (func")
				+ ")",
		)
		.unwrap();
		for at in 8..wasm.len() {
			for byte in [0, 0x0b, 0x7f, 0x80, 0xfc, 0xff] {
				let mut spoiled = wasm.clone();
				spoiled[at] = byte;
				let _ = rewrite(&spoiled);
			}
			let _ = rewrite(&wasm[..at]);
		}
	}
}
