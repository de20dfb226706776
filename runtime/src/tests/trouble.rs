//! What happens when the market's ways are not smooth: through the real runtime, as in `life.rs`.

use super::{
	chain::{free, Chain},
	market::{
		escrow, everything, fees, id, market, register, report, reveal, seal, spec, wait, BOND, CLIENT, JOB, PROVIDERS,
		SHARD,
	},
};
use crate::{
	configs::{CurrentCourtParams, SeatFee},
	genesis_config_presets::ENDOWMENT,
	Balances, Runtime,
};
use frame_support::{assert_ok, traits::Get};
use millrace_court::stakes::Params;
use millrace_primitives::{
	api::{runtime_decl_for_market_api::MarketApiV1, Reason},
	job::JobStatus,
	merkle,
	provider::{Region, RegionSet},
	Report, MICRO, MILL,
};
use sp_keyring::Sr25519Keyring::{self, Alice, Charlie, Eve};
use sp_runtime::traits::Convert;

#[test]
fn a_job_that_nobody_takes_expires_and_is_refunded() {
	let mut chain = market();
	let mut spec = spec();
	spec.constraints.regions = RegionSet::of(&[Region::Oceania]);
	spec.deadline = 20;
	let before = chain.query(|| free(&id(CLIENT)));
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec }));
	let submission = fees(&mut chain, CLIENT);
	chain.blocks(8);
	chain.query(|| assert_eq!(Runtime::explain(JOB).unwrap().reason, Reason::NoneInRegion));
	chain.blocks(20);
	chain.query(|| {
		assert_eq!(Runtime::job(JOB), None);
		assert_eq!(escrow(CLIENT), 0);
		assert_eq!(free(&id(CLIENT)), before - submission - 2 * SeatFee::convert(2));
	});
	chain.check();
}

#[test]
fn differing_reports_about_which_nobody_argues_are_not_paid() {
	let mut chain = market();
	let before_all = chain.query(|| free(&id(CLIENT)));
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec: spec() }));
	let submission = fees(&mut chain, CLIENT);
	wait(&mut chain, "both seats are drawn", || {
		PROVIDERS
			.iter()
			.all(|(provider, _)| Runtime::assignments(id(*provider)).len() == 1)
	});
	let lie = Report {
		root: merkle::hash(b"chaff"),
		..report()
	};
	let reports = [report(), lie];
	for (_, operator) in PROVIDERS {
		assert_ok!(chain.call(operator, pallet_jobs::Call::accept { shard: SHARD }));
	}
	for ((provider, operator), report) in PROVIDERS.into_iter().zip(&reports) {
		let seal = chain.query(|| seal(provider, report));
		assert_ok!(chain.call(operator, seal));
	}
	let before = chain.query(|| PROVIDERS.map(|(provider, _)| free(&id(provider))));
	wait(&mut chain, "reveals are open", || {
		Runtime::assignments(id(PROVIDERS[0].0)).remove(0).reveal_open
	});
	for ((_, operator), report) in PROVIDERS.into_iter().zip(&reports) {
		assert_ok!(chain.call(operator, reveal(report)));
	}
	chain.query(|| {
		let case = Runtime::case(SHARD).unwrap();
		assert_eq!(case.attacks, vec![(0, 1), (1, 0)]);
	});
	// Neither attacks, nobody else is there to compute it again: what no machine decides is nobody's.
	wait(&mut chain, "the case is given up", || Runtime::job(JOB).is_none());
	chain.query(|| {
		assert_eq!(escrow(CLIENT), 0);
		for (index, (provider, _)) in PROVIDERS.into_iter().enumerate() {
			let view = Runtime::provider(id(provider)).unwrap();
			assert_eq!(free(&id(provider)), before[index], "nobody is paid");
			assert_eq!((view.bond, view.liability), (BOND, 0), "and nobody is called guilty");
		}
		let fee = 2 * (SeatFee::convert(2) + CurrentCourtParams::get().seat_fee);
		assert_eq!(free(&id(CLIENT)), before_all - submission - fee);
		assert_eq!(everything(), Balances::total_issuance());
	});
	chain.check();
}

#[test]
fn a_provider_that_never_reports_is_slashed_and_another_finishes() {
	let mut chain = market();
	register(&mut chain, Alice, Sr25519Keyring::BobStash, 1_500 * MICRO);
	chain.blocks(3);
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec: spec() }));
	let everybody = [(Alice, Sr25519Keyring::BobStash), PROVIDERS[0], PROVIDERS[1]];
	let holders = |chain: &mut Chain| {
		chain.query(|| {
			let mut holders = everybody.to_vec();
			holders.retain(|(provider, _)| !Runtime::assignments(id(*provider)).is_empty());
			holders
		})
	};
	wait(&mut chain, "both seats are drawn", || {
		everybody
			.iter()
			.filter(|(provider, _)| !Runtime::assignments(id(*provider)).is_empty())
			.count() == 2
	});
	let drawn = holders(&mut chain);
	let ((idle, _), busy) = (drawn[0], drawn[1]);
	for (_, operator) in &drawn {
		assert_ok!(chain.call(*operator, pallet_jobs::Call::accept { shard: SHARD }));
	}
	let sealed = |chain: &mut Chain, (provider, operator): (Sr25519Keyring, Sr25519Keyring)| {
		let seal = chain.query(|| seal(provider, &report()));
		assert_ok!(chain.call(operator, seal));
	};
	sealed(&mut chain, busy);

	let due = chain.query(|| Runtime::assignments(id(idle)).remove(0).due);
	let cap = chain.query(|| Runtime::quote(spec())).unwrap().payments / 2;
	while chain.query(Runtime::now) <= due {
		chain.blocks(1);
	}
	chain.query(|| {
		let view = Runtime::provider(id(idle)).unwrap();
		let slash = Params::from(&CurrentCourtParams::get()).late_slash(cap).unwrap();
		assert_eq!((view.bond, view.liability), (BOND - slash, 0));
		assert_eq!(view.status, millrace_primitives::provider::ProviderStatus::Unresponsive);
		assert!(view.reputation < Runtime::provider(id(busy.0)).unwrap().reputation);
	});
	wait(&mut chain, "the third provider is drawn", || {
		everybody
			.iter()
			.any(|(who, _)| *who != idle && *who != busy.0 && !Runtime::assignments(id(*who)).is_empty())
	});
	let third = *holders(&mut chain).iter().find(|(who, _)| *who != busy.0).unwrap();
	assert_ne!(third.0, idle, "whoever failed a shard does not get it again");
	assert_ok!(chain.call(third.1, pallet_jobs::Call::accept { shard: SHARD }));
	sealed(&mut chain, third);
	wait(&mut chain, "reveals are open", || {
		Runtime::assignments(id(busy.0)).remove(0).reveal_open
	});
	for (_, operator) in [busy, third] {
		assert_ok!(chain.call(operator, reveal(&report())));
	}
	wait(&mut chain, "the shard is settled", || {
		Runtime::job(JOB).unwrap().running == 0
	});
	chain.query(|| {
		let job = Runtime::job(JOB).unwrap();
		assert_eq!((job.status, job.accepted), (JobStatus::Done, 1));
	});
	chain.check();
}

#[test]
fn providers_come_and_go() {
	let mut chain = market();
	chain.query(|| {
		let all = Runtime::providers(None, 10);
		assert_eq!(all.len(), 2);
		assert_eq!(Runtime::providers(Some(all[0].id.clone()), 10), all[1..]);
		assert!(all.iter().all(|provider| provider.drawable));
	});
	assert_ok!(chain.call(Charlie, pallet_providers::Call::drain {}));
	assert_ok!(chain.call(Charlie, pallet_providers::Call::unbond { amount: BOND }));
	chain.blocks(25);
	let before = chain.query(|| free(&id(Charlie)));
	assert_ok!(chain.call(Charlie, pallet_providers::Call::withdraw {}));
	let fee = fees(&mut chain, Charlie);
	chain.query(|| {
		assert_eq!(free(&id(Charlie)), before + BOND - fee);
		assert_eq!(Runtime::provider(id(Charlie)), None);
		assert_eq!(free(&id(Eve)), ENDOWMENT + 2 * MILL);
	});
	chain.check();
}
