//! What wallets and clients rely on.

use super::chain::{genesis, state};
use crate::{
	chain_constants::{ChainTiming, EpochDuration, SlotDuration},
	configs::{Checked, GenesisParameters, Limits, EMISSION_CAP},
	metadata::{encoded, LATEST_VERSION},
	Runtime, RuntimeCall, RuntimeParameters, TxExtension, VERSION,
};
use codec::{Decode, Encode};
use frame_support::traits::Get;
use millrace_primitives::{
	params::{EmissionParams, JobsParams},
	MILL, MILLI,
};
use sp_runtime::{traits::TransactionExtension, Permill};

/// The magic bytes that metadata begins with.
const MAGIC: &[u8] = b"meta";

#[test]
fn metadata_comes_in_all_versions_that_clients_read() {
	assert_eq!(
		sp_io::TestExternalities::new_empty().execute_with(Runtime::metadata_versions),
		[14, 15, 16]
	);
	for version in [14, 15, 16] {
		let bytes = encoded(version).unwrap();
		assert_eq!(&bytes[..4], MAGIC);
		assert_eq!(u32::from(bytes[4]), version);
	}
	assert_eq!(LATEST_VERSION, 16);
	assert!(encoded(13).is_none());
	assert_eq!(encoded(16), encoded(16));
}

#[test]
fn extensions_are_the_usual_ones_in_the_usual_order() {
	let names: Vec<_> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
		.into_iter()
		.map(|extension| extension.identifier)
		.collect();
	assert_eq!(
		names,
		[
			"AuthorizeCall",
			"CheckNonZeroSender",
			"CheckSpecVersion",
			"CheckTxVersion",
			"CheckGenesis",
			"CheckMortality",
			"CheckNonce",
			"CheckLane",
			"CheckWeight",
			"ChargeTransactionPayment",
			"CheckMetadataHash",
			"WeightReclaim",
		]
	);
}

#[test]
fn token_and_prefix_come_from_one_place() {
	assert_eq!(env!("MILLRACE_BUILD_TOKEN_SYMBOL"), millrace_primitives::TOKEN_SYMBOL);
	assert_eq!(
		env!("MILLRACE_BUILD_TOKEN_DECIMALS"),
		millrace_primitives::TOKEN_DECIMALS.to_string()
	);
	assert_eq!(
		<Runtime as frame_system::Config>::SS58Prefix::get(),
		millrace_primitives::SS58_PREFIX
	);
	assert_eq!(millrace_primitives::MILL, 1_000_000_000_000);
}

#[test]
fn constants_in_the_metadata_are_those_of_the_chain() {
	let constants = |pallet: &str, metadata: &[u8]| {
		// Constants are encoded as name, type, value; the name and the value's length identify them well enough.
		let name: &[u8] = match pallet {
			"slot" => b"ExpectedBlockTime",
			_ => b"EpochDuration",
		};
		let at = metadata.windows(name.len()).position(|window| window == name).unwrap() + name.len();
		let mut rest = &metadata[at..];
		codec::Compact::<u32>::decode(&mut rest).unwrap();
		let value = Vec::<u8>::decode(&mut rest).unwrap();
		u64::decode(&mut &value[..]).unwrap()
	};
	let bare = encoded(14).unwrap();
	assert_eq!((constants("slot", &bare), constants("epoch", &bare)), (3_000, 1_200));
	let live = state(&genesis("development")).execute_with(|| Runtime::metadata_at_version(14).unwrap().to_vec());
	assert_eq!((constants("slot", &live), constants("epoch", &live)), (400, 20));
}

#[test]
fn a_chain_without_genesis_values_runs_at_production_pace() {
	sp_io::TestExternalities::new_empty().execute_with(|| {
		assert!(!ChainTiming::<Runtime>::exists());
		assert_eq!(SlotDuration::<Runtime>::get(), 3_000);
		assert_eq!(EpochDuration::<Runtime>::get(), 1_200);
	});
}

#[test]
fn version_is_consistent() {
	assert_eq!(VERSION.spec_name, "millrace");
	assert_eq!(VERSION.system_version, 1);
	assert_eq!(VERSION, <Runtime as frame_system::Config>::Version::get());
}

#[test]
fn illegal_parameters_do_not_decode() {
	let brake = |parts| {
		let params = EmissionParams {
			brake: Permill::from_parts(parts),
			..EmissionParams::default()
		};
		Checked::<EmissionParams>::decode(&mut &params.encode()[..])
	};
	assert!(brake(900_000).is_ok());
	assert!(brake(900_001).is_err());

	let legal = GenesisParameters::default().into_parameters()[1].encode();
	assert!(RuntimeParameters::decode(&mut &legal[..]).is_ok());
	let jobs = JobsParams {
		run_rate: [0; 4],
		..JobsParams::default()
	};
	let illegal = GenesisParameters {
		jobs,
		..GenesisParameters::default()
	}
	.into_parameters()[1]
		.encode();
	assert!(RuntimeParameters::decode(&mut &illegal[..]).is_err());
}

#[test]
fn default_and_fast_parameters_are_legal() {
	assert_eq!(GenesisParameters::default().validate(), Ok(()));
	assert_eq!(GenesisParameters::fast().validate(), Ok(()));
	assert_eq!(
		JobsParams {
			seed_blocks: 0,
			..JobsParams::default()
		}
		.check(),
		Err("seedBlocks")
	);
}

#[test]
fn what_keeps_saboteurs_out_has_limits() {
	type Change = fn(&mut JobsParams);
	let check = |change: Change| {
		let mut params = JobsParams::default();
		change(&mut params);
		params.check()
	};
	let legal: [Change; 10] = [
		|params| params.second_price = MILLI,
		|params| params.least_crowd = 1,
		|params| params.decline_limit = 2,
		|params| params.decline_limit = pallet_jobs::DECLINERS as u8,
		|params| params.slot_price = 0,
		|params| params.slot_price = MILL,
		|params| params.max_preparation = 1,
		|params| params.max_preparation = 10_512_000,
		|params| params.max_execution = 1_000,
		|params| params.max_execution = 10_512_000,
	];
	let mut unpayable = GenesisParameters::default();
	unpayable.providers.least_liability = unpayable.court.floor;
	assert_eq!(unpayable.validate(), Ok(()));
	unpayable.providers.least_liability += 1;
	assert_eq!(unpayable.validate(), Err(("providers", "leastLiability")));
	assert!(legal.into_iter().all(|change| check(change) == Ok(())));
	let illegal: [(Change, &str); 9] = [
		(|params| params.second_price = MILLI - 1, "secondPrice"),
		(|params| params.least_crowd = 0, "leastCrowd"),
		(|params| params.decline_limit = 1, "declineLimit"),
		(|params| params.decline_limit = 9, "declineLimit"),
		(|params| params.slot_price = MILL + 1, "slotPrice"),
		(|params| params.max_preparation = 0, "maxPreparation"),
		(|params| params.max_preparation = 10_512_001, "maxPreparation"),
		(|params| params.max_execution = 999, "maxExecution"),
		(|params| params.max_execution = 10_512_001, "maxExecution"),
	];
	for (change, field) in illegal {
		assert_eq!(check(change), Err(field));
	}
}

#[test]
fn the_emission_cap_is_no_cliff() {
	for params in [EmissionParams::default(), EmissionParams::fast()] {
		let last = pallet_emission::schedule::ceiling(params.initial, params.halving, EMISSION_CAP);
		assert!(
			0 < last && last <= params.initial / 1_000,
			"an era is worth {last} when the cap is reached"
		);
	}
}
