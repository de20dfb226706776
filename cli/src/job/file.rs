//! A job's file: the same as the options of the command line, in TOML. Paths are relative to the file; what is not
//! understood is refused with its line.

use super::{
	options::{parse_output, parse_piece, parse_replicas, words, TermOptions, WorkOptions},
	parse_class, parse_memory, parse_region,
	setup::{InputAs, Placed},
};
use crate::{
	failure::{Failure, Result},
	units::{parse_bytes, parse_gas, parse_mill, parse_percent, parse_span},
};
use millrace_client::blobs::parse_root;
use std::{
	io::Read,
	ops::Range,
	path::{Path, PathBuf},
};
use toml::{
	de::{DeTable, DeValue},
	Spanned,
};

/// The largest file, in bytes: arguments and environment have 64 KiB.
const MAX_FILE: u64 = 1 << 20;

/// All keys.
const KEYS: [&str; 24] = [
	"args",
	"class",
	"deadline",
	"entry",
	"env",
	"gas-limit",
	"image",
	"input-as",
	"input-file",
	"inputs",
	"keep-custom-sections",
	"lines",
	"max-price",
	"memory",
	"min-reputation",
	"output",
	"output-limit",
	"price",
	"program",
	"region",
	"replicas",
	"shard-size",
	"split",
	"window",
];

/// Reads a job's file.
pub fn read(path: &Path) -> Result<(WorkOptions, TermOptions)> {
	crate::job::exists(path)?;
	let failed = |why: &dyn std::fmt::Display| Failure::Input(format!("{}: {why}", path.display()));
	let metadata = std::fs::metadata(path).map_err(|error| failed(&error))?;
	let mut bytes = Vec::new();
	// Of what is no file, reading might never end.
	if metadata.is_file() {
		std::fs::File::open(path)
			.and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
			.map_err(|error| failed(&error))?;
	}
	if !metadata.is_file() || bytes.len() as u64 > MAX_FILE {
		return Err(failed(
			&"this is no job's file: expected a file of TOML, of at most 1 MiB",
		));
	}
	let text = String::from_utf8(bytes).map_err(|_| failed(&"this is no job's file: it is not UTF-8"))?;
	parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<(WorkOptions, TermOptions)> {
	let file = File { path, text };
	let table = DeTable::parse(text).map_err(|error| {
		let place = file.place(&error.span().unwrap_or_default());
		Failure::Input(format!("{place}: {}", error.message()))
	})?;
	let mut entries: Vec<_> = table.get_ref().iter().collect();
	entries.sort_by_key(|(key, _)| key.span().start);
	let (mut work, mut terms) = (WorkOptions::default(), TermOptions::default());
	for (key, value) in entries {
		let entry = Entry {
			place: format!("{}: `{}`", file.place(&key.span()), key.get_ref()),
			file: &file,
			value,
		};
		entry.take(key.get_ref(), &mut work, &mut terms)?;
	}
	Ok((work, terms))
}

struct File<'a> {
	path: &'a Path,
	text: &'a str,
}

impl File<'_> {
	/// A file's name and the line of a place in it.
	fn place(&self, span: &Range<usize>) -> String {
		let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
		let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
		format!("{}:{line}", self.path.display())
	}

	/// A path as the file names it.
	fn resolve(&self, path: &str) -> PathBuf {
		self.path.parent().unwrap_or(Path::new("")).join(path)
	}
}

/// A key and its value.
struct Entry<'a> {
	place: String,
	file: &'a File<'a>,
	value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_> {
	fn take(&self, key: &str, work: &mut WorkOptions, terms: &mut TermOptions) -> Result<()> {
		match key {
			"program" => {
				let text = self.text()?;
				work.program = Some(match parse_root(text) {
					Some(_) => text.into(),
					None => self.path()?.to_string_lossy().into_owned(),
				});
			}
			"keep-custom-sections" => work.prepare.keep_custom_sections = self.flag()?,
			"image" => work.image = Some(self.path()?),
			"args" => work.placed_args = Some(self.arguments()?),
			"env" => work.placed_env = self.environment()?,
			"input-as" => work.input_as = Some(self.parsed(InputAs::parse)?),
			"input-file" => work.placed_input_file = Some(self.placed()?),
			"inputs" => work.inputs = Some(self.path()?),
			"lines" => {
				work.lines = self.flag()?;
				self.one_cut(work)?;
			}
			"split" => {
				work.split = Some(self.parsed(parse_piece)?);
				self.one_cut(work)?;
			}
			"output" => work.placed_output = Some(self.placed()?),
			"entry" => {
				work.prepare.entry = Some(self.text()?.to_string());
			}
			"replicas" => terms.replicas = Some(self.parsed(parse_replicas)?),
			"price" | "max-price" => {
				if terms.max_price.is_some() {
					return Err(self.wrong("`price` and `max-price` are the same, name one of them"));
				}
				terms.max_price = Some(self.parsed(parse_mill)?);
			}
			"window" => terms.window = Some(self.parsed(parse_span)?),
			"deadline" => terms.deadline = Some(self.parsed(parse_span)?),
			"gas-limit" => terms.gas_limit = Some(self.parsed(parse_gas)?),
			"memory" => terms.memory = Some(self.parsed(parse_memory)?),
			"output-limit" => terms.output_limit = Some(self.parsed(parse_output)?),
			"shard-size" => {
				let size = self.parsed(parse_bytes)?;
				terms.shard_size = Some(size.try_into().unwrap_or(u32::MAX));
			}
			"region" => {
				let regions = self.list()?;
				let regions = regions.iter().map(|(text, _)| parse_region(text));
				terms.regions = regions.collect::<Result<_, _>>().map_err(|why| self.wrong(why))?;
			}
			"class" => terms.class = Some(self.parsed(parse_class)?),
			"min-reputation" => terms.min_reputation = Some(self.parsed(parse_percent)?),
			unknown => {
				let help = match nearest(unknown) {
					Some(near) => format!("; did you mean `{near}`?"),
					None => format!("; known are {}", KEYS.join(", ")),
				};
				return Err(self.wrong(format!("there is no such key{help}")));
			}
		}
		Ok(())
	}

	fn wrong(&self, why: impl std::fmt::Display) -> Failure {
		Failure::Input(format!("{}: {why}", self.place))
	}

	fn one_cut(&self, work: &WorkOptions) -> Result<()> {
		match work.lines && work.split.is_some() {
			true => Err(self.wrong("`lines` and `split` exclude each other")),
			false => Ok(()),
		}
	}

	fn text(&self) -> Result<&str> {
		let text = self.value.get_ref().as_str();
		text.ok_or_else(|| self.wrong("expected a text in quotes"))
	}

	fn path(&self) -> Result<PathBuf> {
		Ok(self.file.resolve(self.text()?))
	}

	fn placed(&self) -> Result<Placed> {
		Ok(Placed {
			value: self.text()?.into(),
			place: self.place.clone(),
		})
	}

	fn flag(&self) -> Result<bool> {
		let flag = self.value.get_ref().as_bool();
		flag.ok_or_else(|| self.wrong("expected true or false"))
	}

	/// A text or a number, as an option of the command line is read.
	fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T> {
		let text = match self.value.get_ref() {
			DeValue::String(text) => text.as_ref(),
			DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
			DeValue::Float(number) => number.as_str(),
			_ => return Err(self.wrong("expected a text in quotes, or a number")),
		};
		parse(text).map_err(|why| self.wrong(why))
	}

	/// Texts and their places; one text is a list of one.
	fn list(&self) -> Result<Vec<(&str, String)>> {
		match self.value.get_ref() {
			DeValue::String(text) => Ok(vec![(text.as_ref(), self.place.clone())]),
			DeValue::Array(values) => values
				.iter()
				.map(|value| {
					let text = value.get_ref().as_str();
					let text = text.ok_or_else(|| self.wrong("expected texts in quotes"))?;
					Ok((text, self.place_of(&value.span())))
				})
				.collect(),
			_ => Err(self.wrong("expected a text in quotes, or a list of them")),
		}
	}

	/// This key's place, but of a value in another line that line.
	fn place_of(&self, span: &Range<usize>) -> String {
		let place = self.file.place(span);
		match self.place.split_once(": ") {
			Some((_, key)) => format!("{place}: {key}"),
			None => place,
		}
	}

	/// Words in a text, or arguments as they are in a list.
	fn arguments(&self) -> Result<Vec<Placed>> {
		if let Some(text) = self.value.get_ref().as_str() {
			return words(text, &self.place);
		}
		let list = self.list()?.into_iter();
		Ok(list
			.map(|(value, place)| Placed {
				value: value.into(),
				place,
			})
			.collect())
	}

	/// A table of names and values, or a list of `NAME=VALUE`.
	fn environment(&self) -> Result<Vec<Placed>> {
		let Some(table) = self.value.get_ref().as_table() else {
			let list = self.list()?.into_iter();
			return Ok(list
				.map(|(value, place)| Placed {
					value: value.into(),
					place,
				})
				.collect());
		};
		let mut entries: Vec<_> = table.iter().collect();
		entries.sort_by_key(|(name, _)| name.span().start);
		let variable = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
			let name: &std::borrow::Cow<'_, str> = name.get_ref();
			let place = self.place_of(&value.span());
			let text = match value.get_ref() {
				DeValue::String(text) => text.as_ref(),
				DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
				_ => return Err(Failure::Input(format!("{place}: `{name}`: expected a text in quotes"))),
			};
			if name.contains('=') {
				return Err(Failure::Input(format!("{place}: the name `{name}` has a `=`")));
			}
			Ok(Placed {
				value: format!("{name}={text}"),
				place,
			})
		};
		entries.into_iter().map(variable).collect()
	}
}

/// The key that somebody may have meant.
fn nearest(key: &str) -> Option<&'static str> {
	let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
	let found = KEYS
		.iter()
		.map(|known| (distance(&plain(key), known), *known))
		.min()
		.filter(|(distance, known)| *distance <= known.len().div_ceil(3));
	found.map(|(_, known)| known)
}

/// How many characters must be changed, added or left out to make one text of another.
fn distance(from: &str, to: &str) -> usize {
	let to: Vec<char> = to.chars().collect();
	let mut row: Vec<usize> = (0..=to.len()).collect();
	for (index, char) in from.chars().take(64).enumerate() {
		let mut diagonal = index;
		let mut left = index + 1;
		for (cell, other) in row.iter_mut().zip(std::iter::once(None).chain(to.iter().map(Some))) {
			let above = *cell;
			let Some(other) = other else {
				*cell = left;
				continue;
			};
			let new = (diagonal + usize::from(char != *other)).min(above + 1).min(left + 1);
			diagonal = above;
			*cell = new;
			left = new;
		}
	}
	row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
