//! What programs pay.

use super::*;
use millrace_vm::{fast::HostError, flatten::flatten, machine::Machine, normalise::cost, supply::Hashed};
use std::sync::Arc;

/// A loop of so many turns.
fn turns(turns: u64) -> String {
	format!(
		"(local.set 3 (i64.const {turns}))
		(loop (local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 31)) (i32.const 7)))
			(br_if 0 (i64.ne (i64.const 0) (local.tee 3 (i64.sub (local.get 3) (i64.const 1))))))
		(call $word (local.get 0))"
	)
}

fn used(body: &str) -> u64 {
	let run = run(body, b"");
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0), "{body}");
	run.gas_used
}

#[test]
fn the_same_task_always_costs_the_same() {
	let wasm = bytes(&text(&turns(1000), ""));
	let first = run_wasm(&wasm, b"", &LIMITS);
	for limits in [
		LIMITS,
		Limits { gas: MAX_GAS, ..LIMITS },
		Limits {
			gas: first.gas_used,
			..LIMITS
		},
	] {
		assert_eq!(run_wasm(&wasm, b"", &limits), first);
	}
}

#[test]
fn out_of_gas_costs_the_limit_exactly_and_fails_at_every_smaller_limit() {
	let wasm = bytes(&text(&turns(20), ""));
	let program = compile(&wasm);
	let enough = run_wasm(&wasm, b"", &LIMITS).gas_used;
	let step = (enough / 300).max(1);
	for gas in (1..enough).step_by(step as usize).chain([enough - 1]) {
		let run = program
			.run(&Limits { gas, ..LIMITS }, supply(b""), &Stop::new())
			.unwrap();
		assert_eq!(
			(run.halt, run.gas_used, run.output),
			(Halt::OutOfGas, gas, Vec::new()),
			"{gas}"
		);
	}
}

#[test]
fn more_work_costs_more() {
	let costs: Vec<u64> = [1, 2, 3, 10, 1000, 100_000].map(|n| used(&turns(n))).to_vec();
	assert!(costs.windows(2).all(|pair| pair[0] < pair[1]), "{costs:?}");
	// In proportion, once the start does not matter.
	let (less, more) = (costs[4] - costs[0], costs[5] - costs[0]);
	assert_eq!(more / 99_999, less / 999);
	assert!(less / 999 >= 10, "a turn has ten instructions");
}

#[test]
fn memory_pays_by_the_page_and_bulk_operations_by_the_byte() {
	let nothing = used("");
	let grown = used("(drop (memory.grow (i32.const 10)))");
	assert!(
		(655_360 + 1024..655_360 + 1200).contains(&(grown - nothing)),
		"{}",
		grown - nothing
	);
	let failed = used("(drop (memory.grow (i32.const 65000)))");
	assert!((1024..1200).contains(&(failed - nothing)), "only what is given is paid");
	for bulk in [
		"memory.fill (i32.const 0) (i32.const 1)",
		"memory.copy (i32.const 0) (i32.const 100)",
	] {
		let of = |n: u32| used(&format!("({bulk} (i32.const {n}))")) - nothing;
		assert_eq!(of(40_000) - of(0), 10_000);
		assert!(of(0) >= cost::BULK);
	}
	let wasm = |pages: u32| bytes(&format!("(module (memory {pages}) (func (export \"_start\")))"));
	let start = |pages| run_wasm(&wasm(pages), b"", &LIMITS).gas_used;
	assert_eq!(start(11) - start(1), 655_360);
}

#[test]
fn what_cannot_be_paid_at_the_start_is_not_made() {
	let entries = "$f ".repeat(100);
	let wasm = bytes(&format!(
		"(module (memory 1000) (data (i32.const 9) \"abcd\") (table 100 funcref) (elem (i32.const 0) {entries}) (func $f) \
		 (func (export \"_start\")))"
	));
	let start = normalise(&wasm).unwrap().start_cost();
	assert_eq!(start, cost::RUN + 1000 * 65_536 + 4096 + 100 * 2);
	let with = |gas| {
		run_wasm(
			&wasm,
			b"",
			&Limits {
				gas,
				memory_pages: 1000,
				..LIMITS
			},
		)
	};
	for gas in [1, start - 1] {
		let run = with(gas);
		assert_eq!((run.halt, run.gas_used), (Halt::OutOfGas, gas));
		// And this is what the step machine comes to.
		let mut machine = Machine::new(
			Arc::new(flatten(&normalise(&wasm).unwrap()).unwrap()),
			Arc::new(Hashed::new(supply(b"")).unwrap()),
			&Limits {
				gas,
				memory_pages: 1000,
				..LIMITS
			},
		)
		.unwrap();
		machine.run(1_000);
		assert_eq!(machine.outcome(), Some(with(gas).outcome()));
	}
	assert_eq!(with(start + 100).status(), Status::Success);
}

#[test]
fn a_fill_that_cannot_be_paid_does_not_happen() {
	let wasm = bytes(&text(
		"(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0))",
		"",
	));
	let started = std::time::Instant::now();
	let run = run_wasm(
		&wasm,
		b"",
		&Limits {
			gas: 100_000_000,
			..LIMITS
		},
	);
	assert_eq!((run.halt, run.gas_used), (Halt::OutOfGas, 100_000_000));
	assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn traps_cost_the_limit() {
	for (trap, expected) in [
		("(drop (i32.load (i32.const 65533)))", Trap::Memory),
		("(drop (i32.div_u (i32.const 1) (local.get 0)))", Trap::Division),
		(
			"(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get 0) (i32.const 1))))",
			Trap::Overflow,
		),
		("(drop (i32.trunc_f64_s (f64.const 1e10)))", Trap::Overflow),
		("(drop (i32.trunc_f64_s (f64.const nan)))", Trap::Conversion),
		(
			"(memory.fill (i32.const 65530) (i32.const 0) (i32.const 7))",
			Trap::Memory,
		),
		(
			"(memory.copy (i32.const 0) (i32.const 65530) (i32.const 7))",
			Trap::Memory,
		),
		("(call_indirect (i32.const 0))", Trap::Null),
		("(call_indirect (i32.const 9))", Trap::Table),
		(
			"(call_indirect (param i32) (i32.const 0) (i32.const 1))",
			Trap::Signature,
		),
	] {
		let text = text(trap, "(table 2 funcref) (func $f) (elem (i32.const 1) $f)");
		let limits = Limits {
			gas: 1_000_000,
			..LIMITS
		};
		let run = run_wasm(&bytes(&text), b"", &limits);
		assert_eq!((run.halt, run.gas_used), (Halt::Trapped(expected), 1_000_000), "{trap}");
	}
}

#[test]
fn failing_on_purpose_costs_what_was_used() {
	let limits = Limits {
		gas: 10_000_000,
		..LIMITS
	};
	let exit = Halt::Ended(Status::Exit, 3);
	for (end, halt) in [
		("unreachable", Halt::GaveUp),
		("(call $proc_exit (i32.const 3))", exit),
		("(call $proc_exit (i32.const 3)) unreachable", exit),
	] {
		let run = run_wasm(&bytes(&text(&format!("{} {end}", turns(100)), "")), b"", &limits);
		let done = used(&turns(100));
		assert_eq!(run.halt, halt);
		assert!(
			(done - 400..done + 400).contains(&run.gas_used),
			"{end}: {} of {done}",
			run.gas_used
		);
	}
}

#[test]
fn memory_grows_to_the_tasks_limit_and_to_the_programs() {
	let body =
		"(call $word (memory.grow (i32.const 4))) (call $word (memory.grow (i32.const 1))) (call $word (memory.size))";
	// A page of the task's is the system functions'.
	let limits = Limits {
		memory_pages: 6,
		..LIMITS
	};
	let wasm = bytes(&text(body, ""));
	let run = run_wasm(&wasm, b"", &limits);
	assert_eq!(run.output, [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0]);
	let wasm = bytes(&text(body, "").replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 1 3)"));
	let run = run_wasm(&wasm, b"", &limits);
	assert_eq!(run.output, [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn a_task_that_gives_too_little_memory_has_no_outcome() {
	let program = compile(&bytes("(module (memory 3) (func (export \"_start\")))"));
	assert!(program.fits(3) && !program.fits(2));
	let limits = Limits {
		memory_pages: 2,
		..LIMITS
	};
	let refused = program.run(&limits, supply(b""), &Stop::new());
	assert!(matches!(refused, Err(HostError::Task(_))));
}

#[test]
fn gas_limits_outside_their_range_have_no_outcome() {
	let program = compile(&bytes("(module (func (export \"_start\")))"));
	for gas in [0, MAX_GAS + 1, u64::MAX] {
		let refused = program.run(&Limits { gas, ..LIMITS }, supply(b""), &Stop::new());
		assert!(matches!(refused, Err(HostError::Task(_))), "{gas}");
	}
}

#[test]
fn a_program_can_be_stopped() {
	let engine = FastEngine::new(FastConfig::default()).unwrap();
	let wasm = bytes("(module (func (export \"_start\") (loop (br 0))))");
	let program = engine.compile(&normalise(&wasm).unwrap()).unwrap();
	let stop = Stop::new();
	let limits = Limits { gas: MAX_GAS, ..LIMITS };
	let result = std::thread::scope(|scope| {
		let running = scope.spawn(|| program.run(&limits, supply(b""), &stop));
		std::thread::sleep(std::time::Duration::from_millis(300));
		stop.request();
		running.join().unwrap()
	});
	assert!(matches!(result, Err(HostError::Stopped)), "{result:?}");
}
