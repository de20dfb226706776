//! What the agent gives to others: outputs, and what its open reports were computed from.

use super::{work::Job, Shared};
use crate::{fetch::Unavailable, market::Market, outputs::Outputs, seat::SeatKey};
use millrace_client::blobs::{Blob, BlobStore};
use millrace_primitives::{
	api::{AssignmentView, CaseSeatKind},
	job::{DeclineReason, SeatState},
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

/// The same seat, which fetches of those who sealed the shard first, and then of the client: it may be the client that serves slowly
/// what it does not want to be checked. Who watches a seat asks it last: there nobody but it has something to hide.
///
/// # Errors
/// The node does not say who they are.
pub(super) async fn with_peers<M: Market>(shared: &Shared<M>, job: &Job) -> Result<AssignmentView, Unavailable> {
	let mut seat = job.seat.clone();
	if job.key.is_drawn() || job.key.is_watched() || job.patient {
		let mut peers = peers(shared, job.key).await.map_err(|error| Unavailable {
			reason: DeclineReason::InputsUnavailable,
			hopeless: false,
			text: error.to_string(),
		})?;
		let (first, last) = match job.key.is_watched() {
			true => (&mut seat.endpoints, &mut peers),
			false => (&mut peers, &mut seat.endpoints),
		};
		first.append(last);
		seat.endpoints = std::mem::take(first);
	}
	Ok(seat)
}

async fn peers<M: Market>(shared: &Shared<M>, key: SeatKey) -> Result<Vec<String>, millrace_client::Error> {
	let head = shared.market.heads().await?.best;
	let case = shared.market.case(head, key.shard).await?;
	let seats = case.into_iter().flat_map(|case| case.seats);
	let bought = seats.filter(|seat| seat.kind == CaseSeatKind::Primary);
	let mut peers: Vec<_> = bought.filter_map(|seat| seat.endpoint).collect();
	peers.retain(|endpoint| *endpoint != shared.config.endpoint);
	// Another one each time, since one of them may serve slowly, too.
	if !peers.is_empty() {
		let first = head.number as usize % peers.len();
		peers.rotate_left(first);
	}
	Ok(peers)
}
