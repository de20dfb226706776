//! What is refused, and that nothing has changed then.

use super::*;
use crate::{Error, Event, Programs};
use frame_support::{assert_noop, traits::fungible::InspectHold};
use millrace_primitives::{
	job::{
		Endpoint, Verification, MAX_IMAGE, MAX_PROGRAM_SIZE, MAX_SETUP, MAX_SHARD_TASKS, MAX_TASKS, MAX_TASK_DATA,
		MAX_TASK_GAS, MAX_WINDOW,
	},
	machine::{self, Unfit, MAX_PAGES},
	provider::RegionSet,
	Blob, JobSpec, ProgramRoots, ENGINE_VERSION, MILL,
};

type E = Error<Test>;

#[test]
fn programs_are_published_and_withdrawn() {
	run(0, || {
		let bob = || signed(&account(BOB));
		let deposit = || Balances::balance_on_hold(&crate::HoldReason::ProgramDeposit.into(), &account(BOB));
		let of_length = |len| Blob { len, ..module() };
		for len in [0, MAX_PROGRAM_SIZE + 1] {
			assert_noop!(Jobs::publish_program(bob(), roots(), of_length(len)), E::ProgramSize);
		}
		for (pages, system_pages) in [(MAX_PAGES, 1), (0, MAX_PAGES + 1), (u32::MAX, u32::MAX)] {
			let large = ProgramRoots {
				pages,
				system_pages,
				..roots()
			};
			assert_noop!(Jobs::publish_program(bob(), large, module()), E::ProgramMemory);
		}
		assert_noop!(
			Jobs::publish_program(signed(&account(50)), roots(), module()),
			E::InsufficientFunds
		);
		Jobs::publish_program(bob(), roots(), module()).unwrap();
		assert_eq!(deposit(), MILL);
		assert!(seen(Event::ProgramPublished {
			program: program(),
			publisher: account(BOB),
			module: module(),
		}));
		assert_noop!(Jobs::publish_program(alice(), roots(), module()), E::ProgramExists);
		let view = Jobs::program_view(program()).unwrap();
		assert_eq!(
			(view.id, view.roots, view.module, view.address),
			(program(), roots(), module(), machine::address(&module()))
		);
		assert_eq!((view.publisher, view.deposit, view.open_jobs), (account(BOB), MILL, 0));

		let job = submit(spec(1, 2));
		assert_noop!(Jobs::withdraw_program(bob(), Hash::zero()), E::UnknownProgram);
		assert_noop!(Jobs::withdraw_program(alice(), program()), E::NotPublisher);
		assert_noop!(Jobs::withdraw_program(bob(), program()), E::ProgramInUse);
		Jobs::cancel(alice(), job).unwrap();
		Jobs::withdraw_program(bob(), program()).unwrap();
		assert!(seen(Event::ProgramWithdrawn { program: program() }));
		assert_eq!(deposit(), 0);
		assert!(Programs::<Test>::get(program()).is_none());
		assert!(Jobs::program_view(program()).is_none());
		assert_noop!(Jobs::submit(alice(), spec(1, 2)), E::UnknownProgram);
	});
}

#[test]
fn other_roots_or_another_module_are_another_program() {
	run(0, || {
		let bob = || signed(&account(BOB));
		Jobs::publish_program(bob(), roots(), module()).unwrap();
		let longest = Blob {
			len: MAX_PROGRAM_SIZE,
			..module()
		};
		Jobs::publish_program(bob(), roots(), longest).unwrap();
		let largest = ProgramRoots {
			pages: MAX_PAGES,
			system_pages: 0,
			..roots()
		};
		Jobs::publish_program(bob(), largest, module()).unwrap();
		assert_eq!(Programs::<Test>::iter().count(), 3);
	});
}

#[test]
fn a_program_of_another_version_takes_no_new_jobs() {
	run(0, || {
		publish();
		let old = Programs::<Test>::take(program()).unwrap();
		let engine = ENGINE_VERSION - 1;
		let id = machine::program_id(engine, &roots(), &module());
		Programs::<Test>::insert(id, crate::Program { engine, ..old });
		refused(|s| s.program = id, E::ProgramOutdated);
	});
}

#[test]
fn every_unfit_task_has_an_error_of_its_own() {
	assert!(matches!(E::from(Unfit::Engine), E::ProgramOutdated));
	assert!(matches!(E::from(Unfit::Gas), E::BadGasLimit));
	let memory = Unfit::Memory { needs: 2, limit: 1 };
	assert!(matches!(E::from(memory), E::MemoryBelowProgram));
	assert!(matches!(E::from(Unfit::Setup), E::BadSetup));
	assert!(matches!(E::from(Unfit::Image), E::BadImage));
}

fn refused(change: impl FnOnce(&mut JobSpec), error: E) {
	let mut wanted = spec(10, 2);
	change(&mut wanted);
	assert!(Jobs::quote(&wanted).is_none(), "a quote is refused with it");
	assert_noop!(Jobs::submit(alice(), wanted), error);
}

#[test]
fn a_specification_is_refused_with_its_reason() {
	run(0, || {
		publish();
		refused(|s| s.tasks = 0, E::BadTasks);
		refused(|s| s.tasks = MAX_TASKS + 1, E::BadTasks);
		refused(|s| s.shard_size = 0, E::BadShardSize);
		refused(|s| s.shard_size = MAX_SHARD_TASKS + 1, E::BadShardSize);
		let blob = |len| Blob { tree: [9; 32], len };
		refused(|s| s.limits.gas = 0, E::BadGasLimit);
		refused(|s| s.limits.gas = MAX_TASK_GAS + 1, E::BadGasLimit);
		refused(|s| s.limits.memory_pages = 0, E::BadMemory);
		refused(|s| s.limits.memory_pages = MAX_PAGES + 1, E::BadMemory);
		// The program starts with two pages and two of its system functions.
		refused(|s| s.limits.memory_pages = 3, E::MemoryBelowProgram);
		refused(|s| s.image = Some(blob(0)), E::BadImage);
		refused(|s| s.image = Some(blob(MAX_IMAGE + 1)), E::BadImage);
		refused(|s| s.setup = blob(0), E::BadSetup);
		refused(|s| s.setup = blob(MAX_SETUP + 1), E::BadSetup);
		refused(|s| s.input_limit = MAX_TASK_DATA + 1, E::BadDataLimit);
		refused(|s| s.limits.output = MAX_TASK_DATA + 1, E::BadDataLimit);
		refused(
			|s| s.verification = Verification::Replicated { replicas: 1 },
			E::BadReplicas,
		);
		refused(
			|s| s.verification = Verification::Replicated { replicas: 8 },
			E::BadReplicas,
		);
		for window in [0, LEAST_WINDOW - 1, MAX_WINDOW + 1, u32::MAX] {
			refused(|s| s.verification = Verification::Optimistic { window }, E::BadWindow);
		}
		refused(|s| s.constraints.regions = RegionSet(0), E::NoRegion);
		refused(|s| s.deadline = 0, E::BadDeadline);
		refused(|s| s.endpoints = Default::default(), E::BadEndpoints);
		refused(
			|s| s.endpoints = vec![Endpoint::truncate_from(b"ftp://x".to_vec())].try_into().unwrap(),
			E::BadEndpoints,
		);
		refused(|s| s.price_cap = u128::MAX, E::TooExpensive);
		refused(|s| s.price_cap = Params::get().min_price - 1, E::PriceTooLow);
		refused(|s| s.deadline = Params::get().max_deadline + 1, E::DeadlineTooLong);
		for budget in [Some(u128::MAX - 1), None] {
			Budget::set(budget);
			refused(|_| {}, E::TooExpensive);
		}
	});
}

#[test]
fn a_client_without_funds_is_refused_and_loses_nothing() {
	run(0, || {
		publish();
		// Not enough for the fee, then enough for the fee only.
		let poor = account(60);
		assert_noop!(Jobs::submit(signed(&poor), spec(1, 2)), E::InsufficientFunds);
		fund(&poor, 2 * ED + 20 * SEAT_FEE);
		assert_noop!(Jobs::submit(signed(&poor), spec(10, 2)), E::InsufficientFunds);
		assert_eq!(Balances::free_balance(&poor), 2 * ED + 20 * SEAT_FEE);
	});
}

#[test]
fn top_up_and_cancel_are_the_clients_and_for_open_jobs() {
	run(2, || {
		let job = submit(spec(10, 2));
		let bob = || signed(&account(BOB));
		assert_noop!(Jobs::top_up(bob(), job, CAP, 0), E::NotClient);
		assert_noop!(Jobs::cancel(bob(), job), E::NotClient);
		assert_noop!(Jobs::top_up(alice(), JobId(9), CAP, 0), E::UnknownJob);
		assert_noop!(Jobs::cancel(alice(), JobId(9)), E::UnknownJob);
		assert_noop!(Jobs::top_up(alice(), job, CAP - 1, 0), E::PriceLowered);
		assert_noop!(Jobs::top_up(alice(), job, CAP, 501), E::DeadlineTooLong);
		assert_noop!(Jobs::top_up(alice(), job, CAP, u32::MAX), E::DeadlineTooLong);
		assert_noop!(Jobs::top_up(alice(), job, u128::MAX, 0), E::TooExpensive);
		assert_noop!(Jobs::top_up(alice(), job, 100_000 * MILL, 0), E::InsufficientFunds);
		blocks(5);
		Jobs::cancel(alice(), job).unwrap();
		assert_noop!(Jobs::cancel(alice(), job), E::NotOpen);
		assert_noop!(Jobs::top_up(alice(), job, CAP, 0), E::NotOpen);
	});
}

#[test]
fn calls_need_a_signature() {
	run(0, || {
		let none = RuntimeOrigin::none;
		let bad = sp_runtime::DispatchError::BadOrigin;
		assert_noop!(Jobs::publish_program(none(), roots(), module()), bad);
		assert_noop!(Jobs::submit(none(), spec(1, 2)), bad);
		assert_noop!(Jobs::poke(none()), bad);
		assert_noop!(Jobs::claim_owed(none(), account(ALICE)), bad);
	});
}
