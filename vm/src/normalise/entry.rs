//! Which of a module's functions are run.
//!
//! A *command* exports `_start`, or its only function under the empty name. A *reactor* exports functions by names of
//! its own, of which the publisher names one in a custom section of the module, [`SECTION`]; before it, `_initialize` is
//! called if there is one. All of them take nothing, and return nothing or, in a reactor, the exit code.

use super::{module::Export, refused::shortened, strip::without};
use wasm_encoder::{CustomSection, Section};
use wasmparser::{ExternalKind, FuncType, ValType};

/// The custom section that holds nothing but the entry's name. The only one that means something.
pub(super) const SECTION: &str = "millrace.entry";

/// The module with the function of this name as its entry. What is no module stays as it is.
pub fn with_entry(wasm: &[u8], name: &str) -> Vec<u8> {
	let Some(mut named) = without(wasm, |section| section == SECTION) else {
		return wasm.to_vec();
	};
	let section = CustomSection {
		name: SECTION.into(),
		data: name.as_bytes().into(),
	};
	section.append_to(&mut named);
	named
}

/// The type of a function that may be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
	/// `() -> ()`
	Plain,
	/// `() -> i32`, the exit code.
	Code,
	/// Any other.
	Other,
}

impl Form {
	/// The form of a function's type.
	pub fn of(ty: &FuncType) -> Self {
		match (ty.params(), ty.results()) {
			([], []) => Self::Plain,
			([], [ValType::I32]) => Self::Code,
			_ => Self::Other,
		}
	}
}

/// The functions to be called, by their indices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
	/// What is called before.
	pub before: Option<u32>,
	/// The entry itself.
	pub main: u32,
	/// Whether its result is the exit code.
	pub code: bool,
}

const INITIALIZE: &str = "_initialize";
/// Names that a message lists.
const LISTED: usize = 20;

/// Finds the entry; if there is none, what is missing, with the names that could be given instead.
pub(super) fn find(
	exports: &[Export<'_>],
	form: impl Fn(u32) -> Option<Form>,
	named: Option<&str>,
) -> Result<Found, String> {
	let exported = |name: &str| {
		let found = exports
			.iter()
			.find(|export| export.name == name && export.kind == ExternalKind::Func)?;
		Some((found.index, form(found.index)?))
	};
	let plain = |name: &str| match exported(name) {
		Some((index, Form::Plain)) => Some(index),
		_ => None,
	};
	match named {
		None => {
			if let Some(main) = plain("_start").or_else(|| plain("")) {
				return Ok(Found {
					before: None,
					main,
					code: false,
				});
			}
			Err(format!(
				"a function `_start`, or one with the empty name, without parameters and results; {}",
				others(exports, form)
			))
		}
		Some(name) => {
			let before = plain(INITIALIZE).filter(|_| name != INITIALIZE);
			match exported(name) {
				Some((main, form @ (Form::Plain | Form::Code))) => Ok(Found {
					before,
					main,
					code: form == Form::Code,
				}),
				_ => Err(format!(
					"a function `{}` without parameters and with no result or one i32; {}",
					shortened(name),
					others(exports, form)
				)),
			}
		}
	}
}

/// The exports that could be named.
fn others(exports: &[Export<'_>], form: impl Fn(u32) -> Option<Form>) -> String {
	let fitting: Vec<&str> = exports
		.iter()
		.filter(|export| export.kind == ExternalKind::Func && export.name != INITIALIZE)
		.filter(|export| matches!(form(export.index), Some(Form::Plain | Form::Code)))
		.map(|export| export.name)
		.collect();
	if fitting.is_empty() {
		return "no export could be the entry instead".into();
	}
	let names: Vec<_> = fitting
		.iter()
		.take(LISTED)
		.map(|name| format!("`{}`", shortened(name)))
		.collect();
	let more = match fitting.len().saturating_sub(LISTED) {
		0 => String::new(),
		more => format!(" and {more} more"),
	};
	format!(
		"these could be named as the entry, with --entry NAME: {}{more}",
		names.join(", ")
	)
}
