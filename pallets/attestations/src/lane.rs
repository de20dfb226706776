//! Which calls have room in every block, and for whom: those of a party, when they are due. All that a call needs but its
//! move is checked as the call itself does it, on a copy: what is refused here takes no room, what fails later costs its fee.

use crate::*;
use frame_support::weights::Weight;
use millrace_court::case::Attacker;
use millrace_primitives::job::SeatState;

impl<T: Config> Pallet<T> {
	/// What it weighs to find out whether a call of the lane is due; none of other calls.
	pub fn lane(call: &Call<T>) -> Option<Weight> {
		let items = match call {
			Call::seal { .. }
			| Call::reveal { .. }
			| Call::attack { .. }
			| Call::play { .. }
			| Call::decline { .. }
			| Call::unavailable { .. }
			| Call::served { .. } => 1,
			Call::seal_many { items } => items.len(),
			Call::reveal_many { items } => items.len(),
			_ => return None,
		};
		Some(check_weight::<T>().saturating_mul(items as u64))
	}

	/// Whether a call of the lane is its signer's to make now; of a batch, every item, each shard once.
	pub fn is_due(who: &AccountId, call: &Call<T>) -> bool {
		Self::check_due(who, call).is_ok()
	}

	fn check_due(who: &AccountId, call: &Call<T>) -> DispatchResult {
		match call {
			Call::play { shard, board, .. } => Self::may_play(who, *shard, *board),
			Call::served { shard } => Self::try_on(*shard, |evidence| Self::serve_callers(who, evidence)),
			Call::seal { shard, .. } => Self::may_seal(&Self::sealer(who, *shard)?, *shard),
			Call::reveal { item } => Self::may_reveal(&Self::opener(who, item.shard)?, item),
			_ => {
				let provider = T::Registry::provider_of(who).ok_or(Error::<T>::NotAnOperator)?;
				Self::check_operators(&provider, call)
			}
		}
	}

	fn check_operators(provider: &AccountId, call: &Call<T>) -> DispatchResult {
		match call {
			Call::seal_many { items } => {
				Self::each_once(items, |item| item.shard)?;
				items.iter().try_for_each(|item| Self::may_seal(provider, item.shard))
			}
			Call::reveal_many { items } => {
				Self::each_once(items, |item| item.shard)?;
				items.iter().try_for_each(|item| Self::may_reveal(provider, item))
			}
			Call::attack { shard, target } => Self::try_on(*shard, |evidence| {
				let by = evidence.number_of(provider).ok_or(Error::<T>::NotAssigned)?;
				let (rules, now) = (evidence.agreed.rules, Self::time_of(evidence)?);
				let judged = evidence.judged.as_mut().ok_or(Error::<T>::NotNow)?;
				let attacked = judged.case.attack(&rules, Attacker::Seat(by), *target, now);
				attacked.map(drop).map_err(|error| Self::refused(error).into())
			}),
			Call::decline { shard } => {
				Self::try_on(*shard, |evidence| Self::leave(provider, evidence, false).map(drop))
			}
			Call::unavailable { shard } => {
				Self::try_on(*shard, |evidence| Self::leave(provider, evidence, true).map(drop))
			}
			_ => Err(Error::<T>::NotNow.into()),
		}
	}

	/// A shard twice in a batch would be due and fail.
	fn each_once<I>(items: &[I], shard: impl Fn(&I) -> ShardId) -> DispatchResult {
		let mut shards: Vec<ShardId> = items.iter().map(shard).collect();
		shards.sort_unstable();
		let twice = shards.windows(2).any(|pair| pair.first() == pair.last());
		ensure!(!shards.is_empty(), Error::<T>::EmptyBatch);
		ensure!(!twice, Error::<T>::AlreadySealed);
		Ok(())
	}

	/// Does something to a copy of what is known of a shard.
	fn try_on(shard: ShardId, act: impl FnOnce(&mut ShardEvidence) -> DispatchResult) -> DispatchResult {
		act(&mut Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?)
	}

	fn may_seal(provider: &AccountId, shard: ShardId) -> DispatchResult {
		Self::try_on(shard, |evidence| {
			if evidence.judged.is_some() {
				return Self::take_seal(provider, evidence).map(drop);
			}
			Self::time_of(evidence)?;
			let seat = T::Assignments::seat(shard, provider).ok_or(Error::<T>::NotAssigned)?;
			ensure!(seat.held && seat.state == SeatState::Accepted, Error::<T>::WrongSeat);
			Ok(())
		})
	}

	fn may_reveal(provider: &AccountId, item: &RevealItem) -> DispatchResult {
		Self::try_on(item.shard, |evidence| {
			Self::open_seal(provider, evidence, item).map(drop)
		})
	}

	fn may_play(who: &AccountId, shard: ShardId, number: u32) -> DispatchResult {
		let record = Boards::<T>::get(shard, number).ok_or(Error::<T>::UnknownBoard)?;
		Self::try_on(shard, |evidence| {
			let now = Self::time_of(evidence)?;
			Self::turn_of(who, evidence, &record, now).map(drop)
		})
	}

	/// What the dearest call of the lane weighs, with the check.
	pub fn dearest_of_lane() -> Weight {
		let item = T::WeightInfo::seal()
			.max(T::WeightInfo::reveal())
			.saturating_add(check_weight::<T>());
		let one = T::WeightInfo::play()
			.saturating_add(T::WeightInfo::prove())
			.max(T::WeightInfo::attack())
			.max(T::WeightInfo::decline())
			.saturating_add(check_weight::<T>());
		item.saturating_mul(MAX_BATCH.into()).max(one)
	}
}

/// What it weighs to see whether one act is due: the operator, who may not be that of the draw any more, the evidence, the seat or
/// the board, and at most the hashes of what a reveal shows.
fn check_weight<T: Config>() -> Weight {
	Weight::from_parts(120_000_000, 12_000).saturating_add(T::DbWeight::get().reads(4))
}
