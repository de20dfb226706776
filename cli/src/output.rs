//! What is printed: results to standard output, as text or as one JSON document; progress and errors to standard error.

use crate::failure::{Failure, Result};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Where a command prints.
pub struct Output {
	json: bool,
	out: Box<dyn Write + Send>,
}

impl Output {
	/// Prints to the process's standard output.
	pub fn new(json: bool) -> Self {
		Self {
			json,
			out: Box::new(io::stdout()),
		}
	}

	/// True if results are JSON.
	pub fn is_json(&self) -> bool {
		self.json
	}

	/// Prints a result: the document, or the text that a person reads.
	pub fn result(&mut self, document: &impl Serialize, text: impl AsRef<str>) -> Result<()> {
		if self.json {
			let document = serde_json::to_string(document).map_err(|error| Failure::Other(error.to_string()))?;
			self.write(&document)
		} else {
			self.write(text.as_ref().trim_end())
		}
	}

	fn write(&mut self, text: &str) -> Result<()> {
		match writeln!(self.out, "{text}").and_then(|()| self.out.flush()) {
			// Whoever read it has enough.
			Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
			result => result.map_err(|error| Failure::Other(format!("cannot write: {error}"))),
		}
	}

	/// Prints what has been kept back.
	pub fn flush(&mut self) -> Result<()> {
		match self.out.flush() {
			Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
				Err(Failure::Other(format!("cannot write: {error}")))
			}
			_ => Ok(()),
		}
	}

	/// Prints a line about progress to standard error.
	pub fn note(&mut self, text: impl AsRef<str>) {
		note(text);
	}

	/// Prints why a command did not succeed to standard error.
	pub fn failure(&mut self, failure: &Failure) {
		if self.json {
			let document = serde_json::json!({
				"error": failure.text(),
				"advice": failure.advice(),
				"dispatch": failure.dispatch(),
				"exitCode": failure.exit_code(),
			});
			note(document.to_string());
		} else {
			note(format!("error: {}", failure.text()));
			if let Some(advice) = failure.advice() {
				note(format!("  {advice}"));
			}
		}
	}
}

/// Prints a line to standard error. If that is closed, nobody is there to be told.
pub fn note(text: impl AsRef<str>) {
	drop(writeln!(io::stderr(), "{}", text.as_ref()));
}

/// True if a person looks at the progress.
pub fn is_interactive() -> bool {
	io::stderr().is_terminal()
}
