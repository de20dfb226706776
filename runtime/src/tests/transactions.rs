//! Blocks with transactions, and what they cost.

use super::chain::{free, genesis, signed, signed_with, state, Chain};
use crate::{
	configs::ProxyType, genesis_config_presets::ENDOWMENT, Address, Balance, Balances, Executive, Runtime, RuntimeCall,
	System, TransactionPayment,
};
use codec::Encode;
use frame_support::{
	assert_noop, assert_ok,
	dispatch::GetDispatchInfo,
	traits::{Get, InstanceFilter},
};
use millrace_primitives::{JobId, ShardId, MILL, MILLI};
use sp_keyring::Sr25519Keyring::{Alice, AliceStash, Bob, Ferdie};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

fn transfer(to: sp_keyring::Sr25519Keyring, value: Balance) -> RuntimeCall {
	RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
		dest: Address::Id(to.to_account_id()),
		value,
	})
}

#[test]
fn a_transfer_moves_exactly_its_amount_and_the_fee_is_halved() {
	let mut chain = Chain::development();
	chain.blocks(1);
	let issuance = chain.query(Balances::total_issuance);
	assert_ok!(chain.call(Bob, transfer(Ferdie, 7 * MILL)));
	chain.query(|| {
		assert_eq!(free(&Ferdie.to_account_id()), ENDOWMENT + 7 * MILL);
		let fee = ENDOWMENT - 7 * MILL - free(&Bob.to_account_id());
		assert!((MILLI..=10 * MILLI).contains(&fee), "a transfer costs {fee}");
		let to_author = free(&AliceStash.to_account_id()) - ENDOWMENT;
		assert_eq!(to_author, fee / 2);
		assert_eq!(issuance - Balances::total_issuance(), fee - to_author);
	});
}

#[test]
fn a_tip_goes_to_the_author_entirely() {
	let mut chain = Chain::development();
	chain.blocks(1);
	let transaction = chain.query(|| signed_with(Bob, transfer(Ferdie, MILL), 0, 3 * MILL));
	assert_eq!(chain.block(vec![transaction]).1, [Ok(())]);
	chain.query(|| {
		let paid = ENDOWMENT - MILL - free(&Bob.to_account_id());
		let fee = paid - 3 * MILL;
		assert_eq!(free(&AliceStash.to_account_id()) - ENDOWMENT, fee / 2 + 3 * MILL);
	});
}

#[test]
fn a_block_that_was_made_can_be_imported() {
	let mut chain = Chain::development();
	let (first, _) = chain.block(Vec::new());
	let transactions = chain.query(|| {
		vec![
			signed(Alice, transfer(Bob, MILL)),
			signed(
				Bob,
				RuntimeCall::System(frame_system::Call::remark {
					remark: b"grist".to_vec(),
				}),
			),
		]
	});
	let (second, results) = chain.block(transactions);
	assert_eq!(results, [Ok(()), Ok(())]);

	let mut importer = state(&genesis("development"));
	importer.execute_with(|| {
		Executive::execute_block(first.into());
		Executive::execute_block(second.into());
		assert_eq!(System::block_number(), 2);
		assert_eq!(free(&Bob.to_account_id()).div_ceil(MILL), ENDOWMENT / MILL + 1);
	});
}

#[test]
fn an_epoch_of_blocks_can_be_imported() {
	let mut chain = Chain::development();
	let blocks: Vec<_> = (0..25).map(|_| chain.block(Vec::new()).0).collect();
	state(&genesis("development")).execute_with(|| {
		for block in blocks {
			Executive::execute_block(block.into());
		}
		assert_eq!(System::block_number(), 25);
	});
}

#[test]
fn wrong_nonces_signatures_and_empty_purses_are_refused() {
	let mut chain = Chain::development();
	chain.blocks(1);
	let refusal = |chain: &mut Chain, make: fn() -> crate::UncheckedExtrinsic| {
		let transaction = chain.query(make);
		chain.try_block(vec![transaction]).1.remove(0).unwrap_err()
	};
	assert_ok!(chain.call(Bob, transfer(Ferdie, MILL)));
	assert_eq!(
		refusal(&mut chain, || signed_with(Bob, transfer(Ferdie, MILL), 0, 0)),
		TransactionValidityError::Invalid(InvalidTransaction::Stale)
	);
	assert_eq!(
		refusal(&mut chain, || signed(
			sp_keyring::Sr25519Keyring::One,
			transfer(Ferdie, MILL)
		)),
		TransactionValidityError::Invalid(InvalidTransaction::Payment)
	);
	let forged = chain.query(|| {
		let mut transaction = signed(Bob, transfer(Ferdie, MILL));
		transaction.function = transfer(Ferdie, 2 * MILL);
		transaction
	});
	assert_eq!(
		chain.try_block(vec![forged]).1.remove(0).unwrap_err(),
		TransactionValidityError::Invalid(InvalidTransaction::BadProof)
	);
}

#[test]
fn sending_more_than_one_has_fails_and_still_costs_the_fee() {
	let mut chain = Chain::development();
	chain.blocks(1);
	assert!(chain.call(Bob, transfer(Ferdie, 2 * ENDOWMENT)).is_err());
	chain.query(|| {
		assert_eq!(free(&Ferdie.to_account_id()), ENDOWMENT);
		assert!(free(&Bob.to_account_id()) < ENDOWMENT);
	});
}

#[test]
fn prices_do_not_fall_below_the_base() {
	let mut chain = Chain::development();
	chain.blocks(200);
	assert_eq!(chain.query(TransactionPayment::next_fee_multiplier), 1.into());
}

#[test]
fn nobody_can_act_as_root() {
	let mut chain = Chain::development();
	chain.blocks(1);
	let parameters = crate::configs::GenesisParameters::default().into_parameters()[0].clone();
	let call = RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value: parameters });
	assert_eq!(chain.call(Alice, call), Err(sp_runtime::DispatchError::BadOrigin));
}

#[test]
fn root_changes_parameters() {
	state(&genesis("development")).execute_with(|| {
		use crate::configs::{CurrentCourtParams, GenesisParameters};
		let mut parameters = GenesisParameters::fast();
		parameters.court.opening = 77;
		let key_value = parameters.into_parameters()[2].clone();
		assert_ok!(crate::Parameters::set_parameter(
			frame_system::RawOrigin::Root.into(),
			key_value
		));
		assert_eq!(CurrentCourtParams::get().opening, 77);
	});
}

#[test]
fn proxies_stay_within_their_type() {
	assert!(ProxyType::Any.filter(&transfer(Bob, 1)));
	assert!(!ProxyType::NonTransfer.filter(&transfer(Bob, 1)));
	assert!(!ProxyType::CancelProxy.filter(&transfer(Bob, 1)));
	assert!(ProxyType::Any.is_superset(&ProxyType::NonTransfer));
	assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Any));
	assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Market));
	let cancel = RuntimeCall::Jobs(pallet_jobs::Call::cancel { job: JobId(0) });
	assert!(ProxyType::Market.filter(&cancel) && ProxyType::NonTransfer.filter(&cancel));
	assert!(!ProxyType::Market.filter(&transfer(Bob, 1)));
	let raise = RuntimeCall::Jobs(pallet_jobs::Call::top_up {
		job: JobId(0),
		price_cap: 1,
		extra_deadline: 0,
	});
	let shard = ShardId {
		job: JobId(0),
		index: 0,
	};
	let demand = RuntimeCall::Jobs(pallet_jobs::Call::demand_outcome { shard, task: 0 });
	for spends in [raise, demand] {
		assert!(ProxyType::Market.filter(&spends) && !ProxyType::NonTransfer.filter(&spends));
	}
	state(&genesis("development")).execute_with(|| {
		System::set_block_number(1);
		let origin = |who: sp_keyring::Sr25519Keyring| frame_system::RawOrigin::Signed(who.to_account_id());
		let bob = Address::Id(Bob.to_account_id());
		assert_ok!(crate::Proxy::add_proxy(
			origin(Alice).into(),
			bob,
			ProxyType::NonTransfer,
			0
		));
		assert_ok!(crate::Proxy::proxy(
			origin(Bob).into(),
			Address::Id(Alice.to_account_id()),
			None,
			Box::new(transfer(Ferdie, MILL)),
		));
		// The call was filtered, not executed.
		assert_eq!(free(&Ferdie.to_account_id()), ENDOWMENT);
		assert_noop!(
			crate::Proxy::proxy(
				origin(Ferdie).into(),
				Address::Id(Alice.to_account_id()),
				None,
				Box::new(transfer(Ferdie, MILL)),
			),
			pallet_proxy::Error::<Runtime>::NotProxy
		);
	});
}

#[test]
fn a_transfer_fits_a_thousand_times_into_a_block() {
	let info = transfer(Bob, MILL).get_dispatch_info();
	let limits = <Runtime as frame_system::Config>::BlockWeights::get();
	let normal = limits.get(frame_support::dispatch::DispatchClass::Normal);
	let one = info.call_weight.saturating_add(normal.base_extrinsic);
	assert!(normal.max_total.unwrap().ref_time() / one.ref_time() > 1_000);
	assert!(transfer(Bob, MILL).encode().len() < 100);
}

#[test]
fn what_is_held_for_a_demand_covers_the_answer_and_a_block_has_room_for_many() {
	use millrace_court::demand::{Answer, ShownChunk, ShownOutcome, CHUNK};
	use millrace_primitives::{machine::EMPTY_BLOB, Outcome, Status};
	let mut chain = Chain::development();
	chain.blocks(1);
	let outcome = Outcome {
		status: Status::Success,
		code: 0,
		output: EMPTY_BLOB,
		errors: [0; 32],
		gas_used: 1,
	};
	// The longest of both kinds: an outcome among 4,096, and a chunk of a large output.
	let outcomes = vec![outcome; 4_096];
	let largest = vec![7; 5 * CHUNK as usize];
	let chunk = ShownChunk::of(&largest, 3).unwrap();
	let answers = [
		(0, Answer::Outcome(ShownOutcome::of(&outcomes, 4_000).unwrap())),
		(CHUNK, Answer::Chunk(chunk)),
	];
	let shard = ShardId {
		job: JobId(u64::MAX),
		index: u32::MAX,
	};
	for (bytes, answer) in answers {
		let task = u32::MAX;
		let call = RuntimeCall::Jobs(pallet_jobs::Call::answer { shard, task, answer });
		let (fee, held, len, weight) = chain.query(|| {
			let transaction = signed(Bob, call.clone());
			let (len, info) = (transaction.encode().len() as u32, transaction.get_dispatch_info());
			let fee = TransactionPayment::compute_fee(len, &info, 0);
			let RuntimeCall::Jobs(pallet_jobs::Call::answer { answer, .. }) = &call else {
				unreachable!()
			};
			let paid = crate::Jobs::answer_fee(answer);
			assert!(fee <= paid && paid - fee < fee / 10, "{fee} {paid}");
			(fee, crate::Jobs::demand_deposit(bytes), len, info.total_weight())
		});
		println!("an answer of {bytes} bytes: {len} bytes, {weight:?}, {fee} plancks; held {held}");
		assert!(fee < held && held < 2 * fee, "{fee} {held}");
		let limits = <Runtime as frame_system::Config>::BlockWeights::get();
		let normal = frame_support::dispatch::DispatchClass::Normal;
		let room = limits.get(normal).max_total.unwrap();
		assert!(weight.ref_time() * 100 < room.ref_time());
		let lengths = <Runtime as frame_system::Config>::BlockLength::get();
		assert!(len * 100 < *lengths.max.get(normal));
		// All that may be demanded at once is shown in a third of the shortest time for it.
		let window = 150 * u64::from(*lengths.max.get(normal));
		assert!(u64::from(pallet_jobs::ALL_DEMANDS) * u64::from(len) * 3 < window);
	}
}
