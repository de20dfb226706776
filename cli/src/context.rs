//! What commands share: the connection, the signer, looks at the chain.

use crate::{
	failure::{Failure, Result},
	options::Global,
	units::mill,
};
use millrace_client::{blobs::private_literal, keys::address, At, Balances, Call, Chain, Finalized, Keypair};
use millrace_primitives::{api::JobView, AccountId, Balance, JobId};
use std::{
	sync::{
		atomic::{AtomicUsize, Ordering},
		OnceLock,
	},
	time::Duration,
};
use tokio::{
	signal::unix::{signal, SignalKind},
	sync::Notify,
};

/// How long a command waits for its first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Global {
	/// Connects to the node.
	pub async fn connect(&self) -> Result<Chain> {
		let options = millrace_client::Options {
			connect_timeout: CONNECT_TIMEOUT,
			..Default::default()
		};
		Ok(Chain::connect_with(&self.url, options).await?)
	}

	/// The signer.
	pub fn signer(&self) -> Result<Keypair> {
		let key = self
			.key
			.as_deref()
			.filter(|key| !key.trim().is_empty())
			.ok_or_else(|| {
				Failure::Input(
					"this needs a key: --key FILE (or MILLRACE_KEY); make one with `millrace key generate FILE`".into(),
				)
			})?;
		Ok(Keypair::load(key)?)
	}

	/// An account that was named, or the signer's.
	pub fn account(&self, named: Option<AccountId>) -> Result<AccountId> {
		match named {
			Some(account) => Ok(account),
			None => Ok(self.signer()?.account()),
		}
	}
}

/// A job that still has state.
pub async fn job(chain: &Chain, id: JobId, at: At) -> Result<JobView> {
	let job = chain.market(at).job(id).await?;
	job.ok_or_else(|| {
		Failure::Input(format!(
			"there is no job {0}, or it is over and all its state is gone; `millrace receipt {0}` may still tell what became \
			 of it",
			id.0
		))
	})
}

/// Refuses endpoints by which nobody outside reaches anything, if the chain is a public one.
pub async fn ensure_public(chain: &Chain, endpoints: &[String]) -> Result<()> {
	let private = endpoints
		.iter()
		.find_map(|endpoint| Some((endpoint, private_literal(endpoint)?)));
	match private {
		Some((endpoint, address)) if chain.is_live().await? => Err(Failure::Input(format!(
			"{endpoint}: on this chain others cannot reach {address}, and will not try; name an address of the Internet \
			 (see --advertise of `millrace submit`), or add --allow-private if all are in one network"
		))),
		_ => Ok(()),
	}
}

/// How long a market block takes, in milliseconds.
pub async fn block_ms(chain: &Chain) -> Result<u64> {
	Ok(chain.constant::<u64>("Babe", "ExpectedBlockTime").await?)
}

/// What an account can put on hold or spend: all that is free and not frozen, without the existential deposit.
pub async fn spendable(chain: &Chain, account: &AccountId) -> Result<Balance> {
	let Balances {
		free, reserved, frozen, ..
	} = chain.balances(account, At::Best).await?;
	let existential = chain.constant::<Balance>("Balances", "ExistentialDeposit").await?;
	let frozen = frozen.saturating_sub(reserved);
	Ok(free.saturating_sub(frozen.max(existential)))
}

/// Refuses what the signer cannot pay, before anything is sent.
pub async fn ensure_funds(chain: &Chain, signer: &Keypair, call: &Call, needed: Balance) -> Result<()> {
	let fee = chain.estimate_fee(signer, call).await?;
	let needed = needed
		.checked_add(fee)
		.ok_or_else(|| Failure::Input("the amount is larger than any balance".into()))?;
	let spendable = spendable(chain, &signer.account()).await?;
	if needed > spendable {
		return Err(Failure::Refused(format!(
			"insufficient funds: it takes {}, the transaction fee included, and {} can spend {}: {} are missing",
			mill(needed),
			address(&signer.account()),
			mill(spendable),
			mill(needed - spendable),
		)));
	}
	Ok(())
}

/// Submits a call that has no surprises, and says what it cost.
pub async fn submit(chain: &Chain, signer: &Keypair, call: Call) -> Result<(Finalized, serde_json::Value)> {
	let finalized = chain.submit(signer, call).await?;
	let document = serde_json::json!({
		"block": finalized.block.number,
		"blockHash": format!("{:?}", finalized.block.hash),
		"transaction": format!("{:?}", finalized.hash),
		"fee": finalized.fee().map(|fee| fee.to_string()),
	});
	Ok((finalized, document))
}

/// The fee in words.
pub fn fee(finalized: &Finalized) -> String {
	finalized
		.fee()
		.map_or_else(String::new, |fee| format!(" Transaction fee: {}.", mill(fee)))
}

/// Waits for a request to end: from the keyboard, or as `timeout` and service managers send it. A request that nobody waits
/// for ends the process at once. If requests cannot be noticed, they end it as they do anyway, and this waits for ever.
pub async fn interrupted() {
	static NOTICED: Notify = Notify::const_new();
	static WAITING: AtomicUsize = AtomicUsize::new(0);
	static LISTENS: OnceLock<bool> = OnceLock::new();
	struct Waits;
	impl Drop for Waits {
		fn drop(&mut self) {
			WAITING.fetch_sub(1, Ordering::SeqCst);
		}
	}
	WAITING.fetch_add(1, Ordering::SeqCst);
	let _waits = Waits;
	let noticed = NOTICED.notified();
	let listens = LISTENS.get_or_init(|| {
		let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
		else {
			return false;
		};
		tokio::spawn(async move {
			loop {
				let code = tokio::select! {
					_ = interrupt.recv() => 130,
					_ = terminate.recv() => 143,
				};
				if WAITING.load(Ordering::SeqCst) == 0 {
					std::process::exit(code);
				}
				NOTICED.notify_waiters();
			}
		});
		true
	});
	match listens {
		true => noticed.await,
		false => std::future::pending().await,
	}
}
