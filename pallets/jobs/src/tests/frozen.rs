//! A program that is frozen: nobody is drawn for it, no deadline of its work passes, and all of them have what was left.

use super::*;
use frame_support::assert_noop;
use millrace_primitives::{
	api::Reason,
	job::JobStatus,
	traits::{Pace, FROZEN_LOOK},
};

/// Lets so many blocks pass in which the program is frozen.
fn frozen_for(count: u32) {
	let behind = || PACES.with_borrow(|all| all.get(&program()).map_or(0, |pace| pace.behind));
	let set = |pace| PACES.with_borrow_mut(|all| _ = all.insert(program(), pace));
	for _ in 0..count {
		let behind = behind() + 1;
		set(Pace { behind, frozen: true });
		next_block();
		Jobs::do_try_state().unwrap();
	}
	set(Pace {
		behind: behind(),
		frozen: false,
	});
}

#[test]
fn no_job_is_taken_for_it_and_nobody_is_drawn() {
	run(3, || {
		let id = submit(spec(1, 2));
		PACES.with_borrow_mut(|all| {
			all.insert(
				program(),
				Pace {
					behind: 0,
					frozen: true,
				},
			)
		});
		assert_noop!(Jobs::submit(alice(), spec(1, 2)), crate::Error::<Test>::Frozen);
		assert_eq!(Jobs::explain(id).unwrap().reason, Reason::Frozen);
		frozen_for(20);
		assert!(!exists(shard(id, 0)), "no shard of it starts");
		assert!(crate::Jobs::<Test>::get(id).unwrap().retry.is_some());
		// It is looked at now and then, and goes on by itself.
		let all_drawn = || exists(shard(id, 0)) && seats(shard(id, 0)).iter().all(Option::is_some);
		for _ in 0..FROZEN_LOOK + 10 {
			if !all_drawn() {
				next_block();
			}
		}
		assert!(all_drawn());
		assert_ne!(Jobs::explain(id).unwrap().reason, Reason::Frozen);
	});
}

#[test]
fn a_seat_has_what_was_left_of_its_time_to_accept() {
	run(3, || {
		let id = assigned(1, 2);
		let slow = holder(id, 0);
		let due = |seat: usize| Jobs::shard_views(id.job, 0, 1)[0].seats[seat].due.unwrap();
		let first = due(0);
		blocks(4);
		frozen_for(50);
		assert_eq!(due(0), first + 50, "who looks sees when it is due if it goes on now");
		assert_eq!(holder(id, 0), slow);
		// Its timer rang while all stood, and rings again a while later: nobody has less time than was left.
		blocks(first + 50 - Jobs::now_block() - 1);
		assert_eq!(holder(id, 0), slow);
		blocks(FROZEN_LOOK + 8);
		assert_eq!(Registry::get(slow).conduct.len(), 1, "it missed it in the end");
	});
}

#[test]
fn who_computes_has_what_was_left_and_a_job_its_deadline() {
	run(3, || {
		let id = assigned(1, 2);
		accept_all(id);
		let due = |seat: usize| Jobs::shard_views(id.job, 0, 1)[0].seats[seat].due.unwrap();
		let (first, expires) = (due(0), Jobs::job_view(id.job).unwrap().expires_at);
		// Longer than anything lasts here.
		frozen_for(600);
		assert_eq!((due(0), due(1)), (first + 600, first + 600));
		let view = Jobs::job_view(id.job).unwrap();
		assert_eq!((view.expires_at, view.status), (expires + 600, JobStatus::Open));
		assert!(seats(id).iter().all(Option::is_some), "nobody is late");
		seal_all(id);
		reveal_all(id);
		Evidence::end(id, accepted(id, 1_000));
		let until = Jobs::shard_views(id.job, 0, 1)[0].custody_until.unwrap();
		frozen_for(40);
		assert_eq!(Jobs::shard_views(id.job, 0, 1)[0].custody_until, Some(until + 40));
		// Custody ends when it has lasted as long as was promised.
		while Jobs::now_block() < until + 39 {
			next_block();
		}
		assert!(exists(id));
		blocks(2 * FROZEN_LOOK);
		assert!(!exists(id));
		Jobs::do_try_state().unwrap();
	});
}
