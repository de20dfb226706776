//! What must hold after every block.

use crate::{
	boards::{Author, BoardState},
	evidence::FIRST_DRAWN,
	*,
};
use alloc::collections::btree_map::BTreeMap;
use millrace_court::case::{By, Kind, State};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every shard's evidence, its boards, and that each bond is on hold.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut bonds: BTreeMap<AccountId, Balance> = BTreeMap::new();
		let mut drawn = 0;
		for (shard, evidence) in Evidence::<T>::iter() {
			let mut providers: Vec<_> = evidence.entries.iter().map(|entry| &entry.provider).collect();
			providers.sort();
			providers.dedup();
			ensure!(
				providers.len() == evidence.entries.len(),
				"a provider has two seats of a case"
			);
			let Some(judged) = &evidence.judged else {
				ensure!(
					evidence.entries.len() < usize::from(evidence.seats),
					"all have sealed and no case has begun"
				);
				continue;
			};
			ensure!(
				judged.case.seats().len() == evidence.entries.len(),
				"the case has other seats than the evidence"
			);
			for ((seat, entry), number) in judged.case.seats().iter().zip(&evidence.entries).zip(0_u8..) {
				ensure!(seat.provider == entry.provider, "a seat of the case is somebody else's");
				ensure!(
					(seat.kind == Kind::Primary) == (entry.index < FIRST_DRAWN),
					"a seat's index is not of its kind"
				);
				let left = judged.settled || seat.state == State::Away;
				ensure!(
					entry.stake.liability == if left { 0 } else { seat.reserve.total() },
					"what is reserved is not what is at stake"
				);
				let listed = DrawnSeats::<T>::get(&entry.provider, shard) == Some(number);
				let is_drawn = seat.kind != Kind::Primary && !left;
				ensure!(listed == is_drawn, "a drawn seat is not listed, or another is");
				drawn += u32::from(is_drawn);
				if let (
					false,
					State::Out {
						by: By::Outsider { account, bond },
						..
					},
				) = (judged.settled, &seat.state)
				{
					*bonds.entry(account.clone()).or_default() += bond;
				}
			}
			let mut stubs = 0;
			for (_, record) in Boards::<T>::iter_prefix(shard) {
				match &record.by {
					Author::Outsider(account) => {
						stubs += 1;
						*bonds.entry(account.clone()).or_default() += record.bond;
					}
					Author::Seat(_) => {
						let played = matches!(record.state, BoardState::Played { .. });
						ensure!(played && record.bond == 0, "a seat's board is over, or has a bond");
					}
				}
			}
			ensure!(stubs == judged.stubs, "the count of outsiders' boards is wrong");
			ensure!(!judged.settled || stubs > 0, "a settled case is kept for nothing");
			ensure!(
				judged.settled || T::Assignments::client(shard) == Some(evidence.agreed.client),
				"a case has no shard, or another's"
			);
			ensure!(judged.settled || judged.alarm > 0, "nobody will look at a case");
		}
		ensure!(
			DrawnSeats::<T>::iter().count() as u32 == drawn,
			"a drawn seat is listed that is none"
		);
		ensure!(
			Boards::<T>::iter_keys().all(|(shard, _)| Evidence::<T>::contains_key(shard)),
			"a board has no case"
		);
		let mut guilty: BTreeMap<AccountId, Balance> = BTreeMap::new();
		for (_, account, verdict) in Verdicts::<T>::iter() {
			let mut payees: Vec<_> = verdict.shares.iter().map(|(to, _)| to).collect();
			payees.sort();
			payees.dedup();
			ensure!(
				!payees.is_empty() && payees.len() == verdict.shares.len(),
				"a verdict has no share, or two for one"
			);
			ensure!(
				verdict.shares.iter().all(|(_, amount)| *amount > 0),
				"a share is of nothing"
			);
			*guilty.entry(account).or_default() += verdict.amount();
		}
		for (account, lost) in guilty {
			ensure!(
				Self::held_as_guilty(&account) == lost,
				"what is held of the guilty is not the sum of their verdicts"
			);
		}
		let now = T::Clock::now();
		let freezes = Freezes::<T>::get();
		let mut frozen: Vec<_> = freezes.iter().map(|freeze| freeze.subject).collect();
		frozen.sort();
		frozen.dedup();
		ensure!(frozen.len() == freezes.len(), "a subject is frozen twice");
		for freeze in freezes.iter().filter(|freeze| freeze.is_on(now)) {
			let is_beside = |other: &&Freeze| other.is_on(now) && other.subject == Freezable::Engine(freeze.engine);
			ensure!(
				freeze.subject == Freezable::Engine(freeze.engine) || !freezes.iter().any(|other| is_beside(&other)),
				"a program and its version stand both"
			);
		}
		for (account, bond) in bonds {
			ensure!(
				Self::accused_with(&account) == bond,
				"an outsider's hold is not the sum of its bonds"
			);
		}
		Ok(())
	}
}
