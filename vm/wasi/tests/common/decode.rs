//! The module itself, decoded. Only what the compiler makes of the functions is understood; anything else is a panic.

use std::{collections::BTreeMap, sync::OnceLock};

/// An instruction: its code (prefixed ones from 0xfc00 on), and what comes with it.
#[derive(Clone, Copy, Debug)]
pub struct Op {
	pub code: u16,
	pub a: u64,
	/// Where the construct ends, or the other branch of an `if` begins.
	pub b: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Type {
	pub params: Vec<u8>,
	pub results: Vec<u8>,
}

#[derive(Debug)]
pub struct Function {
	pub ty: usize,
	pub locals: usize,
	pub code: Vec<Op>,
	/// Targets of `br_table`s.
	pub tables: Vec<Vec<u32>>,
}

#[derive(Debug, Default)]
pub struct Module {
	/// Numbers of the sections in their order.
	pub sections: Vec<u8>,
	pub types: Vec<Type>,
	pub imports: Vec<(String, String, usize)>,
	pub functions: Vec<Function>,
	pub pages: (u32, Option<u32>),
	/// Type, whether it may change, and the first value.
	pub globals: Vec<(u8, bool, u64)>,
	/// Kind (0 function, 2 memory, 3 global) and index.
	pub exports: BTreeMap<String, (u8, usize)>,
	pub data: Vec<(usize, Vec<u8>)>,
}

struct Reader<'a> {
	bytes: &'a [u8],
	at: usize,
}

impl Reader<'_> {
	fn byte(&mut self) -> u8 {
		self.at += 1;
		self.bytes[self.at - 1]
	}

	fn unsigned(&mut self) -> u64 {
		let (mut value, mut shift) = (0, 0);
		loop {
			let byte = self.byte();
			value |= u64::from(byte & 0x7f) << shift;
			shift += 7;
			if byte < 128 {
				return value;
			}
		}
	}

	fn signed(&mut self) -> i64 {
		let (mut value, mut shift) = (0_i64, 0);
		loop {
			let byte = self.byte();
			value |= i64::from(byte & 0x7f) << shift;
			shift += 7;
			if byte < 128 {
				if shift < 64 && byte & 64 != 0 {
					value |= -1 << shift;
				}
				return value;
			}
		}
	}

	fn name(&mut self) -> String {
		let bytes = self.vector();
		String::from_utf8(bytes).unwrap()
	}

	fn vector(&mut self) -> Vec<u8> {
		let len = self.unsigned() as usize;
		self.at += len;
		self.bytes[self.at - len..self.at].to_vec()
	}

	fn constant(&mut self) -> u64 {
		let value = match self.byte() {
			0x41 | 0x42 => self.signed() as u64,
			other => panic!("{other:#x} in a constant"),
		};
		assert_eq!(self.byte(), 0x0b);
		value
	}
}

impl Module {
	pub fn decode(wasm: &[u8]) -> Self {
		assert_eq!(&wasm[..8], b"\0asm\x01\0\0\0");
		let mut module = Self::default();
		let mut kinds = Vec::new();
		let mut reader = Reader { bytes: wasm, at: 8 };
		while reader.at < wasm.len() {
			let id = reader.byte();
			module.sections.push(id);
			let end = reader.unsigned() as usize + reader.at;
			let count = if id == 0 { 0 } else { reader.unsigned() };
			for _ in 0..count {
				match id {
					1 => {
						assert_eq!(reader.byte(), 0x60);
						module.types.push(Type {
							params: reader.vector(),
							results: reader.vector(),
						});
					}
					2 => {
						let (from, name) = (reader.name(), reader.name());
						assert_eq!(reader.byte(), 0, "only functions are imported");
						module.imports.push((from, name, reader.unsigned() as usize));
					}
					3 => kinds.push(reader.unsigned() as usize),
					5 => {
						let limited = reader.byte() == 1;
						module.pages = (reader.unsigned() as u32, limited.then(|| reader.unsigned() as u32));
					}
					6 => module
						.globals
						.push((reader.byte(), reader.byte() == 1, reader.constant())),
					7 => {
						let name = reader.name();
						module.exports.insert(name, (reader.byte(), reader.unsigned() as usize));
					}
					10 => {
						let end = reader.unsigned() as usize + reader.at;
						let function = Self::function(&mut reader, kinds[module.functions.len()], end);
						module.functions.push(function);
						reader.at = end;
					}
					11 => {
						assert_eq!(reader.unsigned(), 0, "an active segment");
						module.data.push((reader.constant() as usize, reader.vector()));
					}
					_ => panic!("section {id}"),
				}
			}
			reader.at = end;
		}
		module
	}

	fn function(reader: &mut Reader, ty: usize, end: usize) -> Function {
		let mut locals = 0;
		for _ in 0..reader.unsigned() {
			locals += reader.unsigned() as usize;
			let ty = reader.byte();
			assert!(matches!(ty, 0x7e | 0x7f), "a local of type {ty:#x}");
		}
		let mut code: Vec<Op> = Vec::new();
		let mut tables = Vec::new();
		let mut open: Vec<usize> = Vec::new();
		while reader.at < end {
			let mut op = Op {
				code: reader.byte().into(),
				a: 0,
				b: 0,
			};
			match op.code {
				0x02..=0x04 => {
					// No value of a block is an integer's type, 0x40, here or an index of a type.
					op.a = reader.signed() as u64;
					open.push(code.len());
				}
				0x05 => {
					let at = *open.last().unwrap();
					code[at].b = code.len() + 1;
					open.pop();
					open.push(code.len());
				}
				0x0b => {
					let here = code.len();
					if let Some(at) = open.pop() {
						if code[at].code != 0x04 || code[at].b == 0 {
							code[at].b = here;
						}
					}
				}
				0x0c | 0x0d | 0x10 | 0x20..=0x24 => op.a = reader.unsigned(),
				0x0e => {
					op.a = tables.len() as u64;
					let count = reader.unsigned();
					tables.push((0..=count).map(|_| reader.unsigned() as u32).collect());
				}
				0x28..=0x29 | 0x2c..=0x37 | 0x3a..=0x3e => {
					reader.unsigned();
					op.a = reader.unsigned();
				}
				0x3f | 0x40 => assert_eq!(reader.byte(), 0),
				0x41 => op.a = u64::from(reader.signed() as u32),
				0x42 => op.a = reader.signed() as u64,
				0xfc => {
					op.code = 0xfc00 | reader.unsigned() as u16;
					match op.code {
						0xfc0a => assert_eq!((reader.byte(), reader.byte()), (0, 0)),
						0xfc0b => assert_eq!(reader.byte(), 0),
						_ => panic!("instruction {:#x}", op.code),
					}
				}
				0x00 | 0x01 | 0x0f | 0x1a | 0x1b | 0x45..=0x5a | 0x67..=0x8a | 0xa7 | 0xac | 0xad | 0xc0..=0xc4 => {}
				code => panic!("instruction {code:#x}: no table, no float, no second memory"),
			}
			code.push(op);
		}
		assert!(open.is_empty());
		Function {
			ty,
			locals,
			code,
			tables,
		}
	}

	/// The module that is linked into programs.
	pub fn built() -> &'static Self {
		static MODULE: OnceLock<Module> = OnceLock::new();
		MODULE.get_or_init(|| Self::decode(&bytes()))
	}

	pub fn type_of(&self, function: usize) -> &Type {
		let ty = match function.checked_sub(self.imports.len()) {
			Some(own) => self.functions[own].ty,
			None => self.imports[function].2,
		};
		&self.types[ty]
	}
}

/// The bytes of the module.
pub fn bytes() -> Vec<u8> {
	let hex = include_str!("../../wasi.hex");
	let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
	digits
		.chunks(2)
		.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
		.collect()
}
