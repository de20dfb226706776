//! A module of the suite in both engines, which must agree about every call.

use crate::common::{cells, hashed, limits, supply};
use millrace_vm::{
	fast::{FastEngine, Session, Stop},
	flatten::flatten,
	machine::Machine,
	normalise::{Normalised, TEST_ENTRY},
	outcome::Trap,
	program::Program,
	state::Halt,
	task::Limits,
	MAX_GAS, MAX_PAGES,
};
use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};
use wasmparser::{ExternalKind, Parser, Payload, ValType};
use wasmtime::Val;

const GAS: u64 = MAX_GAS;

/// How a call ended that did not return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
	Trapped(Trap),
	Exhausted,
}

pub struct Instance<'a> {
	machine: Machine,
	program: Arc<Program>,
	/// The first cell and the cells of exported globals.
	globals: BTreeMap<String, (u32, u32)>,
	session: Session,
	starts: bool,
	/// Whether another module would have been linked to it and may have changed it.
	pub linked: bool,
	engine: PhantomData<&'a FastEngine>,
}

impl<'a> Instance<'a> {
	pub fn new(engine: &'a FastEngine, module: &Normalised) -> Self {
		let limits = Limits {
			memory_pages: MAX_PAGES,
			..limits(GAS)
		};
		let program = Arc::new(flatten(module).expect("what is accepted has flat code"));
		let machine = Machine::new(program.clone(), hashed(&[]), &limits).expect("its memory fits");
		let fast = engine
			.compile(module)
			.expect("wasmtime compiles what the normaliser makes");
		let mut places = Vec::new();
		let mut globals = BTreeMap::new();
		for payload in Parser::new(0).parse_all(module.bytes()) {
			let payload = payload.unwrap();
			if let Payload::GlobalSection(section) = &payload {
				let mut cell = 0;
				for global in section.clone() {
					let vector = global.unwrap().ty.content_type == ValType::V128;
					places.push((cell, 1 + u32::from(vector)));
					cell += 1 + u32::from(vector);
				}
			}
			if let Payload::ExportSection(section) = payload {
				let exports = section
					.into_iter()
					.map(Result::unwrap)
					.filter(|export| export.kind == ExternalKind::Global);
				globals.extend(exports.map(|export| (export.name.into(), places[export.index as usize])));
			}
		}
		Self {
			machine,
			program,
			globals,
			session: fast
				.session(&limits, supply(&[]), &Stop::new())
				.expect("it can be instantiated"),
			starts: module.entry().is_some(),
			linked: false,
			engine: PhantomData,
		}
	}

	/// Runs the start function, if there is one.
	pub fn start(&mut self) -> Result<Vec<u64>, Ended> {
		match self.starts {
			true => self.call(TEST_ENTRY, &[]),
			false => Ok(vec![]),
		}
	}

	/// Calls an exported function in both engines, which must agree about its results, about how it ended and about the
	/// gas.
	pub fn call(&mut self, name: &str, args: &[Val]) -> Result<Vec<u64>, Ended> {
		let arguments: Vec<u64> = args.iter().flat_map(cells).collect();
		let export = self
			.program
			.exports()
			.iter()
			.find(|export| export.name == name)
			.expect("it is exported")
			.clone();
		let stepped = self.machine.invoke(&export, &arguments, GAS);
		self.session.set_gas(GAS as i64).unwrap();
		let fast = self.session.call(name, args).expect("the host has no trouble");
		assert_eq!(self.session.gas().unwrap(), self.machine.registers().gas, "{name}: gas");
		match (stepped, fast) {
			(Ok(stepped), Ok(fast)) => {
				assert_eq!(stepped, fast.iter().flat_map(cells).collect::<Vec<_>>(), "{name}");
				Ok(stepped)
			}
			(Err(halt), Err(other)) => {
				assert_eq!(halt, other, "{name}");
				Err(match halt {
					Halt::OutOfGas | Halt::OutOfStack => Ended::Exhausted,
					Halt::GaveUp => Ended::Trapped(Trap::Unreachable),
					Halt::Trapped(trap) => Ended::Trapped(trap),
					Halt::Ended(..) => panic!("{name}: {halt:?}"),
				})
			}
			(stepped, fast) => panic!("{name}: step machine {stepped:?}, fast engine {fast:?}"),
		}
	}

	/// The cells of an exported global in both engines.
	pub fn global(&mut self, name: &str) -> Vec<u64> {
		let (first, count) = self.globals[name];
		let stepped: Vec<u64> = (first..first + count)
			.map(|cell| self.machine.global(cell).unwrap())
			.collect();
		assert_eq!(
			self.session.global(name).as_ref().map(cells),
			Some(stepped.clone()),
			"{name}"
		);
		stepped
	}
}
