//! Random programs in both engines: whatever the gas, they end alike.

mod common;

use common::{cases, engine, in_parallel, limits, smith, Both, Rng};
use millrace_vm::{
	normalise::{normalise, Reason},
	outcome::Status,
	state::Halt,
};
use std::collections::BTreeMap;

/// What a random program came to, for the statistics that show that the programs are worth something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
	Refused,
	Success,
	Failed,
	Trapped,
	Exhausted,
}

/// What the most expensive run of a program may cost beyond its start.
const MOST: u64 = 300_000;

fn compare(engine: &millrace_vm::fast::FastEngine, number: u64) -> (Kind, u64, u64) {
	let mut rng = Rng(0xd1ff_0000 + number);
	let wasm = smith::program(&mut rng);
	let expected = |reason: &Reason| matches!(reason, Reason::Limit { .. } | Reason::Segment { .. });
	let module = match normalise(&wasm) {
		Ok(module) => module,
		// Its sizes and segments are as random as the rest.
		Err(refused) if refused.reasons().iter().all(expected) => return (Kind::Refused, 0, 0),
		Err(refused) => panic!("program {number}: {refused}"),
	};
	let both = Both::new(engine, &module);
	let input_len = rng.below(80) as usize;
	let input = rng.bytes(input_len);
	let mut runs = 0;
	let mut steps = 0;
	let mut run = |limits: &_| {
		runs += 1;
		let agreed = both
			.run(&input, limits)
			.unwrap_or_else(|why| panic!("program {number}, {limits:?}: {why}"));
		steps += agreed.steps;
		agreed
	};
	let start = module.start_cost();
	let most = MOST + start;
	let whole = run(&limits(most));
	// Enough is enough, and one less is not; nor is anything below.
	if whole.gas_used < most {
		let exact = run(&limits(whole.gas_used.max(1)));
		if !matches!(whole.halt, Halt::Trapped(_)) {
			assert_eq!(
				(exact.outcome, &exact.output, exact.gas_used),
				(whole.outcome, &whole.output, whole.gas_used)
			);
		}
		if whole.gas_used > 1 {
			let less = run(&limits(whole.gas_used - 1));
			assert_eq!(
				(less.halt, less.gas_used),
				(Halt::OutOfGas, whole.gas_used - 1),
				"program {number}: {whole:?}"
			);
		}
	}
	for above in [0, start.min(whole.gas_used)] {
		let limit = above + 1 + rng.below((whole.gas_used - above).max(1));
		let less = run(&limits(limit));
		assert!(less.gas_used <= limit);
		assert!(
			less.halt == Halt::OutOfGas || limit >= whole.gas_used || matches!(whole.halt, Halt::Trapped(_)),
			"program {number}"
		);
	}
	// Other bounds than that of gas.
	let mut tight = limits(most);
	tight.output = rng.below(200) as u32;
	tight.memory_pages = module.initial_pages() + module.system_pages() + rng.below(2) as u32;
	run(&tight);

	let kind = match whole.halt {
		Halt::Ended(Status::Success, _) => Kind::Success,
		Halt::Trapped(_) => Kind::Trapped,
		Halt::OutOfGas | Halt::OutOfStack => Kind::Exhausted,
		Halt::Ended(..) | Halt::GaveUp => Kind::Failed,
	};
	(kind, runs, steps)
}

#[test]
fn random_programs_end_alike_in_both_engines() {
	let engine = engine();
	let all = in_parallel(cases(2_000), |number| compare(&engine, number));
	let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
	all.iter().for_each(|(kind, ..)| *kinds.entry(*kind).or_default() += 1);
	println!(
		"{} programs {kinds:?}, {} runs, {} steps",
		all.len(),
		all.iter().map(|(_, runs, _)| runs).sum::<u64>(),
		all.iter().map(|(.., steps)| steps).sum::<u64>(),
	);
	// Programs that do nothing would prove nothing.
	let share = |kind| kinds.get(&kind).copied().unwrap_or(0) as f64 / all.len() as f64;
	assert!(share(Kind::Refused) < 0.1, "{kinds:?}");
	assert!(share(Kind::Success) > 0.25, "{kinds:?}");
}

/// The example programs, one of them C, on their first inputs: real code, to its end or as far as the gas goes.
#[test]
fn example_programs_end_alike_in_both_engines() {
	let directory = std::env::current_exe()
		.unwrap()
		.ancestors()
		.nth(3)
		.unwrap()
		.join("examples");
	let programs = ["digits", "heat", "kmers", "mandelbrot", "wasm-verifier"];
	let engine = engine();
	let steps = in_parallel(programs.len() as u64, |number| {
		let name = programs[number as usize];
		let path = directory.join(format!("{name}.wasm"));
		let wasm = std::fs::read(&path)
			.unwrap_or_else(|_| panic!("no {}: run scripts/build-examples.sh first", path.display()));
		let both = Both::new(&engine, &normalise(&wasm).expect("the examples are accepted"));
		let input = std::fs::read(directory.join(name).join("inputs/00000")).unwrap_or_else(|_| vec![7; 400]);
		let mut task = limits(100_000_000);
		task.memory_pages = 1_024;
		let whole = both.run(&input, &task).unwrap_or_else(|why| panic!("{name}: {why}"));
		let mut rng = Rng(number);
		for _ in 0..3 {
			task.gas = 1 + rng.below(whole.gas_used);
			both.run(&input, &task)
				.unwrap_or_else(|why| panic!("{name}, {} gas: {why}", task.gas));
		}
		(name, whole.halt, whole.steps)
	});
	println!("{steps:?}");
}
