//! What must survive a crash: one embedded database in the data directory.
//!
//! | table | key | value |
//! |---|---|---|
//! | `seats` | seat | [`Record`] |
//! | `outcomes` | seat, task | the task's outcome, so that a restart computes no task twice |
//! | `references` | address | how many outcomes name this output or tail, so that its file goes with the last of them |
//! | `transactions` | seat, kind | the block after which it can no longer be included |
//! | `reservations` | seat | what it may put on disk until its shard has ended, see [`Reservation`] |
//! | `watched` | seat | of a shard that is watched as if it were a seat: [`Watched`]; all else of it is where seats have it |
//!
//! A salt and a report are stored together, once, before the seal is submitted: whatever happens, a seat has one seal. Both can
//! be had again if the database is lost: the salt follows from the operator's key, and the report is computed again.
//!
//! After an error of the disk, a full one for example, the file is opened anew before it is used again: what was durable
//! is there, as after a crash.

use crate::{
	budget::Reservation,
	seat::{SeatKey, TxKind},
	watching::{Accused, Watched},
};
use codec::{Decode, Encode};
use millrace_primitives::{machine::address, BlockNumber, Hash, Outcome, Report};
use redb::{Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::{
	path::{Path, PathBuf},
	sync::{Mutex, PoisonError, RwLock},
	time::{Duration, Instant},
};

const SEATS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("seats");
const OUTCOMES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("outcomes");
const REFERENCES: TableDefinition<&[u8], u64> = TableDefinition::new("references");
const TRANSACTIONS: TableDefinition<&[u8], u32> = TableDefinition::new("transactions");
const RESERVATIONS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("reservations");
const WATCHED: TableDefinition<&[u8], &[u8]> = TableDefinition::new("watched");

/// Outcomes are made durable at least this often while a shard runs; a crash costs at most this much work again.
const FLUSH: Duration = Duration::from_secs(2);

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
	/// Another agent has it.
	#[error("another agent is running on {0}; one data directory serves one agent")]
	InUse(PathBuf),
	/// The disk is full, or the file is damaged.
	#[error("the agent's database {path}: {source}")]
	Storage {
		/// The database's file.
		path: PathBuf,
		/// What failed.
		source: Box<redb::Error>,
	},
}

/// The result of what the database does.
pub type Result<T, E = DbError> = std::result::Result<T, E>;
type Inner<T> = std::result::Result<T, redb::Error>;

/// The secret of a seat's seal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Sealed {
	/// What was computed.
	pub report: Report,
	/// What hides it until the reveal.
	pub salt: [u8; 32],
}

/// What the agent keeps about a seat.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
pub struct Record {
	/// The shard's first task.
	pub first_task: u32,
	/// The shard's number of tasks.
	pub tasks: u32,
	/// What work it is, see [`crate::decide::terms`].
	pub terms: Hash,
	/// The last finalized block in which the chain listed the seat.
	pub listed_at: BlockNumber,
	/// The seal, from the moment on that the shard is computed.
	pub sealed: Option<Sealed>,
	/// True once the outputs are in custody and may be given out.
	pub serving: bool,
	/// True once the chain was told that what a drawn seat needs cannot be fetched.
	pub called: bool,
}

/// The agent's database.
pub struct Database {
	path: PathBuf,
	/// None while it cannot be opened anew after an error of the disk.
	db: RwLock<Option<redb::Database>>,
	flushed: Mutex<Instant>,
}

impl Database {
	/// Opens or creates it. Fails if another process has it open.
	pub fn open(path: &Path) -> Result<Self> {
		let db = redb::Database::create(path).map_err(|error| match error {
			redb::DatabaseError::DatabaseAlreadyOpen => {
				DbError::InUse(path.parent().unwrap_or(Path::new(".")).to_path_buf())
			}
			other => DbError::Storage {
				path: path.into(),
				source: Box::new(other.into()),
			},
		})?;
		let this = Self {
			path: path.into(),
			db: RwLock::new(Some(db)),
			flushed: Mutex::new(Instant::now()),
		};
		// Reading needs the tables to exist.
		this.write(Durability::Immediate, |tx| {
			tx.open_table(SEATS)?;
			tx.open_table(OUTCOMES)?;
			tx.open_table(REFERENCES)?;
			tx.open_table(TRANSACTIONS)?;
			tx.open_table(RESERVATIONS)?;
			tx.open_table(WATCHED)?;
			Ok(())
		})?;
		Ok(this)
	}

	/// Every seat.
	pub fn seats(&self) -> Result<Vec<(SeatKey, Record)>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(SEATS)?;
			let rows = table.iter()?.map(|row| {
				let (key, value) = row?;
				Ok((seat_key(key.value())?, decode(value.value())?))
			});
			rows.collect()
		})
	}

	/// A seat.
	pub fn seat(&self, key: SeatKey) -> Result<Option<Record>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(SEATS)?;
			let row = table.get(&key.to_bytes()[..])?;
			row.map(|value| decode(value.value())).transpose()
		})
	}

	/// Takes up a seat, unless it is known.
	pub fn adopt(&self, key: SeatKey, proposed: &Record) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			let mut seats = tx.open_table(SEATS)?;
			let known = seats.get(&key.to_bytes()[..])?.is_some();
			if !known {
				seats.insert(&key.to_bytes()[..], &proposed.encode()[..])?;
			}
			Ok(())
		})
	}

	/// Takes up a shard that is watched.
	pub fn watch(&self, key: SeatKey, record: &Record, watched: &Watched) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			tx.open_table(SEATS)?
				.insert(&key.to_bytes()[..], &record.encode()[..])?;
			tx.open_table(WATCHED)?
				.insert(&key.to_bytes()[..], &watched.encode()[..])?;
			Ok(())
		})
	}

	/// Every shard that is watched.
	pub fn watched(&self) -> Result<Vec<(SeatKey, Watched)>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(WATCHED)?;
			let rows = table.iter()?.map(|row| {
				let (key, value) = row?;
				Ok((seat_key(key.value())?, decode(value.value())?))
			});
			rows.collect()
		})
	}

	/// Notes what is said about a shard that is watched, before it is said; none if it was not. False if it is not known.
	pub fn accused(&self, key: SeatKey, accused: Option<Accused>) -> Result<bool> {
		self.write(Durability::Immediate, |tx| {
			let mut table = tx.open_table(WATCHED)?;
			let known = table
				.get(&key.to_bytes()[..])?
				.map(|value| decode::<Watched>(value.value()));
			let Some(watched) = known.transpose()? else {
				return Ok(false);
			};
			let watched = Watched { accused, ..watched };
			table.insert(&key.to_bytes()[..], &watched.encode()[..])?;
			Ok(true)
		})
	}

	/// Notes that the chain still listed these seats in these blocks. Losing it in a crash costs nothing.
	pub fn listed(&self, seats: impl IntoIterator<Item = (SeatKey, BlockNumber)>) -> Result<()> {
		self.write(Durability::None, |tx| {
			seats
				.into_iter()
				.try_for_each(|(key, at)| change(tx, key, |record| record.listed_at = record.listed_at.max(at)))
		})
	}

	/// Notes that a seat's outputs may be given out, and gives its reserved room back.
	pub fn serve(&self, key: SeatKey) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			tx.open_table(RESERVATIONS)?.remove(&key.to_bytes()[..])?;
			change(tx, key, |record| record.serving = true)
		})
	}

	/// Notes that the chain was told that what a seat needs cannot be fetched.
	pub fn called(&self, key: SeatKey) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			change(tx, key, |record| record.called = true)
		})
	}

	/// Stores a task's outcome, unless the seat was forgotten meanwhile; false if it was. `last` makes it and all before
	/// durable at once. The file of the output must be in place.
	pub fn outcome(&self, key: SeatKey, task: u32, outcome: &Outcome, last: bool) -> Result<bool> {
		let mut flushed = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
		let durability = match last || flushed.elapsed() >= FLUSH {
			true => Durability::Immediate,
			false => Durability::None,
		};
		let stored = self.write(durability, |tx| {
			if tx.open_table(SEATS)?.get(&key.to_bytes()[..])?.is_none() {
				return Ok(false);
			}
			let before = tx
				.open_table(OUTCOMES)?
				.insert(&task_key(key, task)[..], &outcome.encode()[..])?
				.map(|value| decode::<Outcome>(value.value()));
			if let Some(before) = before {
				for name in names(&before?) {
					unreference(tx, name)?;
				}
			}
			reference(tx, outcome)?;
			Ok(true)
		})?;
		if matches!(durability, Durability::Immediate) {
			*flushed = Instant::now();
		}
		Ok(stored)
	}

	/// The outcomes of a seat by task, as far as they are known.
	pub fn outcomes(&self, key: SeatKey) -> Result<Vec<(u32, Outcome)>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(OUTCOMES)?;
			let (first, last) = (task_key(key, 0), task_key(key, u32::MAX));
			let rows = table.range(&first[..]..=&last[..])?.map(|row| {
				let (key, value) = row?;
				Ok((task_of(key.value())?, decode(value.value())?))
			});
			rows.collect()
		})
	}

	/// Reserves room on disk for a seat, if it is known and its outputs are not in custody yet.
	pub fn reserve(&self, key: SeatKey, reservation: &Reservation) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			let row = tx
				.open_table(SEATS)?
				.get(&key.to_bytes()[..])?
				.map(|value| decode::<Record>(value.value()));
			if row.transpose()?.is_some_and(|record| !record.serving) {
				tx.open_table(RESERVATIONS)?
					.insert(&key.to_bytes()[..], &reservation.encode()[..])?;
			}
			Ok(())
		})
	}

	/// Gives a seat's reserved room back, if there is any.
	pub fn release(&self, key: SeatKey) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			tx.open_table(RESERVATIONS)?.remove(&key.to_bytes()[..])?;
			Ok(())
		})
	}

	/// Every reservation.
	pub fn reservations(&self) -> Result<Vec<(SeatKey, Reservation)>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(RESERVATIONS)?;
			let rows = table.iter()?.map(|row| {
				let (key, value) = row?;
				Ok((seat_key(key.value())?, decode(value.value())?))
			});
			rows.collect()
		})
	}

	/// Stores a seat's seal before it is submitted. If there is a seal already, that one is kept and returned: a seat has one
	/// report and one salt.
	pub fn seal(&self, key: SeatKey, proposed: Sealed) -> Result<Sealed> {
		self.write(Durability::Immediate, |tx| {
			let mut kept = proposed;
			change(tx, key, |record| kept = *record.sealed.get_or_insert(proposed))?;
			Ok(kept)
		})
	}

	/// Notes a transaction before it is submitted: it may be included up to block `until`.
	pub fn submitting(&self, key: SeatKey, kind: TxKind, until: BlockNumber) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			tx.open_table(TRANSACTIONS)?.insert(&tx_key(key, kind)[..], until)?;
			Ok(())
		})
	}

	/// Notes that a transaction's fate is known.
	pub fn settled(&self, key: SeatKey, kind: TxKind) -> Result<()> {
		self.write(Durability::Immediate, |tx| {
			tx.open_table(TRANSACTIONS)?.remove(&tx_key(key, kind)[..])?;
			Ok(())
		})
	}

	/// The transactions whose fate is not known.
	pub fn unsettled(&self) -> Result<Vec<(SeatKey, TxKind, BlockNumber)>> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(TRANSACTIONS)?;
			let rows = table.iter()?.map(|row| {
				let (key, until) = row?;
				let (seat, kind) = key.value().split_at_checked(SeatKey::LEN).ok_or_else(damaged)?;
				Ok((seat_key(seat)?, decode(kind)?, until.value()))
			});
			rows.collect()
		})
	}

	/// Forgets a seat; returns the outputs and tails that nothing names any more.
	pub fn forget(&self, key: SeatKey) -> Result<Vec<Hash>> {
		self.write(Durability::Immediate, |tx| {
			let mut free = Vec::new();
			let (first, last) = (task_key(key, 0), task_key(key, u32::MAX));
			let mut dropped = Vec::new();
			{
				let mut outcomes = tx.open_table(OUTCOMES)?;
				for row in outcomes.extract_from_if(&first[..]..=&last[..], |_, _| true)? {
					dropped.push(decode::<Outcome>(row?.1.value())?);
				}
				tx.open_table(SEATS)?.remove(&key.to_bytes()[..])?;
				tx.open_table(RESERVATIONS)?.remove(&key.to_bytes()[..])?;
				tx.open_table(WATCHED)?.remove(&key.to_bytes()[..])?;
				let mut transactions = tx.open_table(TRANSACTIONS)?;
				let (first, last) = tx_range(key);
				transactions.retain_in(&first[..]..=&last[..], |_, _| false)?;
			}
			for outcome in dropped {
				for name in names(&outcome) {
					if unreference(tx, name)? {
						free.push(name);
					}
				}
			}
			Ok(free)
		})
	}

	/// True if a stored outcome names this output or tail.
	pub fn is_referenced(&self, root: Hash) -> Result<bool> {
		self.check(|db| {
			let table = db.begin_read()?.open_table(REFERENCES)?;
			let count = table.get(root.as_bytes())?;
			Ok(count.is_some())
		})
	}

	fn write<T>(&self, durability: Durability, change: impl FnOnce(&WriteTransaction) -> Inner<T>) -> Result<T> {
		self.check(|db| {
			let mut tx = db.begin_write()?;
			tx.set_durability(durability)?;
			let result = change(&tx)?;
			tx.commit()?;
			Ok(result)
		})
	}

	fn check<T>(&self, action: impl FnOnce(&redb::Database) -> Inner<T>) -> Result<T> {
		let failed = |source| DbError::Storage {
			path: self.path.clone(),
			source: Box::new(source),
		};
		let result = {
			let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
			db.as_ref().map(action)
		};
		let result = match result {
			Some(result) => result,
			None => Err(redb::Error::PreviousIo),
		};
		if matches!(result, Err(redb::Error::Io(_) | redb::Error::PreviousIo)) {
			self.reopen().map_err(failed)?;
		}
		result.map_err(failed)
	}

	/// After an error of the disk the library refuses everything until the file is opened anew.
	fn reopen(&self) -> Inner<()> {
		let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
		// The lock on the file goes with it.
		drop(db.take());
		*db = Some(redb::Database::create(&self.path)?);
		tracing::warn!(path = %self.path.display(), "the database was opened anew after an error of the disk");
		Ok(())
	}
}

/// Changes a seat's record, if it is known.
fn change(tx: &WriteTransaction, key: SeatKey, change: impl FnOnce(&mut Record)) -> Inner<()> {
	let mut seats = tx.open_table(SEATS)?;
	let record = seats
		.get(&key.to_bytes()[..])?
		.map(|value| decode::<Record>(value.value()));
	if let Some(record) = record {
		let mut record = record?;
		change(&mut record);
		seats.insert(&key.to_bytes()[..], &record.encode()[..])?;
	}
	Ok(())
}

/// The files that an outcome names: its output and the last of its standard error. What is empty has no file.
pub fn names(outcome: &Outcome) -> Vec<Hash> {
	let output = (outcome.output.len > 0).then(|| address(&outcome.output));
	let errors = (outcome.errors != [0; 32]).then_some(outcome.errors.into());
	output.into_iter().chain(errors).collect()
}

/// Counts the files that an outcome names.
fn reference(tx: &WriteTransaction, outcome: &Outcome) -> Inner<()> {
	let mut references = tx.open_table(REFERENCES)?;
	for name in names(outcome) {
		let count = references.get(name.as_bytes())?.map_or(0, |count| count.value());
		references.insert(name.as_bytes(), count.saturating_add(1))?;
	}
	Ok(())
}

/// Stops counting a file; true if this was the last outcome to name it.
fn unreference(tx: &WriteTransaction, name: Hash) -> Inner<bool> {
	let mut references = tx.open_table(REFERENCES)?;
	let count = references.get(name.as_bytes())?.map_or(0, |count| count.value());
	if count > 1 {
		references.insert(name.as_bytes(), count - 1)?;
		return Ok(false);
	}
	references.remove(name.as_bytes())?;
	Ok(true)
}

fn task_key(key: SeatKey, task: u32) -> Vec<u8> {
	[&key.to_bytes()[..], &task.to_be_bytes()].concat()
}

fn task_of(bytes: &[u8]) -> Inner<u32> {
	let task = bytes
		.get(SeatKey::LEN..)
		.and_then(|rest| rest.try_into().ok())
		.ok_or_else(damaged)?;
	Ok(u32::from_be_bytes(task))
}

fn tx_key(key: SeatKey, kind: TxKind) -> Vec<u8> {
	let mut bytes = key.to_bytes().to_vec();
	kind.encode_to(&mut bytes);
	bytes
}

/// The first and the last possible key of a seat's transactions.
fn tx_range(key: SeatKey) -> (Vec<u8>, Vec<u8>) {
	let bytes = key.to_bytes();
	(bytes.to_vec(), [&bytes[..], &[u8::MAX; 64]].concat())
}

fn seat_key(bytes: &[u8]) -> Inner<SeatKey> {
	SeatKey::from_bytes(bytes).ok_or_else(damaged)
}

fn decode<T: Decode>(mut bytes: &[u8]) -> Inner<T> {
	T::decode(&mut bytes).map_err(|_| damaged())
}

fn damaged() -> redb::Error {
	redb::Error::Corrupted("an entry cannot be read".into())
}
