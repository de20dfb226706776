//! What users are shown.

use super::*;
use crate::NEVER;
use millrace_primitives::{
	api::{AssignmentView, SHARD_WINDOW},
	job::{SeatState, ShardState},
	traits::{Called, DrawnSeat},
	Blob, ENGINE_VERSION,
};

#[test]
fn a_quote_is_what_submission_takes() {
	run(3, || {
		publish();
		let mut wanted = spec(10, 3);
		wanted.shard_size = 4;
		let quote = Jobs::quote(&wanted).unwrap();
		let before = free(ALICE);
		submit(wanted);
		assert_eq!(quote.escrow, held(ALICE));
		assert_eq!(quote.escrow + quote.submission_fee, before - free(ALICE));
		assert_eq!(quote.payments, 30 * CAP);
		assert_eq!(quote.fees, 30 * CAP / 20);
		assert_eq!(quote.liability, 3 * 4 * CAP);
		// It is a newcomer's.
		STAKES.with_borrow_mut(|all| all.insert(account(PROVIDER), None));
		assert_eq!(Jobs::quote(&spec(10, 3)).map(|quote| quote.liability), Some(3 * CAP));
		STAKES.with_borrow_mut(|all| all.insert(account(0), None));
		assert_eq!(Jobs::quote(&spec(10, 3)), None);
		// 20 blocks, 4 Ggas at 0.25, 5,000 bytes at 3 million.
		assert_eq!(quote.execution_window, 20 + 16 + 1);
		assert_eq!(quote.census.affordable, 3);
	});
}

#[test]
fn a_seat_is_told_all_that_it_has_to_fetch_and_has_time_for_it() {
	run(2, || {
		let blob = |byte, len| Blob { tree: [byte; 32], len };
		let mut wanted = spec(1, 2);
		wanted.image = Some(blob(7, 30_000_000));
		wanted.setup = blob(8, 100);
		wanted.limits.memory_pages = 4;
		let id = shard(submit(wanted.clone()), 0);
		blocks(4);
		let todo = &Jobs::assignments_of(&operator(holder(id, 0)))[0];
		assert_eq!((todo.program, todo.roots, todo.module), (program(), roots(), module()));
		assert_eq!((todo.image, todo.setup), (wanted.image, wanted.setup));
		assert_eq!((todo.limits, todo.engine), (wanted.limits, ENGINE_VERSION));
		let view = Jobs::job_view(id.job).unwrap();
		assert_eq!(
			(view.image, view.setup, view.limits),
			(wanted.image, wanted.setup, wanted.limits)
		);
		// Ten blocks for the image.
		let terms = Shards::<Test>::get(id.job, 0).unwrap().terms;
		assert_eq!(terms.accept_window, Params::get().accept_window + 10);
		assert_eq!(
			Some(terms.execution_window),
			Jobs::quote(&wanted).map(|quote| quote.execution_window)
		);
	});
}

#[test]
fn a_shards_state_is_that_of_its_least_advanced_seat() {
	run(2, || {
		let job = submit(spec(1, 2));
		let state = || Jobs::shard_views(job, 0, 1)[0].state;
		blocks(3);
		assert_eq!(state(), ShardState::Queued);
		next_block();
		assert_eq!(state(), ShardState::Assigned);
		let id = shard(job, 0);
		Jobs::accept(signed(&operator(holder(id, 0))), id).unwrap();
		assert_eq!(state(), ShardState::Assigned);
		accept_all(id);
		assert_eq!(state(), ShardState::Accepted);
		Evidence::seal(id, 1).unwrap();
		assert_eq!(state(), ShardState::Accepted);
		seal_all(id);
		assert_eq!(state(), ShardState::Sealed);
		Evidence::reveal(id, 0);
		assert_eq!(state(), ShardState::Sealed);
		reveal_all(id);
		assert_eq!(state(), ShardState::Reported);
		finish(id, 3);
		assert_eq!(state(), ShardState::Custody);
		let view = &Jobs::shard_views(job, 0, 1)[0];
		assert_eq!(view.report, Some(report(3)));
		assert_eq!(view.seats[0].endpoint.as_deref(), Some("http://127.0.0.1:1"));
		let kept = Jobs::custody_of(&account(holder(id, 1)), None, 1);
		assert_eq!(kept[0].due, view.custody_until.unwrap());
	});
}

/// What the first assignment of a seat's holder says of it.
fn todo(id: ShardId, seat: u8) -> AssignmentView {
	Jobs::assignments_of(&operator(holder(id, seat))).remove(0)
}

#[test]
fn a_seat_is_told_when_it_may_compute() {
	run(3, || {
		let id = assigned(1, 2);
		let shown = |seat| {
			let view = todo(id, seat);
			(view.state.unwrap(), view.held, view.due)
		};
		let summary = |seat: usize| Jobs::shard_views(id.job, 0, 1)[0].seats[seat].due;
		assert_eq!(shown(0), (SeatState::Assigned, false, 13));
		Jobs::accept(signed(&operator(holder(id, 0))), id).unwrap();
		assert_eq!(shown(0), (SeatState::Accepted, false, NEVER));
		assert_eq!((summary(0), summary(1)), (None, Some(14)));
		blocks(2);
		Jobs::accept(signed(&operator(holder(id, 1))), id).unwrap();
		for seat in 0..2 {
			assert_eq!(shown(seat), (SeatState::Accepted, true, 6 + 25));
		}
		// A seat that falls vacant does not stop the other one.
		Evidence::seal(id, 1).unwrap();
		blocks(25);
		assert_eq!(seats(id)[0], None);
		assert_eq!(shown(1), (SeatState::Sealed, true, NEVER));
		assert_eq!(summary(1), None);
		blocks(3);
		assert_eq!(shown(0), (SeatState::Assigned, false, 34 + 10));
	});
}

#[test]
fn the_verifier_says_when_a_sealed_seat_reveals_and_what_it_shows() {
	run(2, || {
		let id = assigned(1, 2);
		let tell = |seat, called| CALLED.with_borrow_mut(|all| all.insert((id, account(holder(id, seat))), called));
		let called = Called {
			reveal_by: Some(77),
			tasks: None,
			shown: vec![0],
			..Called::default()
		};
		tell(0, called.clone());
		accept_all(id);
		// Before its seal nothing of that concerns it.
		let view = todo(id, 0);
		assert!(!view.reveal_open && view.shown.is_empty() && view.due < 77);
		seal_all(id);
		let (view, other) = (todo(id, 0), todo(id, 1));
		assert_eq!((view.reveal_open, view.due, view.shown), (true, 77, vec![0]));
		assert_eq!((other.reveal_open, other.due), (false, NEVER));
		assert_eq!((view.sample, view.round, view.held), (None, 0, true));
		Evidence::reveal(id, 0);
		let view = todo(id, 0);
		assert_eq!((view.reveal_open, view.due), (false, NEVER));
	});
}

#[test]
fn seats_that_the_verifier_drew_are_assignments_too() {
	run(3, || {
		let id = assigned(5, 2);
		let auditor = (PROVIDER..PROVIDER + 3)
			.find(|p| Jobs::seat(id, &account(*p)).is_none())
			.unwrap();
		let before = Jobs::assignments_of(&account(auditor));
		let drawn = |state| DrawnSeat {
			shard: id,
			index: 16,
			state,
			due: 90,
		};
		let put = |seats| DRAWN.with_borrow_mut(|all| all.insert(account(auditor), seats));
		put(vec![drawn(SeatState::Accepted)]);
		CALLED.with_borrow_mut(|all| {
			let called = Called {
				reveal_by: None,
				tasks: Some(vec![0]),
				..Called::default()
			};
			all.insert((id, account(auditor)), called)
		});
		let views = Jobs::assignments_of(&operator(auditor));
		assert_eq!(views.len(), before.len() + 1);
		let view = views.iter().find(|view| view.seat == 16).unwrap();
		assert_eq!((view.shard, view.round, view.state), (id, 0, Some(SeatState::Accepted)));
		assert_eq!((view.held, view.reveal_open, view.due), (true, false, 90));
		assert_eq!(view.sample, Some(vec![0]));
		assert_eq!((view.program, view.tasks), (program(), 1));

		CALLED.with_borrow_mut(|all| {
			let called = all.get_mut(&(id, account(auditor))).unwrap();
			(called.reveal_by, called.shown) = (Some(60), vec![0]);
		});
		put(vec![drawn(SeatState::Sealed)]);
		let views = Jobs::assignments_of(&operator(auditor));
		let view = views.iter().find(|view| view.seat == 16).unwrap();
		assert_eq!((view.reveal_open, view.due, &view.shown), (true, 60, &vec![0]));
		// A shard that is over is nobody's work.
		let gone = DrawnSeat {
			shard: shard(JobId(9), 0),
			..drawn(SeatState::Accepted)
		};
		put(vec![gone]);
		assert_eq!(Jobs::assignments_of(&operator(auditor)), before);
	});
}

#[test]
fn what_must_be_acted_on_comes_before_what_waits_for_others() {
	run(2, || {
		for id in PROVIDER..PROVIDER + 2 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let job = submit(spec(5, 2));
		blocks(8);
		let ids: Vec<ShardId> = (0..5).map(|index| shard(job, index)).collect();
		// Waits for the other seat; sealed and waits; sealed and is to reveal; computes; assigned.
		let seat_of = |id: ShardId| Jobs::seat(id, &account(PROVIDER)).unwrap().index;
		Jobs::accept(signed(&operator(PROVIDER)), ids[0]).unwrap();
		for id in &ids[1..4] {
			accept_all(*id);
		}
		for id in &ids[1..3] {
			Evidence::seal(*id, seat_of(*id)).unwrap();
		}
		CALLED.with_borrow_mut(|all| {
			let called = Called {
				reveal_by: Some(99),
				..Called::default()
			};
			all.insert((ids[2], account(PROVIDER)), called)
		});
		let order: Vec<u32> = Jobs::assignments_of(&account(PROVIDER))
			.iter()
			.map(|view| view.shard.index)
			.collect();
		assert_eq!(order, [4, 3, 2, 0, 1]);
	});
}

#[test]
fn a_closed_shards_state_is_that_of_who_has_sealed() {
	run(2, || {
		let id = assigned(1, 2);
		accept_all(id);
		Evidence::seal(id, 1).unwrap();
		blocks(35);
		let view = &Jobs::shard_views(id.job, 0, 1)[0];
		assert_eq!(view.state, ShardState::Sealed);
		assert_eq!((view.seats[0].provider.clone(), view.seats[0].round), (None, 1));
	});
}

#[test]
fn pages_are_in_order_and_bounded() {
	run(8, || {
		for id in PROVIDER..PROVIDER + 8 {
			Registry::edit(id, |p| p.slots = 1_000);
		}
		let job = submit(spec(400, 2));
		blocks(20);
		assert_eq!(Jobs::shard_views(job, 0, u32::MAX).len(), 256);
		let page: Vec<u32> = Jobs::shard_views(job, 390, 5)
			.iter()
			.map(|view| view.id.index)
			.collect();
		assert_eq!(page, [390, 391, 392, 393, 394]);
		assert!(Jobs::shard_views(JobId(4), 0, 1).is_empty());
		let todo = &Jobs::assignments_of(&operator(holder(shard(job, 0), 0)))[0];
		assert_eq!(todo.endpoints, ["http://127.0.0.1:9000"]);
		assert_eq!(
			(todo.job_tasks, todo.tasks, todo.first_task),
			(400, 1, todo.shard.index)
		);
	});
}

#[test]
fn what_is_kept_is_listed_apart_from_work_and_in_pages() {
	run(2, || {
		for id in PROVIDER..PROVIDER + 2 {
			Registry::edit(id, |p| p.slots = 1_000);
		}
		Params::mutate(|params| params.accept_window = 100);
		let job = submit(spec(300, 2));
		blocks(20);
		(0..290).for_each(|index| finish(shard(job, index), 1));
		let (provider, hot) = (account(PROVIDER), operator(PROVIDER));
		assert_eq!(Jobs::assignments_of(&hot).len(), 10);
		assert!(Jobs::assignments_of(&hot).iter().all(|view| view.state.is_some()));

		let mut kept = Vec::new();
		let mut after = None;
		loop {
			let page = Jobs::custody_of(&hot, after, 100);
			assert_eq!(page, Jobs::custody_of(&provider, after, 100));
			assert!(page.len() <= 100 && page.iter().all(|view| view.state.is_none()));
			let Some(last) = page.last() else { break };
			after = Some(last.shard);
			kept.extend(page.iter().map(|view| view.shard.index));
		}
		kept.sort_unstable();
		assert_eq!(kept, (0..290).collect::<Vec<_>>());
		assert_eq!(Jobs::custody_of(&hot, None, u32::MAX).len(), 256);

		// A page goes on after a shard that is gone by then.
		let first = Jobs::custody_of(&hot, None, 2);
		Jobs::acknowledge(alice(), job, first[0].shard.index, 1).unwrap();
		assert_eq!(Jobs::custody_of(&hot, Some(first[0].shard), 1)[0], first[1]);
	});
}

#[test]
fn an_account_that_is_a_provider_means_itself_whomever_it_works_for() {
	run(2, || {
		let id = assigned(1, 2);
		let (one, other) = (holder(id, 0), holder(id, 1));
		// The first provider's account is also the key that the second one works with.
		OPERATORS.with_borrow_mut(|all| all.insert(account(one), account(other)));
		assert_eq!(Jobs::assignments_of(&account(one))[0].seat, 0);
		assert_eq!(Jobs::assignments_of(&account(other))[0].seat, 1);
	});
}

#[test]
fn a_page_of_shards_looks_at_a_window_of_indices() {
	run(2, || {
		for id in PROVIDER..PROVIDER + 2 {
			Registry::edit(id, |p| p.slots = 10);
		}
		let job = submit(spec(2, 2));
		blocks(5);
		// As if all but the last of many shards were over.
		crate::Jobs::<Test>::mutate(job, |job| job.as_mut().unwrap().cursor = 2 * SHARD_WINDOW);
		let record = Shards::<Test>::take(job, 1).unwrap();
		Shards::<Test>::insert(job, SHARD_WINDOW, record);
		let indices = |first, count| -> Vec<u32> {
			Jobs::shard_views(job, first, count)
				.iter()
				.map(|view| view.id.index)
				.collect()
		};
		assert_eq!(indices(0, 256), [0]);
		assert_eq!(indices(1, 256), [SHARD_WINDOW]);
		assert_eq!(indices(SHARD_WINDOW, 256), [SHARD_WINDOW]);
		assert!(indices(SHARD_WINDOW + 1, 256).is_empty() && indices(u32::MAX, 256).is_empty());
		assert!(indices(0, 0).is_empty());
		let record = Shards::<Test>::take(job, SHARD_WINDOW).unwrap();
		Shards::<Test>::insert(job, 1, record);
		crate::Jobs::<Test>::mutate(job, |job| job.as_mut().unwrap().cursor = 2);
	});
}
