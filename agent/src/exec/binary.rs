//! Reading the binary format of modules, as far as the checks before compilation need it.
//!
//! Nothing here trusts a module to be valid: what cannot be read is refused.

use super::Refused;
use std::ops::Range;

pub const SECTION_TYPE: u8 = 1;
pub const SECTION_IMPORT: u8 = 2;
pub const SECTION_FUNCTION: u8 = 3;
pub const SECTION_GLOBAL: u8 = 6;
pub const SECTION_ELEMENT: u8 = 9;
pub const SECTION_CODE: u8 = 10;

/// A section of a module.
pub struct Section {
	pub id: u8,
	pub content: Range<usize>,
}

impl Section {
	/// Reads its content.
	pub fn reader<'a>(&self, wasm: &'a [u8]) -> Reader<'a> {
		Reader {
			bytes: wasm,
			at: self.content.start,
		}
	}

	/// How many entries it begins by announcing.
	pub fn count(&self, wasm: &[u8]) -> Result<u32, Refused> {
		self.reader(wasm).number()
	}

	/// Its content with more entries at its end.
	pub fn extended(&self, wasm: &[u8], more: u32, entries: &[u8]) -> Result<Vec<u8>, Refused> {
		let mut reader = self.reader(wasm);
		let mut content = leb(reader.number()?.checked_add(more).ok_or_else(malformed)?);
		content.extend(wasm.get(reader.at..self.content.end).ok_or_else(malformed)?);
		content.extend(entries);
		Ok(content)
	}
}

/// The sections of a module, in their order.
pub fn sections(wasm: &[u8]) -> Result<Vec<Section>, Refused> {
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

/// The section with this number, if there is one.
pub fn section(sections: &[Section], id: u8) -> Option<&Section> {
	sections.iter().find(|section| section.id == id)
}

/// The types of the functions that a module imports.
pub fn imported_functions(wasm: &[u8], sections: &[Section]) -> Result<Vec<u32>, Refused> {
	let Some(section) = section(sections, SECTION_IMPORT) else {
		return Ok(Vec::new());
	};
	let mut reader = section.reader(wasm);
	let mut functions = Vec::new();
	for _ in 0..reader.number()? {
		for _ in 0..2 {
			let len = reader.number()? as usize;
			reader.skip(len)?;
		}
		if reader.byte()? != 0 {
			return Err(Refused::Invalid("it imports what is not a function".into()));
		}
		functions.push(reader.number()?);
	}
	Ok(functions)
}

/// The bodies of a module's functions.
pub fn bodies(wasm: &[u8], code: &Section) -> Result<Vec<Range<usize>>, Refused> {
	let mut reader = code.reader(wasm);
	let mut bodies = Vec::new();
	for _ in 0..reader.number()? {
		let len = reader.number()? as usize;
		let end = reader
			.at
			.checked_add(len)
			.filter(|end| *end <= code.content.end)
			.ok_or_else(malformed)?;
		bodies.push(reader.at..end);
		reader.at = end;
	}
	Ok(bodies)
}

/// An instruction, as far as anybody asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instruction {
	/// `block` or `if` with its type: the index of a function type, or a negative number for none or one result.
	Block(i64),
	/// `loop` with its type.
	Loop(i64),
	/// `end`.
	End,
	/// `br` or `br_if`.
	Branch,
	/// `br_table` with so many targets.
	Table(u32),
	/// `call` of this function.
	Call(u32),
	/// `call_indirect` of a function of this type.
	CallIndirect(u32),
	/// `memory.copy`.
	Copy,
	/// `memory.fill`.
	Fill,
	/// `memory.grow`.
	Grow,
	/// Any other that is accepted.
	Other,
}

/// Shows every instruction of a function's body with its place, after the locals that it declares (saturating).
/// Instructions that no job needs are refused by name.
pub fn walk(
	wasm: &[u8],
	body: Range<usize>,
	function: u32,
	mut see: impl FnMut(Instruction, Range<usize>) -> Result<(), Refused>,
) -> Result<u32, Refused> {
	let refused = |name: &str| {
		Refused::Invalid(format!(
			"function {function} of it uses `{name}`, which is not accepted"
		))
	};
	let mut reader = Reader {
		bytes: wasm.get(..body.end).ok_or_else(malformed)?,
		at: body.start,
	};
	let mut locals = 0u32;
	for _ in 0..reader.number()? {
		locals = locals.saturating_add(reader.number()?);
		reader.byte()?;
	}
	while reader.at < body.end {
		let start = reader.at;
		let instruction = match reader.byte()? {
			0x02 | 0x04 => Instruction::Block(reader.signed()?),
			0x03 => Instruction::Loop(reader.signed()?),
			0x0b => Instruction::End,
			0x0c | 0x0d => {
				reader.skip_leb()?;
				Instruction::Branch
			}
			0x0e => {
				let targets = reader.number()?;
				for _ in 0..=targets {
					reader.skip_leb()?;
				}
				Instruction::Table(targets)
			}
			0x10 => Instruction::Call(reader.number()?),
			0x11 => {
				let ty = reader.number()?;
				reader.skip_leb()?;
				Instruction::CallIndirect(ty)
			}
			0x1c => {
				for _ in 0..reader.number()? {
					reader.byte()?;
				}
				Instruction::Other
			}
			// local.*, global.*, memory.size: an index. i32.const, i64.const.
			0x20..=0x24 | 0x3f | 0x41 | 0x42 => {
				reader.skip_leb()?;
				Instruction::Other
			}
			0x25 => return Err(refused("table.get")),
			0x26 => return Err(refused("table.set")),
			// Loads and stores: two numbers.
			0x28..=0x3e => {
				reader.skip_leb()?;
				reader.skip_leb()?;
				Instruction::Other
			}
			0x40 => {
				reader.skip_leb()?;
				Instruction::Grow
			}
			0x43 => {
				reader.skip(4)?;
				Instruction::Other
			}
			0x44 => {
				reader.skip(8)?;
				Instruction::Other
			}
			0x00 | 0x01 | 0x05 | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 => Instruction::Other,
			0xd0 => return Err(refused("ref.null")),
			0xd1 => return Err(refused("ref.is_null")),
			0xd2 => return Err(refused("ref.func")),
			0xfc => match reader.number()? {
				0..=7 => Instruction::Other,
				8 => return Err(refused("memory.init")),
				9 => return Err(refused("data.drop")),
				10 => {
					reader.skip_leb()?;
					reader.skip_leb()?;
					Instruction::Copy
				}
				11 => {
					reader.skip_leb()?;
					Instruction::Fill
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
		};
		see(instruction, start..reader.at)?;
	}
	Ok(locals)
}

/// Reads from some place on.
pub struct Reader<'a> {
	pub bytes: &'a [u8],
	pub at: usize,
}

impl Reader<'_> {
	pub fn byte(&mut self) -> Result<u8, Refused> {
		let byte = *self.bytes.get(self.at).ok_or_else(malformed)?;
		self.at += 1;
		Ok(byte)
	}

	pub fn skip(&mut self, len: usize) -> Result<(), Refused> {
		self.at = self
			.at
			.checked_add(len)
			.filter(|at| *at <= self.bytes.len())
			.ok_or_else(malformed)?;
		Ok(())
	}

	/// An unsigned LEB128 number of 32 bits.
	pub fn number(&mut self) -> Result<u32, Refused> {
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

	/// A signed LEB128 number of 33 bits.
	pub fn signed(&mut self) -> Result<i64, Refused> {
		let mut number = 0i64;
		for shift in (0..35).step_by(7) {
			let byte = self.byte()?;
			number |= i64::from(byte & 0x7f) << shift;
			if byte & 0x80 == 0 {
				let unused = 64 - (shift + 7);
				return Ok(number << unused >> unused);
			}
		}
		Err(malformed())
	}

	/// Any LEB128 number of up to 64 bits.
	pub fn skip_leb(&mut self) -> Result<(), Refused> {
		for _ in 0..10 {
			if self.byte()? & 0x80 == 0 {
				return Ok(());
			}
		}
		Err(malformed())
	}
}

/// A number as LEB128.
pub fn leb(mut number: u32) -> Vec<u8> {
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

pub fn malformed() -> Refused {
	Refused::Invalid("it cannot be read".into())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn numbers_are_written_as_they_are_read() {
		for number in [0, 1, 127, 128, 300, 16_384, u32::MAX] {
			let bytes = leb(number);
			assert_eq!(Reader { bytes: &bytes, at: 0 }.number(), Ok(number));
		}
		for (bytes, number) in [
			(&[0x40][..], -64),
			(&[0x7f], -1),
			(&[0x05], 5),
			(&[0xc0, 0x00], 64),
			(&[0xff, 0xff, 0xff, 0xff, 0x0f], i64::from(u32::MAX)),
		] {
			assert_eq!(Reader { bytes, at: 0 }.signed(), Ok(number));
		}
	}

	#[test]
	fn instructions_are_told_apart() {
		let wasm = wat::parse_str(
			"(module (memory 1) (table 1 funcref) (type $t (func)) (func $f (param i32) (local i64 i32)
				(block (loop (br_if 0 (local.get 0))) (br_table 0 0 0 (i32.const 1)))
				(call $f (i32.const 0)) (call_indirect (type $t) (i32.const 0))
				(memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))
				(drop (memory.grow (memory.size)))))",
		)
		.unwrap();
		let sections = sections(&wasm).unwrap();
		let bodies = bodies(&wasm, section(&sections, SECTION_CODE).unwrap()).unwrap();
		let mut seen = Vec::new();
		let locals = walk(&wasm, bodies[0].clone(), 0, |instruction, _| {
			if !matches!(instruction, Instruction::Other | Instruction::End) {
				seen.push(instruction);
			}
			Ok(())
		});
		assert_eq!(locals, Ok(2));
		assert_eq!(
			seen,
			[
				Instruction::Block(-64),
				Instruction::Loop(-64),
				Instruction::Branch,
				Instruction::Table(2),
				Instruction::Call(0),
				Instruction::CallIndirect(0),
				Instruction::Copy,
				Instruction::Fill,
				Instruction::Grow
			]
		);
	}
}
