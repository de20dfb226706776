//! What must hold after every block.

use crate::*;
use alloc::collections::{btree_map::BTreeMap, btree_set::BTreeSet};
use millrace_primitives::job::{SeatState, MIN_REPLICAS};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks the evidence, that it agrees with the assignments, and the queue.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let queue = Queue::<T>::get();
		ensure!(queue.head <= queue.tail, "the queue's ends are crossed");
		let entries: BTreeMap<u64, Deadline> = Deadlines::<T>::iter().collect();
		ensure!(
			entries.len() as u64 == queue.tail - queue.head,
			"the queue has gaps or strays"
		);
		ensure!(
			entries.keys().all(|index| (queue.head..queue.tail).contains(index)),
			"a deadline is outside the queue"
		);
		let deadlines: BTreeSet<_> = entries
			.values()
			.map(|deadline| (deadline.shard, deadline.due))
			.collect();

		for (shard, evidence) in Evidence::<T>::iter() {
			ensure!(
				(MIN_REPLICAS..=MAX_REPLICAS).contains(&evidence.seats),
				"a shard has an unsupported number of seats"
			);
			let seats: BTreeSet<_> = evidence.entries.iter().map(|entry| entry.seat).collect();
			ensure!(seats.len() == evidence.entries.len(), "a seat has sealed twice");
			ensure!(
				seats.iter().all(|seat| *seat < evidence.seats),
				"a seat is outside its shard"
			);
			ensure!(!evidence.all_revealed(), "a shard with all its reports was not decided");
			ensure!(
				evidence.reveal_due.is_some() == evidence.all_sealed(),
				"reveals are not open exactly while all seats are sealed"
			);
			if let Some(due) = evidence.reveal_due {
				ensure!(deadlines.contains(&(shard, due)), "a reveal window has no deadline");
			}
			for entry in &evidence.entries {
				let seat = T::Assignments::seat(shard, &entry.provider);
				let state = if entry.report.is_some() {
					SeatState::Revealed
				} else {
					SeatState::Sealed
				};
				ensure!(
					seat.is_some_and(|s| (s.index, s.round, s.state) == (entry.seat, entry.round, state)),
					"evidence and assignments disagree about a seat"
				);
			}
		}
		Ok(())
	}
}
