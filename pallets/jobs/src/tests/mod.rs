//! Tests by the step of a job's life that they are about.

mod assign;
mod clock;
mod close;
mod crowd;
mod custody;
mod declines;
mod demands;
mod ended;
mod errors;
mod frozen;
mod keeping;
mod lane;
mod life;
mod money;
mod properties;
mod scale;
mod sealing;
mod single;
mod verifier;
mod views;
mod work;

use crate::{mock::*, Shards};
use millrace_primitives::{
	job::SeatState,
	traits::{Assignments, Earned, Ending, Payee},
	AccountId, Hash, JobId, Report, ShardId,
};

type W = <Test as crate::Config>::WeightInfo;

pub(crate) fn signed(who: &AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who.clone())
}

pub(crate) fn alice() -> RuntimeOrigin {
	signed(&account(ALICE))
}

pub(crate) fn shard(job: JobId, index: u32) -> ShardId {
	ShardId { job, index }
}

/// Who holds the seats: the provider's number and its state.
pub(crate) fn seats(id: ShardId) -> Vec<Option<(u8, SeatState)>> {
	let record = Shards::<Test>::get(id.job, id.index).expect("the shard is under way");
	record
		.seats
		.iter()
		.map(|seat| {
			seat.holder.as_ref().map(|holder| {
				let bytes: &[u8; 32] = holder.provider.as_ref();
				(bytes[0], holder.state)
			})
		})
		.collect()
}

/// The provider that holds a seat.
pub(crate) fn holder(id: ShardId, seat: u8) -> u8 {
	seats(id)[usize::from(seat)].expect("the seat is held").0
}

pub(crate) fn exists(id: ShardId) -> bool {
	Shards::<Test>::contains_key(id.job, id.index)
}

/// Accepts all assigned seats.
pub(crate) fn accept_all(id: ShardId) {
	for (provider, state) in seats(id).into_iter().flatten() {
		if state == SeatState::Assigned {
			Jobs::accept(signed(&operator(provider)), id).unwrap();
		}
	}
}

/// Seals all seats that are not.
pub(crate) fn seal_all(id: ShardId) {
	for (seat, holder) in (0u8..).zip(seats(id)) {
		if holder.is_some_and(|(_, state)| state < SeatState::Sealed) {
			Evidence::seal(id, seat).unwrap();
		}
	}
}

/// Reveals all sealed seats.
pub(crate) fn reveal_all(id: ShardId) {
	for (seat, holder) in (0u8..).zip(seats(id)) {
		if holder.is_some_and(|(_, state)| state == SeatState::Sealed) {
			Evidence::reveal(id, seat);
		}
	}
}

pub(crate) fn report(gas_used: u64) -> Report {
	Report {
		root: Hash::repeat_byte(9),
		gas_used,
	}
}

/// A report of this much gas is accepted: each seat that has sealed earns its price for it, the rest is the client's.
pub(crate) fn accepted(id: ShardId, gas: u64) -> Ending {
	let shard = Jobs::running(id).expect("the shard is under way");
	let terms = &shard.terms;
	let paid = gas.min(terms.gas_limit);
	let earned: Vec<Earned> = (0u8..)
		.zip(&shard.seats)
		.filter_map(|(seat, slot)| {
			let holder = slot
				.holder
				.as_ref()
				.filter(|holder| holder.state >= SeatState::Sealed)?;
			let amount = millrace_primitives::money::payment(holder.ask, paid)
				.unwrap()
				.min(terms.seat_cap);
			let fee = millrace_primitives::money::fee(amount, terms.fee_share);
			Some(Earned {
				seat,
				amount,
				fee,
				bound: amount.min(holder.stake.liability),
			})
		})
		.collect();
	let spent: u128 = earned.iter().map(|earned| earned.amount + earned.fee).sum();
	Ending {
		report: Some(report(gas)),
		counted: true,
		transfers: vec![(Payee::Client, shard.reserve - spent)],
		earned,
	}
}

/// From drawn to settled.
pub(crate) fn finish(id: ShardId, gas: u64) {
	accept_all(id);
	seal_all(id);
	reveal_all(id);
	Evidence::end(id, accepted(id, gas));
	Jobs::do_try_state().unwrap();
}

/// Alice submits `tasks` tasks and all seats of the first shard are drawn.
pub(crate) fn assigned(tasks: u32, replicas: u8) -> ShardId {
	let id = shard(submit(spec(tasks, replicas)), 0);
	blocks(2 + u32::from(replicas));
	assert!(seats(id).iter().all(Option::is_some), "all seats are drawn");
	id
}

/// True if such an event was deposited.
pub(crate) fn seen(event: crate::Event<Test>) -> bool {
	let event: RuntimeEvent = event.into();
	System::events().iter().any(|record| record.event == event)
}
