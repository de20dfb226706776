//! What happens to a job's shards in the court, in words.

use crate::{commands::fetch::ranges, units::mill};
use codec::Decode;
use millrace_client::{
	events::{Author, Court},
	keys::address,
	words, Event, Result,
};
use millrace_court::case::{End, Kind};
use millrace_primitives::{AccountId, Balance, JobId, Report, ShardId};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is to be said of some shards after a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct News {
	/// Of which.
	pub shards: Vec<u32>,
	/// What happened, in a word.
	pub event: &'static str,
	/// The same as people say it.
	pub text: String,
}

/// What is known of the shards that the court has something to say of.
#[derive(Default)]
pub struct Story {
	shards: BTreeMap<u32, Chapter>,
}

/// What is known of a shard until it ends.
#[derive(Default)]
struct Chapter {
	/// Boards that are played: by whom, against which seat.
	boards: BTreeMap<u32, (Author, u8)>,
	recomputed: bool,
	guilty: usize,
	/// The court knows what is right, whether somebody who was bought said it or not.
	known: bool,
}

/// Why a shard ended that the court said nothing of, as the pallet encodes it.
#[derive(Decode)]
enum Failure {
	#[codec(index = 0)]
	Unresolved,
	#[codec(index = 1)]
	Exhausted,
	#[codec(index = 2)]
	Closed,
}

impl Story {
	/// What of a block's events is to be said of a job. Of shards that were accepted and of which there is nothing else to
	/// say, all are in one.
	pub fn take(&mut self, id: JobId, events: &[Event]) -> Result<Vec<News>> {
		let mut news = Vec::new();
		let (mut quiet, mut alone) = (Vec::new(), Vec::new());
		for event in events {
			if let Some((shard, court)) = event.court()? {
				if shard.job == id {
					news.extend(self.court(shard.index, court));
				}
			} else if event.is("Jobs", "ShardSettled") {
				let (shard, _, counted) = event.decode::<(ShardId, Report, bool)>()?;
				if shard.job == id {
					match self.accepted(shard.index, counted) {
						Some(told) => news.push(told),
						None if counted => quiet.push(shard.index),
						None => alone.push(shard.index),
					}
				}
			} else if event.is("Jobs", "ShardFailed") {
				let (shard, failure) = event.decode::<(ShardId, Failure)>()?;
				if shard.job == id {
					let known = self.shards.remove(&shard.index).is_some_and(|chapter| chapter.known);
					news.extend(failed(shard.index, &failure, known));
				}
			}
		}
		let by_one = "accepted on the word of one provider: not drawn to be audited, and nobody showed it wrong";
		for (mut shards, event, how) in [(quiet, "accepted", "accepted (verified)"), (alone, "unaudited", by_one)] {
			if shards.is_empty() {
				continue;
			}
			shards.sort_unstable();
			let several = if shards.len() > 1 { "shards" } else { "shard" };
			let text = format!("{several} {}: {how}", ranges(&shards));
			news.push(News { shards, event, text });
		}
		Ok(news)
	}

	fn court(&mut self, shard: u32, court: Court) -> Option<News> {
		// Of most shards there is nothing to remember.
		let chapter = match &court {
			Court::Begun(_) | Court::Drawn(false) | Court::BondSettled { .. } => return None,
			Court::Decided {
				end: End::Accepted(_),
				guilty,
				..
			} if guilty.is_empty() => return None,
			// They come at a shard's end, and after it.
			Court::VerdictHeld { .. } | Court::Enacted(..) | Court::Voided(..) => return verdict(shard, &court),
			_ => self.shards.entry(shard).or_default(),
		};
		let (event, text) = match court {
			Court::Begun(_)
			| Court::Drawn(false)
			| Court::BondSettled { .. }
			| Court::VerdictHeld { .. }
			| Court::Enacted(..)
			| Court::Voided(..) => return None,
			Court::Drawn(true) => ("drawn", "drawn by chance to be audited".into()),
			Court::SeatDrawn(Kind::Fresh, _) => {
				chapter.recomputed = true;
				("recomputation", "a fresh seat computes it again".into())
			}
			Court::SeatDrawn(..) => ("audit", "audited by a drawn seat".into()),
			Court::SeatLeft(_, lost) => ("seatLeft", left(lost)),
			Court::Unavailable(_) => (
				"unavailable",
				"a drawn seat cannot fetch the program or its inputs: see that they are served, or the shard may end without a \
				 result"
					.into(),
			),
			Court::BoardOpened { board, by, target } => {
				let text = match &by {
					Author::Seat(by) => {
						let (one, other) = (by.min(&target), by.max(&target));
						format!("seats {one} and {other} differ, board {board} is open")
					}
					Author::Outsider(_) => {
						format!("somebody without a seat says that seat {target} is wrong, board {board} is open")
					}
				};
				chapter.boards.insert(board, (by, target));
				("boardOpened", text)
			}
			Court::BoardDecided {
				board,
				target_lost,
				how,
			} => {
				let loser = match (chapter.boards.remove(&board), target_lost) {
					(Some((_, target)), true) => format!("seat {target} is out"),
					(Some((Author::Seat(by), _)), false) => format!("seat {by} is out"),
					(Some((Author::Outsider(_), target)), false) => format!("seat {target} stands, its attacker is out"),
					(None, true) => "the seat that was attacked is out".into(),
					(None, false) => "the attacker is out".into(),
				};
				("boardDecided", format!("board {board} is decided: {loser}, {}", words::how(how)))
			}
			Court::Decided { end, guilty, .. } => {
				chapter.guilty = guilty.len();
				chapter.known = matches!(end, End::Accepted(_));
				match end {
					// What follows says whether it counts.
					End::Accepted(_) | End::Thin(_) => return None,
					End::Unresolved => (
						"unresolved",
						format!("no result: nobody is left who can say what is right{}", of(&guilty)),
					),
					End::NoData => (
						"noData",
						format!(
							"no result: those who were drawn to check it could not fetch the program or its inputs{}",
							of(&guilty)
						),
					),
				}
			}
		};
		Some(News {
			shards: vec![shard],
			event,
			text: format!("shard {shard}: {text}"),
		})
	}

	/// How an accepted shard is told of; none if there is nothing to say but that.
	fn accepted(&mut self, shard: u32, counted: bool) -> Option<News> {
		let chapter = self.shards.remove(&shard);
		if chapter.is_none() {
			return None;
		}
		let Chapter { recomputed, guilty, .. } = chapter.unwrap_or_default();
		let again = if recomputed { "recomputed, and " } else { "" };
		let guilty = count(guilty);
		let (event, text) = match counted {
			true => ("accepted", format!("{again}accepted (verified){guilty}")),
			false => (
				"thin",
				format!("{again}accepted, unverified (thin): nobody who was drawn has confirmed it{guilty}"),
			),
		};
		Some(News {
			shards: vec![shard],
			event,
			text: format!("shard {shard}: {text}"),
		})
	}
}

/// What becomes of what somebody guilty lost.
fn verdict(shard: u32, court: &Court) -> Option<News> {
	let (event, text) = match court {
		Court::VerdictHeld { account, amount, due } => (
			"verdictHeld",
			format!(
				"{} lost {}, held until market block {due}; until then it can be voided, if the chain judged wrongly",
				address(account),
				mill(*amount)
			),
		),
		Court::Enacted(account, paid) => {
			let amount = paid
				.iter()
				.fold(0, |sum: Balance, (_, amount)| sum.saturating_add(*amount));
			let text = format!("what {} lost is shared out: {}", address(account), mill(amount));
			("enacted", text)
		}
		Court::Voided(account, amount) => (
			"voided",
			format!(
				"the verdict on {} is void, {} is its own again",
				address(account),
				mill(*amount)
			),
		),
		_ => return None,
	};
	Some(News {
		shards: vec![shard],
		event,
		text: format!("shard {shard}: {text}"),
	})
}

/// The chain does not say why: giving the place back costs a fee, not sealing in time more.
fn left(lost: Balance) -> String {
	match lost {
		0 => "a drawn seat left before it sealed".into(),
		_ => format!("a drawn seat left before it sealed, {} of its bond burned", mill(lost)),
	}
}

fn of(guilty: &[AccountId]) -> String {
	count(guilty.len())
}

fn count(guilty: usize) -> String {
	match guilty {
		0 => String::new(),
		1 => "; one provider is guilty".into(),
		count => format!("; {count} providers are guilty"),
	}
}

/// What the court did not say itself.
fn failed(shard: u32, failure: &Failure, known: bool) -> Option<News> {
	let why = match failure {
		Failure::Unresolved if known => {
			"all who were bought for it were wrong, as others showed, who do not keep outputs; what it cost comes back, submit it \
			 again"
		}
		Failure::Unresolved => return None,
		Failure::Exhausted => "too many providers declined or failed it, and nobody had sealed",
		Failure::Closed => "its seats were not filled before the job's end",
	};
	Some(News {
		shards: vec![shard],
		event: "failed",
		text: format!("shard {shard}: no result: {why}"),
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use millrace_court::case::How;
	use millrace_primitives::Hash;

	const JOB: JobId = JobId(7);

	fn shard(index: u32) -> ShardId {
		ShardId { job: JOB, index }
	}

	fn event(pallet: &str, name: &str, fields: impl Encode) -> Event {
		Event {
			pallet: pallet.into(),
			name: name.into(),
			extrinsic: None,
			fields: fields.encode(),
		}
	}

	fn court(name: &str, fields: impl Encode) -> Event {
		event("Attestations", name, fields)
	}

	fn account() -> AccountId {
		AccountId::from([1; 32])
	}

	fn report() -> Report {
		Report {
			root: Hash::zero(),
			gas_used: 1,
		}
	}

	fn settled(index: u32, counted: bool) -> Event {
		event("Jobs", "ShardSettled", (shard(index), report(), counted, [0_u128; 5]))
	}

	fn decided(index: u32, end: End, report: Option<Report>, guilty: Vec<AccountId>) -> Event {
		court("Decided", (shard(index), end, report, guilty))
	}

	fn texts(story: &mut Story, events: &[Event]) -> Vec<String> {
		let news = story.take(JOB, events).unwrap();
		news.into_iter().map(|news| news.text).collect()
	}

	#[test]
	fn shards_that_agree_are_told_together_and_others_jobs_not_at_all() {
		let mut story = Story::default();
		let other = ShardId {
			job: JobId(8),
			index: 1,
		};
		let events = [
			court("SealingClosed", (shard(3), 2_u8)),
			court("Drawn", (shard(3), false)),
			court("Sealed", (shard(3), 0_u8, account())),
			court("Drawn", (other, true)),
			event("Jobs", "ShardSettled", (other, report(), true)),
		];
		assert!(texts(&mut story, &events).is_empty());
		let well = |index| decided(index, End::Accepted(0), Some(report()), Vec::new());
		let events = [
			well(5),
			settled(5, true),
			settled(3, true),
			settled(4, true),
			settled(9, true),
		];
		assert_eq!(texts(&mut story, &events), ["shards 3-5, 9: accepted (verified)"]);
		let alone = [
			well(7),
			settled(7, false),
			well(8),
			settled(8, false),
			settled(10, true),
		];
		let by_one = "accepted on the word of one provider: not drawn to be audited, and nobody showed it wrong";
		assert_eq!(
			texts(&mut story, &alone),
			["shard 10: accepted (verified)".into(), format!("shards 7-8: {by_one}")]
		);
		assert_eq!(texts(&mut story, &[settled(6, true)]), ["shard 6: accepted (verified)"]);
	}

	#[test]
	fn a_dispute_is_told_from_its_audit_to_its_end() {
		let mut story = Story::default();
		let events = [
			court("Drawn", (shard(3), true)),
			court("SeatDrawn", (shard(3), Kind::Audit, 18_u8, account())),
			court("BoardOpened", (shard(3), 0_u32, (0_u8, 1_u8), 0_u8)),
			court("BoardOpened", (shard(3), 1_000_u32, (1_u8, account()), 2_u8)),
			court("BoardDecided", (shard(3), 0_u32, true, How::Step)),
			court("BoardDecided", (shard(3), 1_000_u32, false, How::Clock)),
			court("SeatDrawn", (shard(3), Kind::Fresh, 19_u8, account())),
		];
		assert_eq!(
			texts(&mut story, &events),
			[
				"shard 3: drawn by chance to be audited",
				"shard 3: audited by a drawn seat",
				"shard 3: seats 0 and 1 differ, board 0 is open",
				"shard 3: somebody without a seat says that seat 2 is wrong, board 1000 is open",
				"shard 3: board 0 is decided: seat 0 is out, it claimed a step that the machine does not make",
				"shard 3: board 1000 is decided: seat 2 stands, its attacker is out, its time was over",
				"shard 3: a fresh seat computes it again",
			]
		);
		let end = [
			decided(3, End::Accepted(1), Some(report()), vec![account()]),
			settled(3, true),
		];
		assert_eq!(
			texts(&mut story, &end),
			["shard 3: recomputed, and accepted (verified); one provider is guilty"]
		);
		assert!(story.shards.is_empty(), "nothing is kept of what ended");
	}

	#[test]
	fn who_leaves_is_told_with_what_burned_and_without_a_reason() {
		let gone = |lost: Balance| court("SeatLeft", (shard(3), 18_u8, account(), lost));
		assert_eq!(
			texts(&mut Story::default(), &[gone(0), gone(150_000_000_000)]),
			[
				"shard 3: a drawn seat left before it sealed",
				"shard 3: a drawn seat left before it sealed, 0.15 MILL of its bond burned",
			]
		);
	}

	#[test]
	fn what_ends_without_proof_says_so() {
		let mut story = Story::default();
		let thin = texts(
			&mut story,
			&[decided(1, End::Thin(0), Some(report()), Vec::new()), settled(1, false)],
		);
		assert!(thin[0].contains("accepted, unverified (thin)"), "{thin:?}");
		let failed = |index: u32, failure: u8| event("Jobs", "ShardFailed", (shard(index), failure));
		let none = texts(
			&mut story,
			&[
				decided(2, End::Unresolved, None, Vec::new()),
				failed(2, 0),
				decided(3, End::NoData, None, vec![account(), account()]),
				failed(3, 0),
				failed(4, 1),
				failed(5, 2),
				decided(6, End::Accepted(1), Some(report()), vec![account()]),
				failed(6, 0),
			],
		);
		assert_eq!(none.len(), 5);
		assert!(none[4].contains("shard 6: no result: all who were bought"), "{none:?}");
		assert!(none[0].contains("shard 2: no result: nobody is left"), "{none:?}");
		assert!(
			none[1].contains("could not fetch") && none[1].ends_with("2 providers are guilty"),
			"{none:?}"
		);
		assert!(none[2].contains("too many providers"), "{none:?}");
		assert!(none[3].contains("job's end"), "{none:?}");
		assert!(story.shards.is_empty());
		// Whoever looks in the middle knows less.
		let lost = texts(
			&mut story,
			&[court("BoardDecided", (shard(1), 0_u32, true, How::Clock))],
		);
		assert_eq!(
			lost,
			["shard 1: board 0 is decided: the seat that was attacked is out, its time was over"]
		);
	}
}
