//! The functions of WASI that programs may import, as WebAssembly: made from `vm/wasi` by `scripts/wasi.sh`, which writes
//! `vm/wasi/wasi.hex`. Those that a program imports are linked into its module, with what they call, and rewritten like
//! the program's own functions, so that they pay for what they do, in both engines alike. Their memory is the module's
//! second one, which the program cannot name.

use super::{
	module::{Module, Origin, Signature, Target},
	refused::Reasons,
	types::carried,
};
use std::{
	collections::{HashMap, HashSet},
	sync::LazyLock,
};
use wasmparser::{ExternalKind, Operator, Parser, Payload};

/// The module that programs import from.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";
/// An early form of it, from which published programs import still.
pub(super) const EARLY_MODULE: &str = "wasi_unstable";
/// What the names of shims begin with that do what the early form had in another way; all else is the same in both.
const EARLY: &str = "early.";
/// What came later than the early form.
const LATER: &str = "sock_accept";
/// What the names of shims begin with that are for programs that never look at files: much less is linked for those.
const PLAIN: &str = "plain.";
/// Shims that look at files, beside all those of paths. A program that imports none of them has opened nothing, and finds
/// no file that it did not open.
const FILES: [&str; 3] = ["fd_readdir", "fd_filestat_get", "fd_filestat_set_times"];
/// The shim that ends a program.
pub(super) const EXIT: &str = "proc_exit";

static WASM: LazyLock<Vec<u8>> = LazyLock::new(|| decode(include_str!("../../wasi/wasi.hex")));

/// A shim: its name, its function index in the shims' module, its type before it carries gas and stack.
type Shim = (String, u32, Signature);

/// What is known of the shims' module once and for all.
#[derive(Default)]
struct Known {
	/// Pages of memory that they have at the start.
	pages: u32,
	shims: Vec<Shim>,
	/// For a shim's index, the one that does the same for programs that never look at files.
	plain: HashMap<u32, u32>,
	/// Shims that look at files.
	files: HashSet<u32>,
	/// How many functions it imports.
	imported: u32,
	/// What each of its own functions calls.
	calls: Vec<Vec<u32>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| read(&WASM).unwrap_or_default());

fn read(wasm: &[u8]) -> Option<Known> {
	let target = |_: &Module<'_>| Target::default();
	let origin = Origin::Shims(&Linked::default());
	let module = Module::read(wasm, origin, None, &mut None, &mut Reasons::default(), target).ok()?;
	let mut known = Known {
		pages: module.memory.unwrap_or_default().0,
		imported: module.functions.len() as u32 - module.own_functions() as u32,
		..Known::default()
	};
	for export in module.exports.iter().filter(|export| export.kind == ExternalKind::Func) {
		let signature = module.signature(export.index)?.clone();
		if !export.name.starts_with(PLAIN) {
			known.shims.push((export.name.into(), export.index, signature));
		}
	}
	for (name, index, _) in &known.shims {
		let plain = format!("{PLAIN}{name}");
		if let Some(export) = module.exports.iter().find(|export| export.name == plain) {
			known.plain.insert(*index, export.index);
		}
		let name = name.strip_prefix(EARLY).unwrap_or(name);
		if name.starts_with("path_") || FILES.contains(&name) {
			known.files.insert(*index);
		}
	}
	for payload in Parser::new(0).parse_all(wasm) {
		if let Payload::CodeSectionEntry(body) = payload.ok()? {
			let mut calls = Vec::new();
			for op in body.get_operators_reader().ok()? {
				if let Operator::Call { function_index } = op.ok()? {
					calls.push(function_index);
				}
			}
			known.calls.push(calls);
		}
	}
	Some(known)
}

/// The shims' functions that a program needs, and their places among themselves.
#[derive(Default, Debug)]
pub(super) struct Linked {
	/// By the index among the shims' own functions.
	places: Vec<Option<u32>>,
	/// Whether the program never looks at files.
	plain: bool,
}

impl PartialEq for Linked {
	fn eq(&self, other: &Self) -> bool {
		self.places == other.places
	}
}

impl Linked {
	/// What is needed for these shims, by their indices in the shims' module, and for the one that ends a program.
	pub fn new(shims: &[u32]) -> Self {
		let imported = KNOWN.imported;
		let plain = !shims.iter().any(|shim| KNOWN.files.contains(shim));
		let mut needed = vec![false; KNOWN.calls.len()];
		let ends = find(EXIT).map(|(index, _)| index);
		let mut found: Vec<u32> = shims
			.iter()
			.copied()
			.chain(ends)
			.map(|shim| variant(shim, plain))
			.collect();
		while let Some(function) = found.pop() {
			let Some(own) = function.checked_sub(imported) else {
				continue;
			};
			if let Some(needed @ false) = needed.get_mut(own as usize) {
				*needed = true;
				found.extend_from_slice(&KNOWN.calls[own as usize]);
			}
		}
		let mut count = 0;
		let places = needed.into_iter().map(|needed| {
			count += u32::from(needed);
			needed.then(|| count - 1)
		});
		Self {
			places: places.collect(),
			plain,
		}
	}

	/// The place of one of the shims' own functions.
	pub fn own(&self, own: u32) -> Option<u32> {
		*self.places.get(own as usize)?
	}

	/// The place of a shim by its index in the shims' module.
	pub fn place(&self, shim: u32) -> Option<u32> {
		self.own(variant(shim, self.plain).checked_sub(KNOWN.imported)?)
	}
}

/// The function that a shim is for a program that never looks at files, or for another one.
fn variant(shim: u32, plain: bool) -> u32 {
	let other = KNOWN.plain.get(&shim).filter(|_| plain);
	other.copied().unwrap_or(shim)
}

/// Pages of memory that the shims have at the start. What lies behind these is not theirs.
pub(super) fn pages() -> u32 {
	KNOWN.pages
}

/// The shims' module.
pub(super) fn wasm() -> &'static [u8] {
	&WASM
}

/// The shim for an import from a module.
pub(super) fn imported(module: &str, name: &str) -> Option<(u32, &'static Signature)> {
	match module {
		_ if name.starts_with(EARLY) => None,
		MODULE => find(name),
		EARLY_MODULE if name == LATER => None,
		EARLY_MODULE => find(&format!("{EARLY}{name}")).or_else(|| find(name)),
		_ => None,
	}
}

/// A function's index in the shims' module and its type.
pub(super) fn find(name: &str) -> Option<(u32, &'static Signature)> {
	let (_, index, signature) = KNOWN.shims.iter().find(|(known, ..)| known == name)?;
	Some((*index, signature))
}

/// The names and types of all functions of preview 1, which programs may import.
pub fn functions() -> impl Iterator<Item = (&'static str, String)> {
	KNOWN
		.shims
		.iter()
		.filter(|(name, ..)| !name.starts_with(EARLY))
		.map(|(name, _, signature)| (name.as_str(), signature.to_string()))
}

/// The types of the shims' own functions that are linked, in their order, with gas and stack.
pub(super) fn own_types(shims: &Module<'_>, linked: &Linked) -> Vec<Signature> {
	let imported = shims.functions.len() - shims.own_functions();
	(imported..shims.functions.len())
		.filter(|index| linked.own((index - imported) as u32).is_some())
		.filter_map(|index| shims.signature(index as u32).map(carried))
		.collect()
}

fn decode(hex: &str) -> Vec<u8> {
	let digits: Vec<u8> = hex
		.chars()
		.filter_map(|digit| digit.to_digit(16).map(|digit| digit as u8))
		.collect();
	digits
		.chunks_exact(2)
		.filter_map(|pair| match pair {
			[high, low] => Some(high << 4 | low),
			_ => None,
		})
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn all_functions_of_preview_1_are_there_with_their_types() {
		let all: Vec<_> = functions().collect();
		assert_eq!(all.len(), 46);
		for (name, ty) in [
			("fd_read", "(i32, i32, i32, i32) -> i32"),
			("fd_seek", "(i32, i64, i32, i32) -> i32"),
			("path_open", "(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32"),
			("proc_exit", "(i32)"),
			("sched_yield", "() -> i32"),
		] {
			assert!(all.contains(&(name, ty.into())), "{name} in {all:?}");
		}
	}

	#[test]
	fn the_early_form_has_its_own_where_it_differs() {
		let index = |module, name| imported(module, name).map(|(index, _)| index);
		for (name, differs) in [
			("fd_seek", true),
			("fd_filestat_get", true),
			("path_filestat_get", true),
			("poll_oneoff", true),
			("fd_write", false),
			("path_open", false),
		] {
			let (one, other) = (index(MODULE, name), index(EARLY_MODULE, name));
			assert!(one.is_some() && other.is_some() && (one != other) == differs, "{name}");
			assert_eq!(
				find(name).map(|(_, ty)| ty),
				imported(EARLY_MODULE, name).map(|(_, ty)| ty)
			);
		}
		assert_eq!(index(EARLY_MODULE, "sock_accept"), None);
		assert_eq!(index(MODULE, "early.fd_seek"), None);
		assert_eq!(index(EARLY_MODULE, "early.fd_seek"), None);
		assert_eq!(index("wasi", "fd_seek"), None);
		// Those of paths bring the files along.
		let place = |name| index(EARLY_MODULE, name).expect("it is there");
		assert!(!Linked::new(&[place("path_filestat_get")]).plain);
		assert!(!Linked::new(&[place("fd_filestat_get")]).plain);
		assert!(Linked::new(&[place("fd_seek")]).plain);
	}

	#[test]
	fn only_what_is_called_is_linked() {
		let place = |name: &str| find(name).expect("it is there").0;
		let count = |linked: &Linked| linked.places.iter().flatten().count();
		let few = Linked::new(&[place("fd_write")]);
		let files = Linked::new(&[place("fd_write"), place("path_open")]);
		let all = Linked::new(&functions().map(|(name, _)| place(name)).collect::<Vec<_>>());
		assert!(count(&few) > 0 && count(&few) * 3 < count(&files), "{few:?} {files:?}");
		assert!(count(&files) < count(&all), "{files:?} {all:?}");
		assert_eq!(few.place(place("path_open")), None);
		assert!(few.place(place(EXIT)).is_some() && files.place(place(EXIT)).is_some());
	}
}
