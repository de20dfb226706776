//! Joins the outputs of the example jobs into what a person wants to look at.
//!
//! Every output says which part of the whole it is, so the order of the files does not matter; a part that is
//! missing, there twice or of another job is an error that names it.

mod canvas;
pub mod digits;
pub mod heat;
pub mod kmers;
pub mod mandelbrot;

pub use canvas::{Canvas, Picture};

/// The outputs of a job: the name of each for messages, and its bytes.
pub type Outputs = [(String, Vec<u8>)];

/// Applies `parse` to every output; its error gets the output's name in front.
fn parse_all<'a, T>(outputs: &'a Outputs, parse: impl Fn(&'a [u8]) -> Result<T, String>) -> Result<Vec<T>, String> {
	outputs
		.iter()
		.map(|(name, data)| parse(data).map_err(|error| format!("{name}: {error}")))
		.collect()
}
