//! Makes bulk memory operations pay by what they move.
//!
//! wasmtime charges one unit of fuel for a `memory.fill` of four gigabytes. Programs that ordinary compilers make do
//! contain `memory.copy` and `memory.fill`, so these are not refused but replaced by calls of two functions that are
//! appended to the module: they move [`CHUNK`] bytes at a time in a loop, which is charged like any loop. Operations on
//! tables and passive segments, which no such program needs, are refused by name.
//!
//! A bulk operation outside the memory traps before it writes; in chunks it traps at the chunk that leaves the memory.
//! No program can tell, since a trap ends it. Chunks cannot step over the end of the address space unnoticed: a memory
//! has at most 65,535 pages, so that the last 64 KiB of the 4 GiB always trap.

use super::Refused;
use std::{borrow::Cow, ops::Range};

/// Bytes that are moved for each turn of the loop, which costs about twenty gas.
#[cfg(test)]
const CHUNK: u32 = 256;

/// `(func (param $to i32) (param $value i32) (param $n i32) ...)`; the text is in the tests.
const FILL: &str = "\
	00034020024180024b044020002001418002fc0b0020004180026a210020024180026b21020c010b0b200020012002fc0b00\
	0b";
/// `(func (param $to i32) (param $from i32) (param $n i32) ...)`; the text is in the tests.
const COPY: &str = "\
	00200020014d0440034020024180024b044020002001418002fc0a000020004180026a210020014180026a21012002418002\
	6b21020c010b0b05034020024180024b044020024180026b2102200020026a200120026a418002fc0a00000c010b0b0b2000\
	20012002fc0a00000b";
/// `(func (param i32 i32 i32))`.
const TYPE: [u8; 6] = [0x60, 3, 0x7f, 0x7f, 0x7f, 0];

const SECTION_TYPE: u8 = 1;
const SECTION_IMPORT: u8 = 2;
const SECTION_FUNCTION: u8 = 3;
const SECTION_CODE: u8 = 10;

/// Rewrites a *valid* module; what needs no change is returned as it is.
pub fn rewrite(wasm: &[u8]) -> Result<Cow<'_, [u8]>, Refused> {
	let sections = sections(wasm)?;
	let count = |id| {
		sections
			.iter()
			.find(|section| section.id == id)
			.map_or(Ok(0), |section| section.count(wasm))
	};
	let (types, functions) = (count(SECTION_TYPE)?, count(SECTION_FUNCTION)?);
	let Some(code) = sections.iter().find(|section| section.id == SECTION_CODE) else {
		return Ok(wasm.into());
	};
	let mut reader = Reader {
		bytes: wasm,
		at: code.content.start,
	};
	let mut bodies = Vec::new();
	let mut found = false;
	for index in 0..reader.number()? {
		let len = reader.number()? as usize;
		let end = reader
			.at
			.checked_add(len)
			.filter(|end| *end <= code.content.end)
			.ok_or_else(malformed)?;
		let body = reader.at..end;
		let operations = operations(wasm, body.clone(), index)?;
		found |= !operations.is_empty();
		bodies.push((body, operations));
		reader.at = end;
	}
	if !found {
		return Ok(wasm.into());
	}
	let imported = match sections.iter().find(|section| section.id == SECTION_IMPORT) {
		Some(section) => imported_functions(wasm, section)?,
		None => 0,
	};
	let fill = imported.checked_add(functions).ok_or_else(malformed)?;
	let copy = fill.checked_add(1).ok_or_else(malformed)?;
	let mut module = wasm.get(..8).ok_or_else(malformed)?.to_vec();
	for section in &sections {
		let content = match section.id {
			SECTION_TYPE => section.extended(wasm, 1, &TYPE)?,
			SECTION_FUNCTION => section.extended(wasm, 2, &[leb(types), leb(types)].concat())?,
			SECTION_CODE => code_section(wasm, &bodies, fill, copy)?,
			_ => wasm[section.content.clone()].to_vec(),
		};
		module.push(section.id);
		module.extend(leb(u32::try_from(content.len()).map_err(|_| malformed())?));
		module.extend(content);
	}
	Ok(module.into())
}

fn code_section(
	wasm: &[u8],
	bodies: &[(Range<usize>, Vec<Operation>)],
	fill: u32,
	copy: u32,
) -> Result<Vec<u8>, Refused> {
	let shims = [FILL, COPY].map(|body| hex::decode(body).map_err(|_| malformed()));
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
			body.extend(&wasm[at..operation.range.start]);
			body.push(0x10);
			body.extend(leb(if operation.is_copy { copy } else { fill }));
			at = operation.range.end;
		}
		body.extend(&wasm[at..range.end]);
		append(body)?;
	}
	for shim in shims {
		append(shim?)?;
	}
	Ok(section)
}

struct Section {
	id: u8,
	content: Range<usize>,
}

impl Section {
	/// How many entries it begins by announcing.
	fn count(&self, wasm: &[u8]) -> Result<u32, Refused> {
		Reader {
			bytes: wasm,
			at: self.content.start,
		}
		.number()
	}

	/// Its content with more entries at its end.
	fn extended(&self, wasm: &[u8], more: u32, entries: &[u8]) -> Result<Vec<u8>, Refused> {
		let mut reader = Reader {
			bytes: wasm,
			at: self.content.start,
		};
		let mut content = leb(reader.number()?.checked_add(more).ok_or_else(malformed)?);
		content.extend(wasm.get(reader.at..self.content.end).ok_or_else(malformed)?);
		content.extend(entries);
		Ok(content)
	}
}

fn sections(wasm: &[u8]) -> Result<Vec<Section>, Refused> {
	let mut reader = Reader { bytes: wasm, at: 8 };
	let mut sections = Vec::new();
	while reader.at < wasm.len() {
		let id = reader.byte()?;
		let len = reader.number()? as usize;
		let start = reader.at;
		reader.skip(len)?;
		sections.push(Section {
			id,
			content: start..reader.at,
		});
	}
	Ok(sections)
}

fn imported_functions(wasm: &[u8], section: &Section) -> Result<u32, Refused> {
	let mut reader = Reader {
		bytes: wasm,
		at: section.content.start,
	};
	let mut functions = 0;
	for _ in 0..reader.number()? {
		for _ in 0..2 {
			let len = reader.number()? as usize;
			reader.skip(len)?;
		}
		if reader.byte()? != 0 {
			// Anything but a function is refused with its name once the module is compiled.
			return Err(Refused::Invalid("it imports what is not a function".into()));
		}
		reader.number()?;
		functions += 1;
	}
	Ok(functions)
}

/// A `memory.copy` or `memory.fill`.
struct Operation {
	range: Range<usize>,
	is_copy: bool,
}

/// Finds the bulk operations of a function's body.
fn operations(wasm: &[u8], body: Range<usize>, function: u32) -> Result<Vec<Operation>, Refused> {
	let refused = |name: &str| {
		Refused::Invalid(format!(
			"function {function} of it uses `{name}`, which is not accepted"
		))
	};
	let mut reader = Reader {
		bytes: &wasm[..body.end],
		at: body.start,
	};
	let mut operations = Vec::new();
	for _ in 0..reader.number()? {
		reader.number()?;
		reader.byte()?;
	}
	while reader.at < body.end {
		let start = reader.at;
		match reader.byte()? {
			// block, loop, if: a block type; i32.const, i64.const.
			0x02..=0x04 | 0x41 | 0x42 => reader.skip_leb()?,
			// br, br_if, call, local.*, global.*, memory.size, memory.grow: an index.
			0x0c | 0x0d | 0x10 | 0x20..=0x24 | 0x3f | 0x40 => reader.skip_leb()?,
			0x0e => {
				for _ in 0..=reader.number()? {
					reader.skip_leb()?;
				}
			}
			// call_indirect, loads and stores: two numbers.
			0x11 | 0x28..=0x3e => {
				reader.skip_leb()?;
				reader.skip_leb()?;
			}
			0x1c => {
				for _ in 0..reader.number()? {
					reader.byte()?;
				}
			}
			0x25 => return Err(refused("table.get")),
			0x26 => return Err(refused("table.set")),
			0x43 => reader.skip(4)?,
			0x44 => reader.skip(8)?,
			0x00 | 0x01 | 0x05 | 0x0b | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 => {}
			0xd0 => return Err(refused("ref.null")),
			0xd1 => return Err(refused("ref.is_null")),
			0xd2 => return Err(refused("ref.func")),
			0xfc => match reader.number()? {
				0..=7 => {}
				8 => return Err(refused("memory.init")),
				9 => return Err(refused("data.drop")),
				10 => {
					reader.skip_leb()?;
					reader.skip_leb()?;
					operations.push(Operation {
						range: start..reader.at,
						is_copy: true,
					});
				}
				11 => {
					reader.skip_leb()?;
					operations.push(Operation {
						range: start..reader.at,
						is_copy: false,
					});
				}
				12 => return Err(refused("table.init")),
				13 => return Err(refused("elem.drop")),
				14 => return Err(refused("table.copy")),
				15 => return Err(refused("table.grow")),
				16 => return Err(refused("table.size")),
				17 => return Err(refused("table.fill")),
				other => return Err(refused(&format!("instruction 0xfc {other}"))),
			},
			other => return Err(refused(&format!("instruction {other:#04x}"))),
		}
	}
	Ok(operations)
}

struct Reader<'a> {
	bytes: &'a [u8],
	at: usize,
}

impl Reader<'_> {
	fn byte(&mut self) -> Result<u8, Refused> {
		let byte = *self.bytes.get(self.at).ok_or_else(malformed)?;
		self.at += 1;
		Ok(byte)
	}

	fn skip(&mut self, len: usize) -> Result<(), Refused> {
		self.at = self
			.at
			.checked_add(len)
			.filter(|at| *at <= self.bytes.len())
			.ok_or_else(malformed)?;
		Ok(())
	}

	/// An unsigned LEB128 number of 32 bits.
	fn number(&mut self) -> Result<u32, Refused> {
		let mut number = 0u64;
		for shift in (0..35).step_by(7) {
			let byte = self.byte()?;
			number |= u64::from(byte & 0x7f) << shift;
			if byte & 0x80 == 0 {
				return u32::try_from(number).map_err(|_| malformed());
			}
		}
		Err(malformed())
	}

	/// Any LEB128 number of up to 64 bits.
	fn skip_leb(&mut self) -> Result<(), Refused> {
		for _ in 0..10 {
			if self.byte()? & 0x80 == 0 {
				return Ok(());
			}
		}
		Err(malformed())
	}
}

fn leb(mut number: u32) -> Vec<u8> {
	let mut bytes = Vec::with_capacity(5);
	loop {
		let low = (number & 0x7f) as u8;
		number >>= 7;
		if number == 0 {
			bytes.push(low);
			return bytes;
		}
		bytes.push(low | 0x80);
	}
}

fn malformed() -> Refused {
	Refused::Invalid("it cannot be read".into())
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
				(br $more))))
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
					(br $more)))))
			(else (loop $more
				(if (i32.gt_u (local.get $n) (i32.const CHUNK)) (then
					(local.set $n (i32.sub (local.get $n) (i32.const CHUNK)))
					(memory.copy
						(i32.add (local.get $to) (local.get $n))
						(i32.add (local.get $from) (local.get $n))
						(i32.const CHUNK))
					(br $more))))))
		(memory.copy (local.get $to) (local.get $from) (local.get $n)))";

	/// The body of the only function of a module with this text.
	fn body(text: &str) -> String {
		let text = text.replace("CHUNK", &CHUNK.to_string());
		let wasm = wat::parse_str(format!("(module (memory 1) {text})")).unwrap();
		let code = sections(&wasm)
			.unwrap()
			.into_iter()
			.find(|section| section.id == SECTION_CODE)
			.unwrap();
		let mut reader = Reader {
			bytes: &wasm,
			at: code.content.start,
		};
		assert_eq!(reader.number().unwrap(), 1);
		let len = reader.number().unwrap() as usize;
		hex::encode(&wasm[reader.at..reader.at + len])
	}

	#[test]
	fn the_appended_functions_are_what_their_text_says() {
		assert_eq!(body(FILL_TEXT), FILL);
		assert_eq!(body(COPY_TEXT), COPY);
	}

	#[test]
	fn modules_without_bulk_operations_stay_as_they_are() {
		let wasm = wat::parse_str(r#"(module (memory 1) (func (drop (i32.load (i32.const 4)))))"#).unwrap();
		assert!(matches!(rewrite(&wasm), Ok(Cow::Borrowed(same)) if same == wasm));
	}

	#[test]
	fn numbers_are_written_as_they_are_read() {
		for number in [0, 1, 127, 128, 300, 16_384, u32::MAX] {
			let bytes = leb(number);
			assert_eq!(Reader { bytes: &bytes, at: 0 }.number(), Ok(number));
		}
	}

	#[test]
	fn garbage_is_refused_and_never_panics() {
		let wasm = wat::parse_str(
			FILL_TEXT
				.replace("CHUNK", "9")
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
