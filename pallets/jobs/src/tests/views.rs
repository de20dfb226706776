//! What users are shown.

use super::*;
use millrace_primitives::job::{SeatState, ShardState};

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
		// 20 blocks, 4 Ggas at 0.3, 5,000 bytes at 3 million.
		assert_eq!(quote.execution_window, 20 + 14 + 1);
		assert_eq!(quote.census.affordable, 3);
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
		assert_eq!(
			Jobs::assignments_of(&account(holder(id, 1)))[0].due,
			view.custody_until.unwrap()
		);
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
		// Work to do comes before what is only kept.
		let id = shard(job, 0);
		let provider = holder(id, 0);
		finish(id, 1);
		let list = Jobs::assignments_of(&operator(provider));
		assert!(list.iter().take(list.len() - 1).all(|view| view.state.is_some()));
		assert_eq!(list.last().unwrap().state, None);
		let todo = &list[0];
		assert_eq!(todo.endpoints, ["http://127.0.0.1:9000"]);
		assert_eq!(
			(todo.job_tasks, todo.tasks, todo.first_task),
			(400, 1, todo.shard.index)
		);
	});
}
