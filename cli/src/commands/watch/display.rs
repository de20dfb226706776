//! How a job's progress is shown.

use super::{Snapshot, Stages};
use crate::{
	failure::Result,
	output::{is_interactive, note, Output},
	units::mill,
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// So much news of a block is told to people.
const MAX_NEWS: usize = 20;

/// How progress is shown.
pub enum Display {
	/// Bars on a terminal.
	Bars(Box<Bars>),
	/// Lines on standard error; the last one.
	Lines(String),
	/// One JSON document a line on standard output.
	Json,
}

/// One bar for each stage.
pub struct Bars {
	all: MultiProgress,
	stages: Vec<ProgressBar>,
	message: ProgressBar,
}

impl Display {
	/// Bars on a terminal, lines elsewhere.
	pub fn for_people() -> Self {
		if !is_interactive() {
			return Self::Lines(String::new());
		}
		let all = MultiProgress::new();
		let style = ProgressStyle::with_template("{prefix:>9} {bar:40} {pos}/{len}");
		let style = style
			.unwrap_or_else(|_| ProgressStyle::default_bar())
			.progress_chars("=> ");
		let bar = |name: &'static str| all.add(ProgressBar::new(0)).with_style(style.clone()).with_prefix(name);
		let stages = Stages::default().rows().iter().map(|(name, _)| bar(name)).collect();
		let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
		let message = all.add(ProgressBar::no_length()).with_style(style);
		Self::Bars(Box::new(Bars { all, stages, message }))
	}

	/// Shows a job.
	pub fn show(&mut self, snapshot: &Snapshot, output: &mut Output) -> Result<()> {
		match self {
			Self::Bars(bars) => {
				for text in news(snapshot) {
					// A terminal that is gone is noticed elsewhere.
					drop(bars.all.println(text));
				}
				for (bar, (_, count)) in bars.stages.iter().zip(snapshot.stages.rows()) {
					bar.set_length(snapshot.job.shards.into());
					bar.set_position(count.into());
				}
				let paid = format!("job {}: {} paid", snapshot.job.id.0, mill(snapshot.job.paid));
				bars.message.set_message(match snapshot.explanation() {
					Some(explanation) => format!("{paid}; {explanation}"),
					None => paid,
				});
				Ok(())
			}
			Self::Lines(last) => {
				news(snapshot).into_iter().for_each(note);
				let line = snapshot.line();
				if line != *last {
					note(format!("job {} block {}: {line}", snapshot.job.id.0, snapshot.block));
					*last = line;
				}
				Ok(())
			}
			Self::Json => output.result(snapshot, ""),
		}
	}

	/// Leaves the terminal in order.
	pub fn finish(&mut self) {
		if let Self::Bars(bars) = self {
			bars.stages.iter().for_each(ProgressBar::abandon);
			bars.message.finish_and_clear();
			bars.all.set_draw_target(ProgressDrawTarget::hidden());
		}
	}
}

/// What a block did to shards in the court, as lines.
fn news(snapshot: &Snapshot) -> Vec<String> {
	let line = |text: &str| format!("job {} block {}: {text}", snapshot.job.id.0, snapshot.block);
	let mut lines: Vec<_> = snapshot
		.court
		.iter()
		.take(MAX_NEWS)
		.map(|news| line(&news.text))
		.collect();
	let more = snapshot.court.len().saturating_sub(MAX_NEWS);
	if more > 0 {
		lines.push(line(&format!(
			"and {more} more of the kind; `millrace dispute list {}` shows them",
			snapshot.job.id.0
		)));
	}
	lines
}
