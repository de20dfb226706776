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
use millrace_primitives::{JobId, MILL, MILLI};
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
	assert!(ProxyType::Market.filter(&raise) && !ProxyType::NonTransfer.filter(&raise));
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
