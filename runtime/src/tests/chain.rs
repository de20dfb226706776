//! A chain in memory that makes blocks as a node would: BABE digest with a true VRF signature, timestamp, transactions,
//! seal of the state root.

use super::counting::{counted, Touched};
use crate::{
	chain_constants::EpochDuration, genesis_config_presets, AccountId, Address, Attestations, Babe, Balances, Block,
	Emission, Executive, Header, Jobs, Providers, Runtime, RuntimeCall, RuntimeEvent, Signature, SignedPayload, System,
	TxExtension, UncheckedExtrinsic,
};
use codec::Encode;
use frame_support::{
	storage::{transactional::with_transaction_unchecked, TransactionOutcome},
	traits::{fungible::Inspect, Get},
};
use sp_consensus_babe::{
	digests::{PreDigest, SecondaryVRFPreDigest},
	make_vrf_sign_data, AuthorityPair, Slot, BABE_ENGINE_ID,
};
use sp_core::{crypto::VrfSecret, sr25519, Pair, H256};
use sp_keyring::Sr25519Keyring;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{
	generic::Era, traits::Header as _, transaction_validity::TransactionValidityError, Digest, DigestItem,
	DispatchError,
};

/// The outcome of a transaction: refused, or included with its own result.
pub type Applied = Result<Result<(), DispatchError>, TransactionValidityError>;

/// Merges a JSON patch into a document (RFC 7386), as chain specifications do with presets.
pub fn merge(document: &mut serde_json::Value, patch: serde_json::Value) {
	match patch {
		serde_json::Value::Object(fields) => {
			if !document.is_object() {
				*document = serde_json::json!({});
			}
			for (name, value) in fields {
				merge(&mut document[name.as_str()], value);
			}
		}
		value => *document = value,
	}
}

/// The complete genesis of a preset.
pub fn genesis(preset: &str) -> serde_json::Value {
	let json = |id| serde_json::from_slice(&genesis_config_presets::get_preset(&id).unwrap()).unwrap();
	let mut document: serde_json::Value = json(None);
	merge(&mut document, json(Some(preset.into())));
	document
}

/// State after genesis, and an empty keystore beside it.
pub fn state(genesis: &serde_json::Value) -> sp_io::TestExternalities {
	let mut state = sp_io::TestExternalities::new_empty();
	state.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	state.execute_with(|| genesis_config_presets::build_state(genesis.to_string().as_bytes()).unwrap());
	state
}

/// A chain whose only author is Alice.
pub struct Chain {
	state: sp_io::TestExternalities,
	parent: Header,
	slot: u64,
	made: Vec<Block>,
	/// What the best block touched.
	pub touched: Touched,
}

impl Chain {
	/// The `development` chain.
	pub fn development() -> Self {
		let mut state = state(&genesis("development"));
		let state_root = state.execute_with(|| sp_io::storage::root(sp_runtime::StateVersion::V1));
		let parent = Header::new(
			0,
			Default::default(),
			H256::from_slice(&state_root),
			Default::default(),
			Digest::default(),
		);
		Self {
			state,
			parent,
			slot: 4_000_000_000,
			made: Vec::new(),
			touched: Touched::default(),
		}
	}

	/// Runs code over the state, as a runtime API call at the best block would.
	pub fn query<R>(&mut self, query: impl FnOnce() -> R) -> R {
		self.state.execute_with(query)
	}

	/// Lets slots pass without blocks.
	pub fn skip_slots(&mut self, slots: u64) {
		self.slot += slots;
	}

	/// Makes a block of these transactions, which must all be includable, and returns it with their results.
	pub fn block(&mut self, transactions: Vec<UncheckedExtrinsic>) -> (Block, Vec<Result<(), DispatchError>>) {
		let (block, applied) = self.try_block(transactions);
		let results = applied
			.into_iter()
			.map(|result| result.expect("the transaction is valid"))
			.collect();
		(block, results)
	}

	/// Makes a block of those transactions that are includable.
	pub fn try_block(&mut self, transactions: Vec<UncheckedExtrinsic>) -> (Block, Vec<Applied>) {
		self.slot += 1;
		let slot = Slot::from(self.slot);
		let now = self.slot_time();
		let header = Header::new(
			self.parent.number + 1,
			Default::default(),
			Default::default(),
			self.parent.hash(),
			Digest {
				logs: vec![self.query(|| pre_digest(slot))],
			},
		);
		let mut extrinsics = vec![timestamp(now)];
		let ((header, applied), touched) = counted(&mut self.state, || {
			Executive::initialize_block(&header);
			Executive::apply_extrinsic(timestamp(now)).unwrap().unwrap();
			let mut applied = Vec::new();
			for transaction in transactions {
				// As a node's block builder does: what is refused leaves nothing.
				let result = with_transaction_unchecked(|| match Executive::apply_extrinsic(transaction.clone()) {
					Ok(result) => TransactionOutcome::Commit(Ok(result)),
					Err(error) => TransactionOutcome::Rollback(Err(error)),
				});
				if result.is_ok() {
					extrinsics.push(transaction);
				}
				applied.push(result);
			}
			(Executive::finalize_block(), applied)
		});
		self.touched = touched;
		self.parent = header.clone();
		let block = Block { header, extrinsics };
		self.made.push(block.clone());
		(block, applied)
	}

	/// Makes empty blocks.
	pub fn blocks(&mut self, count: u32) {
		for _ in 0..count {
			self.block(Vec::new());
		}
	}

	/// Makes a block with one call and returns its result.
	pub fn call(&mut self, who: Sr25519Keyring, call: impl Into<RuntimeCall>) -> Result<(), DispatchError> {
		let transaction = self.query(|| signed(who, call.into()));
		self.block(vec![transaction]).1.remove(0)
	}

	/// The events of the best block.
	pub fn events(&mut self) -> Vec<RuntimeEvent> {
		self.query(|| System::events().into_iter().map(|record| record.event).collect())
	}

	/// Checks what must always hold: another node that imports the blocks comes to the same states, all balances add up
	/// to the issuance, and the invariants of the market's pallets hold.
	pub fn check(&mut self) {
		let blocks = self.made.clone();
		state(&genesis("development")).execute_with(|| {
			for block in blocks {
				// Panics if a root or a digest differs.
				Executive::execute_block(block.into());
			}
		});
		self.query(|| {
			let everything: u128 = frame_system::Account::<Runtime>::iter_keys()
				.map(|who| Balances::total_balance(&who))
				.sum();
			assert_eq!(everything, Balances::total_issuance());
			Providers::do_try_state().unwrap();
			Jobs::do_try_state().unwrap();
			Attestations::do_try_state().unwrap();
			Emission::do_try_state().unwrap();
		});
	}

	fn slot_time(&mut self) -> u64 {
		let slot = self.slot;
		self.query(|| slot * Babe::slot_duration())
	}
}

/// The free balance of an account.
pub fn free(who: &AccountId) -> u128 {
	Balances::balance(who)
}

/// Alice's claim to a secondary slot, with the VRF output that the market's draws are seeded by.
fn pre_digest(slot: Slot) -> DigestItem {
	let alice = AuthorityPair::from(Sr25519Keyring::Alice.pair());
	// The block that begins an epoch already belongs to it.
	let started = System::block_number() > 0;
	let ended = started && *slot >= *Babe::current_epoch_start() + <EpochDuration<Runtime> as Get<u64>>::get();
	let (randomness, epoch_index) = if ended {
		let next = Babe::next_epoch();
		(
			next.randomness,
			sp_consensus_babe::epoch_index(slot, Babe::genesis_slot(), next.duration),
		)
	} else {
		(Babe::randomness(), Babe::epoch_index())
	};
	let vrf_signature = alice
		.as_ref()
		.vrf_sign(&make_vrf_sign_data(&randomness, slot, epoch_index));
	let digest = PreDigest::SecondaryVRF(SecondaryVRFPreDigest {
		authority_index: 0,
		slot,
		vrf_signature,
	});
	DigestItem::PreRuntime(BABE_ENGINE_ID, digest.encode())
}

/// The inherent that sets the time.
pub fn timestamp(now: u64) -> UncheckedExtrinsic {
	UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }))
}

/// What a wallet would attach.
pub fn extension(nonce: u32, tip: u128) -> TxExtension {
	(
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckMortality::from(Era::Immortal),
		frame_system::CheckNonce::from(nonce),
		crate::lane::CheckLane,
		frame_system::CheckWeight::new(),
		pallet_transaction_payment::ChargeTransactionPayment::from(tip),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}

/// Signs with the account's next nonce.
pub fn signed(who: Sr25519Keyring, call: RuntimeCall) -> UncheckedExtrinsic {
	signed_with(who, call, System::account_nonce(who.to_account_id()), 0)
}

/// Signs with a given nonce and tip.
pub fn signed_with(who: Sr25519Keyring, call: RuntimeCall, nonce: u32, tip: u128) -> UncheckedExtrinsic {
	signed_by(&who.pair(), call, nonce, tip)
}

/// Signs with any key.
pub fn signed_by(who: &sr25519::Pair, call: RuntimeCall, nonce: u32, tip: u128) -> UncheckedExtrinsic {
	let extension = extension(nonce, tip);
	let payload = SignedPayload::new(call.clone(), extension.clone()).unwrap();
	let signature = payload.using_encoded(|bytes| who.sign(bytes));
	UncheckedExtrinsic::new_signed(
		call,
		Address::Id(who.public().into()),
		Signature::Sr25519(signature),
		extension,
	)
}
