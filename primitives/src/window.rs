//! How long a provider has, in market blocks: for what an assignment needs before it can be accepted, and for the work.
//! Everything counts at a worst-case rate that the protocol sets, never the client.

use crate::{params::JobsParams, Gas, JobSpec, MarketBlock};

/// What compiling takes of one core for one instruction of the machine, measured, in nanoseconds.
pub const COMPILE_NANOS: u64 = 2_100;
/// Instructions of the machine in ten bytes of a module, measured.
pub const INSTRUCTIONS_IN_TEN_BYTES: u64 = 7;
/// What checking a byte against its blob's root takes, measured, in nanoseconds.
pub const CHECK_NANOS: u64 = 11;
/// The slowest acceptable machine takes so many times as long as the one that was measured, or has other programs to
/// compile first.
pub const SLOWEST: u64 = 4;
/// A market block in nanoseconds: 3 seconds.
const BLOCK_NANOS: u128 = 3_000_000_000;

/// How long a provider may take for a shard, in market blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Windows {
	/// From assignment to acceptance: the parameter, and the whole blocks that it takes to fetch, check and compile.
	pub accept: MarketBlock,
	/// From acceptance to the sealed report: the parameter, the gas of all tasks, and once more what acceptance needed,
	/// since a provider may have to begin again.
	pub execution: MarketBlock,
}

/// The windows of a shard of so many tasks of a job whose program's module is so many bytes long.
pub fn windows(spec: &JobSpec, module_len: u32, tasks: u32, params: &JobsParams) -> Windows {
	let preparation =
		preparation(spec, module_len, tasks, params).min(u128::from(params.max_preparation) * BLOCK_NANOS);
	let gas = u128::from(spec.limits.gas) * u128::from(tasks);
	let working = gas.div_ceil(run_rate(spec.limits.memory_pages, params).max(1).into());
	let blocks =
		|base: MarketBlock, more: u128| MarketBlock::try_from(u128::from(base) + more).unwrap_or(MarketBlock::MAX);
	Windows {
		accept: blocks(params.accept_window.max(1), preparation / BLOCK_NANOS),
		execution: blocks(params.execution_base, working + preparation.div_ceil(BLOCK_NANOS)),
	}
}

/// Gas in one market block of a program whose tasks may use so many pages of 64 KiB.
pub fn run_rate(memory_pages: u32, params: &JobsParams) -> Gas {
	let [small, cached, large, huge] = params.run_rate;
	match memory_pages {
		0..=16 => small,
		17..=512 => cached,
		513..=16_384 => large,
		_ => huge,
	}
}

/// One part in so many of what every seat has anyway holds data that cost nothing: a small job has little to fetch, and what it
/// pays is what the chain does for it.
const FREE_PART: u32 = 10;

/// For how many market blocks, rounded down, the data of a shard of so many tasks may take a slot of each seat beyond a tenth of
/// [`JobsParams::accept_window`] and [`JobsParams::execution_base`]: all that is fetched, checked and compiled, once before
/// acceptance and once after, and all that is put out, at the worst-case rates. No cap makes what is declared cheaper.
pub fn held(spec: &JobSpec, module_len: u32, tasks: u32, params: &JobsParams) -> u64 {
	let outputs = u128::from(spec.limits.output) * u128::from(tasks);
	let serving = outputs * BLOCK_NANOS / u128::from(params.bytes_per_block.max(1));
	let blocks = (preparation(spec, module_len, tasks, params) * 2 + serving) / BLOCK_NANOS;
	let free = params.accept_window.saturating_add(params.execution_base) / FREE_PART;
	u64::try_from(blocks).unwrap_or(u64::MAX).saturating_sub(free.into())
}

/// What it takes to fetch and check program, image, setup and inputs, and to compile the program, in nanoseconds.
fn preparation(spec: &JobSpec, module_len: u32, tasks: u32, params: &JobsParams) -> u128 {
	let module = u128::from(module_len);
	let image = spec.image.map_or(0, |image| image.len);
	let inputs = u128::from(spec.input_limit) * u128::from(tasks);
	let bytes = inputs + module + u128::from(image) + u128::from(spec.setup.len);
	let fetching = bytes * BLOCK_NANOS / u128::from(params.bytes_per_block.max(1));
	let checking = bytes * u128::from(CHECK_NANOS);
	let compiling = module * u128::from(INSTRUCTIONS_IN_TEN_BYTES) * u128::from(COMPILE_NANOS) / 10;
	fetching + (checking + compiling) * u128::from(SLOWEST)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		job::{tests::any_spec, MAX_PROGRAM_SIZE, MAX_SHARD_TASKS, MAX_TASK_DATA},
		machine::{EMPTY_BLOB, MAX_GAS, MAX_IMAGE, MAX_SETUP},
		Blob,
	};
	use proptest::prelude::*;

	#[test]
	fn windows_hold_what_there_is_to_fetch_check_compile_and_run() {
		let params = JobsParams::default();
		let mut spec = any_spec();
		spec.input_limit = 0;
		spec.setup = EMPTY_BLOB;
		spec.image = None;
		spec.limits.gas = 1;
		let (base, work) = (params.accept_window, params.execution_base);
		let of = |spec: &JobSpec, len, tasks| {
			let Windows { accept, execution } = windows(spec, len, tasks, &params);
			(accept - base, execution - work)
		};
		assert_eq!(of(&spec, 0, 1), (0, 1));
		// What takes less than a block is in the accept window, and rounded up in the other one.
		assert_eq!(of(&spec, 1, 1), (0, 2));
		// The largest module: 67,108,864 bytes at 3,000,000 a block are 22.37 blocks; 67,108,864 * (0.7 * 2,100 + 11) ns
		// four times are 397.55 s, 132.52 blocks.
		assert_eq!(of(&spec, MAX_PROGRAM_SIZE, 1), (154, 156));
		// The largest image: 357.91 blocks on the line, 15.75 of checking.
		spec.image = Some(Blob {
			tree: [1; 32],
			len: MAX_IMAGE,
		});
		assert_eq!(of(&spec, 0, 1), (373, 375));
		spec.image = None;
		spec.setup = Blob {
			tree: [1; 32],
			len: MAX_SETUP,
		};
		assert_eq!(of(&spec, 0, 1), (0, 2));
		spec.setup = EMPTY_BLOB;
		spec.input_limit = 3_000_000;
		assert_eq!(of(&spec, 0, 10), (10, 12));
		spec.input_limit = 0;
		// By memory, at its bounds and one past them.
		for (pages, rate) in [
			(1, 0),
			(16, 0),
			(17, 1),
			(512, 1),
			(513, 2),
			(16_384, 2),
			(16_385, 3),
			(65_535, 3),
		] {
			spec.limits.memory_pages = pages;
			spec.limits.gas = params.run_rate[rate];
			assert_eq!(of(&spec, 0, 10), (0, 10), "{pages} pages");
			spec.limits.gas += 1;
			assert_eq!(of(&spec, 0, 10), (0, 11), "{pages} pages");
		}
	}

	#[test]
	fn preparing_is_capped_and_nothing_overflows() {
		let mut params = JobsParams::default();
		let mut spec = any_spec();
		spec.input_limit = MAX_TASK_DATA;
		assert_eq!(
			windows(&spec, MAX_PROGRAM_SIZE, MAX_SHARD_TASKS, &params).accept,
			params.accept_window + params.max_preparation
		);
		params.max_preparation = MarketBlock::MAX;
		// Far from what overflows, and no less than what is true.
		spec.input_limit = u32::MAX;
		let slowest = JobsParams {
			bytes_per_block: 0,
			..params
		};
		assert!(held(&spec, u32::MAX, u32::MAX, &slowest) >= u64::MAX / 2);
		params.bytes_per_block = 0;
		params.run_rate = [0; 4];
		params.accept_window = MarketBlock::MAX;
		spec.limits.gas = MAX_GAS;
		let longest = Windows {
			accept: MarketBlock::MAX,
			execution: MarketBlock::MAX,
		};
		assert_eq!(windows(&spec, u32::MAX, u32::MAX, &params), longest);
	}

	#[test]
	fn only_what_data_take_beyond_a_tenth_of_the_windows_is_held() {
		let params = JobsParams::default();
		let mut spec = any_spec();
		spec.image = None;
		spec.setup = EMPTY_BLOB;
		// 1 MB in, 1 MB out, and a program of 1 MB: what passes anyway.
		spec.input_limit = 1_000_000;
		spec.limits.output = 1_000_000;
		assert_eq!(held(&spec, 1_000_000, 1, &params), 0);
		// Up to 20 blocks of 3,000,000 bytes are free, whatever they are.
		spec.input_limit = 0;
		spec.limits.output = 3_000_000;
		assert_eq!((held(&spec, 0, 20, &params), held(&spec, 0, 21, &params)), (0, 1));
		// What is fetched counts twice: 30 blocks on the line and 1.32 of checking.
		spec.limits.output = 0;
		spec.input_limit = 3_000_000;
		assert_eq!(held(&spec, 0, 30, &params), 62 - 20);
		// The most there is: 91,625.97 blocks in and 4,031.54 of checking, twice, and 91,625.97 out.
		spec.input_limit = MAX_TASK_DATA;
		spec.limits.output = MAX_TASK_DATA;
		assert_eq!(held(&spec, 0, MAX_SHARD_TASKS, &params), 282_940 - 20);
	}

	proptest! {
		#[test]
		fn more_of_anything_never_takes_less_time(
			module in 0u32..MAX_PROGRAM_SIZE, image in 0u32..MAX_IMAGE, input in 0u32..MAX_TASK_DATA, gas in 1u64..MAX_GAS,
			tasks in 1u32..MAX_SHARD_TASKS, more in 0u32..1_000_000,
		) {
			let params = JobsParams::default();
			let mut spec = any_spec();
			spec.image = Some(Blob { tree: [1; 32], len: image });
			spec.input_limit = input;
			spec.limits.gas = gas;
			let least = windows(&spec, module, tasks, &params);
			let mut larger = spec.clone();
			larger.image = Some(Blob { tree: [1; 32], len: image + more });
			larger.input_limit += more;
			larger.limits.gas += u64::from(more);
			larger.limits.memory_pages = larger.limits.memory_pages.saturating_add(more);
			for (spec, module, tasks) in [(&larger, module, tasks), (&spec, module + more, tasks), (&spec, module, tasks + more)] {
				let longer = windows(spec, module, tasks, &params);
				prop_assert!(longer.accept >= least.accept && longer.execution >= least.execution);
			}
		}
	}
}
