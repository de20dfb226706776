//! A chain with a market on it: two providers, a client, a published program.

use super::chain::Chain;
use crate::{AccountId, Balance, Balances, Runtime, RuntimeEvent, RuntimeHoldReason};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, InspectHold},
};
use millrace_primitives::api::runtime_decl_for_market_api::MarketApiV1;
use millrace_primitives::{
	job::{Constraints, Endpoint, Preferences, Verification},
	machine, merkle,
	money::GGAS,
	outcome::{self, Outcome, Status},
	provider::{ClassSet, HardwareClass, ProviderInfo, Region, RegionSet},
	Blob, JobId, JobSpec, Limits, ProgramRoots, Report, ShardId, ENGINE_VERSION, MICRO, MILL,
};
use sp_keyring::Sr25519Keyring::{self, Bob, Charlie, Dave, Eve, Ferdie};
use sp_runtime::Permill;

/// The client.
pub const CLIENT: Sr25519Keyring = Bob;
/// The providers with their operators.
pub const PROVIDERS: [(Sr25519Keyring, Sr25519Keyring); 2] = [(Charlie, Eve), (Dave, Ferdie)];
/// The only job.
pub const JOB: JobId = JobId(0);
/// Its only shard.
pub const SHARD: ShardId = ShardId { job: JOB, index: 0 };
/// What the shard's tasks use together, deliberately no round figure.
pub const GAS: u64 = 1_234_567_891;
/// What a provider bonds.
pub const BOND: Balance = 1_000 * MILL;

/// The account of a key.
pub fn id(key: Sr25519Keyring) -> AccountId {
	key.to_account_id()
}

/// A URL for blobs.
pub fn endpoint(name: &str) -> Endpoint {
	format!("http://127.0.0.1:8080/{name}").into_bytes().try_into().unwrap()
}

/// The program's module.
pub fn module() -> Blob {
	blob(b"\0asm\x01\0\0\0")
}

/// The roots of its code and first memory.
pub fn roots() -> ProgramRoots {
	ProgramRoots {
		entry: 0,
		pages: 1,
		max_pages: 1,
		system_pages: 1,
		code: [1; 32],
		table: [2; 32],
		globals: [3; 32],
		memory: [4; 32],
		system: [5; 32],
	}
}

/// Some bytes as a blob.
fn blob(bytes: &[u8]) -> Blob {
	machine::blob(bytes).expect("they are few")
}

/// The job.
pub fn spec() -> JobSpec {
	JobSpec {
		program: machine::program_id(ENGINE_VERSION, &roots(), &module()),
		image: Some(blob(b"a mill")),
		setup: machine::EMPTY_BLOB,
		input_root: merkle::list_root(&[merkle::data_root(b"rye"), merkle::data_root(b"barley")]),
		tasks: 2,
		shard_size: 2,
		limits: Limits {
			gas: GGAS,
			memory_pages: 16,
			output: 1_024,
		},
		input_limit: 1_024,
		price_cap: 2_000 * MICRO,
		verification: Verification::Replicated { replicas: 2 },
		constraints: Constraints {
			class: HardwareClass::General,
			regions: RegionSet::ANY,
			min_reputation: Permill::zero(),
		},
		preferences: Preferences::default(),
		deadline: 1_000,
		endpoints: vec![endpoint("job")].try_into().unwrap(),
	}
}

/// What honest providers report.
pub fn report() -> Report {
	let outcome = |output: &[u8], gas_used| Outcome {
		status: Status::Success,
		code: 0,
		output: blob(output),
		errors: [0; 32],
		gas_used,
	};
	outcome::report(&[outcome(b"bread", GGAS), outcome(b"beer", GAS - GGAS)]).expect("gas adds up")
}

/// Registers a provider, its ask different from others'.
pub fn register(chain: &mut Chain, provider: Sr25519Keyring, operator: Sr25519Keyring, ask: Balance) {
	let info = ProviderInfo {
		classes: ClassSet::of(&[HardwareClass::General]),
		region: Region::Europe,
		slots: 1,
		memory_pages: 1_024,
		ask,
		endpoint: endpoint("provider"),
	};
	let call = pallet_providers::Call::register {
		operator: id(operator),
		info,
		bond: BOND,
		operator_funding: 2 * MILL,
	};
	assert_ok!(chain.call(provider, call));
}

/// Everything that anybody has, holds included.
pub fn everything() -> Balance {
	frame_system::Account::<Runtime>::iter_keys()
		.map(|who| Balances::total_balance(&who))
		.sum()
}

/// What is held of a client for its jobs.
pub fn escrow(who: Sr25519Keyring) -> Balance {
	Balances::balance_on_hold(&RuntimeHoldReason::Jobs(pallet_jobs::HoldReason::Escrow), &id(who))
}

/// The transaction fees that an account paid in the best block.
pub fn fees(chain: &mut Chain, who: Sr25519Keyring) -> Balance {
	chain
		.events()
		.into_iter()
		.filter_map(|event| match event {
			RuntimeEvent::TransactionPayment(pallet_transaction_payment::Event::TransactionFeePaid {
				who: payer,
				actual_fee,
				..
			}) if payer == id(who) => Some(actual_fee),
			_ => None,
		})
		.sum()
}

/// A chain on which a program is published.
pub fn published() -> Chain {
	let mut chain = Chain::development();
	chain.blocks(1);
	let publish = pallet_jobs::Call::publish_program {
		roots: roots(),
		module: module(),
	};
	assert_ok!(chain.call(CLIENT, publish));
	chain
}

/// A chain on which two providers can be drawn and a program is published.
pub fn market() -> Chain {
	let mut chain = published();
	for (index, (provider, operator)) in PROVIDERS.into_iter().enumerate() {
		register(
			&mut chain,
			provider,
			operator,
			(1_000 + 333 * index as Balance) * MICRO + 7,
		);
	}
	chain.blocks(3);
	chain
}

const SALT: [u8; 32] = [7; 32];

/// A provider's seal of a report.
pub fn seal(provider: Sr25519Keyring, report: &Report) -> pallet_attestations::Call<Runtime> {
	let view = Runtime::assignments(id(provider)).remove(0);
	let genesis = crate::System::block_hash(0);
	let context = outcome::SealContext {
		genesis: &genesis,
		shard: SHARD,
		seat: view.seat,
		round: view.round,
		account: &id(provider),
	};
	pallet_attestations::Call::seal {
		shard: SHARD,
		seal: outcome::seal(context, report, &SALT),
	}
}

/// The reveal of a report that was sealed, of a shard that is not audited.
pub fn reveal(report: &Report) -> pallet_attestations::Call<Runtime> {
	let item = pallet_attestations::RevealItem {
		shard: SHARD,
		report: *report,
		salt: SALT,
		shown: Default::default(),
	};
	pallet_attestations::Call::reveal { item }
}

/// Makes blocks until the condition holds.
pub fn wait(chain: &mut Chain, what: &str, condition: impl Fn() -> bool) {
	for _ in 0..400 {
		if chain.query(&condition) {
			return;
		}
		chain.blocks(1);
	}
	panic!("waited in vain for: {what}");
}
