//! What the jobs pallet asks of verification.

use crate::*;
use millrace_primitives::{
	job::{Verification, MIN_REPLICAS},
	outcome::SeatGas,
	traits::Verifier,
	Balance,
};

impl<T: Config> Verifier for Pallet<T> {
	/// Replicas check each other: nothing beside their payments is needed.
	fn budget(verification: &Verification, _seat_cap: Balance) -> Balance {
		match verification {
			Verification::Replicated { .. } => 0,
		}
	}

	fn open(shard: ShardId, verification: &Verification) -> DispatchResult {
		ensure!(!Evidence::<T>::contains_key(shard), Error::<T>::AlreadyOpen);
		match verification {
			Verification::Replicated { replicas } => {
				ensure!(
					(MIN_REPLICAS..=MAX_REPLICAS).contains(replicas),
					Error::<T>::UnsupportedSeats
				);
				Evidence::<T>::insert(shard, ShardEvidence::new(*replicas));
			}
		}
		Ok(())
	}

	fn close(shard: ShardId) -> SeatGas {
		Evidence::<T>::take(shard)
			.map(|evidence| evidence.revealed())
			.unwrap_or_default()
	}
}
