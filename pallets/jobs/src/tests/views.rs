//! What users are shown.

use super::*;
use millrace_primitives::{
	api::SHARD_WINDOW,
	job::{SeatState, ShardState},
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
		Jobs::on_sealed(id, 1).unwrap();
		assert!(!Jobs::assignments_of(&operator(holder(id, 1)))[0].reveal_open);
		seal_all(id);
		assert_eq!(state(), ShardState::Sealed);
		Jobs::on_revealed(id, 0).unwrap();
		let todo = &Jobs::assignments_of(&operator(holder(id, 1)))[0];
		assert!(todo.reveal_open);
		assert_eq!(todo.state, Some(SeatState::Sealed));
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
