//! One life of a job, replicated twice, through the real runtime: every block is made as a node makes it, every call is
//! a signed transaction, and every planck is accounted for.

use super::{
	chain::{free, Chain},
	market::{
		escrow, everything, fees, id, market, report, reveal, seal, spec, wait, BOND, CLIENT, GAS, JOB, PROVIDERS,
		SHARD,
	},
};
use crate::{
	configs::{CurrentCourtParams, CurrentJobsParams, SeatFee},
	Balance, Balances, Runtime,
};
use codec::{Decode, Encode};
use frame_support::{
	assert_ok,
	traits::Get,
	view_functions::{ViewFunction, ViewFunctionDispatchError, ViewFunctionId},
};
use millrace_court::stakes::{advance, Params};
use millrace_primitives::{
	api::{runtime_decl_for_market_api::MarketApiV1, ProviderView, Reason},
	job::{JobStatus, SeatState, ShardState},
	money,
	traits::MarketClock,
	JobSpec,
};
use sp_keyring::Sr25519Keyring::{Alice, AliceStash, Charlie};
use sp_runtime::traits::Convert;

#[test]
fn a_job_lives_and_every_planck_is_accounted_for() {
	let mut chain = market();
	let params = chain.query(CurrentJobsParams::get);
	let court = chain.query(CurrentCourtParams::get);
	let before = chain.query(|| {
		assert_eq!(everything(), Balances::total_issuance());
		free(&id(CLIENT))
	});

	// The quote is what submission takes.
	let quote = chain.query(|| Runtime::quote(spec())).unwrap();
	assert_eq!(quote.census.affordable, 2);
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec: spec() }));
	let submission = fees(&mut chain, CLIENT);
	chain.query(|| {
		assert_eq!(escrow(CLIENT), quote.escrow);
		// What a seat can earn by computing and by keeping the outputs is what the court counts on.
		let cap = (quote.payments + quote.storage) / 2;
		let budget = advance(cap, params.fee_share, court.seat_fee).unwrap() + 2 * court.seat_fee;
		let reserve = money::shard_reserve(cap, 2, params.fee_share).unwrap();
		assert_eq!(quote.escrow, reserve + budget + quote.storage);
		assert_eq!(quote.fees, 2 * money::fee(quote.payments / 2, params.fee_share));
		assert_eq!(quote.submission_fee, 2 * SeatFee::convert(2));
		assert_eq!(
			free(&id(CLIENT)),
			before - submission - quote.submission_fee - quote.escrow
		);
		let job = Runtime::job(JOB).unwrap();
		assert_eq!(
			(job.client, job.status, job.shards, job.waiting),
			(id(CLIENT), JobStatus::Open, 1, 1)
		);
		assert_eq!(Runtime::explain(JOB).unwrap().reason, Reason::DrawPending);
	});

	// One seat a block, from different providers.
	wait(&mut chain, "both seats are drawn", || {
		PROVIDERS
			.iter()
			.all(|(provider, _)| Runtime::assignments(id(*provider)).len() == 1)
	});
	for (provider, operator) in PROVIDERS {
		chain.query(|| {
			let seat = Runtime::assignments(id(operator)).remove(0);
			assert_eq!(seat.shard, SHARD);
			assert_eq!(seat.state, Some(SeatState::Assigned));
			assert_eq!((seat.first_task, seat.tasks, seat.program), (0, 2, spec().program));
			let view = Runtime::provider(id(provider)).unwrap();
			assert_eq!(
				(view.used_slots, view.liability, view.drawable),
				(1, quote.liability, false)
			);
		});
		let operators_before = chain.query(|| free(&id(operator)));
		assert_ok!(chain.call(operator, pallet_jobs::Call::accept { shard: SHARD }));
		assert_eq!(
			chain.query(|| free(&id(operator))),
			operators_before,
			"accepting is free"
		);
	}
	chain.query(|| {
		let shard = Runtime::shards(JOB, 0, 10).remove(0);
		assert_eq!(shard.state, ShardState::Accepted);
		let mut holders: Vec<_> = shard.seats.iter().filter_map(|seat| seat.provider.clone()).collect();
		holders.sort();
		let mut expected = PROVIDERS.map(|(provider, _)| id(provider));
		expected.sort();
		assert_eq!(holders, expected);
		assert!(shard
			.seats
			.iter()
			.all(|seat| seat.endpoint.as_deref() == Some("http://127.0.0.1:8080/provider")));
	});

	// Sealing frees the slot; revealing waits until both are sealed, and until it is known that there is no audit.
	for (provider, operator) in PROVIDERS {
		assert!(chain.query(|| Runtime::assignments(id(operator)).remove(0).held));
		let seal = chain.query(|| seal(provider, &report()));
		assert_ok!(chain.call(operator, seal));
		chain.query(|| {
			let view = Runtime::provider(id(provider)).unwrap();
			assert_eq!((view.used_slots, view.liability), (0, quote.liability));
		});
	}
	wait(&mut chain, "it is known whether there is an audit", || {
		Runtime::case(SHARD).unwrap().drawn.is_some()
	});
	assert_eq!(chain.query(|| Runtime::case(SHARD).unwrap().drawn), Some(false));
	let balances = |chain: &mut Chain| {
		chain.query(|| {
			let providers = PROVIDERS.map(|(provider, _)| free(&id(provider)));
			(
				providers,
				free(&id(CLIENT)),
				free(&id(AliceStash)),
				Balances::total_issuance(),
			)
		})
	};
	let (providers_before, client_before, author_before, issuance_before) = balances(&mut chain);
	for (_, operator) in PROVIDERS {
		assert!(chain.query(|| Runtime::assignments(id(operator)).remove(0).reveal_open));
		assert_ok!(chain.call(operator, reveal(&report())));
	}
	chain.query(|| {
		let job = Runtime::job(JOB).unwrap();
		assert_eq!((job.accepted, job.running), (0, 1), "it may be attacked");
	});
	wait(&mut chain, "the time to open and to attack is over", || {
		Runtime::job(JOB).unwrap().running == 0
	});

	// Payments but for what is withheld, less the premium of newcomers, the fee shared and burned, the rest refunded. No
	// transaction of these blocks cost anything.
	let asks = chain.query(|| PROVIDERS.map(|(provider, _)| Runtime::provider(id(provider)).unwrap().ask));
	let whole = asks.map(|ask| money::payment(ask, GAS).unwrap());
	let stakes = Params::from(&court);
	let earned = whole.map(|whole| whole - stakes.premium(stakes.most, whole, court.seat_fee).unwrap());
	let seat_fees = 2 * court.seat_fee;
	// What keeping the outputs costs each seat's client at most.
	let keeping = {
		let (JobSpec { limits, tasks, .. }, period) = (spec(), params.custody_period);
		let gas = money::storage_gas(limits.output, period, params.storage_rate) * u64::from(tasks);
		asks.map(|ask| money::payment(ask, gas).unwrap())
	};
	assert!(keeping.iter().all(|keeping| *keeping > 0));
	let (providers, client, author, issuance) = balances(&mut chain);
	chain.query(|| {
		let job = Runtime::job(JOB).unwrap();
		assert_eq!(
			(job.status, job.accepted, job.failed, job.waiting),
			(JobStatus::Done, 1, 0, 0)
		);
		assert_eq!(job.paid, earned.iter().sum::<Balance>());
		let burned = issuance_before - issuance - seat_fees;
		let shared = author - author_before;
		assert_eq!(job.fees, burned + shared + seat_fees);
		assert_eq!(
			job.fees - seat_fees,
			whole
				.iter()
				.map(|whole| money::fee(*whole, params.fee_share))
				.sum::<Balance>()
		);
		let burns = whole.map(|whole| params.burn_share.mul_ceil(money::fee(whole, params.fee_share)));
		assert_eq!(burned, burns.iter().sum::<Balance>());
		let paid_now: Balance = (0..2).map(|i| providers[i] - providers_before[i]).sum();
		let refunded = client - client_before;
		let withheld = job.paid - paid_now;
		assert_eq!(
			withheld,
			earned
				.iter()
				.map(|earned| params.custody_share.mul_ceil(*earned))
				.sum::<Balance>()
		);
		let keeping: Balance = keeping.iter().sum();
		assert_eq!(escrow(CLIENT), withheld + keeping);
		assert_eq!(refunded, quote.escrow - paid_now - job.fees - withheld - keeping);
		let shard = Runtime::shards(JOB, 0, 10).remove(0);
		assert_eq!((shard.state, shard.report), (ShardState::Custody, Some(report())));
		for ((provider, _), paid) in PROVIDERS.into_iter().zip(earned) {
			let view = Runtime::provider(id(provider)).unwrap();
			// As much as it was paid answers for the outputs.
			assert_eq!((view.liability, view.used_slots, view.bond), (paid, 0, BOND));
			assert!(Runtime::assignments(id(provider)).is_empty());
			let kept = Runtime::custody(id(provider), None, 10);
			assert_eq!((kept.len(), kept[0].shard, kept[0].state), (1, SHARD, None));
			assert!(Runtime::custody(id(provider), Some(SHARD), 10).is_empty());
		}
	});

	// The client has its outputs: the rest is paid, and keeping them since the second seal; nothing is left of the job.
	let closed = chain.query(|| pallet_jobs::Shards::<Runtime>::get(JOB, 0).unwrap().closed.unwrap());
	assert_ok!(chain.call(
		CLIENT,
		pallet_jobs::Call::acknowledge {
			job: JOB,
			first: 0,
			count: 1
		}
	));
	let acknowledgement = fees(&mut chain, CLIENT);
	let kept = {
		let blocks = Balance::from(chain.query(<crate::Jobs as MarketClock>::now) - closed);
		keeping.map(|keeping| keeping * blocks / Balance::from(params.custody_period))
	};
	assert!(kept.iter().all(|kept| *kept > 0));
	chain.query(|| {
		for (index, (provider, _)) in PROVIDERS.into_iter().enumerate() {
			assert_eq!(
				free(&id(provider)) - providers_before[index],
				earned[index] + kept[index],
				"paid exactly what it earned"
			);
			assert!(Runtime::custody(id(provider), None, 10).is_empty());
		}
		assert_eq!(Runtime::job(JOB), None);
		assert_eq!(Runtime::explain(JOB), None);
		assert!(Runtime::shards(JOB, 0, 10).is_empty());
		assert_eq!(escrow(CLIENT), 0);
		let cost: Balance = earned
			.iter()
			.zip(whole)
			.map(|(earned, whole)| earned + money::fee(whole, params.fee_share))
			.chain(kept)
			.sum::<Balance>();
		assert_eq!(
			free(&id(CLIENT)),
			before - submission - quote.submission_fee - cost - seat_fees - acknowledgement
		);
		assert_eq!(everything(), Balances::total_issuance());
	});

	// What was burned for them can be claimed from emission once the era is over, and is less.
	chain.blocks(60);
	let era = (0..10)
		.find(|era| chain.query(|| Runtime::claimable(id(Charlie), *era)) > 0)
		.unwrap();
	let claimable = chain.query(|| Runtime::claimable(id(Charlie), era));
	let issuance_before = chain.query(Balances::total_issuance);
	let charlie_before = chain.query(|| free(&id(Charlie)));
	assert!(claimable > 0 && claimable < money::fee(whole[0], params.fee_share));
	assert_ok!(chain.call(
		Alice,
		pallet_emission::Call::claim {
			provider: id(Charlie),
			era
		}
	));
	let claim = fees(&mut chain, Alice);
	chain.query(|| {
		assert_eq!(free(&id(Charlie)) - charlie_before, claimable);
		assert_eq!(
			Balances::total_issuance(),
			issuance_before + claimable - (claim - claim / 2)
		);
		assert_eq!(Runtime::claimable(id(Charlie), era), 0);
		assert_eq!(everything(), Balances::total_issuance());
	});
	chain.check();
}

#[test]
fn view_functions_answer_through_their_own_api() {
	let mut chain = market();
	chain.query(|| {
		let view = <pallet_providers::pallet::ProviderViewViewFunction<Runtime> as ViewFunction>::id();
		let answer = Runtime::execute_view_function(view, id(Charlie).encode()).unwrap();
		let provider = Option::<ProviderView>::decode(&mut &answer[..]).unwrap();
		assert!(provider.is_some());
		assert_eq!(provider, Runtime::provider(id(Charlie)));

		let unknown = ViewFunctionId {
			prefix: [0; 16],
			suffix: [0; 16],
		};
		assert!(matches!(
			Runtime::execute_view_function(unknown, Vec::new()),
			Err(ViewFunctionDispatchError::NotFound(_))
		));
	});
}
