//! One life of a job, to the last planck.

use super::*;
use crate::{AssignmentsOf, Event, Jobs as JobsMap, NextTimers, Programs, Timers};
use frame_support::{assert_ok, dispatch::Pays};
use millrace_primitives::{job::JobStatus, MILL};

/// 1 Ggas at the cap and its fee of 5 %, twice.
const RESERVE: u128 = 2 * (CAP + CAP / 20);

#[test]
fn a_job_is_drawn_computed_paid_and_forgotten() {
	run(3, || {
		publish();
		let (before, issued, author) = (free(ALICE), issuance(), free(VALIDATOR));
		let job = submit(spec(1, 2));
		let fee = 2 * SEAT_FEE;
		assert_eq!(free(ALICE), before - RESERVE - fee);
		assert_eq!(held(ALICE), RESERVE);
		assert_eq!(issuance(), issued - fee);
		System::assert_last_event(
			Event::JobSubmitted {
				job,
				client: account(ALICE),
				program: program(),
				shards: 1,
				escrow: RESERVE,
				burned: fee,
			}
			.into(),
		);

		// Three outputs must be newer than the submission; the second seat takes one more.
		let id = shard(job, 0);
		blocks(2);
		assert!(!exists(id));
		next_block();
		assert_eq!(seats(id).iter().flatten().count(), 1);
		next_block();
		let drawn: Vec<u8> = seats(id).into_iter().flatten().map(|(provider, _)| provider).collect();
		assert_eq!(drawn.len(), 2);
		assert_ne!(drawn[0], drawn[1]);
		assert!(OPENED.with_borrow(|all| all.contains_key(&id)));
		let liability = 3 * CAP;
		assert_eq!(Registry::get(drawn[0]).liability, liability);
		assert_eq!(Registry::get(drawn[0]).used, 1);

		for provider in &drawn {
			let post = Jobs::accept(signed(&operator(*provider)), id).unwrap();
			assert_eq!(post.pays_fee, Pays::No);
		}
		seal_all(id);
		assert_eq!(Registry::get(drawn[0]).used, 0);
		assert_eq!(Registry::get(drawn[0]).liability, liability);
		reveal_all(id);
		assert_eq!(
			Jobs::shard_views(job, 0, 10)[0].state,
			millrace_primitives::job::ShardState::Reported
		);

		// Half the gas at 2 mMILL: 1 mMILL each, 10 % of it withheld; 5 % fee on top, 80 % of that burned.
		Evidence::end(id, accepted(id, 500_000_000));
		let earned = MILL / 1_000;
		let fees = 2 * earned / 20;
		for provider in &drawn {
			assert_eq!(free(*provider), MILL + earned * 9 / 10);
		}
		assert!(Registry::idle());
		assert_eq!(free(VALIDATOR), author + fees / 5);
		assert_eq!(issuance(), issued - fee - fees * 4 / 5);
		assert_eq!(held(ALICE), 2 * earned / 10);
		assert_eq!(free(ALICE), before - fee - 2 * earned - fees);
		let settled = SETTLED.with_borrow(|all| all.clone());
		assert_eq!(settled.len(), 1);
		assert!(settled[0].counted);
		assert_eq!((settled[0].report, settled[0].payments.len()), (report(500_000_000), 2));
		assert_eq!(settled[0].payments[0].amount, earned);
		assert_eq!(settled[0].payments[0].burned, earned / 20 * 4 / 5);
		assert_eq!(Jobs::job_view(job).unwrap().status, JobStatus::Done);
		System::assert_has_event(
			Event::JobSettled {
				job,
				status: JobStatus::Done,
				accepted: 1,
				failed: 0,
				paid: 2 * earned,
				fees,
			}
			.into(),
		);
		assert!(Jobs::assignments_of(&operator(drawn[0])).is_empty());
		assert_eq!(Jobs::custody_of(&operator(drawn[0]), None, 1)[0].state, None);

		assert_ok!(Jobs::acknowledge(alice(), job, 0, 1));
		for provider in &drawn {
			assert_eq!(free(*provider), MILL + earned);
		}
		assert_eq!(held(ALICE), 0);
		assert!(!exists(id));
		assert!(JobsMap::<Test>::get(job).is_none());
		assert_eq!(AssignmentsOf::<Test>::iter().count(), 0);
		assert_eq!(Programs::<Test>::get(program()).unwrap().open_jobs, 0);

		// The timers that are left find nothing and vanish.
		blocks(600);
		assert_eq!(Timers::<Test>::iter().count(), 0);
		assert!(NextTimers::<Test>::get().near.is_empty());
		assert_eq!(free(ALICE), before - fee - 2 * earned - fees);
	});
}
