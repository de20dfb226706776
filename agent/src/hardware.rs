//! What the machine is, as far as offers depend on it.

use crate::exec::{Execute, LoadError, Named, Stop, Supply, Wasm};
use millrace_primitives::Limits;
use std::{
	path::Path,
	time::{Duration, Instant},
};
use sysinfo::{DiskRefreshKind, Disks, System};

/// The part of the machine's memory that is offered, in percent.
const MEMORY_SHARE: u64 = 75;
/// The most memory that compiling a program may take, in bytes, and the least that it must get.
const COMPILE_MEMORY: std::ops::RangeInclusive<u64> = 256 << 20..=2 << 30;
/// The part of the free disk that is used unless the operator says otherwise, in percent.
const DISK_SHARE: u64 = 50;
/// The gas of one run of the benchmark, and how long it goes on.
const BENCHMARK_GAS: u64 = 1_000_000_000;
const BENCHMARK_TIME: Duration = Duration::from_secs(1);

/// A machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hardware {
	/// Its cores.
	pub cores: u16,
	/// Its memory in bytes.
	pub memory: u64,
	/// What is free on the disk of the data directory, in bytes.
	pub free_disk: u64,
}

impl Hardware {
	/// Looks at this machine.
	pub fn detect(data: &Path) -> Self {
		let mut system = System::new();
		system.refresh_memory();
		let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
		Self {
			cores: u16::try_from(cores).unwrap_or(u16::MAX),
			// A container's limit, where there is one.
			memory: system
				.cgroup_limits()
				.map_or(system.total_memory(), |limits| limits.total_memory),
			free_disk: free_disk(data).unwrap_or(0),
		}
	}

	/// The memory of each of so many slots, in pages of 64 KiB.
	pub fn pages_per_slot(&self, slots: u16) -> u32 {
		let bytes = self.memory / 100 * MEMORY_SHARE / u64::from(slots.max(1));
		u32::try_from((bytes / 65_536).max(1)).unwrap_or(u32::MAX)
	}

	/// The memory for compiling a program, in bytes: what so many slots of so many pages leave, but no more than 2 GiB and no
	/// less than 256 MiB.
	pub fn compile_memory(&self, slots: u16, memory_pages: u32) -> u64 {
		let sold = u64::from(memory_pages) * 65_536 * u64::from(slots);
		self.memory
			.saturating_sub(sold)
			.clamp(*COMPILE_MEMORY.start(), *COMPILE_MEMORY.end())
	}

	/// What programs, inputs and outputs may take on disk, in MiB.
	pub fn disk_mib(&self) -> u64 {
		(self.free_disk / 100 * DISK_SHARE / (1024 * 1024)).max(64)
	}
}

/// What is free on the disk of a folder, in bytes; none if it cannot be found out.
pub fn free_disk(folder: &Path) -> Option<u64> {
	let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
	let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage());
	let disk = disks
		.iter()
		.filter(|disk| folder.starts_with(disk.mount_point()))
		.max_by_key(|disk| disk.mount_point().as_os_str().len());
	disk.map(|disk| disk.available_space())
}

/// Integers mixed in a register and scattered over a page of memory, for ever:
///
/// ```wat
/// (module (memory (export "memory") 1)
///   (func (export "_start") (local i32)
///     (loop
///       (local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 1664525)) (i32.const 1013904223)))
///       (i32.store (i32.and (i32.shr_u (local.get 0) (i32.const 8)) (i32.const 65532))
///         (i32.xor (i32.load (i32.and (i32.shr_u (local.get 0) (i32.const 8)) (i32.const 65532))) (local.get 0)))
///       (br 0))))
/// ```
const KERNEL: &str = "\
	0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a3901370101\
	7f03402000418dcce5006c41dfe6bbe3036a2100200041087641fcff0371200041087641fcff03712802002000733602000c\
	000b0b";

/// Runs a fixed program and says how many million gas a second this machine makes in one slot.
pub fn benchmark(executor: &Wasm) -> Result<u64, LoadError> {
	let engine = |error: hex::FromHexError| LoadError::Host(crate::exec::HostError::Engine(error.to_string()));
	let wasm = hex::decode(KERNEL).map_err(engine)?;
	let program = executor.load(&Named::of(&wasm)?, &wasm, 1)?;
	let limits = Limits {
		gas: BENCHMARK_GAS,
		memory_pages: 1,
		output: 0,
	};
	let start = Instant::now();
	let mut gas = 0u128;
	while start.elapsed() < BENCHMARK_TIME {
		let supply = Supply::of_input(Vec::new(), [0; 32]);
		gas += u128::from(program.run(&limits, supply, &Stop::new())?.outcome.gas_used);
	}
	let microseconds = start.elapsed().as_micros().max(1);
	Ok(u64::try_from(gas / microseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::exec::WasmLimits;

	#[test]
	fn slots_share_what_there_is() {
		let machine = Hardware {
			cores: 4,
			memory: 8 << 30,
			free_disk: 100 << 30,
		};
		assert_eq!(machine.pages_per_slot(4), 24_575);
		assert_eq!(machine.pages_per_slot(1), 98_303);
		assert_eq!(machine.disk_mib(), 51_200);
		// A quarter is left, unless that is more than needed or nothing.
		assert_eq!(machine.compile_memory(4, 24_576), 2 << 30);
		assert_eq!(machine.compile_memory(4, 28_672), 1 << 30);
		assert_eq!(machine.compile_memory(1, 0), 2 << 30);
		assert_eq!(machine.compile_memory(u16::MAX, u32::MAX), 256 << 20);
		assert_eq!(
			Hardware {
				memory: 0,
				free_disk: 0,
				..machine
			}
			.pages_per_slot(0),
			1
		);
	}

	#[test]
	fn this_machine_has_something() {
		let machine = Hardware::detect(Path::new("."));
		assert!(machine.cores > 0 && machine.memory > 1 << 20, "{machine:?}");
		assert_eq!(free_disk(Path::new(".")).is_none(), machine.free_disk == 0);
	}

	#[test]
	fn the_kernel_is_the_text_above_it_and_runs() {
		let text: String = include_str!("hardware.rs")
			.lines()
			.skip_while(|line| !line.contains("```wat"))
			.skip(1)
			.take_while(|line| !line.contains("```"))
			.map(|line| line.trim_start_matches("///"))
			.collect::<Vec<_>>()
			.join("\n");
		assert_eq!(hex::encode(wat::parse_str(text).unwrap()), KERNEL);
		let executor = Wasm::new(WasmLimits::default()).unwrap();
		assert!(benchmark(&executor).unwrap() > 1);
	}
}
