//! Outcomes, and what the court says, as people say them.

use millrace_court::case::How;
use millrace_primitives::{
	api::{CaseSeatKind, CaseSeatState, CaseStage},
	job::Verification,
	machine::{Outcome, Status, Tail, Trap},
};

/// How a task ended: its status, with the exit code or the trap if there is one.
pub fn outcome(status: Status, code: u32) -> String {
	match status {
		Status::Success => "success".into(),
		Status::Exit => format!("exit code {code}"),
		Status::Trap => match Trap::from_u32(code) {
			Some(trap) => format!("trap: {trap}"),
			None => format!("trap {code}"),
		},
		Status::OutOfGas => "out of gas: it used all that the job allows a task".into(),
		Status::OutOfStack => "out of stack: its calls went too deep".into(),
		Status::OutputTooLong => "its output is longer than the job allows".into(),
		Status::NoOutput => "no output: what the job names as output is not there, or is of the other kind".into(),
		Status::Malformed => "malformed: its input, the image or the setup is not what the job says".into(),
	}
}

/// Who computes each shard of a job.
pub fn verification(verification: &Verification) -> String {
	match verification {
		Verification::Replicated { replicas } => format!("{replicas} replicas"),
		Verification::Optimistic { .. } => "one provider".into(),
	}
}

/// True if the whole gas limit was taken, whatever the task had used.
pub fn took_all(outcome: &Outcome) -> bool {
	match outcome.status {
		Status::Trap => outcome.code != Trap::Unreachable as u32,
		Status::OutOfGas | Status::OutOfStack => true,
		_ => false,
	}
}

/// What a shard's case is at.
pub fn stage(stage: CaseStage) -> &'static str {
	match stage {
		CaseStage::Sealing => "seats still work",
		CaseStage::Drawing => "random numbers decide whether it is audited",
		CaseStage::Auditing => "it is audited",
		CaseStage::Opening => "seats open what they sealed",
		CaseStage::Judging => "what was opened can be attacked",
		CaseStage::Recomputing => "fresh seats compute it again",
		CaseStage::Ended => "decided",
	}
}

/// What a seat of a case is for.
pub fn seat_kind(kind: CaseSeatKind) -> &'static str {
	match kind {
		CaseSeatKind::Primary => "bought",
		CaseSeatKind::Audit => "audit",
		CaseSeatKind::Fresh => "fresh",
	}
}

/// Where a seat of a case is.
pub fn seat_state(state: CaseSeatState) -> &'static str {
	match state {
		CaseSeatState::Working => "computing",
		CaseSeatState::Calling => "cannot fetch what it needs",
		CaseSeatState::Away => "never sealed",
		CaseSeatState::Sealed => "sealed, not opened",
		CaseSeatState::Standing => "stands",
		CaseSeatState::Silent => "silent: not opened in time",
		CaseSeatState::OutByClock => "out: its time was over",
		CaseSeatState::OutByStep => "out: proven wrong",
	}
}

/// How a party of a board went out.
pub fn how(how: How) -> &'static str {
	match how {
		How::Clock => "its time was over",
		How::Step => "it claimed a step that the machine does not make",
	}
}

/// What two outcomes of one task differ in: what the first says, and the other; nothing if they are equal.
pub fn differences(one: &Outcome, other: &Outcome) -> Vec<(&'static str, String, String)> {
	let mut found = Vec::new();
	let mut differ = |what, one: String, other: String| {
		if one != other {
			found.push((what, one, other));
		}
	};
	let ended = |of: &Outcome| outcome(of.status, of.code);
	// Of most statuses the code is no part of the words.
	let whole = |of: &Outcome| match (one.status == other.status, ended(one) == ended(other)) {
		(true, true) if one.code != other.code => format!("{} (code {})", ended(of), of.code),
		_ => ended(of),
	};
	differ("ended", whole(one), whole(other));
	differ("gas", one.gas_used.to_string(), other.gas_used.to_string());
	let output = |of: &Outcome| format!("{} bytes, root {}", of.output.len, hex32(&of.output.tree));
	differ("output", output(one), output(other));
	differ("standard error", hex32(&one.errors), hex32(&other.errors));
	found
}

fn hex32(bytes: &[u8; 32]) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// The last of standard error as text that a terminal can be given: control characters and what is no UTF-8 are escaped,
/// lines stay lines. Says how much came before.
pub fn tail(tail: &Tail) -> String {
	let bytes = tail.bytes();
	let before = tail.count.saturating_sub(bytes.len() as u64);
	let mut text = String::new();
	if before > 0 {
		text += &format!("[{before} bytes before this]\n");
	}
	for chunk in bytes.utf8_chunks() {
		chunk.valid().chars().for_each(|char| push(&mut text, char));
		chunk
			.invalid()
			.iter()
			.for_each(|byte| text += &format!("\\x{byte:02x}"));
	}
	text.truncate(text.trim_end().len());
	text
}

/// A text on one line, with control characters escaped: names of files, for example.
pub fn line(text: &str) -> String {
	let mut line = String::new();
	for char in text.chars() {
		match char {
			'\n' => line += "\\n",
			'\t' => line += "\\t",
			char => push(&mut line, char),
		}
	}
	line
}

fn push(text: &mut String, char: char) {
	match char {
		'\n' | '\t' => text.push(char),
		'\r' => text.push_str("\\r"),
		// Marks that turn the direction of writing, by which a text could be shown as another one.
		'\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
			text.extend(char.escape_unicode());
		}
		char if char.is_control() => text.extend(char.escape_default()),
		char => text.push(char),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn every_status_has_its_words() {
		let words: std::collections::BTreeSet<_> = Status::ALL.into_iter().map(|status| outcome(status, 3)).collect();
		assert_eq!(words.len(), Status::ALL.len());
		assert_eq!(outcome(Status::Exit, 3), "exit code 3");
		assert_eq!(outcome(Status::Trap, 6), "trap: integer division by zero");
		assert_eq!(outcome(Status::Trap, 99), "trap 99");
	}

	#[test]
	fn what_a_program_wrote_cannot_steer_a_terminal() {
		let mut written = Tail::new();
		written.push("caf\u{e9}\n\tat line 3\r\n\u{1b}[2J\u{202e}x\u{7}".as_bytes());
		written.push(b"\xff\x80!\n\n");
		assert_eq!(
			tail(&written),
			"caf\u{e9}\n\tat line 3\\r\n\\u{1b}[2J\\u{202e}x\\u{7}\\xff\\x80!"
		);
		written.push(&[b'z'; 5_000]);
		assert!(tail(&written).starts_with("[936 bytes before this]\nzzz"));
		assert_eq!(tail(&Tail::new()), "");
		assert_eq!(line("a\nb\u{1b}"), "a\\nb\\u{1b}");
	}

	#[test]
	fn what_two_outcomes_differ_in_is_all_named() {
		let one = Outcome {
			status: Status::Success,
			code: 0,
			output: millrace_primitives::machine::EMPTY_BLOB,
			errors: [0; 32],
			gas_used: 5,
		};
		assert!(differences(&one, &one).is_empty());
		let mut output = one.output;
		output.len = 3;
		let other = Outcome {
			status: Status::Exit,
			code: 2,
			output,
			errors: [1; 32],
			gas_used: 6,
		};
		let found = differences(&one, &other);
		let names: Vec<_> = found.iter().map(|(what, ..)| *what).collect();
		assert_eq!(names, ["ended", "gas", "output", "standard error"]);
		assert_eq!(found[0].1, "success");
		assert_eq!(found[0].2, "exit code 2");
		assert_eq!((found[1].1.as_str(), found[1].2.as_str()), ("5", "6"));
		// An outcome that differs in nothing that has words differs nevertheless.
		let coded = differences(&one, &Outcome { code: 7, ..one });
		assert_eq!(coded.len(), 1);
		assert_eq!(coded[0].2, "success (code 7)");
	}
}
