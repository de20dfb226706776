//! Programs, jobs and shards.
//!
//! A job maps one program over its tasks: `output[i] = program(input[i])`. The chain keeps one record a *shard*, a
//! contiguous range of tasks, while it is under way, and nothing for shards that wait or are done.
//!
//! ```text
//! job    Open ──────────► Done            every shard settled
//!          ├────────────► Cancelled       by its client: waiting shards are refunded, running ones settle
//!          └────────────► Expired         at its deadline: likewise
//!
//! seat   Vacant ─draw─► Assigned ─accept─► Accepted ─seal─► Sealed ─reveal─► Revealed
//!          ▲               │                  │
//!          └── decline, missed accept ── late ┘
//!
//! shard  Queued ─► Assigned ─► Accepted ─► Sealed ─► Reported ─► Settled      decided by the court
//!          └──────────┴────────► ended without a result: the court could not decide, or nobody had sealed when too many
//!                                 providers had failed it, or its job closed and its seats could not be filled in time
//! ```
//!
//! Nobody computes before all seats of a shard are accepted. Sealing closes when all are sealed, or when time is up for
//! those that are not: then the shard goes on with those who have.
//!
//! A shard's state is that of its *least advanced* seat; a job asks for as many seats a shard as its verification needs.

use crate::{
	machine::EMPTY_BLOB,
	money,
	provider::{HardwareClass, RegionSet},
	Balance, Blob, Gas, Hash, Limits, MarketBlock,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::ConstU32;
use sp_runtime::{BoundedVec, Permill};

/// The most tasks a job may have.
pub const MAX_TASKS: u32 = 1_000_000;
/// The most tasks a shard may have.
pub const MAX_SHARD_TASKS: u32 = 4_096;
/// The most replicas of a shard.
pub const MAX_REPLICAS: u8 = 7;
/// The fewest replicas of a shard in replicated mode.
pub const MIN_REPLICAS: u8 = 2;
/// The longest time, in market blocks beside a run of a task, that a client may have a single seat's report open to attack: a
/// day of 3-second blocks.
pub const MAX_WINDOW: MarketBlock = 28_800;
/// The largest program, in bytes: what the machine takes of a module beside its custom sections. What is data belongs
/// into images and inputs, which may be larger.
pub const MAX_PROGRAM_SIZE: u32 = 64 * 1024 * 1024;
/// The largest input or output of one task, in bytes.
pub const MAX_TASK_DATA: u32 = 64 * 1024 * 1024;
/// The most memory that a task may ask for, in WebAssembly pages of 64 KiB (4 GiB less one page).
pub const MAX_MEMORY_PAGES: u32 = millrace_judge::MAX_PAGES;
/// The highest gas limit of one task, the machine's own: some minutes of one core.
pub const MAX_TASK_GAS: Gas = millrace_judge::MAX_GAS;
/// The largest image, in bytes.
pub const MAX_IMAGE: u32 = millrace_judge::MAX_IMAGE;
/// The longest setup, in bytes.
pub const MAX_SETUP: u32 = millrace_judge::MAX_SETUP;
/// The most URLs at which a client serves its program, image, setup and inputs.
pub const MAX_ENDPOINTS: u32 = 4;
/// The longest endpoint URL, in bytes.
pub const MAX_ENDPOINT_LEN: u32 = 128;

/// What a program is called by: [`crate::machine::program_id`] of the machine's version, the roots of its code and first
/// memory, and the WebAssembly module as published.
pub type ProgramId = Hash;

/// A job's number, counted up from 0 over the chain's whole life.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Default,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(transparent)]
pub struct JobId(pub u64);

/// A shard of a job: tasks `index * shard_size ..` up to the next shard or the job's end.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct ShardId {
	/// The job.
	pub job: JobId,
	/// The shard's place in it, from 0.
	pub index: u32,
}

/// A URL (`http://host:port/path`) at which blobs are served.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT_LEN>>;

/// How a job's results are verified.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Verification {
	/// `replicas` providers with different operators compute each shard blindly; their reports must be equal.
	Replicated {
		/// Between [`MIN_REPLICAS`] and [`MAX_REPLICAS`].
		replicas: u8,
	},
	/// One provider computes each shard. What checks it is an audit, drawn by chance, and whoever computes it again and attacks
	/// its report while it can be attacked.
	Optimistic {
		/// How long the report can be attacked once it is open, in market blocks, beside what a slow machine takes for one
		/// task: as long as the court's window for what is not backed by two at least, at most [`MAX_WINDOW`].
		window: MarketBlock,
	},
}

impl Verification {
	/// How many seats a shard has.
	pub const fn seats(&self) -> u8 {
		match self {
			Self::Replicated { replicas } => *replicas,
			Self::Optimistic { .. } => 1,
		}
	}
}

/// Which providers may be drawn for a job.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Constraints {
	/// The hardware class to draw from.
	pub class: HardwareClass,
	/// The allowed regions (claims of the providers, not proofs).
	pub regions: RegionSet,
	/// The least reputation, as a part of the best possible one. 0 admits newcomers.
	pub min_reputation: Permill,
}

/// What matters to the client when several providers could do the work; all zero: nothing. Only a mode that lets the
/// policy choose uses them: replicas are always drawn uniformly.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Default,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Preferences {
	/// A low price.
	pub price: u8,
	/// Free slots.
	pub load: u8,
	/// A high reputation.
	pub reputation: u8,
}

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct JobSpec {
	/// The program to run.
	pub program: ProgramId,
	/// Files that all tasks see, 1 to [`MAX_IMAGE`] bytes.
	pub image: Option<Blob>,
	/// Arguments, environment, what is input and output; at most [`MAX_SETUP`] bytes. [`EMPTY_BLOB`]: standard input and
	/// output, nothing to fetch.
	pub setup: Blob,
	/// The root over the tasks' inputs: [`crate::merkle::list_root`] of their data roots.
	pub input_root: Hash,
	/// The number of tasks, 1 to [`MAX_TASKS`].
	pub tasks: u32,
	/// Tasks per shard, 1 to [`MAX_SHARD_TASKS`]; the last shard may be shorter.
	pub shard_size: u32,
	/// What one task may use: gas, 1 to [`MAX_TASK_GAS`]; memory, 1 to [`MAX_MEMORY_PAGES`] and at least what the program
	/// starts with; output, at most [`MAX_TASK_DATA`].
	pub limits: Limits,
	/// The largest input of any task in bytes, at most [`MAX_TASK_DATA`]. Larger ones are never fetched.
	pub input_limit: u32,
	/// The highest price to pay, in plancks per [`money::GGAS`] and replica.
	pub price_cap: Balance,
	/// How results are verified.
	pub verification: Verification,
	/// Which providers may be drawn.
	pub constraints: Constraints,
	/// What matters among those.
	pub preferences: Preferences,
	/// For how many market blocks after submission shards may be started. What was not started by then is refunded; a
	/// started shard's vacant seats are still filled for one execution window more.
	pub deadline: MarketBlock,
	/// Where program, image, setup and inputs are served, at least one.
	pub endpoints: BoundedVec<Endpoint, ConstU32<MAX_ENDPOINTS>>,
}

/// Why a specification is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum SpecError {
	/// `tasks` is 0 or above [`MAX_TASKS`].
	Tasks,
	/// `shard_size` is 0 or above [`MAX_SHARD_TASKS`].
	ShardSize,
	/// `limits.gas` is 0 or above [`MAX_TASK_GAS`].
	GasLimit,
	/// `limits.memory_pages` is 0 or above [`MAX_MEMORY_PAGES`].
	Memory,
	/// `input_limit` or `limits.output` is above [`MAX_TASK_DATA`].
	DataLimit,
	/// The image is empty or longer than [`MAX_IMAGE`].
	Image,
	/// The setup is longer than [`MAX_SETUP`], or of length 0 and not [`EMPTY_BLOB`].
	Setup,
	/// The number of replicas is outside [`MIN_REPLICAS`] to [`MAX_REPLICAS`].
	Replicas,
	/// The window of a single seat is 0 or above [`MAX_WINDOW`].
	Window,
	/// No region is allowed.
	Regions,
	/// `deadline` is 0.
	Deadline,
	/// No endpoint is given, or one is no `http://` or `https://` URL of printable ASCII.
	Endpoints,
	/// The reserve of the whole job exceeds the largest balance.
	TooExpensive,
}

impl JobSpec {
	/// Checks everything that needs no chain state.
	pub fn validate(&self) -> Result<(), SpecError> {
		let ensure = |ok: bool, error| if ok { Ok(()) } else { Err(error) };
		ensure((1..=MAX_TASKS).contains(&self.tasks), SpecError::Tasks)?;
		ensure((1..=MAX_SHARD_TASKS).contains(&self.shard_size), SpecError::ShardSize)?;
		ensure((1..=MAX_TASK_GAS).contains(&self.limits.gas), SpecError::GasLimit)?;
		ensure(
			(1..=MAX_MEMORY_PAGES).contains(&self.limits.memory_pages),
			SpecError::Memory,
		)?;
		ensure(
			self.input_limit <= MAX_TASK_DATA && self.limits.output <= MAX_TASK_DATA,
			SpecError::DataLimit,
		)?;
		ensure(
			self.image.is_none_or(|image| (1..=MAX_IMAGE).contains(&image.len)),
			SpecError::Image,
		)?;
		ensure(
			self.setup == EMPTY_BLOB || (1..=MAX_SETUP).contains(&self.setup.len),
			SpecError::Setup,
		)?;
		match self.verification {
			Verification::Replicated { replicas } => {
				ensure((MIN_REPLICAS..=MAX_REPLICAS).contains(&replicas), SpecError::Replicas)?
			}
			Verification::Optimistic { window } => ensure((1..=MAX_WINDOW).contains(&window), SpecError::Window)?,
		}
		ensure(!self.constraints.regions.is_empty(), SpecError::Regions)?;
		ensure(self.deadline > 0, SpecError::Deadline)?;
		ensure(
			!self.endpoints.is_empty() && self.endpoints.iter().all(|e| is_url(e)),
			SpecError::Endpoints,
		)?;
		ensure(
			money::seat_cap(self.price_cap, self.limits.gas, MAX_SHARD_TASKS)
				.and_then(|cap| cap.checked_mul(MAX_REPLICAS.into()))
				.and_then(|cap| cap.checked_mul(2 * MAX_TASKS as u128))
				.is_some(),
			SpecError::TooExpensive,
		)
	}

	/// The number of shards.
	pub fn shards(&self) -> u32 {
		self.tasks.div_ceil(self.shard_size.max(1))
	}

	/// The number of tasks in a shard; 0 if there is no such shard.
	pub fn tasks_in(&self, shard: u32) -> u32 {
		let size = u64::from(self.shard_size);
		let first = u64::from(shard) * size;
		u64::from(self.tasks).saturating_sub(first).min(size) as u32
	}

	/// The first task of a shard.
	pub fn first_task(&self, shard: u32) -> u32 {
		shard.saturating_mul(self.shard_size)
	}
}

/// True for what an agent would fetch from: an `http://` or `https://` URL of printable ASCII without spaces, user,
/// query or fragment, so that paths can be appended.
pub fn is_url(bytes: &[u8]) -> bool {
	let rest = bytes
		.strip_prefix(b"http://")
		.or_else(|| bytes.strip_prefix(b"https://"));
	rest.is_some_and(|rest| {
		!rest.is_empty()
			&& rest
				.iter()
				.all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@'))
	})
}

/// Where a job stands.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum JobStatus {
	/// Shards wait or run.
	Open,
	/// Nothing is handed out until the client tops up or cancels, or somebody who holds a seat accepts: several providers
	/// declined.
	Suspended(DeclineReason),
	/// Every shard is settled; outputs are in custody.
	Done,
	/// Cancelled by the client; shards that ran go on to their settlement.
	Cancelled,
	/// The deadline passed; shards that ran go on to their settlement.
	Expired,
}

/// Why a provider declines an assignment. Declining early is free.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum DeclineReason {
	/// The program's bytes could not be had, or are not the module that its id names.
	ProgramUnavailable,
	/// The program is no WebAssembly that the engine accepts, or its roots are not those that its id names.
	ProgramRefused,
	/// The inputs could not be had, or do not match the input root.
	InputsUnavailable,
	/// The provider has no room: disk, memory, shutting down.
	NoCapacity,
	/// The image or the setup could not be had, or does not match its root.
	ImageUnavailable,
	/// Compiling the program takes more time or memory, or the image is larger, than the provider allows any job.
	TooLarge,
}

/// A seat's state within a shard.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum SeatState {
	/// Drawn; the provider fetches program, image, setup and inputs, and compiles.
	Assigned,
	/// The provider committed itself to report in time. Its time begins when all seats of the shard are accepted.
	Accepted,
	/// The report is sealed; the slot is free again, the liability stays until the court frees it.
	Sealed,
	/// The report is open.
	Revealed,
}

/// What happens to a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeatEvent {
	/// The provider accepts.
	Accept,
	/// The provider declines.
	Decline,
	/// The provider seals its report.
	Seal,
	/// The provider reveals its report.
	Reveal,
	/// The deadline of the present state passed.
	Timeout,
}

impl SeatState {
	/// The one table of transitions: the next state, `Ok(None)` if the seat falls vacant, or `Err` if the event is not
	/// allowed in this state.
	pub fn on(self, event: SeatEvent) -> Result<Option<SeatState>, NotAllowed> {
		use SeatEvent::*;
		use SeatState::*;
		match (self, event) {
			(Assigned, Accept) => Ok(Some(Accepted)),
			(Accepted, Seal) => Ok(Some(Sealed)),
			(Sealed, Reveal) => Ok(Some(Revealed)),
			// Who accepted may still leave while it waits for the shard's other seats, and only then.
			(Assigned | Accepted, Decline) => Ok(None),
			(Assigned | Accepted, Timeout) => Ok(None),
			_ => Err(NotAllowed),
		}
	}
}

/// The event does not apply in the seat's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAllowed;

/// A shard's state, as shown to users.
#[derive(
	Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum ShardState {
	/// At least one seat waits for a draw.
	Queued,
	/// All seats are drawn.
	Assigned,
	/// All seats are accepted.
	Accepted,
	/// All seats are sealed; reveals are open.
	Sealed,
	/// All seats are revealed.
	Reported,
	/// Accepted; the providers keep the outputs until the client acknowledges or the custody period ends.
	Custody,
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;
	use alloc::vec;

	/// A valid specification.
	pub(crate) fn any_spec() -> JobSpec {
		JobSpec {
			program: Hash::repeat_byte(1),
			image: Some(Blob { tree: [2; 32], len: 1 }),
			setup: Blob { tree: [3; 32], len: 1 },
			input_root: Hash::repeat_byte(4),
			tasks: 10,
			shard_size: 3,
			limits: Limits {
				gas: 1_000,
				memory_pages: 1,
				output: 0,
			},
			input_limit: 0,
			price_cap: 1,
			verification: Verification::Replicated { replicas: 2 },
			constraints: Constraints {
				class: HardwareClass::General,
				regions: RegionSet::ANY,
				min_reputation: Permill::zero(),
			},
			preferences: Preferences::default(),
			deadline: 1,
			endpoints: vec![Endpoint::truncate_from(b"http://a".to_vec())]
				.try_into()
				.expect("one"),
		}
	}

	/// What `validate` says of [`any_spec`] with a change.
	fn checked(change: impl FnOnce(&mut JobSpec)) -> Result<(), SpecError> {
		let mut spec = any_spec();
		change(&mut spec);
		spec.validate()
	}

	#[test]
	fn images_and_setups_have_bounds_and_need_not_be_there() {
		let blob = |len| Blob { tree: [7; 32], len };
		assert_eq!(checked(|_| {}), Ok(()));
		assert_eq!(checked(|spec| spec.image = None), Ok(()));
		assert_eq!(checked(|spec| spec.image = Some(blob(MAX_IMAGE))), Ok(()));
		assert_eq!(
			checked(|spec| spec.image = Some(blob(MAX_IMAGE + 1))),
			Err(SpecError::Image)
		);
		assert_eq!(checked(|spec| spec.image = Some(EMPTY_BLOB)), Err(SpecError::Image));
		assert_eq!(checked(|spec| spec.setup = EMPTY_BLOB), Ok(()));
		assert_eq!(checked(|spec| spec.setup = blob(MAX_SETUP)), Ok(()));
		assert_eq!(checked(|spec| spec.setup = blob(MAX_SETUP + 1)), Err(SpecError::Setup));
		// Bytes that nobody could have.
		assert_eq!(checked(|spec| spec.setup = blob(0)), Err(SpecError::Setup));
	}

	#[test]
	fn there_are_two_replicas_or_a_single_seat_with_a_window() {
		let by = |verification| checked(|spec| spec.verification = verification);
		let replicated = |replicas| by(Verification::Replicated { replicas });
		assert_eq!([2, 7].map(replicated), [Ok(()); 2]);
		assert_eq!([0, 1, 8].map(replicated), [Err(SpecError::Replicas); 3]);
		let optimistic = |window| by(Verification::Optimistic { window });
		assert_eq!([1, MAX_WINDOW].map(optimistic), [Ok(()); 2]);
		assert_eq!([0, MAX_WINDOW + 1].map(optimistic), [Err(SpecError::Window); 2]);
		assert_eq!(Verification::Optimistic { window: 7 }.seats(), 1);
	}

	#[test]
	fn limits_have_bounds() {
		assert_eq!(checked(|spec| spec.limits.gas = MAX_TASK_GAS), Ok(()));
		assert_eq!(
			checked(|spec| spec.limits.gas = MAX_TASK_GAS + 1),
			Err(SpecError::GasLimit)
		);
		assert_eq!(checked(|spec| spec.limits.gas = 0), Err(SpecError::GasLimit));
		assert_eq!(checked(|spec| spec.limits.memory_pages = 0), Err(SpecError::Memory));
		assert_eq!(checked(|spec| spec.limits.memory_pages = MAX_MEMORY_PAGES), Ok(()));
		assert_eq!(
			checked(|spec| spec.limits.memory_pages = MAX_MEMORY_PAGES + 1),
			Err(SpecError::Memory)
		);
		assert_eq!(
			checked(|spec| spec.limits.output = MAX_TASK_DATA + 1),
			Err(SpecError::DataLimit)
		);
	}
}
