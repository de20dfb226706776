//! Behaviour of the pallet: lives of shards with exact money, every call's errors, and random histories.

mod calls;
mod disputes;
mod histories;
mod lane;
mod lives;
mod real;
mod single;
mod steps;
mod verdicts;

use crate::{evidence::Shown, mock::*, *};
use millrace_court::{
	case::Stage,
	draw::{accumulate, is_drawn},
	sums::ShownLeaf,
};
use millrace_primitives::{
	machine::{errors_root, Blake2, EMPTY_BLOB},
	outcome::{seal as seal_of, SealContext},
	traits::Verifier,
	Outcome, Status,
};

/// Outcomes of the shard's tasks, in some version; version 0 is the truth.
pub fn outcomes(version: u8) -> Vec<Outcome> {
	(0..Work::get().tasks)
		.map(|task| Outcome {
			status: Status::Success,
			code: 0,
			output: EMPTY_BLOB,
			errors: errors_root::<Blake2>(0, &[0; 32]),
			gas_used: 100_000_000 * u64::from(task + 1) + u64::from(version) * 1_000,
		})
		.collect()
}

/// What a seat of a case says: its outcomes, those of its sample if it is an audit's.
pub fn said(shard: ShardId, provider: u8, outcomes: &[Outcome]) -> Vec<Outcome> {
	let tasks = Attestations::called_view(shard, &account(provider)).and_then(|called| called.tasks);
	match tasks {
		Some(tasks) => tasks.iter().map(|task| outcomes[*task as usize]).collect(),
		None => outcomes.to_vec(),
	}
}

/// The index and the round of a provider's seat.
fn place(shard: ShardId, provider: u8) -> (u8, u32) {
	let evidence = Evidence::<Test>::get(shard).expect("it is known");
	match evidence.number_of(&account(provider)) {
		Some(number) => (
			evidence.entries[usize::from(number)].index,
			evidence.entries[usize::from(number)].round,
		),
		None => {
			let seat = Jobs::seat(shard, &account(provider)).expect("it has a seat");
			(seat.index, seat.round)
		}
	}
}

const SALT: [u8; 32] = [9; 32];

/// That a task came to this.
pub fn accusation(task: u32, outcome: Outcome) -> Box<Accusation> {
	Box::new(Accusation::Outcome { task, outcome })
}

/// L2 where little was claimed: 28 of 3/8 C, and three seats' fees.
pub fn least_stake() -> Balance {
	28 * (3 * CAP).div_ceil(8) + 3 * params().seat_fee
}

pub fn seal_call(shard: ShardId, provider: u8, outcomes: &[Outcome]) -> Call<Test> {
	let report = outcome::report(&said(shard, provider, outcomes)).unwrap();
	let (seat, round) = place(shard, provider);
	let genesis = Attestations::genesis();
	let account = account(provider);
	let context = SealContext {
		genesis: &genesis,
		shard,
		seat,
		round,
		account: &account,
	};
	Call::seal {
		shard,
		seal: seal_of(context, &report, &SALT),
	}
}

pub fn reveal_item(shard: ShardId, provider: u8, outcomes: &[Outcome]) -> RevealItem {
	let said = said(shard, provider, outcomes);
	let called = Attestations::called_view(shard, &account(provider)).unwrap_or_default();
	let shown = called.shown.iter().map(|task| ShownLeaf::of(&said, *task).unwrap());
	RevealItem {
		shard,
		report: outcome::report(&said).unwrap(),
		salt: SALT,
		shown: Shown::truncate_from(shown.collect()),
	}
}

pub fn reveal_call(shard: ShardId, provider: u8, outcomes: &[Outcome]) -> Call<Test> {
	Call::reveal {
		item: reveal_item(shard, provider, outcomes),
	}
}

pub fn seal(shard: ShardId, provider: u8, version: u8) -> DispatchResult {
	call(operator(provider), seal_call(shard, provider, &outcomes(version)))
}

pub fn reveal(shard: ShardId, provider: u8, version: u8) -> DispatchResult {
	call(operator(provider), reveal_call(shard, provider, &outcomes(version)))
}

/// The report that a shard's case was decided for, whether it is paid or not.
pub fn decided_for(shard: ShardId) -> Option<Report> {
	let decided = System::events()
		.into_iter()
		.rev()
		.find_map(|record| match record.event {
			RuntimeEvent::Attestations(Event::Decided { shard: of, report, .. }) if of == shard => Some(report),
			_ => None,
		});
	decided.expect("it is decided")
}

/// The case of a shard.
pub fn judged(shard: ShardId) -> crate::evidence::Judged {
	Evidence::<Test>::get(shard).unwrap().judged.unwrap()
}

pub fn view(shard: ShardId) -> millrace_primitives::api::CaseView {
	Attestations::case_view(shard).unwrap()
}

/// Whether a shard that is sealed now will be audited.
pub fn will_be_drawn(shard: ShardId) -> bool {
	let mut so_far = Outputs::<Test>::get().acc;
	for ahead in 1..=u32::from(params().draw_outputs) {
		let output = millrace_primitives::merkle::hash(&(Now::get() + ahead).encode());
		so_far = accumulate(&so_far, &output.0);
	}
	is_drawn(&so_far, shard, params().most)
}

/// A shard whose seats these providers have sealed in these versions, and that is audited, or not: which of them are is known
/// beforehand here, since the mock's outputs follow from its clock.
pub fn sealed(versions: &[(u8, u8)], audited: bool) -> ShardId {
	let ids: Vec<u8> = versions.iter().map(|(id, _)| *id).collect();
	let shard = (0..100)
		.map(shard)
		.find(|shard| will_be_drawn(*shard) == audited)
		.expect("one in four is audited");
	Jobs::start(shard, &ids);
	for (id, version) in versions {
		seal(shard, *id, *version).unwrap();
	}
	run_until(10, || !matches!(judged(shard).case.stage(), Stage::Drawing));
	assert_eq!(judged(shard).case.is_drawn(), audited);
	shard
}

/// The same, and all have opened what they sealed; no audit.
pub fn opened(versions: &[(u8, u8)]) -> ShardId {
	let shard = sealed(versions, false);
	for (id, version) in versions {
		reveal(shard, *id, *version).unwrap();
	}
	shard
}

/// Two have opened, and the first has attacked the second, which lies.
pub fn attacked() -> ShardId {
	let shard = opened(&[(1, 0), (2, 1)]);
	call(operator(1), Call::attack { shard, target: 1 }).unwrap();
	shard
}

/// Who was drawn and has not sealed.
pub fn drawn(shard: ShardId) -> Vec<u8> {
	let seats = view(shard).seats;
	seats
		.iter()
		.filter(|seat| seat.state == millrace_primitives::api::CaseSeatState::Working)
		.map(|seat| AsRef::<[u8; 32]>::as_ref(&seat.provider)[0])
		.collect()
}
