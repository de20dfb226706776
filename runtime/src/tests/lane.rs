//! Blocks full of others' transactions, and of parties' own.

use super::{
	chain::{signed, signed_with, Chain},
	market::{endpoint, id, market, module, report, roots, seal, spec, wait, BOND, CLIENT, JOB, PROVIDERS, SHARD},
};
use crate::{
	configs::{BlockWeights, CurrentJobsParams},
	lane::{CheckLane, LaneFull, LONGEST, PRIORITY},
	AccountId, Address, Executive, Jobs, Runtime, RuntimeCall, System, UncheckedExtrinsic,
};
use codec::{Decode, Encode};
use frame_support::{
	assert_ok,
	dispatch::{DispatchClass, DispatchInfo, GetDispatchInfo, Pays},
	traits::Get,
	weights::Weight,
};
use frame_system::CheckWeight;
use millrace_court::{
	board::Move,
	demand::{Answer, ShownChunk, CHUNK},
	draw::MAX_SAMPLE,
	sums::ShownLeaf,
};
use millrace_primitives::{
	api::runtime_decl_for_market_api::MarketApiV1,
	job::{DeclineReason, SeatState},
	lane::{NOT_ALONE, NOT_DUE},
	merkle::SumNode,
	provider::{ClassSet, HardwareClass, ProviderInfo, Region},
	traits::MarketClock,
	Hash, ShardId, MILL,
};
use pallet_attestations::{evidence::RevealItem, MAX_BATCH};
use sp_keyring::Sr25519Keyring::{self, Alice, AliceStash, BobStash, CharlieStash};
use sp_runtime::transaction_validity::{
	InvalidTransaction, TransactionSource, TransactionValidityError, ValidTransaction,
};

const EXHAUSTED: TransactionValidityError = TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);

fn refused(code: u8) -> TransactionValidityError {
	TransactionValidityError::Invalid(InvalidTransaction::Custom(code))
}

/// So many transactions of one account that take much of a block and do nothing.
fn chaff(who: Sr25519Keyring, count: u32) -> Vec<UncheckedExtrinsic> {
	let nonce = System::account_nonce(id(who));
	let call = RuntimeCall::Jobs(pallet_jobs::Call::acknowledge {
		job: JOB,
		first: 0,
		count: pallet_jobs::MAX_ACKNOWLEDGED,
	});
	(0..count)
		.map(|n| signed_with(who, call.clone(), nonce + n, 0))
		.collect()
}

/// More of it than a block has room for.
fn flood(chain: &mut Chain) -> Vec<UncheckedExtrinsic> {
	chain.query(|| chaff(AliceStash, 40))
}

/// What a pool says of a transaction.
fn pool(chain: &mut Chain, transaction: UncheckedExtrinsic) -> Result<ValidTransaction, TransactionValidityError> {
	chain.query(|| {
		let best = System::block_hash(System::block_number());
		let answer = Executive::validate_transaction(TransactionSource::External, transaction, best);
		// It is asked at a state that nobody keeps.
		System::set_block_number(System::block_number() - 1);
		answer
	})
}

/// A market with a job whose seats are drawn and not accepted.
fn drawn() -> Chain {
	let mut chain = market();
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec: spec() }));
	wait(&mut chain, "both seats are drawn", || {
		PROVIDERS
			.iter()
			.all(|(provider, _)| Runtime::assignments(id(*provider)).len() == 1)
	});
	chain
}

fn accept(shard: ShardId) -> RuntimeCall {
	RuntimeCall::Jobs(pallet_jobs::Call::accept { shard })
}

#[test]
fn whoever_fills_blocks_leaves_room_for_parties() {
	let mut chain = drawn();
	let state = |chain: &mut Chain, who| chain.query(|| Runtime::assignments(id(who)).remove(0).state);
	let crowded = |chain: &mut Chain, call: &dyn Fn(usize) -> RuntimeCall| {
		let mut transactions = flood(chain);
		let parties = chain.query(|| {
			let calls = PROVIDERS.iter().enumerate();
			calls
				.map(|(n, (_, operator))| signed(*operator, call(n)))
				.collect::<Vec<_>>()
		});
		transactions.extend(parties);
		let now = chain.query(Jobs::now);
		let (_, mut applied) = chain.try_block(transactions);
		for party in applied.split_off(applied.len() - PROVIDERS.len()) {
			assert_eq!(party, Ok(Ok(())), "there is room for parties");
		}
		// The first of them found no room, the others of its account wait for it.
		assert!(applied.contains(&Err(EXHAUSTED)));
		let refused = applied.iter().filter(|result| result.is_err()).count();
		assert!(refused > 20, "the block was full for others: {refused}");
		assert_eq!(applied.iter().filter(|result| result.is_ok()).count() + refused, 40);
		chain.blocks(1);
		assert_eq!(chain.query(Jobs::now), now + 2, "and the clock goes on");
	};
	crowded(&mut chain, &|_| accept(SHARD));
	for (provider, _) in PROVIDERS {
		assert_eq!(state(&mut chain, provider), Some(SeatState::Accepted));
	}
	let seals = chain.query(|| PROVIDERS.map(|(provider, _)| RuntimeCall::from(seal(provider, &report()))));
	crowded(&mut chain, &|n| seals[n].clone());
	for (provider, _) in PROVIDERS {
		assert_eq!(state(&mut chain, provider), Some(SeatState::Sealed));
	}
	chain.check();
}

#[test]
fn nobody_else_gets_into_the_lane() {
	let mut chain = drawn();
	let item = RevealItem {
		shard: SHARD,
		report: report(),
		salt: [0; 32],
		shown: Default::default(),
	};
	let calls: Vec<RuntimeCall> = vec![
		accept(SHARD),
		pallet_jobs::Call::decline {
			shard: SHARD,
			reason: DeclineReason::NoCapacity,
		}
		.into(),
		pallet_attestations::Call::seal {
			shard: SHARD,
			seal: Hash::zero(),
		}
		.into(),
		pallet_attestations::Call::reveal { item: item.clone() }.into(),
		pallet_attestations::Call::reveal_many {
			items: vec![item].try_into().unwrap(),
		}
		.into(),
		pallet_attestations::Call::attack {
			shard: SHARD,
			target: 0,
		}
		.into(),
		pallet_attestations::Call::play {
			shard: SHARD,
			board: 0,
			action: Box::new(Move::Open(Default::default())),
		}
		.into(),
		pallet_attestations::Call::decline { shard: SHARD }.into(),
		pallet_attestations::Call::unavailable { shard: SHARD }.into(),
		pallet_attestations::Call::served { shard: SHARD }.into(),
	];
	for call in calls {
		assert_eq!(call.get_dispatch_info().class, DispatchClass::Operational, "{call:?}");
		// A stranger, the client, and a provider's own key, which is not its operator's.
		for who in [AliceStash, CLIENT, PROVIDERS[0].0] {
			let transaction = chain.query(|| signed(who, call.clone()));
			assert_eq!(pool(&mut chain, transaction.clone()), Err(refused(NOT_DUE)), "{call:?}");
			assert_eq!(chain.try_block(vec![transaction]).1, [Err(refused(NOT_DUE))]);
		}
	}
	// A party's, when it is not due: it has not accepted.
	let early = chain.query(|| signed(PROVIDERS[0].1, seal(PROVIDERS[0].0, &report()).into()));
	assert_eq!(pool(&mut chain, early), Err(refused(NOT_DUE)));
	// And what is due is free to be made once in a block.
	let twice = chain.query(|| {
		let nonce = System::account_nonce(id(PROVIDERS[0].1));
		vec![
			signed_with(PROVIDERS[0].1, accept(SHARD), nonce, 0),
			signed_with(PROVIDERS[0].1, accept(SHARD), nonce + 1, 0),
		]
	});
	assert_eq!(chain.try_block(twice).1, [Ok(Ok(())), Err(refused(NOT_DUE))]);
	chain.check();
}

#[test]
fn nothing_is_smuggled_into_it() {
	let mut chain = drawn();
	let operator = PROVIDERS[0].1;
	let due = accept(SHARD);
	let remark = RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() });
	let none = Address::Id(id(operator));
	let wrapped: Vec<RuntimeCall> = vec![
		pallet_utility::Call::batch {
			calls: vec![due.clone()],
		}
		.into(),
		pallet_utility::Call::batch_all {
			calls: vec![due.clone(), due.clone()],
		}
		.into(),
		pallet_utility::Call::force_batch {
			calls: vec![due.clone()],
		}
		.into(),
		pallet_utility::Call::as_derivative {
			index: 0,
			call: Box::new(due.clone()),
		}
		.into(),
		pallet_proxy::Call::proxy {
			real: none.clone(),
			force_proxy_type: None,
			call: Box::new(due.clone()),
		}
		.into(),
		pallet_proxy::Call::proxy {
			real: none,
			force_proxy_type: None,
			call: Box::new(
				pallet_utility::Call::batch {
					calls: vec![due.clone()],
				}
				.into(),
			),
		}
		.into(),
		pallet_multisig::Call::as_multi_threshold_1 {
			other_signatories: vec![id(Alice)],
			call: Box::new(due.clone()),
		}
		.into(),
		// Others of the class, which Root alone may make, and a batch of nothing, which is of it, too.
		frame_system::Call::set_heap_pages { pages: 1 }.into(),
		frame_system::Call::set_code { code: vec![0; 64] }.into(),
		frame_system::Call::apply_authorized_upgrade { code: vec![0; 64] }.into(),
		pallet_utility::Call::batch { calls: Vec::new() }.into(),
	];
	for call in wrapped {
		let info = call.get_dispatch_info();
		let transaction = chain.query(|| signed(operator, call.clone()));
		let applied = chain.try_block(vec![transaction]).1.remove(0);
		match info.class {
			DispatchClass::Operational => assert_eq!(applied, Err(refused(NOT_ALONE)), "{call:?}"),
			_ => assert!(applied.is_ok(), "it has no room of its own: {call:?}"),
		}
	}
	// What is wrapped with something else is as ordinary as that, and takes no room of the lane.
	let mixed = pallet_utility::Call::batch_all {
		calls: vec![remark, due],
	};
	let transaction = chain.query(|| signed(operator, mixed.into()));
	let lane = |chain: &mut Chain| chain.query(|| *System::block_weight().get(DispatchClass::Operational));
	let (_, applied) = chain.try_block(vec![transaction]);
	assert_eq!(applied, [Ok(Ok(()))]);
	assert_eq!(lane(&mut chain), Weight::zero());
	chain.check();
}

#[test]
fn parties_come_first_and_tips_decide_among_them() {
	let mut chain = drawn();
	let operator = PROVIDERS[0].1;
	let priority = |chain: &mut Chain, who, call: RuntimeCall, tip| {
		let transaction = chain.query(|| signed_with(who, call, System::account_nonce(id(who)), tip));
		pool(chain, transaction).expect("it is valid").priority
	};
	let remark = RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() });
	let others = priority(&mut chain, AliceStash, remark, 100 * MILL);
	let plain = priority(&mut chain, operator, accept(SHARD), 0);
	let tipped = priority(&mut chain, operator, accept(SHARD), MILL / 1_000);
	assert!(
		others < plain && PRIORITY < plain && plain < tipped,
		"{others} {plain} {tipped}"
	);
	assert!(tipped < u64::MAX);
	// A call that succeeds is free but for its tip.
	let before = chain.query(|| super::chain::free(&id(operator)));
	let transaction = chain.query(|| {
		signed_with(
			operator,
			accept(SHARD),
			System::account_nonce(id(operator)),
			MILL / 1_000,
		)
	});
	assert_eq!(chain.block(vec![transaction]).1, [Ok(())]);
	assert_eq!(before - chain.query(|| super::chain::free(&id(operator))), MILL / 1_000);
}

/// Two providers that hold all seats of a job of many shards, none accepted.
fn many_seats() -> (Chain, Vec<(Sr25519Keyring, ShardId)>) {
	const SHARDS: u32 = 160;
	let mut chain = Chain::development();
	chain.blocks(1);
	for (n, (provider, operator)) in PROVIDERS.into_iter().enumerate() {
		let info = ProviderInfo {
			classes: ClassSet::of(&[HardwareClass::General]),
			region: Region::Europe,
			slots: 1_000,
			memory_pages: 1_024,
			ask: 1_000_000_000 + n as u128,
			endpoint: endpoint("provider"),
		};
		let call = pallet_providers::Call::register {
			operator: id(operator),
			info,
			bond: BOND,
			operator_funding: 20 * MILL,
		};
		assert_ok!(chain.call(provider, call));
	}
	let publish = pallet_jobs::Call::publish_program {
		roots: roots(),
		module: module(),
	};
	assert_ok!(chain.call(CLIENT, publish));
	chain.blocks(3);
	let mut spec = spec();
	(spec.tasks, spec.shard_size) = (SHARDS, 1);
	assert_ok!(chain.call(CLIENT, pallet_jobs::Call::submit { spec }));
	wait(&mut chain, "all seats are drawn", || {
		pallet_jobs::AssignmentsOf::<Runtime>::iter().count() == 2 * SHARDS as usize
	});
	let seats = chain.query(|| {
		let operator = |provider: &AccountId| {
			let both = PROVIDERS.iter().find(|(key, _)| id(*key) == *provider);
			both.expect("there are two").1
		};
		let seats = pallet_jobs::AssignmentsOf::<Runtime>::iter();
		seats.map(|(provider, shard, _)| (operator(&provider), shard)).collect()
	});
	(chain, seats)
}

#[test]
fn a_lane_that_parties_have_filled_stops_the_clock_and_it_goes_on_later() {
	let (mut chain, seats) = many_seats();
	let window = chain.query(|| CurrentJobsParams::get().accept_window);
	// As whoever wants that others run out of time would do it: blocks that are full, and a lane full of its own calls.
	let mut transactions = flood(&mut chain);
	let own = chain.query(|| {
		let mut nonces = PROVIDERS.map(|(_, operator)| (operator, System::account_nonce(id(operator))));
		seats
			.iter()
			.map(|(operator, shard)| {
				let (_, nonce) = nonces.iter_mut().find(|(key, _)| key == operator).unwrap();
				*nonce += 1;
				signed_with(*operator, accept(*shard), *nonce - 1, 0)
			})
			.collect::<Vec<_>>()
	});
	transactions.extend(own.clone());
	let (now, outputs) = chain.query(|| (Jobs::now(), pallet_attestations::Outputs::<Runtime>::get().count));
	let (_, applied) = chain.try_block(transactions);
	let taken = applied[40..].iter().filter(|result| **result == Ok(Ok(()))).count();
	assert!(applied[40..].contains(&Err(EXHAUSTED)));
	let refused = applied[40..].iter().filter(|result| result.is_err()).count();
	assert!(
		taken > 100 && refused > 10,
		"{taken} of them fill it, {refused} found no room"
	);
	assert_eq!(chain.query(Jobs::now), now + 1, "the block itself had begun");
	assert!(chain.query(LaneFull::is_full));
	let used = chain.query(|| *System::block_weight().get(DispatchClass::Operational));
	assert!(
		used.ref_time() < BlockWeights::get().max_block.ref_time() / 2,
		"the rest was others'"
	);

	chain.blocks(1);
	assert_eq!(chain.query(Jobs::now), now + 1, "the full block does not count");
	assert!(chain.query(Jobs::stands));
	let count = |chain: &mut Chain| chain.query(|| pallet_attestations::Outputs::<Runtime>::get().count);
	assert_eq!(
		count(&mut chain),
		outputs + 1,
		"nor does its output decide about a case"
	);
	chain.blocks(1);
	assert_eq!(chain.query(Jobs::now), now + 2);
	assert!(!chain.query(Jobs::stands));
	assert_eq!(count(&mut chain), outputs + 2);

	// Those who found no room have as much time as before.
	let due = chain.query(|| {
		let all = PROVIDERS
			.iter()
			.flat_map(|(provider, _)| Runtime::assignments(id(*provider)));
		all.filter(|seat| seat.state == Some(SeatState::Assigned))
			.map(|seat| seat.due)
			.min()
	});
	assert!(due.is_some_and(|due| due > now && due <= now + window));
	chain.check();
}

#[test]
fn the_clock_stands_after_an_upgrade() {
	let mut chain = drawn();
	let now = chain.query(|| {
		// As if the block before had run another version.
		frame_system::LastRuntimeUpgrade::<Runtime>::mutate(|last| {
			last.as_mut().expect("genesis sets it").spec_version.0 -= 1;
		});
		Jobs::now()
	});
	for _ in 0..pallet_jobs::clock::AFTER_UPGRADE {
		chain.blocks(1);
		assert_eq!(chain.query(Jobs::now), now);
	}
	// Parties may act in the meantime, and their time goes on where it stood.
	chain.blocks(1);
	assert_eq!(chain.query(Jobs::now), now + 1);
}

#[test]
fn the_lane_is_a_quarter_of_a_block() {
	let limits = BlockWeights::get();
	let lane = limits.get(DispatchClass::Operational);
	let quarter = limits.max_block.ref_time() / 4;
	assert_eq!(lane.reserved.unwrap().ref_time(), quarter);
	assert_eq!(lane.max_total, Some(limits.max_block));
	assert_eq!(limits.get(DispatchClass::Normal).reserved, Some(Weight::zero()));
	let lengths = <Runtime as frame_system::Config>::BlockLength::get();
	let of_others = *lengths.max.get(DispatchClass::Normal);
	assert!(lengths.max.get(DispatchClass::Operational) - of_others > 4 * LONGEST);
	// So many seals of a few seats each, or moves, are sure to find room in any block.
	let room = |calls: u64| quarter / (LaneFull::dearest().ref_time() / calls);
	println!("{} of the dearest, {} single acts", room(1), room(MAX_BATCH.into()));
	assert!(room(1) >= 5 && room(MAX_BATCH.into()) >= 150);
}

#[test]
fn nothing_of_the_lane_is_dearer_or_longer_than_is_counted_on() {
	let leaf = ShownLeaf {
		node: SumNode {
			hash: Default::default(),
			gas: u64::MAX,
		},
		path: vec![
			SumNode {
				hash: Default::default(),
				gas: u64::MAX
			};
			64
		]
		.into_iter()
		.fold(Default::default(), |path, node| {
			let mut path: frame_support::BoundedVec<_, _> = path;
			let _ = path.try_push(node);
			path
		}),
	};
	let item = RevealItem {
		shard: SHARD,
		report: report(),
		salt: [0; 32],
		shown: vec![leaf; MAX_SAMPLE as usize].try_into().unwrap(),
	};
	let seal = pallet_attestations::SealItem {
		shard: SHARD,
		seal: Hash::zero(),
	};
	let many = MAX_BATCH as usize;
	let calls: Vec<RuntimeCall> = vec![
		accept(SHARD),
		pallet_jobs::Call::decline {
			shard: SHARD,
			reason: DeclineReason::NoCapacity,
		}
		.into(),
		pallet_attestations::Call::seal_many {
			items: vec![seal; many].try_into().unwrap(),
		}
		.into(),
		pallet_attestations::Call::reveal_many {
			items: vec![item; many].try_into().unwrap(),
		}
		.into(),
		pallet_attestations::Call::play {
			shard: SHARD,
			board: 0,
			action: Box::new(Move::Open(Default::default())),
		}
		.into(),
		pallet_attestations::Call::attack {
			shard: SHARD,
			target: 0,
		}
		.into(),
		pallet_attestations::Call::unavailable { shard: SHARD }.into(),
		pallet_jobs::Call::answer {
			shard: SHARD,
			task: 0,
			answer: Answer::Chunk(ShownChunk::of(&vec![7; 5 * CHUNK as usize], 0).expect("it is there")),
		}
		.into(),
	];
	let mut chain = Chain::development();
	chain.query(|| {
		for call in calls {
			let transaction = signed(Alice, call);
			let base = BlockWeights::get().get(DispatchClass::Operational).base_extrinsic;
			let weight = transaction.get_dispatch_info().total_weight() + base;
			assert!(
				weight.ref_time() <= LaneFull::dearest().ref_time(),
				"{weight:?} of {:?}",
				LaneFull::dearest()
			);
			let length = transaction.encoded_size();
			assert!(length <= LONGEST as usize, "{length} bytes of {LONGEST}");
		}
	});
}

#[test]
fn the_extension_adds_nothing_to_what_is_signed() {
	assert_eq!(CheckLane.encode(), [0u8; 0]);
	assert!(CheckLane::decode(&mut &[][..]).is_ok());
}

#[test]
fn a_block_that_only_others_have_filled_is_not_full() {
	let mut chain = drawn();
	let transactions = flood(&mut chain);
	let more = chain.query(|| [chaff(BobStash, 10), chaff(CharlieStash, 10)].concat());
	let (_, applied) = chain.try_block([transactions, more].concat());
	assert!(applied.contains(&Err(EXHAUSTED)));
	assert!(!chain.query(LaneFull::is_full));
}

/// `LaneFull` says what `CheckWeight` would say of the dearest call, at every bound and one past it.
#[test]
fn the_lane_is_full_when_the_dearest_call_would_be_refused() {
	let limits = BlockWeights::get();
	let lane = limits.get(DispatchClass::Operational);
	let (block, reserved) = (limits.max_block.ref_time(), lane.reserved.unwrap().ref_time());
	let dearest = LaneFull::dearest().ref_time();
	let mut seen = [0; 2];
	for mandatory in [0, block / 4] {
		for normal in [0, block / 2, block * 3 / 4] {
			let others = mandatory + normal;
			for bound in [reserved, block, block.saturating_sub(others)] {
				for used in [
					0,
					bound.saturating_sub(dearest),
					bound.saturating_sub(dearest) + 1,
					bound,
				] {
					sp_io::TestExternalities::new_empty().execute_with(|| {
						for (weight, class) in [
							(mandatory, DispatchClass::Mandatory),
							(normal, DispatchClass::Normal),
							(used, DispatchClass::Operational),
						] {
							System::register_extra_weight_unchecked(Weight::from_parts(weight, 0), class);
						}
						let info = DispatchInfo {
							call_weight: LaneFull::dearest() - lane.base_extrinsic,
							extension_weight: Weight::zero(),
							class: DispatchClass::Operational,
							pays_fee: Pays::Yes,
						};
						let full = LaneFull::is_full();
						let next = CheckWeight::<Runtime>::do_prepare(&info, 0, 0);
						assert_eq!(full, next.is_err(), "{mandatory} {normal} {used}");
						seen[usize::from(next.is_err())] += 1;
					});
				}
			}
		}
	}
	assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}
