//! What the agent gives to others: outputs, and what its open reports were computed from.

use super::Shared;
use crate::{market::Market, outputs::Outputs, seat::SeatKey};
use millrace_client::blobs::{Blob, BlobStore};
use millrace_primitives::{
	api::{AssignmentView, CaseSeatKind},
	job::SeatState,
	machine::Tail,
	Hash, JobId, ShardId,
};
use std::sync::Arc;

/// All that is given away.
pub(super) struct Store<M: Market>(pub Arc<Shared<M>>);

impl<M: Market> Store<M> {
	fn outputs(&self) -> &Outputs {
		&self.0.outputs
	}
}

impl<M: Market> BlobStore for Store<M> {
	fn open(&self, root: Hash) -> Option<Blob> {
		let given = || self.0.fetcher.given(root).map(Blob::File);
		self.outputs().open(root).or_else(given)
	}

	fn range(&self, root: Hash, first: u32, count: u32) -> Option<Vec<u8>> {
		self.0.fetcher.given_range(root, first, count)
	}

	fn errors(&self, job: JobId, task: u32) -> Option<Tail> {
		self.outputs().errors(job, task)
	}

	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		self.outputs().outcomes(shard)
	}
}

impl<M: Market> super::Agent<M> {
	/// Gives those who may be drawn to check a sealed report what it was computed from. A client that serves them nothing could
	/// else have it unpaid, and more.
	pub(super) fn give(&self) {
		for (key, seat) in &self.view.best.seats {
			let sealed = matches!(seat.state, Some(SeatState::Sealed | SeatState::Revealed));
			if key.is_drawn() || !sealed || !self.local.seats.contains_key(key) {
				continue;
			}
			if let Err(error) = self.shared.fetcher.give(*key, seat) {
				tracing::debug!(seat = %key, %error, "cannot give others what it was computed from");
			}
		}
	}
}

/// The same seat, which may fetch of those whom it checks, too.
pub(super) async fn with_peers<M: Market>(shared: &Shared<M>, key: SeatKey, seat: &AssignmentView) -> AssignmentView {
	let mut seat = seat.clone();
	if key.is_drawn() {
		match peers(shared, key).await {
			Ok(peers) => seat.endpoints.extend(peers),
			Err(error) => tracing::debug!(seat = %key, %error, "cannot see whom it checks"),
		}
	}
	seat
}

async fn peers<M: Market>(shared: &Shared<M>, key: SeatKey) -> Result<Vec<String>, millrace_client::Error> {
	let head = shared.market.heads().await?.best;
	let case = shared.market.case(head, key.shard).await?;
	let seats = case.into_iter().flat_map(|case| case.seats);
	let bought = seats.filter(|seat| seat.kind == CaseSeatKind::Primary);
	Ok(bought.filter_map(|seat| seat.endpoint).collect())
}
