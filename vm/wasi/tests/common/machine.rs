//! The module, interpreted: that it does what the functions do natively, and about what it costs.

use super::decode::Module;
use millrace_wasi::{tools::native::Native, Host, Memory, Region, Status};
use std::panic::panic_any;

/// A machine that runs the module in the place of native functions.
pub struct Machine {
	module: &'static Module,
	globals: Vec<u64>,
	/// The lowest that the stack's end ever was.
	pub lowest: u64,
	/// Whether the functions of programs without files are taken where there are others for them.
	plain: bool,
}

struct Label {
	to: usize,
	height: usize,
	arity: usize,
}

impl Machine {
	/// A machine at its start, and its memory.
	pub fn new(host: &mut Native, plain: bool) -> Self {
		let module = Module::built();
		host.own = vec![0; module.pages.0 as usize * 65_536];
		for (at, bytes) in &module.data {
			host.own[*at..at + bytes.len()].copy_from_slice(bytes);
		}
		let globals: Vec<u64> = module.globals.iter().map(|(_, _, value)| *value).collect();
		Self {
			module,
			lowest: globals[0],
			globals,
			plain,
		}
	}

	/// Calls an export.
	pub fn call(&mut self, host: &mut Native, name: &str, parameters: &[u64]) -> u32 {
		let plain = format!("plain.{name}");
		let name = if self.plain && self.module.exports.contains_key(&plain) {
			&plain
		} else {
			name
		};
		let (kind, index) = self.module.exports[name];
		assert_eq!(kind, 0);
		let ty = self.module.type_of(index);
		assert_eq!(ty.params.len(), parameters.len(), "{name}");
		let narrowed = ty.params.iter().zip(parameters);
		let parameters = narrowed
			.map(|(ty, value)| if *ty == 0x7f { *value & 0xffff_ffff } else { *value })
			.collect();
		let result = self.run(host, index, parameters);
		assert!(self.lowest >= 8_192, "{name} took more than half of the stack");
		result.map_or(0, |value| value as u32)
	}

	fn pay(host: &Native, gas: u64) {
		host.gas.set(host.gas.get() + gas);
	}

	fn import(&mut self, host: &mut Native, index: usize, p: &[u64]) -> Option<u64> {
		let at = |i: usize| p[i] as u32;
		let region = |value: u64| match value & 0xff {
			0 => Region::Input,
			1 => Region::Image,
			2 => Region::Setup,
			_ => panic!("region {value}"),
		};
		let memory = |value: u64| match value {
			0 => Memory::Program,
			1 => Memory::Own,
			_ => panic!("memory {value}"),
		};
		Some(match &*self.module.imports[index].1 {
			"program_load8" => host.program_load8(at(0)).into(),
			"program_load32" => host.program_load32(at(0)).into(),
			"program_load64" => host.program_load64(at(0)),
			"program_store8" => {
				host.program_store8(at(0), at(1));
				return None;
			}
			"program_store32" => {
				host.program_store32(at(0), at(1));
				return None;
			}
			"program_store64" => {
				host.program_store64(at(0), p[1]);
				return None;
			}
			"program_size" => host.program_size().into(),
			"copy_in" => {
				host.copy_in(at(0), at(1), at(2));
				return None;
			}
			"copy_out" => {
				host.copy_out(at(0), at(1), at(2));
				return None;
			}
			"gas_left" => host.gas_left(),
			"gas_limit" => host.gas_limit(),
			"size" if p[0] == 3 => host.output_limit(),
			"size" => host.size(region(p[0])),
			"read" => {
				host.read(region(p[0]), memory(p[0] >> 8), at(1), at(2), at(3));
				return None;
			}
			"output" => {
				host.output(memory(p[0]), at(1), at(2));
				return None;
			}
			"error" => {
				host.error(memory(p[0]), at(1), at(2));
				return None;
			}
			"seed" => host.seed(at(0)),
			"halt" => host.halt(
				match p[0] {
					0 => Status::Success,
					1 => Status::Exit,
					5 => Status::OutputTooLong,
					6 => Status::NoOutput,
					7 => Status::Malformed,
					other => panic!("status {other}"),
				},
				at(1),
			),
			other => panic!("import {other}"),
		})
	}

	fn run(&mut self, host: &mut Native, index: usize, parameters: Vec<u64>) -> Option<u64> {
		let ty = self.module.type_of(index);
		Self::pay(host, 11 + 2 * ty.params.len() as u64);
		let Some(own) = index.checked_sub(self.module.imports.len()) else {
			return self.import(host, index, &parameters);
		};
		let function = &self.module.functions[own];
		Self::pay(host, 18 + function.locals as u64 / 8 + 2 * ty.results.len() as u64);
		let mut locals = parameters;
		locals.resize(ty.params.len() + function.locals, 0);
		let mut stack: Vec<u64> = Vec::new();
		let mut labels = vec![Label {
			to: function.code.len(),
			height: 0,
			arity: ty.results.len(),
		}];
		let mut pc = 0;
		while let Some(op) = function.code.get(pc) {
			pc += 1;
			let mut branch = None;
			Self::pay(host, cost(op.code));
			match op.code {
				0x00 => panic!("unreachable"),
				0x01 => {}
				0x02 | 0x03 => {
					let arity = usize::from(op.a as i64 != -64 && op.code == 0x02);
					assert!(
						op.a as i64 == -64 || (op.a as i64) < 0,
						"a block with a type of its own"
					);
					let to = if op.code == 0x03 { pc - 1 } else { op.b + 1 };
					labels.push(Label {
						to,
						height: stack.len(),
						arity,
					});
				}
				0x04 => {
					let condition = stack.pop().unwrap();
					let is_else = function.code[op.b].code != 0x0b
						|| function.code.get(op.b - 1).is_some_and(|op| op.code == 0x05);
					let end = match is_else {
						true => function.code[op.b - 1].b,
						false => op.b,
					};
					let arity = usize::from(op.a as i64 != -64);
					labels.push(Label {
						to: end + 1,
						height: stack.len(),
						arity,
					});
					if condition == 0 {
						pc = op.b;
					}
				}
				// The end of the first branch.
				0x05 => pc = op.b,
				0x0b => {
					let label = labels.pop().unwrap();
					assert!(stack.len() <= label.height + label.arity || labels.is_empty() || label.to < pc);
				}
				0x0c => branch = Some(op.a as usize),
				0x0d => {
					if stack.pop().unwrap() != 0 {
						branch = Some(op.a as usize);
					}
				}
				0x0e => {
					let targets = &function.tables[op.a as usize];
					let which = (stack.pop().unwrap() as usize).min(targets.len() - 1);
					branch = Some(targets[which] as usize);
				}
				0x0f => branch = Some(labels.len() - 1),
				0x10 => {
					let callee = self.module.type_of(op.a as usize);
					let parameters = stack.split_off(stack.len() - callee.params.len());
					let result = self.run(host, op.a as usize, parameters);
					if !callee.results.is_empty() {
						stack.push(result.unwrap());
					}
				}
				0x1a => {
					stack.pop().unwrap();
				}
				0x1b => {
					let (condition, other, one) = (stack.pop().unwrap(), stack.pop().unwrap(), stack.pop().unwrap());
					stack.push(if condition != 0 { one } else { other });
				}
				0x20 => stack.push(locals[op.a as usize]),
				0x21 => locals[op.a as usize] = stack.pop().unwrap(),
				0x22 => locals[op.a as usize] = *stack.last().unwrap(),
				0x23 => stack.push(self.globals[op.a as usize]),
				0x24 => {
					let value = stack.pop().unwrap();
					self.globals[op.a as usize] = value;
					if op.a == 0 {
						self.lowest = self.lowest.min(value);
					}
				}
				0x28..=0x35 => {
					let at = stack.pop().unwrap() as usize + op.a as usize;
					let load = |bytes: usize| {
						let mut word = [0; 8];
						word[..bytes].copy_from_slice(&host.own[at..at + bytes]);
						u64::from_le_bytes(word)
					};
					stack.push(match op.code {
						0x28 | 0x35 => load(4),
						0x29 => load(8),
						0x2c => load(1) as i8 as u32 as u64,
						0x2d | 0x31 => load(1),
						0x2e => load(2) as i16 as u32 as u64,
						0x2f | 0x33 => load(2),
						0x30 => load(1) as i8 as u64,
						0x32 => load(2) as i16 as u64,
						0x34 => load(4) as i32 as u64,
						other => panic!("{other:#x}"),
					});
				}
				0x36..=0x3e => {
					let value = stack.pop().unwrap();
					let at = stack.pop().unwrap() as usize + op.a as usize;
					let bytes = match op.code {
						0x36 | 0x3e => 4,
						0x37 => 8,
						0x3a | 0x3c => 1,
						0x3b | 0x3d => 2,
						other => panic!("{other:#x}"),
					};
					host.own[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
				}
				0x3f => stack.push(host.pages().into()),
				0x40 => {
					let (pages, more) = (host.pages(), stack.pop().unwrap() as u32);
					stack.push(if host.grow(more) {
						pages.into()
					} else {
						u64::from(u32::MAX)
					});
				}
				0x41 | 0x42 => stack.push(op.a),
				0xfc0a => {
					let (n, from, to) = (stack.pop().unwrap(), stack.pop().unwrap(), stack.pop().unwrap());
					host.copy(to as u32, from as u32, n as u32);
				}
				0xfc0b => {
					let (n, value, to) = (stack.pop().unwrap(), stack.pop().unwrap(), stack.pop().unwrap());
					assert_eq!(value, 0);
					host.clear(to as u32, n as u32);
				}
				code => numeric(code, &mut stack),
			}
			if let Some(depth) = branch {
				let kept = labels.len() - 1 - depth;
				let label = &labels[kept];
				let values = stack.split_off(stack.len() - label.arity);
				stack.truncate(label.height);
				stack.extend(values);
				// A loop is entered anew by its own instruction.
				pc = label.to;
				labels.truncate(kept);
				if labels.is_empty() {
					break;
				}
			}
		}
		stack.pop()
	}
}

/// About what an instruction costs, with its part of what the normaliser adds.
fn cost(code: u16) -> u64 {
	match code {
		0x02 | 0x0b | 0x01 | 0x10 => 0,
		0x03 => 8,
		0x04 => 6,
		0x0c..=0x0f => 4,
		0x28..=0x3e => 2,
		0x6c | 0x7e => 3,
		0x6d..=0x70 => 8,
		0x7f..=0x82 => 16,
		0x40 | 0xfc0a | 0xfc0b => 0,
		_ => 1,
	}
}

fn numeric(code: u16, stack: &mut Vec<u64>) {
	let narrow = |value: u64| value as u32;
	let top = stack.pop().unwrap();
	let one = match code {
		0x45 => Some(u64::from(narrow(top) == 0)),
		0x50 => Some(u64::from(top == 0)),
		0x67 => Some(narrow(top).leading_zeros().into()),
		0x68 => Some(narrow(top).trailing_zeros().into()),
		0x69 => Some(narrow(top).count_ones().into()),
		0x79 => Some(top.leading_zeros().into()),
		0x7a => Some(top.trailing_zeros().into()),
		0x7b => Some(top.count_ones().into()),
		0xa7 | 0xad => Some(narrow(top).into()),
		0xac | 0xc4 => Some(top as i32 as u64),
		0xc0 => Some(top as i8 as u32 as u64),
		0xc1 => Some(top as i16 as u32 as u64),
		0xc2 => Some(top as i8 as u64),
		0xc3 => Some(top as i16 as u64),
		_ => None,
	};
	if let Some(one) = one {
		stack.push(one);
		return;
	}
	let under = stack.pop().unwrap();
	let (a, b) = (narrow(under), narrow(top));
	let (c, d) = (a as i32, b as i32);
	let (e, f) = (under as i64, top as i64);
	let truth = |truth: bool| u64::from(truth);
	stack.push(match code {
		0x46 => truth(a == b),
		0x47 => truth(a != b),
		0x48 => truth(c < d),
		0x49 => truth(a < b),
		0x4a => truth(c > d),
		0x4b => truth(a > b),
		0x4c => truth(c <= d),
		0x4d => truth(a <= b),
		0x4e => truth(c >= d),
		0x4f => truth(a >= b),
		0x51 => truth(under == top),
		0x52 => truth(under != top),
		0x53 => truth(e < f),
		0x54 => truth(under < top),
		0x55 => truth(e > f),
		0x56 => truth(under > top),
		0x57 => truth(e <= f),
		0x58 => truth(under <= top),
		0x59 => truth(e >= f),
		0x5a => truth(under >= top),
		0x6a => a.wrapping_add(b).into(),
		0x6b => a.wrapping_sub(b).into(),
		0x6c => a.wrapping_mul(b).into(),
		0x6d => u64::from((c / d) as u32),
		0x6e => (a / b).into(),
		0x6f => u64::from((c % d) as u32),
		0x70 => (a % b).into(),
		0x71 => (a & b).into(),
		0x72 => (a | b).into(),
		0x73 => (a ^ b).into(),
		0x74 => a.wrapping_shl(b).into(),
		0x75 => u64::from(c.wrapping_shr(b) as u32),
		0x76 => a.wrapping_shr(b).into(),
		0x77 => a.rotate_left(b & 31).into(),
		0x78 => a.rotate_right(b & 31).into(),
		0x7c => under.wrapping_add(top),
		0x7d => under.wrapping_sub(top),
		0x7e => under.wrapping_mul(top),
		0x7f => (e / f) as u64,
		0x80 => under / top,
		0x81 => (e % f) as u64,
		0x82 => under % top,
		0x83 => under & top,
		0x84 => under | top,
		0x85 => under ^ top,
		0x86 => under.wrapping_shl(b),
		0x87 => e.wrapping_shr(b) as u64,
		0x88 => under.wrapping_shr(b),
		0x89 => under.rotate_left(b & 63),
		0x8a => under.rotate_right(b & 63),
		other => panic_any(format!("instruction {other:#x}")),
	});
}
