//! Addresses as parameters. Decoding base58 takes time that grows with the square of its length, so texts that no address has
//! are refused before.

use jsonrpsee::{
	core::{async_trait, RpcResult},
	Extensions,
};
use millrace_primitives::{AccountId, Hash, Nonce, OpaqueBlock as Block};
use serde::{
	de::{Error, Visitor},
	Deserialize, Deserializer,
};
use sp_core::{crypto::Ss58Codec, Bytes};
use std::fmt;
use substrate_frame_rpc_system::{System, SystemApiServer};

/// An address of 32 bytes has at most 50 characters.
const MAX_LEN: usize = 64;

/// An account, as SS58 text of any network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(pub AccountId);

impl<'de> Deserialize<'de> for Address {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		deserializer.deserialize_str(AddressVisitor)
	}
}

struct AddressVisitor;

impl Visitor<'_> for AddressVisitor {
	type Value = Address;

	fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(formatter, "an SS58 address of at most {MAX_LEN} characters")
	}

	fn visit_str<E: Error>(self, text: &str) -> Result<Address, E> {
		if text.len() > MAX_LEN {
			return Err(E::invalid_length(text.len(), &self));
		}
		AccountId::from_ss58check(text)
			.map(Address)
			.map_err(|error| E::custom(format!("not an SS58 address: {error}")))
	}
}

/// The methods of [`System`], with bounded addresses.
pub(super) struct Bounded<Pool: sc_transaction_pool_api::TransactionPool, Client>(pub System<Pool, Client, Block>);

#[async_trait]
impl<Pool, Client> SystemApiServer<Hash, Address, Nonce> for Bounded<Pool, Client>
where
	Pool: sc_transaction_pool_api::TransactionPool + 'static,
	Client: Send + Sync + 'static,
	System<Pool, Client, Block>: SystemApiServer<Hash, AccountId, Nonce>,
{
	async fn nonce(&self, account: Address) -> RpcResult<Nonce> {
		self.0.nonce(account.0).await
	}

	async fn dry_run(&self, extensions: &Extensions, extrinsic: Bytes, at: Option<Hash>) -> RpcResult<Bytes> {
		self.0.dry_run(extensions, extrinsic, at).await
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::{from_value, json};
	use std::time::Instant;

	#[test]
	fn long_texts_are_refused_before_they_are_decoded() {
		const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
		let read = |text: &str| from_value::<Address>(json!(text)).map_err(|error| error.to_string());
		assert_eq!(read(ALICE).unwrap().0.to_ss58check(), ALICE);
		// Networks with a prefix of two bytes have the longest; this is one of them.
		let account = AccountId::from([0xff; 32]);
		let longest = account.to_ss58check_with_version(sp_core::crypto::Ss58AddressFormat::custom(10_041));
		assert!(longest.len() <= 50 && read(&longest).unwrap().0 == account);
		assert!(read(&"1".repeat(64)).unwrap_err().contains("not an SS58 address"));
		let text = "z".repeat(10_000_000);
		let before = Instant::now();
		for text in [&text[..65], &text] {
			let error = read(text).unwrap_err();
			assert!(error.contains("at most 64 characters"), "{error}");
		}
		// Decoding it would take hours.
		assert!(before.elapsed().as_secs() < 10);
		assert!(from_value::<Address>(json!(7)).is_err());
	}
}
