//! What a seat may need of this machine, and whether the machine has it. All of it is pure.
//!
//! *Disk*: until its shard has ended a seat may still fetch every input and write every output in full, whatever it did
//! until now, and what its report is defended with stays. So the room that is spoken for is what lies on the disk and what the seats under way may still add. The
//! database holds what they reserved; what they still need of it follows from what is there.
//!
//! *Time*: the chain says how long a seat may take after it is accepted, `init` measured how much gas a second a slot makes.

use crate::seat::task_count;
use codec::{Decode, Encode};
use millrace_primitives::{api::AssignmentView, machine::address, Gas, Hash};
use std::{collections::HashSet, time::Duration};

/// What is left free on the disk beside what is reserved, for the database, logs and others: 64 MiB.
pub const SPARE_DISK: u64 = 64 << 20;
/// What a task takes beside its gas: starting it, and writing its output so that a power cut does not lose it.
const TASK_TIME: Duration = Duration::from_millis(5);
/// Of the measured speed so much is counted on, in percent. What is measured is plain code; the slowest that gas does not
/// see through takes about ten times as long, and slots share caches and memory.
const SPEED_SHARE: u128 = 5;

/// What a seat may put on disk.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reservation {
	/// What all tasks share, a program's module and perhaps an image and a setup: addresses and lengths.
	pub shared: Vec<(Hash, u32)>,
	/// The tasks that the seat computes.
	pub tasks: u32,
	/// The most bytes of one input.
	pub input_limit: u32,
	/// The most bytes of one output.
	pub output_limit: u32,
}

impl Reservation {
	/// What this seat needs.
	pub fn of(seat: &AssignmentView) -> Self {
		Self {
			shared: [
				Some(seat.module),
				seat.image,
				Some(seat.setup).filter(|setup| setup.len > 0),
			]
			.iter()
			.flatten()
			.map(|blob| (address(blob), blob.len))
			.collect(),
			tasks: task_count(seat),
			input_limit: seat.input_limit,
			output_limit: seat.limits.output,
		}
	}

	/// The most that inputs and outputs may still add to the disk, in bytes, if so many of them are there.
	pub fn left(&self, inputs: u32, outputs: u32) -> u64 {
		let missing = |there: u32| u64::from(self.tasks.saturating_sub(there));
		// At most 2 x 2^32 x 2^32, but the chain's limits are far below.
		(missing(inputs).saturating_mul(self.input_limit.into()))
			.saturating_add(missing(outputs).saturating_mul(self.output_limit.into()))
	}
}

/// The disk as it is, in bytes.
#[derive(Clone, Default, Debug)]
pub struct Disk {
	/// What the operator gives for programs, images, inputs and outputs.
	pub budget: u64,
	/// What they take.
	pub stored: u64,
	/// What is free on the disk itself; none if nobody knows.
	pub free: Option<u64>,
	/// Programs and images that are there, by their addresses.
	pub shared: HashSet<Hash>,
}

/// Why there is no room for a seat.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoRoom {
	/// There never will be.
	#[error("it may need {needed} bytes on disk, more than the whole budget of {budget}")]
	Ever {
		/// What the seat may need.
		needed: u64,
		/// The operator's budget.
		budget: u64,
	},
	/// The budget is spoken for.
	#[error(
		"it may need {needed} bytes on disk; of the budget of {budget}, {stored} are used and {reserved} reserved"
	)]
	Now {
		/// What the seat may need.
		needed: u64,
		/// The operator's budget.
		budget: u64,
		/// What is on disk.
		stored: u64,
		/// What seats under way may still add.
		reserved: u64,
	},
	/// Others use the disk.
	#[error("it may need {needed} bytes on disk and {reserved} are reserved, but only {free} are free")]
	Disk {
		/// What the seat may need.
		needed: u64,
		/// What seats under way may still add.
		reserved: u64,
		/// What is free.
		free: u64,
	},
}

impl Disk {
	/// What seats may still add, programs and images included: each with the number of its inputs and of its outputs that are there.
	pub fn reserved<'a>(&self, seats: impl IntoIterator<Item = (&'a Reservation, u32, u32)>) -> u64 {
		let mut coming = HashSet::new();
		seats.into_iter().fold(0u64, |sum, (seat, inputs, outputs)| {
			let shared = seat.shared.iter().fold(0u64, |sum, (address, len)| {
				match self.shared.contains(address) || !coming.insert(*address) {
					true => sum,
					false => sum.saturating_add((*len).into()),
				}
			});
			sum.saturating_add(seat.left(inputs, outputs)).saturating_add(shared)
		})
	}

	/// The disk as who gives way to seats sees it: with half of what is left beside `reserved`.
	pub fn half_left(&self, reserved: u64) -> Self {
		let spoken_for = self.stored.saturating_add(reserved);
		let half = |room: u64, taken: u64| taken.saturating_add(room.saturating_sub(taken) / 2);
		Self {
			budget: half(self.budget, spoken_for),
			free: self.free.map(|free| half(free, reserved.saturating_add(SPARE_DISK))),
			..self.clone()
		}
	}

	/// Whether there is room for one more seat beside `reserved`.
	///
	/// # Errors
	/// [`NoRoom`] if there is not.
	pub fn admit(&self, seat: &Reservation, reserved: u64) -> Result<(), NoRoom> {
		let needed = self.reserved([(seat, 0, 0)]);
		let Self { budget, stored, .. } = *self;
		if needed > budget {
			return Err(NoRoom::Ever { needed, budget });
		}
		if stored.saturating_add(reserved).saturating_add(needed) > budget {
			return Err(NoRoom::Now {
				needed,
				budget,
				stored,
				reserved,
			});
		}
		match self.free {
			Some(free) if reserved.saturating_add(needed).saturating_add(SPARE_DISK) > free => {
				Err(NoRoom::Disk { needed, reserved, free })
			}
			_ => Ok(()),
		}
	}
}

/// How fast the machine is.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
	/// What one slot makes while the others rest, in millions of gas a second.
	pub mgas: u64,
	/// Slots that may compute at the same time.
	pub slots: u16,
	/// The machine's cores.
	pub cores: u16,
}

impl Speed {
	/// This machine's.
	pub fn here(mgas: u64, slots: u16) -> Self {
		let cores = std::thread::available_parallelism();
		Self {
			mgas,
			slots,
			cores: cores.map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX)),
		}
	}

	/// The most time that a shard may take: so many tasks of so much gas at the part of the speed that is counted on.
	pub fn time_for(&self, gas_limit: Gas, tasks: u32) -> Duration {
		let gas = u128::from(gas_limit) * u128::from(tasks);
		// More slots than cores share them.
		let (cores, slots) = (u128::from(self.cores.max(1)), u128::from(self.slots.max(1)));
		let per_second = u128::from(self.mgas) * 1_000_000 * SPEED_SHARE * cores.min(slots) / (100 * slots);
		let milliseconds = gas.saturating_mul(1_000) / per_second.max(1);
		Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
			.saturating_add(TASK_TIME.saturating_mul(tasks))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const PROGRAM: u64 = 4_000;

	fn seat(program: u8, tasks: u32) -> Reservation {
		Reservation {
			shared: vec![(Hash::repeat_byte(program), PROGRAM as u32)],
			tasks,
			input_limit: 100,
			output_limit: 1_000,
		}
	}

	fn disk(budget: u64, stored: u64) -> Disk {
		Disk {
			budget,
			stored,
			free: None,
			shared: HashSet::from([Hash::repeat_byte(1)]),
		}
	}

	#[test]
	fn a_seat_fits_if_all_its_inputs_and_outputs_do() {
		assert_eq!(disk(11_000, 0).admit(&seat(1, 10), 0), Ok(()));
		assert_eq!(
			disk(10_999, 0).admit(&seat(1, 10), 0),
			Err(NoRoom::Ever {
				needed: 11_000,
				budget: 10_999
			})
		);
		assert!(matches!(
			disk(11_000, 1).admit(&seat(1, 10), 0),
			Err(NoRoom::Now { stored: 1, .. })
		));
		assert!(matches!(
			disk(11_000, 0).admit(&seat(1, 10), 1),
			Err(NoRoom::Now { reserved: 1, .. })
		));
		// A program that is not here yet takes what it is.
		assert!(disk(11_000 + PROGRAM, 0).admit(&seat(2, 10), 0).is_ok());
		assert!(disk(10_999 + PROGRAM, 0).admit(&seat(2, 10), 0).is_err());
	}

	#[test]
	fn what_is_there_is_not_counted_twice() {
		let (first, second) = (seat(2, 10), seat(2, 10));
		assert_eq!(disk(0, 0).reserved([(&first, 0, 0), (&second, 0, 0)]), 22_000 + PROGRAM);
		assert_eq!(
			disk(0, 0).reserved([(&first, 10, 4), (&second, 3, 0)]),
			6_000 + 10_700 + PROGRAM
		);
		assert_eq!(seat(1, 10).left(99, 99), 0);
		let huge = Reservation {
			tasks: u32::MAX,
			input_limit: u32::MAX,
			output_limit: u32::MAX,
			..first
		};
		assert_eq!(huge.left(0, 0), u64::MAX);
		assert!(disk(u64::MAX - 1, 0).admit(&huge, u64::MAX).is_err());
	}

	#[test]
	fn a_disk_that_others_fill_takes_no_new_seat() {
		let full = |free| Disk {
			free: Some(free),
			..disk(1 << 40, 0)
		};
		assert!(full(11_000 + SPARE_DISK).admit(&seat(1, 10), 0).is_ok());
		assert!(matches!(
			full(10_999 + SPARE_DISK).admit(&seat(1, 10), 0),
			Err(NoRoom::Disk { .. })
		));
		assert!(full(11_000 + SPARE_DISK).admit(&seat(1, 10), 1).is_err());
	}

	#[test]
	fn who_gives_way_has_half_of_what_is_left() {
		let room = |budget, stored, free, reserved| {
			let disk = Disk {
				free: Some(free),
				..disk(budget, stored)
			};
			disk.half_left(reserved).admit(&seat(1, 10), reserved)
		};
		let free = 22_000 + SPARE_DISK;
		assert_eq!(room(22_000, 0, free, 0), Ok(()));
		assert!(room(21_999, 0, free, 0).is_err());
		assert_eq!(room(23_000, 600, free + 400, 400), Ok(()));
		assert!(room(22_999, 600, free + 400, 400).is_err());
		assert!(matches!(room(22_000, 0, free - 1, 0), Err(NoRoom::Disk { .. })));
		assert!(room(100, 200, free, 300).is_err(), "nothing is left");
	}

	#[test]
	fn time_is_what_the_gas_limits_take_at_a_part_of_the_measured_speed() {
		let speed = Speed {
			mgas: 10_000,
			slots: 2,
			cores: 4,
		};
		assert_eq!(speed.time_for(1_000_000_000, 10), Duration::from_millis(20_000 + 50));
		let crowded = Speed { slots: 8, ..speed };
		assert_eq!(crowded.time_for(1_000_000_000, 10), Duration::from_millis(40_000 + 50));
		let none = Speed {
			mgas: 0,
			slots: 0,
			cores: 0,
		};
		assert!(none.time_for(1 << 40, 4_096) > Duration::from_secs(1 << 40));
	}
}
