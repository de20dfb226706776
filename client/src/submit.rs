//! Signing and submitting transactions.
//!
//! ```text
//!  submit ─► nonce (the node's next one that none of ours in flight has) ─► sign, mortal ─► pool
//!                                                                              │
//!   Finalized ◄── events ◄── found by hash in a finalized block ◄── tracker ◄──┘ sends it again if it is lost
//!   Error::Dropped ◄── mortality, nonce or runtime passed without it ┘
//! ```
//!
//! A transaction that a node forgets is sent again as it is, as blocks go on, final or not: the chain includes the same
//! bytes once. Only when in the *finalized* chain its mortality is over, its nonce was used by another one, or a newer
//! runtime runs than it was signed for, it is given up, and the nonce is free for the next submission; so nothing is ever
//! done twice and no gap of nonces stays.
//!
//! An answer may get lost with the connection. What the node says of the same transaction afterwards (it is known, it is
//! banned, its nonce is used) may just mean that it is in a block already. So whatever may have been received is awaited
//! like what was accepted, and its call is signed again only when the finalized chain proves that it is in no block.
//!
//! A call that is not due any more is refused by every pool, whatever it was handed in as: it is given up as soon as the node
//! says so, and later transactions of the same signer do not wait for its nonce. A call that takes too long may be submitted
//! again with a larger tip: it takes the place of the first, and only one of them is ever included.

use crate::{
	calls::nothing,
	chain::{Chain, Head, Runtime},
	events::{failure, Event},
	keys::address,
	rpc::{Answer, Refusal},
	tracker::{Located, Signed, Watched},
	Call, Error, Keypair, Result,
};
use codec::{Compact, Decode, Encode};
use millrace_primitives::{
	lane::{NOT_ALONE, NOT_DUE},
	merkle, AccountId, Balance, BlockNumber, Hash, JobId,
};
use std::{
	collections::{BTreeMap, HashMap},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};
use subxt::{
	client::OfflineClient,
	config::{
		substrate::{SpecVersionForRange, SubstrateConfig, SubstrateConfigBuilder},
		SubstrateExtrinsicParamsBuilder,
	},
};

/// For so many blocks a transaction is valid at least, a power of two.
const MORTALITY: u64 = 64;
/// The longest mortality, below the number of block hashes that a runtime remembers.
const MAX_MORTALITY: u64 = 1_024;
/// So many nonces are tried when others sign with the same key at the same time.
const ATTEMPTS: u32 = 5;
/// So often a call is signed again whose transaction was perhaps never received, and is in no block for certain.
const RENEWALS: u32 = 2;
/// The pause before another attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// A transaction that succeeded and is in a finalized block.
#[derive(Clone, Debug)]
pub struct Finalized {
	/// The block.
	pub block: Head,
	/// The transaction's hash.
	pub hash: Hash,
	/// What it caused.
	pub events: Vec<Event>,
}

impl Finalized {
	/// The first event of this name.
	pub fn find(&self, pallet: &str, name: &str) -> Option<&Event> {
		self.events.iter().find(|event| event.is(pallet, name))
	}

	/// The job that it submitted.
	pub fn job_id(&self) -> Option<JobId> {
		self.find("Jobs", "JobSubmitted")?.decode().ok()
	}

	/// What the signer paid for the transaction, in plancks.
	pub fn fee(&self) -> Option<Balance> {
		let event = self.find("TransactionPayment", "TransactionFeePaid")?;
		event.decode::<(AccountId, Balance)>().ok().map(|(_, fee)| fee)
	}
}

/// The nonces in flight, by signer.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<AccountId, Arc<Lane>>>);

/// One signer's transactions. Choosing a nonce and handing the transaction to the pool happen one at a time, so that
/// they reach the pool in order; waiting for finality does not block others.
#[derive(Default)]
pub(crate) struct Lane {
	order: tokio::sync::Mutex<()>,
	in_flight: Mutex<BTreeMap<u64, Place>>,
}

/// What is in flight with a nonce.
struct Place {
	call: Call,
	tip: Balance,
	/// How often: with another tip, it is the same.
	copies: u32,
}

/// A nonce that is in use until this is dropped.
struct InFlight {
	lane: Arc<Lane>,
	nonce: u64,
}

impl Drop for InFlight {
	fn drop(&mut self) {
		let mut in_flight = self.lane.in_flight();
		if let Some(place) = in_flight.get_mut(&self.nonce) {
			place.copies = place.copies.saturating_sub(1);
			if place.copies == 0 {
				in_flight.remove(&self.nonce);
			}
		}
	}
}

impl Lanes {
	fn of(&self, account: &AccountId) -> Arc<Lane> {
		let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		lanes.entry(account.clone()).or_default().clone()
	}
}

impl Lane {
	fn in_flight(&self) -> MutexGuard<'_, BTreeMap<u64, Place>> {
		self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Takes the first nonce from `next` on, the first one that the node's pool lacks, that none of ours has.
	fn take(self: Arc<Self>, next: u64, call: &Call, tip: Balance) -> InFlight {
		let mut in_flight = self.in_flight();
		let mut nonce = next;
		while in_flight.contains_key(&nonce) {
			nonce = nonce.saturating_add(1);
		}
		let place = Place {
			call: call.clone(),
			tip,
			copies: 1,
		};
		in_flight.insert(nonce, place);
		drop(in_flight);
		InFlight { lane: self, nonce }
	}

	/// Takes the nonce of the same call with a smaller tip, if one is in flight.
	fn replace(self: Arc<Self>, call: &Call, tip: Balance) -> Option<InFlight> {
		let mut in_flight = self.in_flight();
		let (nonce, place) = in_flight
			.iter_mut()
			.find(|(_, place)| place.tip < tip && place.call == *call)?;
		let nonce = *nonce;
		(place.tip, place.copies) = (tip, place.copies.saturating_add(1));
		drop(in_flight);
		Some(InFlight { lane: self, nonce })
	}

	/// Whether others of ours wait for a nonce.
	fn waits_for(&self, nonce: u64) -> bool {
		let in_flight = self.in_flight();
		!in_flight.contains_key(&nonce) && in_flight.keys().any(|other| *other > nonce)
	}
}

/// Why the pool did not take a transaction.
#[derive(Debug, PartialEq, Eq)]
enum Rejection {
	/// Another transaction has the nonce.
	NonceTaken,
	/// It is in the pool already, or was there before: a pool bans for a while what came into a block.
	Known,
	/// The pool is full.
	NotNow,
	/// The signer cannot pay the fee.
	CannotPay,
	/// The call is not its signer's to make now.
	NotDue,
	/// Anything else.
	Other,
}

impl Rejection {
	/// After `sc_rpc_api::author::error`: codes of the method `author_submitExtrinsic`.
	fn of(refusal: &Refusal) -> Self {
		match refusal.code {
			1010 if refusal.data.contains("outdated") => Self::NonceTaken,
			1010 if refusal.data.contains("pay some fees") => Self::CannotPay,
			1010 if refusal.data.contains("exhaust") => Self::NotNow,
			1010 if [NOT_DUE, NOT_ALONE].map(custom).contains(&refusal.data) => Self::NotDue,
			1012 | 1013 => Self::Known,
			1016 => Self::NotNow,
			1014 => Self::NonceTaken,
			_ => Self::Other,
		}
	}
}

/// How a node says that a runtime refuses a transaction for a reason of its own.
fn custom(code: u8) -> String {
	format!("Custom error: {code}")
}

/// A transaction that the pool took, or may have taken.
struct HandedIn {
	located: tokio::sync::oneshot::Receiver<Result<Located>>,
	in_flight: InFlight,
	/// True if the pool may never have had it.
	doubtful: bool,
}

impl Chain {
	/// Signs a call, submits it and waits until it is in a finalized block. Several submissions may be under way at
	/// once, also of one signer: their nonces follow each other in the order in which they were begun.
	///
	/// Dropping the future does not undo the submission. Once the transaction may be on its way, a lost connection is
	/// awaited for as long as it takes: nothing else could tell what became of it.
	///
	/// # Errors
	/// [`Error::Dispatch`] if the call failed, [`Error::CannotPay`] and [`Error::Refused`] if the pool did not take it,
	/// [`Error::NotDue`] if the chain refuses it because it is not the signer's to make,
	/// [`Error::NotSent`] if the submission ended before anything was sent, the node being away for instance,
	/// [`Error::Dropped`] if it can no longer be included, [`Error::OutcomeUnknown`] if it is in a block whose events
	/// the node no longer has. Any other error leaves open whether it is included.
	pub async fn submit(&self, signer: &Keypair, call: Call) -> Result<Finalized> {
		self.submit_with(signer, call, 0).await
	}

	/// The same with a tip for the block's author, in plancks: of what waits for the same room, the larger one comes first. If
	/// the same call with a smaller tip is under way, this takes its place: whichever is included, the other's submission
	/// ends with [`Error::Dropped`].
	///
	/// # Errors
	/// As [`submit`](Self::submit).
	pub async fn submit_with(&self, signer: &Keypair, call: Call, tip: Balance) -> Result<Finalized> {
		let mut renewals = 0;
		let Located { block, index, hash } = loop {
			let HandedIn {
				located,
				in_flight,
				doubtful,
			} = self.hand_in(signer, &call, tip).await.map_err(Error::not_sent)?;
			let located = located.await.map_err(|_| Error::Connection {
				url: self.url().into(),
				reason: "shut down".into(),
			})?;
			let nonce = in_flight.nonce;
			drop(in_flight);
			if matches!(located, Err(Error::NotDue { .. })) {
				self.fill(signer, nonce).await;
			}
			match located {
				Err(Error::Dropped { hash }) if doubtful && renewals < RENEWALS => {
					tracing::info!(?hash, "a transaction never reached the chain, its call is signed again");
					renewals += 1;
				}
				located => break located?,
			}
		};
		let outcome = async {
			let events = self.events(block.hash).await?;
			let events: Vec<_> = events
				.into_iter()
				.filter(|event| event.extrinsic == Some(index))
				.collect();
			let runtime = self.runtime(Some(block.hash)).await?;
			let failed = failure(&runtime.metadata, &events)?;
			let succeeded = events.iter().any(|event| event.is("System", "ExtrinsicSuccess"));
			Ok::<_, Error>((events, failed, succeeded))
		};
		match outcome.await {
			Ok((_, Some(error), _)) => Err(error),
			Ok((events, None, true)) => Ok(Finalized { block, hash, events }),
			Ok((_, None, false)) => Err(Error::OutcomeUnknown {
				hash,
				block: block.hash,
				reason: "the block has no events for it".into(),
			}),
			Err(error) => Err(Error::OutcomeUnknown {
				hash,
				block: block.hash,
				reason: error.to_string(),
			}),
		}
	}

	/// What a call would cost its signer, in plancks, at present fullness of blocks.
	pub async fn estimate_fee(&self, signer: &Keypair, call: &Call) -> Result<Balance> {
		let head = self.finalized_head().await?;
		let runtime = self.runtime(None).await?;
		let transaction = sign(self, &runtime, signer, call, (0, 0), head, MORTALITY)?;
		let args = [&transaction[..], &(transaction.len() as u32).encode()].concat();
		let bytes = self
			.rpc()
			.state_call("TransactionPaymentApi_query_info", &args, None)
			.await?;
		// Weight (time and size), class, fee.
		type Info = (Compact<u64>, Compact<u64>, u8, Balance);
		let info = Info::decode(&mut &bytes[..]).map_err(|error| Error::decode("fee", error))?;
		Ok(info.3)
	}

	/// Brings a transaction into the pool. An error means that it is in no pool and in no block.
	async fn hand_in(&self, signer: &Keypair, call: &Call, tip: Balance) -> Result<HandedIn> {
		let account = signer.account();
		let lane = self.0.lanes.of(&account);
		let _order = lane.order.lock().await;
		self.0.tracker.start(self).await?;
		let mut last = None;
		for attempt in 0..ATTEMPTS {
			if attempt > 0 {
				tokio::time::sleep(PAUSE * 2u32.pow(attempt)).await;
			}
			let next = self.rpc().next_nonce(&address(&account)).await?;
			let replaced = lane.clone().replace(call, tip);
			let replaces = replaced.is_some();
			let in_flight = replaced.unwrap_or_else(|| lane.clone().take(next, call, tip));
			let head = self.finalized_head().await?;
			let best = self
				.rpc()
				.header(None)
				.await?
				.map_or(head.number, |header| header.number);
			let runtime = self.runtime(None).await?;
			let period = mortality(head.number, best);
			let bytes = sign(self, &runtime, signer, call, (in_flight.nonce, tip), head, period)?;
			let hash = merkle::hash(&bytes);
			let until = u64::from(head.number).saturating_add(period).min(u32::MAX.into()) as BlockNumber;
			// Watched before it is sent, so that no block with it is missed.
			let signed = Signed {
				bytes: bytes.clone(),
				account: account.clone(),
				nonce: in_flight.nonce,
				spec_version: runtime.spec_version,
				until,
			};
			let (watched, located) = Watched::new(signed, head.number, best);
			let guard = self.0.tracker.watch(hash, watched);
			let handed_in = |doubtful| HandedIn {
				located,
				in_flight,
				doubtful,
			};
			let (answer, first) = self.offer(&bytes).await;
			let refusal = match answer {
				Answer::Taken => {
					guard.keep();
					return Ok(handed_in(false));
				}
				Answer::Unknown(reason) => {
					tracing::debug!(?hash, reason, "perhaps taken, watching for it");
					guard.keep();
					return Ok(handed_in(true));
				}
				Answer::Refused(refusal) => refusal,
			};
			match Rejection::of(&refusal) {
				Rejection::NonceTaken if first && replaces => {
					// The first of them is in a block, or this node keeps it.
					return Err(Error::Refused {
						reason: refusal.to_string(),
					});
				}
				Rejection::NonceTaken if first => {
					tracing::debug!(%refusal, "not taken, trying again");
					last = Some(refusal);
				}
				// These bytes were here before: they may have the nonce themselves.
				Rejection::Known | Rejection::NonceTaken => {
					guard.keep();
					return Ok(handed_in(true));
				}
				Rejection::CannotPay => {
					let free = self.balances(&account, crate::At::Best).await?.free;
					let fee = self.estimate_fee(signer, call).await.unwrap_or_default();
					return Err(Error::CannotPay { account, free, fee });
				}
				Rejection::NotDue => {
					return Err(Error::NotDue {
						reason: refusal.to_string(),
					})
				}
				Rejection::NotNow | Rejection::Other => {
					return Err(Error::Refused {
						reason: refusal.to_string(),
					})
				}
			}
		}
		Err(Error::Refused {
			reason: last.map_or_else(String::new, |refusal| refusal.to_string()),
		})
	}

	/// Takes the place of a transaction that was given up, if later ones wait for its nonce: with a call that does nothing.
	async fn fill(&self, signer: &Keypair, nonce: u64) {
		let lane = self.0.lanes.of(&signer.account());
		let _order = lane.order.lock().await;
		if !lane.waits_for(nonce) {
			return;
		}
		let filled = async {
			let (head, runtime) = (self.finalized_head().await?, self.runtime(None).await?);
			let bytes = sign(self, &runtime, signer, &nothing(), (nonce, 0), head, MORTALITY)?;
			Ok::<_, Error>(self.offer(&bytes).await.0)
		};
		match filled.await {
			Ok(Answer::Taken) => tracing::info!(nonce, "later transactions do not wait for one that was given up"),
			Ok(Answer::Refused(refusal)) => tracing::debug!(nonce, %refusal, "its place is not taken"),
			Ok(Answer::Unknown(reason)) => tracing::debug!(nonce, reason, "perhaps its place is taken"),
			Err(error) => tracing::warn!(nonce, %error, "its place is not taken"),
		}
	}

	/// Offers a transaction to the pool, again and again while it is full. The last answer, and whether it is the first.
	async fn offer(&self, bytes: &[u8]) -> (Answer, bool) {
		let mut attempt = 0;
		loop {
			match self.rpc().submit(bytes).await {
				Answer::Refused(refusal) if attempt + 1 < ATTEMPTS && Rejection::of(&refusal) == Rejection::NotNow => {
					tracing::debug!(%refusal, "no room in the pool, trying again");
					attempt += 1;
					tokio::time::sleep(PAUSE * 2u32.pow(attempt)).await;
				}
				answer => return (answer, attempt == 0),
			}
		}
	}
}

/// For how many blocks after the last finalized one a transaction is made valid: long enough that finality may lag.
fn mortality(finalized: BlockNumber, best: BlockNumber) -> u64 {
	let lag = u64::from(best.saturating_sub(finalized));
	(lag * 4).next_power_of_two().clamp(MORTALITY, MAX_MORTALITY)
}

/// Signs a call with a nonce and a tip. The transaction is valid for `period` blocks, a power of two, after `head`, which must be canonical.
fn sign(
	chain: &Chain,
	runtime: &Runtime,
	signer: &Keypair,
	call: &Call,
	(nonce, tip): (u64, Balance),
	head: Head,
	period: u64,
) -> Result<Vec<u8>> {
	let failed = |error: String| Error::decode(format!("call {}.{}", call.pallet(), call.name()), error);
	let versions = SpecVersionForRange {
		block_range: 0..u64::MAX,
		spec_version: runtime.spec_version,
		transaction_version: runtime.transaction_version,
	};
	let config = SubstrateConfigBuilder::new()
		.set_genesis_hash(chain.genesis_hash())
		.set_metadata_for_spec_versions([(runtime.spec_version, runtime.metadata.clone())])
		.set_spec_version_for_block_ranges([versions])
		.build();
	let client = OfflineClient::<SubstrateConfig>::new_with_config(config)
		.at_block(head.number)
		.map_err(|error| failed(error.to_string()))?;
	let params = SubstrateExtrinsicParamsBuilder::<SubstrateConfig>::new()
		.nonce(nonce)
		.tip(tip)
		.mortal_from_unchecked(period, head.number.into(), head.hash)
		.build();
	let payload = call.resolve(&runtime.metadata)?;
	let signed = client
		.tx()
		.create_v4_signable_offline(&payload, params)
		.and_then(|mut signable| signable.sign(signer.signer()))
		.map_err(|error| failed(error.to_string()))?;
	Ok(signed.into_encoded())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn refusal(code: i32, data: &str) -> Refusal {
		Refusal {
			code,
			message: "Invalid Transaction".into(),
			data: data.into(),
		}
	}

	#[test]
	fn refusals_are_told_apart() {
		let kind = |code, data| Rejection::of(&refusal(code, data));
		assert_eq!(kind(1010, "Transaction is outdated"), Rejection::NonceTaken);
		assert_eq!(
			kind(1010, "Inability to pay some fees (e.g. account balance too low)"),
			Rejection::CannotPay
		);
		assert_eq!(kind(1010, "Transaction has a bad signature"), Rejection::Other);
		assert_eq!(
			kind(1014, "The transaction has too low priority"),
			Rejection::NonceTaken
		);
		assert_eq!(kind(1013, ""), Rejection::Known);
		assert_eq!(kind(1012, ""), Rejection::Known);
		assert_eq!(kind(1016, ""), Rejection::NotNow);
		assert_eq!(kind(1010, "Custom error: 61"), Rejection::NotDue);
		assert_eq!(kind(1010, "Custom error: 62"), Rejection::NotDue);
		assert_eq!(kind(1010, "Custom error: 6"), Rejection::Other);
	}

	#[test]
	fn nonces_in_flight_are_not_taken_twice_and_lost_ones_are_taken_again() {
		let lane = Arc::new(Lane::default());
		let take = |next| lane.clone().take(next, &nothing(), 0);
		let (five, six, seven) = (take(5), take(5), take(6));
		assert_eq!((five.nonce, six.nonce, seven.nonce), (5, 6, 7));
		// The pool lost the first of them: its next nonce is 5 again once the transaction was given up.
		drop(five);
		assert!(lane.waits_for(5) && !lane.waits_for(7));
		assert_eq!(take(5).nonce, 5);
		drop((six, seven));
		assert!(!lane.waits_for(5));
		assert_eq!(take(9).nonce, 9);
	}

	#[test]
	fn a_call_with_a_larger_tip_takes_the_place_of_the_same_one() {
		let lane = Arc::new(Lane::default());
		let (slow, other) = (crate::calls::heartbeat(), nothing());
		let first = lane.clone().take(5, &slow, 0);
		assert!(lane.clone().replace(&slow, 0).is_none(), "no larger tip");
		assert!(lane.clone().replace(&other, 9).is_none(), "another call");
		let second = lane.clone().replace(&slow, 9).expect("it is in flight");
		assert_eq!(second.nonce, 5);
		assert!(lane.clone().replace(&slow, 9).is_none());
		// The nonce is in use as long as one of them is.
		drop(first);
		assert_eq!(lane.clone().take(5, &other, 0).nonce, 6);
		drop(second);
		assert_eq!(lane.clone().take(5, &other, 0).nonce, 5);
	}

	#[test]
	fn mortality_grows_with_the_lag_of_finality() {
		assert_eq!(mortality(10, 12), MORTALITY);
		assert_eq!(mortality(10, 110), 512);
		assert_eq!(mortality(0, u32::MAX), MAX_MORTALITY);
	}
}
