//! Who has what at a block, and what happened in a range of blocks.

use crate::{key, wait_for, Node};
use codec::Decode;
use millrace_client::{At, Chain, Event};
use millrace_primitives::{AccountId, Balance, BlockNumber, Hash, ShardId};
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// The six development accounts who act as clients and providers.
pub const ACTORS: [&str; 6] = ["//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"];
/// Where a development chain's author gets its share of fees.
pub const AUTHOR: &str = "//Alice//stash";
/// The storage key of `Balances.TotalIssuance`.
const TOTAL_ISSUANCE: &str = "0xc2261276cc9d1f8598ea4b6a74b15c2f57c875e4cff74148e4628f264b974c80";

/// The secret URI of an actor's operator.
pub fn operator_of(actor: &str) -> String {
	format!("{actor}//operator")
}

/// What everybody has at a block, free and on hold together.
#[derive(Debug)]
pub struct Ledger {
	/// The block's number.
	pub block: BlockNumber,
	/// By secret URI: the actors, their stashes, and the operators of both.
	pub totals: BTreeMap<String, Balance>,
	/// What exists at all.
	pub issuance: Balance,
}

impl Ledger {
	/// Reads the ledger at the last finalized block. Panics if there is money that none of the known accounts has.
	pub async fn read(node: &Node, chain: &Chain) -> Self {
		let head = chain.finalized_head().await.expect("there is a finalized block");
		let mut totals = BTreeMap::new();
		for actor in ACTORS {
			let stash = format!("{actor}//stash");
			for uri in [actor.to_string(), operator_of(actor), operator_of(&stash), stash] {
				let balances = chain
					.balances(&key(&uri).account(), At::Hash(head.hash))
					.await
					.expect("balances are told");
				let held: Balance = balances.held.iter().map(|hold| hold.amount).sum();
				assert_eq!(
					balances.reserved, held,
					"what is reserved of {uri} is on hold for a reason"
				);
				totals.insert(uri, balances.free + balances.reserved);
			}
		}
		let issuance = node
			.rpc("state_getStorage", json!([TOTAL_ISSUANCE, head.hash]))
			.await
			.expect("issuance is told");
		let bytes = hex::decode(issuance.as_str().expect("issuance is there").trim_start_matches("0x")).expect("hex");
		let issuance = Balance::decode(&mut &bytes[..]).expect("issuance is a balance");
		let ledger = Self {
			block: head.number,
			totals,
			issuance,
		};
		assert_eq!(
			ledger.totals.values().sum::<Balance>(),
			issuance,
			"every planck belongs to one of these accounts"
		);
		ledger
	}

	/// How much more an account has now than before.
	pub fn gain(&self, before: &Self, uri: &str) -> i128 {
		self.totals[uri] as i128 - before.totals[uri] as i128
	}

	/// How much less exists now than before.
	pub fn burned(&self, before: &Self) -> i128 {
		before.issuance as i128 - self.issuance as i128
	}

	/// Checks that everybody gained exactly this since then, by secret URI, beside what transactions cost it, and that what all of
	/// them lost together is gone. Who is not named gained nothing.
	pub async fn assert_gains(&self, node: &Node, chain: &Chain, before: &Self, gains: &[(impl AsRef<str>, i128)]) {
		let fees = Fees::of(&events_between(node, chain, before.block, self.block).await);
		for uri in self.totals.keys() {
			let named = gains.iter().filter(|(of, _)| of.as_ref() == uri.as_str());
			let gained: i128 = named.map(|(_, gain)| *gain).sum();
			let author = if uri == AUTHOR { fees.author } else { 0 };
			let expected = gained + author as i128 - fees.by(uri) as i128;
			assert_eq!(self.gain(before, uri), expected, "{uri}");
		}
		let gained: i128 = gains.iter().map(|(_, gain)| *gain).sum();
		assert_eq!(
			self.burned(before),
			fees.burned() as i128 - gained,
			"nobody has what is gone"
		);
	}
}

/// What transactions cost, and what became of that.
#[derive(Debug, Default)]
pub struct Fees {
	/// What each account paid, tips included.
	paid: BTreeMap<AccountId, Balance>,
	/// What of it the author of the blocks has.
	pub author: Balance,
}

impl Fees {
	/// Of the transactions that caused these events.
	pub fn of(events: &[Event]) -> Self {
		let mut fees = Self::default();
		for event in events {
			if event.is("TransactionPayment", "TransactionFeePaid") {
				let (who, fee, tip): (AccountId, Balance, Balance) =
					event.decode().expect("TransactionFeePaid is understood");
				*fees.paid.entry(who).or_default() += fee;
				// Half of what is no tip, without the odd planck.
				fees.author += (fee - tip) / 2 + tip;
			}
		}
		fees
	}

	/// What an account paid.
	pub fn by(&self, uri: &str) -> Balance {
		self.paid.get(&key(uri).account()).copied().unwrap_or_default()
	}

	/// What burned.
	pub fn burned(&self) -> Balance {
		self.paid.values().sum::<Balance>() - self.author
	}
}

/// What is on hold of an account as escrow at the last finalized block.
pub async fn escrow(chain: &Chain, uri: &str) -> Balance {
	held(chain, uri, "Jobs", "Escrow").await
}

/// What an account has put up to accuse others, at the last finalized block.
pub async fn accusations(chain: &Chain, uri: &str) -> Balance {
	held(chain, uri, "Attestations", "Accusation").await
}

/// Waits until what the guilty lost is shared out, in finalized blocks.
pub async fn enacted(chain: &Chain) {
	wait_for("verdicts to be enacted", || async {
		let verdicts = chain.market(At::Finalized).all_verdicts().await.ok()?;
		verdicts.is_empty().then_some(())
	})
	.await;
}

async fn held(chain: &Chain, uri: &str, pallet: &str, reason: &str) -> Balance {
	let balances = chain
		.balances(&key(uri).account(), At::Finalized)
		.await
		.expect("balances are told");
	balances
		.held
		.iter()
		.filter(|hold| hold.pallet == pallet && hold.reason == reason)
		.map(|hold| hold.amount)
		.sum()
}

/// The events of the blocks after `from` up to the last finalized one.
pub async fn events_since(node: &Node, chain: &Chain, from: BlockNumber) -> Vec<Event> {
	let last = chain.finalized_head().await.expect("there is a finalized block").number;
	events_between(node, chain, from, last).await
}

/// The events of the blocks after `from` up to `last`.
pub async fn events_between(node: &Node, chain: &Chain, from: BlockNumber, last: BlockNumber) -> Vec<Event> {
	let mut events = Vec::new();
	for number in from + 1..=last {
		let hash = node
			.rpc("chain_getBlockHash", json!([number]))
			.await
			.expect("the node knows its blocks");
		let hash: Hash = serde_json::from_value(hash).expect("a hash");
		events.extend(chain.events(hash).await.expect("events can be read"));
	}
	events
}

/// What an account paid for transactions, by the chain's events.
pub fn fees_of(events: &[Event], uri: &str) -> Vec<Balance> {
	let who = key(uri).account();
	let paid = events
		.iter()
		.filter(|event| event.is("TransactionPayment", "TransactionFeePaid"));
	let paid = paid.map(|event| {
		let paid: (AccountId, Balance, Balance) = event.decode().expect("TransactionFeePaid is understood");
		paid
	});
	paid.filter(|(account, ..)| *account == who)
		.map(|(_, fee, _)| fee)
		.collect()
}

/// Why a seat fell vacant, as the chain's events encode it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Decode)]
pub enum Cause {
	/// Its provider declined.
	Declined(u8),
	/// Its provider neither accepted nor declined in time.
	MissedAccept,
	/// Its provider accepted and did not report in time.
	Late,
	/// Its provider had not sealed when the shard went on with those who had.
	Closed,
}

/// The seats that fell vacant, with what was burned of the bond.
pub fn vacated(events: &[Event]) -> Vec<(ShardId, AccountId, Cause, Balance)> {
	let decode = |event: &Event| {
		let (shard, _, provider, cause, slashed): (ShardId, u8, AccountId, Cause, Balance) =
			event.decode().expect("SeatVacated is understood");
		(shard, provider, cause, slashed)
	};
	events
		.iter()
		.filter(|event| event.is("Jobs", "SeatVacated"))
		.map(decode)
		.collect()
}

/// A provider's bond at the last finalized block.
pub async fn bond(chain: &Chain, uri: &str) -> Balance {
	let provider = chain
		.market(At::Finalized)
		.provider(&key(uri).account())
		.await
		.expect("providers are told");
	provider.unwrap_or_else(|| panic!("{uri} is a provider")).bond
}

/// A provider's view, as `market_provider` shows it.
pub async fn provider(node: &Node, uri: &str) -> Value {
	node.rpc("market_provider", json!([key(uri).address()]))
		.await
		.expect("market_provider answers")
}
