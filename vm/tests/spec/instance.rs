//! A module of the suite in both engines, which must agree about every call.

use crate::common::{bits, limits, value};
use millrace_vm::{
	fast::{FastEngine, Session, Stop},
	flatten::flatten,
	machine::Machine,
	normalise::{Normalised, TEST_ENTRY},
	program::{Input, Program},
	state::{Halt, Limits},
};
use std::{collections::BTreeMap, marker::PhantomData, sync::Arc};
use wasmparser::{ExternalKind, Parser, Payload};
use wasmtime::Val;

const GAS: u64 = 1 << 40;

/// How a call ended that did not return.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
	Trapped,
	Exhausted,
}

pub struct Instance<'a> {
	machine: Machine,
	program: Arc<Program>,
	globals: BTreeMap<String, u32>,
	session: Session,
	starts: bool,
	/// Whether another module would have been linked to it and may have changed it.
	pub linked: bool,
	engine: PhantomData<&'a FastEngine>,
}

impl<'a> Instance<'a> {
	pub fn new(engine: &'a FastEngine, module: &Normalised) -> Self {
		let limits = Limits {
			memory_pages: 65_535,
			..limits(GAS)
		};
		let program = Arc::new(flatten(module).expect("what is accepted has flat code"));
		let input = Arc::new(Input::new(vec![]).unwrap());
		let machine = Machine::new(program.clone(), input, &limits).expect("its memory fits");
		let fast = engine
			.compile(module)
			.expect("wasmtime compiles what the normaliser makes");
		let mut globals = BTreeMap::new();
		for payload in Parser::new(0).parse_all(module.bytes()) {
			if let Payload::ExportSection(section) = payload.unwrap() {
				let exports = section
					.into_iter()
					.map(Result::unwrap)
					.filter(|export| export.kind == ExternalKind::Global);
				globals.extend(exports.map(|export| (export.name.into(), export.index)));
			}
		}
		Self {
			machine,
			program,
			globals,
			session: fast
				.session(&limits, vec![], &Stop::new())
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
	pub fn call(&mut self, name: &str, args: &[(&'static str, u64)]) -> Result<Vec<u64>, Ended> {
		let values: Vec<Val> = args.iter().map(|(ty, bits)| value(ty, *bits)).collect();
		let cells: Vec<u64> = args.iter().map(|(_, bits)| *bits).collect();
		let export = self
			.program
			.exports()
			.iter()
			.find(|export| export.name == name)
			.expect("it is exported")
			.clone();
		let stepped = self.machine.invoke(&export, &cells, GAS);
		self.session.set_gas(GAS as i64).unwrap();
		let fast = self.session.call(name, &values).expect("the host has no trouble");
		assert_eq!(self.session.gas().unwrap(), self.machine.registers().gas, "{name}: gas");
		match (stepped, fast) {
			(Ok(stepped), Ok(fast)) => {
				assert_eq!(stepped, fast.iter().map(bits).collect::<Vec<_>>(), "{name}");
				Ok(stepped)
			}
			(Err(halt), Err(_)) => {
				// Stack and gas end with an explicit `unreachable` and a counter below zero; so does no trap of the
				// suite's own, for an `unreachable` stores a counter that is above.
				let exhausted = halt == Halt::Failed && self.machine.registers().gas < 0;
				Err(if exhausted { Ended::Exhausted } else { Ended::Trapped })
			}
			(stepped, fast) => panic!("{name}: step machine {stepped:?}, fast engine {fast:?}"),
		}
	}

	/// The value of an exported global in both engines.
	pub fn global(&mut self, name: &str) -> u64 {
		let stepped = self.machine.global(self.globals[name]).unwrap();
		assert_eq!(
			self.session.global(name).map(|value| bits(&value)),
			Some(stepped),
			"{name}"
		);
		stepped
	}
}
