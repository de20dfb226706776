//! `millrace receipt`: a job's money, from the events of the blocks since its submission.

use crate::{
	commands::fetch::CustodyFailed,
	failure::{Failure, Result},
	options::{Global, ReceiptOptions},
	output::Output,
	units::mill,
};
use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, CellAlignment, Table};
use millrace_client::{events::Court, keys::address, At, Chain, Event};
use millrace_court::demand::Wanted;
use millrace_primitives::{job::JobStatus, AccountId, Balance, Hash, JobId, MarketBlock, Report, ShardId};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a provider got out of a job.
#[derive(Default)]
struct Earned {
	/// Seats paid for.
	seats: u32,
	/// What they earn, withheld parts included.
	amount: Balance,
	/// What was burned of its bond.
	slashed: Balance,
	/// What verdicts took of it.
	judged: Balance,
	/// Of that: what was shared out or burned, and is lost.
	lost: Balance,
	/// Of that: what it has back.
	voided: Balance,
	/// What it got of what others lost.
	won: Balance,
	/// What it earned by keeping outputs, until it was paid or burned.
	storage: Balance,
	/// Of what it earned: burned, since it did not show outputs that were demanded.
	forfeited: Balance,
}

impl Earned {
	/// What is held of it, and may still be voided.
	fn held(&self) -> Balance {
		self.judged.saturating_sub(self.lost).saturating_sub(self.voided)
	}
}

/// A job's money.
#[derive(Default)]
struct Receipt {
	client: Option<AccountId>,
	/// Held at submission and by top-ups.
	escrow: Balance,
	/// Burned for its seats at submission and by top-ups.
	submission_fee: Balance,
	paid: Balance,
	fees: Balance,
	burned: Balance,
	refunded: Balance,
	/// Paid for keeping outputs.
	storage: Balance,
	/// Of what was paid: withheld until custody ends.
	withheld: Balance,
	/// Of that: paid out since.
	released: Balance,
	/// Of that: burned, since outputs were not shown that were demanded.
	unpaid: Balance,
	/// The same with what had been earned by keeping them.
	forfeited: Balance,
	/// Held for parts of outputs that were demanded.
	demanded: Balance,
	/// Of that: paid to who showed them.
	shown: Balance,
	/// Of that: still held. The rest is the client's again.
	open: Balance,
	/// What was shown, or not in time, of parts whose demand is not read yet: events are read backwards.
	answered: Vec<(ShardId, Wanted)>,
	unanswered: BTreeSet<ShardId>,
	accepted: u32,
	/// Of those: accepted because nobody said otherwise, and not verified.
	unverified: u32,
	failed: u32,
	/// The fees of the whole job, once it is settled.
	all_fees: Option<Balance>,
	earned: BTreeMap<AccountId, Earned>,
}

impl Receipt {
	/// Takes notice of an event; true if it is the job's submission.
	fn take(&mut self, id: JobId, event: &Event) -> millrace_client::Result<bool> {
		match event
			.court()?
			.filter(|(shard, _)| shard.job == id)
			.map(|(_, court)| court)
		{
			Some(Court::SeatLeft(provider, lost)) => self.earned.entry(provider).or_default().slashed += lost,
			Some(Court::VerdictHeld { account, amount, .. }) => {
				self.earned.entry(account).or_default().judged += amount
			}
			Some(Court::Voided(account, amount)) => self.earned.entry(account).or_default().voided += amount,
			Some(Court::Enacted(account, paid)) => {
				for (to, amount) in paid {
					self.earned.entry(account.clone()).or_default().lost += amount;
					if let Some(to) = to {
						self.earned.entry(to).or_default().won += amount;
					}
				}
			}
			_ => {}
		}
		if event.pallet != "Jobs" {
			return Ok(false);
		}
		match event.name.as_str() {
			"JobSubmitted" => {
				let (job, client, _, _, escrow, burned) =
					event.decode::<(JobId, AccountId, Hash, u32, Balance, Balance)>()?;
				if job == id {
					self.client = Some(client);
					self.escrow += escrow;
					self.submission_fee += burned;
					return Ok(true);
				}
			}
			"JobToppedUp" => {
				let (job, _, _, added, burned) = event.decode::<(JobId, Balance, MarketBlock, Balance, Balance)>()?;
				if job == id {
					self.escrow += added;
					self.submission_fee += burned;
				}
			}
			"JobClosed" => {
				let (job, _, refunded) = event.decode::<(JobId, JobStatus, Balance)>()?;
				if job == id {
					self.refunded += refunded;
				}
			}
			"ShardSettled" => {
				// Shard, report, whether it counts.
				type Settled = (ShardId, Report, bool, [Balance; 6], Vec<(AccountId, Balance)>);
				let (shard, _, counted, sums, payments) = event.decode::<Settled>()?;
				let [paid, fees, burned, refunded, withheld, _] = sums;
				if shard.job == id {
					self.accepted += 1;
					self.unverified += u32::from(!counted);
					self.fees += fees;
					self.burned += burned;
					self.withheld += withheld;
					self.pay(paid, refunded, payments);
				}
			}
			"ShardFailed" => {
				type Fields = (ShardId, u8, Balance, Balance, Vec<(AccountId, Balance)>);
				let (shard, _, paid, refunded, payments) = event.decode::<Fields>()?;
				if shard.job == id {
					self.failed += 1;
					self.pay(paid, refunded, payments);
				}
			}
			"JobSettled" => {
				let (job, _, _, fees) = event.decode::<(JobId, JobStatus, [u32; 2], [Balance; 2])>()?;
				if job == id {
					self.all_fees = Some(fees[1]);
				}
			}
			"Demanded" => {
				let (shard, wanted, _, deposit) = event.decode::<(ShardId, Wanted, MarketBlock, Balance)>()?;
				if shard.job == id {
					self.demanded += deposit;
					match self.answered.iter().position(|answered| *answered == (shard, wanted)) {
						Some(place) => _ = self.answered.swap_remove(place),
						None if self.unanswered.contains(&shard) => {}
						None => self.open += deposit,
					}
				}
			}
			"Answered" => {
				let (shard, wanted, _, paid) = event.decode::<(ShardId, Wanted, AccountId, Balance)>()?;
				if shard.job == id {
					self.shown += paid;
					self.answered.push((shard, wanted));
				}
			}
			"CustodyFailed" => {
				let (shard, _, refunded, lost) = event.decode::<CustodyFailed>()?;
				if shard.job == id {
					self.unanswered.insert(shard);
					self.refunded += refunded;
					for (provider, withheld, storage, bound) in lost {
						self.unpaid += withheld;
						self.forfeited += withheld + storage;
						self.storage += storage;
						let earned = self.earned.entry(provider).or_default();
						earned.slashed += bound;
						earned.storage += storage;
						earned.forfeited += withheld + storage;
					}
				}
			}
			"CustodyEnded" => {
				type Ended = (ShardId, Balance, Vec<(AccountId, Balance)>, Balance);
				let (shard, paid, storage, refunded) = event.decode::<Ended>()?;
				if shard.job == id {
					self.released += paid;
					self.refunded += refunded;
					for (provider, amount) in storage {
						self.storage += amount;
						self.earned.entry(provider).or_default().storage += amount;
					}
				}
			}
			"SeatVacated" => {
				let (shard, _, provider, _, slashed) = event.decode::<(ShardId, u8, AccountId, Cause, Balance)>()?;
				if shard.job == id {
					self.earned.entry(provider).or_default().slashed += slashed;
				}
			}
			_ => {}
		}
		Ok(false)
	}

	/// Counts what was burned for shards without a result, of which no event says how much: it is in the job's fees.
	fn complete(&mut self, all_fees: Balance) {
		let more = all_fees.saturating_sub(self.fees);
		self.fees += more;
		self.burned += more;
	}

	fn pay(&mut self, paid: Balance, refunded: Balance, payments: Vec<(AccountId, Balance)>) {
		self.paid += paid;
		self.refunded += refunded;
		for (provider, amount) in payments {
			let earned = self.earned.entry(provider).or_default();
			earned.seats += 1;
			earned.amount += amount;
		}
	}
}

/// Why a seat fell vacant, as the pallet encodes it; only its length matters here.
#[derive(codec::Decode)]
enum Cause {
	#[codec(index = 0)]
	Declined(#[allow(dead_code)] millrace_primitives::job::DeclineReason),
	#[codec(index = 1)]
	MissedAccept,
	#[codec(index = 2)]
	Late,
	#[codec(index = 3)]
	Closed,
}

/// Reads the events from the last finalized block back to the job's submission. Returns the receipt, the block before
/// the submission and the last one.
async fn collect(chain: &Chain, id: JobId) -> Result<(Receipt, Hash, Hash)> {
	let head = chain.finalized_head().await?;
	let mut receipt = Receipt::default();
	for number in (1..=head.number).rev() {
		let unknown = || Failure::Refused(format!("the node does not know block {number}"));
		let block = chain.block_hash(number).await?.ok_or_else(unknown)?;
		let events = chain.events(block).await?;
		let mut submitted = false;
		for event in &events {
			submitted |= receipt.take(id, event)?;
		}
		if submitted {
			let before = chain.block_hash(number - 1).await?.ok_or_else(unknown)?;
			return Ok((receipt, before, head.hash));
		}
	}
	Err(Failure::Refused(format!(
		"no finalized block has the submission of job {}",
		id.0
	)))
}

/// Runs the command.
pub async fn run(global: &Global, options: ReceiptOptions, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	let id = options.job;
	let (mut receipt, before, head) = collect(&chain, id).await?;
	let job = chain.market(At::Hash(head)).job(id).await?;
	let left = job.as_ref().map_or(0, |job| job.escrow);
	if let Some(fees) = job.map(|job| job.fees).or(receipt.all_fees) {
		receipt.complete(fees);
	}
	let withheld = receipt.withheld.saturating_sub(receipt.released);
	let withheld = withheld.saturating_sub(receipt.unpaid);

	let mut table = Table::new();
	table.load_preset(UTF8_HORIZONTAL_ONLY);
	table.set_header([
		"account",
		"seats",
		"earned",
		"for keeping",
		"bond burned",
		"held as guilty",
		"lost as guilty",
		"of others' bonds",
		"balance grew by",
	]);
	let mut rows = Vec::new();
	let mut wrong = Vec::new();
	for (provider, earned) in &receipt.earned {
		let mut grown = None;
		if options.check {
			let then = chain.balances(provider, At::Hash(before)).await?.free;
			let now = chain.balances(provider, At::Hash(head)).await?.free;
			grown = Some(now.saturating_sub(then));
			// What accounts pay in fees and receive otherwise is not this job's.
			if withheld == 0
				&& earned.seats > 0
				&& now != (then + earned.amount + earned.storage + earned.won).saturating_sub(earned.forfeited)
			{
				wrong.push(address(provider));
			}
		}
		table.add_row([
			address(provider),
			earned.seats.to_string(),
			mill(earned.amount),
			mill(earned.storage),
			mill(earned.slashed),
			mill(earned.held()),
			mill(earned.lost),
			mill(earned.won),
			grown.map(mill).unwrap_or_default(),
		]);
		rows.push(json!({
			"provider": address(provider),
			"seats": earned.seats,
			"earned": earned.amount.to_string(),
			"storage": earned.storage.to_string(),
			"slashed": earned.slashed.to_string(),
			"held": earned.held().to_string(),
			"lost": earned.lost.to_string(),
			"won": earned.won.to_string(),
			"forfeited": earned.forfeited.to_string(),
			"grown": grown.map(|grown| grown.to_string()),
		}));
	}
	for column in 1..9 {
		if let Some(column) = table.column_mut(column) {
			column.set_cell_alignment(CellAlignment::Right);
		}
	}

	let still = left.saturating_sub(receipt.open);
	let accounted = receipt.paid + receipt.storage + receipt.fees + receipt.refunded + still.saturating_sub(withheld);
	let balanced = accounted == receipt.escrow;
	let shared = receipt.fees.saturating_sub(receipt.burned);
	let document = json!({
		"job": id.0,
		"client": receipt.client.as_ref().map(address),
		"escrow": receipt.escrow.to_string(),
		"submissionFee": receipt.submission_fee.to_string(),
		"paid": receipt.paid.to_string(),
		"withheld": withheld.to_string(),
		"storage": receipt.storage.to_string(),
		"fees": receipt.fees.to_string(),
		"feesBurned": receipt.burned.to_string(),
		"feesShared": shared.to_string(),
		"refunded": receipt.refunded.to_string(),
		"stillHeld": still.to_string(),
		"forfeited": receipt.forfeited.to_string(),
		"demanded": receipt.demanded.to_string(),
		"shown": receipt.shown.to_string(),
		"stillDemanded": receipt.open.to_string(),
		"accepted": receipt.accepted,
		"unverified": receipt.unverified,
		"failed": receipt.failed,
		"balanced": balanced,
		"providers": rows,
	});
	let lines = [
		(
			"shards accepted, failed",
			format!("{}, {}", receipt.accepted, receipt.failed),
		),
		("accepted, but not verified", receipt.unverified.to_string()),
		("held for the job", mill(receipt.escrow)),
		("paid to providers", mill(receipt.paid)),
		("of that still withheld", mill(withheld)),
		("for keeping outputs", mill(receipt.storage)),
		("protocol fee, burned", mill(receipt.burned)),
		("protocol fee, to block authors", mill(shared)),
		("refunded to the client", mill(receipt.refunded)),
		("still held", mill(still)),
		("burned for seats", mill(receipt.submission_fee)),
	];
	let demands = [
		("of payments burned, not shown", mill(receipt.forfeited)),
		("held for demanded outputs", mill(receipt.demanded)),
		("of that paid for showing them", mill(receipt.shown)),
		("of that still held", mill(receipt.open)),
	];
	let demands = demands.into_iter().filter(|_| receipt.demanded > 0);
	let mut text = format!("{table}\n");
	for (name, value) in lines.into_iter().chain(demands) {
		text += &format!("{name:<32}{value:>28}\n");
	}
	text += if balanced {
		"payments + keeping + fees + refunds + what is still held = what was held: yes, to the last unit\n"
	} else {
		"payments + keeping + fees + refunds + what is still held = what was held: NO\n"
	};
	output.result(&document, text)?;
	if !balanced {
		return Err(Failure::Refused("the events do not add up to the escrow".into()));
	}
	if !wrong.is_empty() {
		return Err(Failure::Refused(format!(
			"these balances did not grow by exactly what was earned; did the accounts do anything else meanwhile? {}",
			wrong.join(", ")
		)));
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use millrace_court::demand::Part;

	fn event(pallet: &str, name: &str, fields: impl Encode) -> Event {
		Event {
			pallet: pallet.into(),
			name: name.into(),
			extrinsic: None,
			fields: fields.encode(),
		}
	}

	#[test]
	fn what_events_say_adds_up_and_what_they_do_not_say_is_burned() {
		let (id, other) = (JobId(7), JobId(8));
		let shard = |job, index| ShardId { job, index };
		let (provider, liar) = (AccountId::from([1; 32]), AccountId::from([2; 32]));
		let report = Report {
			root: Hash::zero(),
			gas_used: 1,
		};
		let mut receipt = Receipt::default();
		let submitted = (id, AccountId::from([9; 32]), Hash::zero(), 2_u32, 1_000_u128, 5_u128);
		for (pallet, name, fields) in [
			(
				"Jobs",
				"ShardSettled",
				(
					shard(id, 0),
					report,
					true,
					[100_u128, 5, 4, 365, 10, 30],
					vec![(provider.clone(), 100_u128)],
				)
					.encode(),
			),
			(
				"Jobs",
				"ShardSettled",
				(
					shard(other, 0),
					report,
					true,
					[1_u128; 6],
					vec![(provider.clone(), 1_u128)],
				)
					.encode(),
			),
			(
				"Jobs",
				"ShardSettled",
				(
					shard(id, 1),
					report,
					false,
					[50_u128, 2, 2, 48, 5, 0],
					vec![(provider.clone(), 50_u128)],
				)
					.encode(),
			),
			(
				"Jobs",
				"ShardFailed",
				(shard(id, 2), 0_u8, 40_u128, 357_u128, vec![(provider.clone(), 40_u128)]).encode(),
			),
			(
				"Jobs",
				"CustodyEnded",
				(shard(id, 0), 10_u128, vec![(provider.clone(), 12_u128)], 18_u128).encode(),
			),
			(
				"Jobs",
				"JobSettled",
				(id, JobStatus::Done, 2_u32, 1_u32, 190_u128, 10_u128).encode(),
			),
			(
				"Jobs",
				"SeatVacated",
				(shard(id, 2), 0_u8, provider.clone(), (3_u8, 0_u128)).encode(),
			),
			(
				"Attestations",
				"SeatLeft",
				(shard(id, 2), 17_u8, provider.clone(), 6_u128).encode(),
			),
			// They are read backwards.
			(
				"Attestations",
				"Enacted",
				(
					shard(id, 2),
					liar.clone(),
					vec![(Some(provider.clone()), 5_u128), (None, 7)],
				)
					.encode(),
			),
			("Attestations", "Voided", (shard(id, 1), liar.clone(), 3_u128).encode()),
			(
				"Attestations",
				"VerdictHeld",
				(shard(id, 2), liar.clone(), 19_u128, 9_u32).encode(),
			),
			(
				"Attestations",
				"VerdictHeld",
				(shard(other, 2), liar.clone(), 19_u128, 9_u32).encode(),
			),
		] {
			let event = Event {
				fields,
				..event(pallet, name, ())
			};
			assert!(!receipt.take(id, &event).unwrap(), "{name}");
		}
		assert!(receipt.take(id, &event("Jobs", "JobSubmitted", submitted)).unwrap());
		assert_eq!((receipt.accepted, receipt.unverified, receipt.failed), (2, 1, 1));
		assert_eq!((receipt.paid, receipt.storage), (190, 12));
		assert_eq!((receipt.refunded, receipt.fees), (788, 7));
		receipt.complete(receipt.all_fees.unwrap());
		assert_eq!((receipt.fees, receipt.burned), (10, 9));
		assert_eq!(
			receipt.paid + receipt.storage + receipt.refunded + receipt.fees,
			receipt.escrow
		);
		let earned = &receipt.earned[&provider];
		assert_eq!(
			(earned.seats, earned.amount, earned.storage, earned.slashed),
			(3, 190, 12, 6)
		);
		assert_eq!((earned.won, earned.held()), (5, 0));
		let liar = &receipt.earned[&liar];
		assert_eq!((liar.lost, liar.voided, liar.held()), (5 + 7, 3, 19 - 5 - 7 - 3));
	}

	#[test]
	fn what_was_demanded_is_apart_and_what_was_not_shown_is_nobody_s() {
		let id = JobId(7);
		let [seen, silent, open] = [0, 1, 2].map(|index| ShardId { job: id, index });
		let part = |task| Wanted {
			task,
			part: Part::Outcome,
		};
		let provider = AccountId::from([1; 32]);
		let mut receipt = Receipt::default();
		// The last one first.
		for (name, fields) in [
			("Demanded", (open, part(0), 5_u32, 30_u128).encode()),
			(
				"CustodyFailed",
				(
					silent,
					20_u128,
					9_u128,
					vec![(provider.clone(), 4_u128, 3_u128, 50_u128)],
				)
					.encode(),
			),
			("Demanded", (silent, part(0), 5_u32, 20_u128).encode()),
			("Demanded", (seen, part(0), 5_u32, 10_u128).encode()),
			("Answered", (seen, part(0), provider.clone(), 8_u128).encode()),
			("Demanded", (seen, part(0), 5_u32, 11_u128).encode()),
		] {
			let event = Event {
				fields,
				..event("Jobs", name, ())
			};
			receipt.take(id, &event).unwrap();
		}
		assert_eq!((receipt.demanded, receipt.shown, receipt.open), (71, 8, 30 + 10));
		let earned = &receipt.earned[&provider];
		assert_eq!((receipt.forfeited, receipt.unpaid, receipt.refunded), (7, 4, 9));
		assert_eq!((earned.forfeited, earned.storage, earned.slashed), (7, 3, 50));
	}
}
