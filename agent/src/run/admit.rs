//! Whether the machine has what a seat needs, before anything is fetched for it.

use super::{work::Job, Shared};
use crate::{
	budget::{Disk, NoRoom, Reservation, Speed},
	fetch::Unavailable,
	hardware::free_disk,
	market::Market,
	outputs::StoreError,
	seat::{task_count, SeatKey},
};
use millrace_primitives::job::DeclineReason;
use std::{
	collections::HashSet,
	io,
	sync::{Arc, PoisonError},
};

/// Why room for a seat was not reserved.
#[derive(Debug, thiserror::Error)]
enum Failure {
	#[error(transparent)]
	NoRoom(#[from] NoRoom),
	#[error(transparent)]
	Store(#[from] StoreError),
	#[error("programs and inputs on disk: {0}")]
	Disk(#[from] io::Error),
}

impl From<crate::db::DbError> for Failure {
	fn from(error: crate::db::DbError) -> Self {
		Self::Store(error.into())
	}
}

/// Makes sure of time and disk for a seat that is not accepted yet. For one that is, both are taken as they are: giving
/// it up would cost more.
pub(super) async fn admit<M: Market>(shared: &Arc<Shared<M>>, job: &Job) -> Result<(), Unavailable> {
	let promised = job.is_promised();
	// Of what is watched the time was looked at when it was chosen.
	if !promised && !job.key.is_watched() {
		in_time(shared, job).await?;
	}
	let worker = shared.clone();
	let key = job.key;
	let mut reservation = Reservation::of(&job.seat);
	if key.is_watched() {
		// Its outputs are not kept.
		reservation.output_limit = 0;
	}
	let done = tokio::task::spawn_blocking(move || reserve(&worker, key, reservation, promised));
	match done.await {
		Ok(Ok(())) => Ok(()),
		// A job that no disk of this size holds is the job's affair; that others have the disk now is this machine's.
		Ok(Err(Failure::NoRoom(error @ NoRoom::Ever { .. }))) => Err(Unavailable {
			reason: DeclineReason::TooLarge,
			..refusal(error.to_string(), true)
		}),
		Ok(Err(Failure::NoRoom(error))) => Err(refusal(error.to_string(), true)),
		Ok(Err(error)) => Err(refusal(error.to_string(), false)),
		Err(error) => Err(refusal(error.to_string(), false)),
	}
}

fn refusal(text: String, hopeless: bool) -> Unavailable {
	Unavailable {
		reason: DeclineReason::NoCapacity,
		hopeless,
		text,
	}
}

/// Refuses what this machine may not finish in time.
async fn in_time<M: Market>(shared: &Shared<M>, job: &Job) -> Result<(), Unavailable> {
	let Some(mgas) = shared.config.benchmark_mgas else {
		return Ok(());
	};
	let unknown = |error: millrace_client::Error| refusal(error.to_string(), false);
	let nature = shared.market.nature().await.map_err(unknown)?;
	let window = match job.key.is_drawn() {
		// From its draw to its seal.
		true => Some(job.seat.due.saturating_sub(job.now)),
		false => shared.market.execution_window(&job.seat).await.map_err(unknown)?,
	};
	let Some(window) = window else { return Ok(()) };
	let tasks = task_count(&job.seat);
	let speed = Speed::here(mgas, shared.config.slots);
	let needed = speed.time_for(job.seat.limits.gas, tasks);
	let allowed = nature.block_time.saturating_mul(window);
	if needed <= allowed {
		return Ok(());
	}
	let text = format!(
		"its {tasks} tasks of up to {} gas may take {} s at {mgas} Mgas/s, the chain allows {} s",
		job.seat.limits.gas,
		needed.as_secs(),
		allowed.as_secs()
	);
	if nature.live {
		return Err(refusal(text, true));
	}
	tracing::debug!(seat = %job.key, "taken nevertheless, since the chain is for development: {text}");
	Ok(())
}

fn reserve<M: Market>(
	shared: &Shared<M>,
	key: SeatKey,
	reservation: Reservation,
	promised: bool,
) -> Result<(), Failure> {
	// One after the other, so that two seats do not both get the last room.
	let _order = shared.admission.lock().unwrap_or_else(PoisonError::into_inner);
	let reservations = shared.db.reservations()?;
	if reservations.iter().any(|(known, _)| *known == key) {
		return Ok(());
	}
	let mut under_way = Vec::new();
	// A seat does not stand back for what is watched.
	let counts = |other: &SeatKey| key.is_watched() || !other.is_watched();
	for (other, reserved) in reservations.iter().filter(|(other, _)| counts(other)) {
		let outputs = u32::try_from(shared.outputs.done(*other)?.len()).unwrap_or(u32::MAX);
		under_way.push((reserved, shared.fetcher.inputs_there(*other)?, outputs));
	}
	let look = || -> Result<Disk, Failure> {
		let there = shared.fetcher.shared()?;
		let of_shared: u64 = there.values().sum();
		Ok(Disk {
			budget: shared.config.disk_mib.saturating_mul(1024 * 1024),
			stored: of_shared
				.saturating_add(shared.fetcher.bytes())
				.saturating_add(shared.outputs.bytes()),
			free: free_disk(shared.fetcher.folder_of_shared()),
			shared: there.into_keys().collect(),
		})
	};
	let admitted = |disk: &Disk| {
		let reserved = disk.reserved(under_way.iter().copied());
		match key.is_watched() {
			true => disk.half_left(reserved).admit(&reservation, reserved),
			false => disk.admit(&reservation, reserved),
		}
	};
	let mut room = admitted(&look()?);
	if room.is_err() {
		// Programs and images that are kept in case that they come again go first.
		let reserved = reservations.iter().map(|(_, reserved)| reserved).chain([&reservation]);
		let used: HashSet<_> = reserved
			.flat_map(|reserved| &reserved.shared)
			.map(|(address, _)| *address)
			.collect();
		shared.fetcher.prune(&used, 0)?;
		room = admitted(&look()?);
	}
	if let Err(error) = &room {
		if !promised {
			return Err(error.clone().into());
		}
		tracing::warn!(seat = %key, %error, "it is accepted already, so it gets what there is");
	}
	Ok(shared.db.reserve(key, &reservation)?)
}
