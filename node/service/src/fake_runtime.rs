//! A runtime that exists for the type checker only.
//!
//! The client needs a concrete type that lists the runtime APIs. Deriving it from the real runtime
//! would make this crate depend on every pallet. The bodies below never run: `sc-service` executes
//! the WebAssembly that the chain stores, and asks this type only for the APIs' signatures.

use millrace_primitives::{
	api::{
		AssignmentView, CaseView, DemandView, Explanation, FreezeView, JobView, ProgramView, ProviderView, Quote,
		ShardView, VerdictView,
	},
	AccountId, Balance, JobId, JobSpec, MarketBlock, Nonce, OpaqueBlock as Block, ProgramId, ShardId,
};
use pallet_transaction_payment_rpc_runtime_api::{FeeDetails, RuntimeDispatchInfo};
use sp_consensus_grandpa::AuthorityList;
use sp_core::OpaqueMetadata;
use sp_runtime::{
	traits::{Block as BlockT, NumberFor},
	transaction_validity::{TransactionSource, TransactionValidity},
	ApplyExtrinsicResult, ExtrinsicInclusionMode, Weight,
};
use sp_session::{KeyTypeId, OpaqueGeneratedSessionKeys};

#[allow(dead_code)]
pub(crate) struct FakeRuntime;

macro_rules! types_only {
	() => {
		unreachable!("types only; the wasm answers")
	};
}

sp_api::impl_runtime_apis! {
	impl sp_api::Core<Block> for FakeRuntime {
		fn version() -> sp_version::RuntimeVersion {
			types_only!()
		}

		fn execute_block(_: <Block as BlockT>::LazyBlock) {
			types_only!()
		}

		fn initialize_block(_: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
			types_only!()
		}
	}

	impl sp_api::Metadata<Block> for FakeRuntime {
		fn metadata() -> OpaqueMetadata {
			types_only!()
		}

		fn metadata_at_version(_: u32) -> Option<OpaqueMetadata> {
			types_only!()
		}

		fn metadata_versions() -> Vec<u32> {
			types_only!()
		}
	}

	impl sp_block_builder::BlockBuilder<Block> for FakeRuntime {
		fn apply_extrinsic(_: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
			types_only!()
		}

		fn finalize_block() -> <Block as BlockT>::Header {
			types_only!()
		}

		fn inherent_extrinsics(_: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
			types_only!()
		}

		fn check_inherents(
			_: <Block as BlockT>::LazyBlock,
			_: sp_inherents::InherentData,
		) -> sp_inherents::CheckInherentsResult {
			types_only!()
		}
	}

	impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for FakeRuntime {
		fn validate_transaction(
			_: TransactionSource,
			_: <Block as BlockT>::Extrinsic,
			_: <Block as BlockT>::Hash,
		) -> TransactionValidity {
			types_only!()
		}
	}

	impl sp_offchain::OffchainWorkerApi<Block> for FakeRuntime {
		fn offchain_worker(_: &<Block as BlockT>::Header) {
			types_only!()
		}
	}

	impl sp_consensus_babe::BabeApi<Block> for FakeRuntime {
		fn configuration() -> sp_consensus_babe::BabeConfiguration {
			types_only!()
		}

		fn current_epoch_start() -> sp_consensus_babe::Slot {
			types_only!()
		}

		fn current_epoch() -> sp_consensus_babe::Epoch {
			types_only!()
		}

		fn next_epoch() -> sp_consensus_babe::Epoch {
			types_only!()
		}

		fn generate_key_ownership_proof(
			_: sp_consensus_babe::Slot,
			_: sp_consensus_babe::AuthorityId,
		) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
			types_only!()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			_: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
			_: sp_consensus_babe::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			types_only!()
		}
	}

	impl sp_consensus_grandpa::GrandpaApi<Block> for FakeRuntime {
		fn grandpa_authorities() -> AuthorityList {
			types_only!()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			_: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
			_: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			types_only!()
		}

		fn generate_key_ownership_proof(
			_: sp_consensus_grandpa::SetId,
			_: sp_consensus_grandpa::AuthorityId,
		) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
			types_only!()
		}

		fn current_set_id() -> sp_consensus_grandpa::SetId {
			types_only!()
		}
	}

	impl sp_session::SessionKeys<Block> for FakeRuntime {
		fn generate_session_keys(_: Vec<u8>, _: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
			types_only!()
		}

		fn decode_session_keys(_: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
			types_only!()
		}
	}

	impl sp_authority_discovery::AuthorityDiscoveryApi<Block> for FakeRuntime {
		fn authorities() -> Vec<sp_authority_discovery::AuthorityId> {
			types_only!()
		}
	}

	impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for FakeRuntime {
		fn account_nonce(_: AccountId) -> Nonce {
			types_only!()
		}
	}

	impl millrace_primitives::api::MarketApi<Block> for FakeRuntime {
		fn now() -> MarketBlock {
			types_only!()
		}

		fn program(_: ProgramId) -> Option<ProgramView> {
			types_only!()
		}

		fn job(_: JobId) -> Option<JobView> {
			types_only!()
		}

		fn case(_: ShardId) -> Option<CaseView> {
			types_only!()
		}

		fn verdicts(_: Option<(ShardId, AccountId)>, _: u32) -> Vec<VerdictView> {
			types_only!()
		}

		fn verdicts_of(_: ShardId) -> Vec<VerdictView> {
			types_only!()
		}
		fn freezes() -> Vec<FreezeView> {
			types_only!()
		}

		fn shards(_: JobId, _: u32, _: u32) -> Vec<ShardView> {
			types_only!()
		}

		fn assignments(_: AccountId) -> Vec<AssignmentView> {
			types_only!()
		}

		fn custody(_: AccountId, _: Option<ShardId>, _: u32) -> Vec<AssignmentView> {
			types_only!()
		}

		fn demands(_: AccountId) -> Vec<DemandView> {
			types_only!()
		}

		fn demand_deposit(_: u32) -> Balance {
			types_only!()
		}

		fn provider(_: AccountId) -> Option<ProviderView> {
			types_only!()
		}

		fn providers(_: Option<AccountId>, _: u32) -> Vec<ProviderView> {
			types_only!()
		}

		fn quote(_: JobSpec) -> Option<Quote> {
			types_only!()
		}

		fn explain(_: JobId) -> Option<Explanation> {
			types_only!()
		}

		fn claimable(_: AccountId, _: u32) -> Balance {
			types_only!()
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for FakeRuntime {
		fn query_info(_: <Block as BlockT>::Extrinsic, _: u32) -> RuntimeDispatchInfo<Balance> {
			types_only!()
		}

		fn query_fee_details(_: <Block as BlockT>::Extrinsic, _: u32) -> FeeDetails<Balance> {
			types_only!()
		}

		fn query_weight_to_fee(_: Weight) -> Balance {
			types_only!()
		}

		fn query_length_to_fee(_: u32) -> Balance {
			types_only!()
		}
	}
}
