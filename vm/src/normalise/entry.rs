//! Which of a module's functions are run.
//!
//! A *command* exports `_start`, or its only function under the empty name. A *reactor* exports functions by names of
//! its own, of which the publisher names one; before it, `_initialize` is called if there is one. All of them take
//! nothing, and return nothing or, in a reactor, the exit code.

use super::{module::Export, refused::shortened};
use wasmparser::{ExternalKind, FuncType, ValType};

/// What of a program is to be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Choice<'n> {
	/// A command's start.
	#[default]
	Command,
	/// The function that a reactor exports under this name.
	Named(&'n str),
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
	choice: Choice<'_>,
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
	match choice {
		Choice::Command => {
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
		Choice::Named(name) => {
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
	format!("these could be named as the entry: {}{more}", names.join(", "))
}
