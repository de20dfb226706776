//! The market's calls: one constructor each, with the pallets' arguments.
//!
//! Arguments are SCALE encoded with the types of `millrace-primitives`, which the pallets use as well; the indices of
//! pallet and call come from the chain's metadata.

use crate::{Error, Result};
use codec::{Compact, Encode};
use millrace_court::{
	board::{Accusation, Move},
	demand::{Answer, ShownOutcome},
	sums::ShownLeaf,
};
use millrace_primitives::{
	job::DeclineReason, machine::Blob, provider::ProviderInfo, AccountId, Address, Balance, Hash, JobId, JobSpec,
	MarketBlock, ProgramId, ProgramRoots, Report, ShardId,
};
use subxt::{
	ext::{
		scale_encode::{EncodeAsFields, Error as EncodeError, FieldIter},
		scale_type_resolver::TypeResolver,
	},
	tx::Payload,
	Metadata,
};

/// All calls that have a constructor here, as pallet and call.
pub const ALL: [(&str, &str); 41] = [
	("Providers", "register"),
	("Providers", "update_info"),
	("Providers", "set_operator"),
	("Providers", "bond_more"),
	("Providers", "heartbeat"),
	("Providers", "drain"),
	("Providers", "resume"),
	("Providers", "unbond"),
	("Providers", "withdraw"),
	("Jobs", "publish_program"),
	("Jobs", "withdraw_program"),
	("Jobs", "submit"),
	("Jobs", "top_up"),
	("Jobs", "cancel"),
	("Jobs", "accept"),
	("Jobs", "decline"),
	("Jobs", "acknowledge"),
	("Jobs", "claim_owed"),
	("Jobs", "poke"),
	("Jobs", "demand_outcome"),
	("Jobs", "demand_chunk"),
	("Jobs", "answer"),
	("Attestations", "seal"),
	("Attestations", "reveal"),
	("Attestations", "seal_many"),
	("Attestations", "reveal_many"),
	("Attestations", "poke"),
	("Attestations", "attack"),
	("Attestations", "accuse"),
	("Attestations", "play"),
	("Attestations", "time"),
	("Attestations", "decline"),
	("Attestations", "unavailable"),
	("Attestations", "pull"),
	("Attestations", "enact"),
	("Emission", "claim"),
	("Emission", "prune"),
	("Balances", "transfer_keep_alive"),
	("Balances", "transfer_all"),
	("Utility", "batch_all"),
	("Utility", "force_batch"),
];

/// The most shards that one [`acknowledge`] may name.
pub const MAX_ACKNOWLEDGE: u32 = 64;
/// The most items of [`seal_many`] and [`reveal_many`].
pub const MAX_BATCH: u32 = 32;

/// A call of a pallet, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
	pallet: &'static str,
	name: &'static str,
	args: Args,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Args {
	/// SCALE encoded, one after the other.
	Encoded(Vec<u8>),
	/// A list of calls, whose encoding needs the metadata.
	Calls(Vec<Call>),
}

impl Call {
	fn new(pallet: &'static str, name: &'static str, args: impl Encode) -> Self {
		Self {
			pallet,
			name,
			args: Args::Encoded(args.encode()),
		}
	}

	/// The pallet's name in the runtime.
	pub fn pallet(&self) -> &'static str {
		self.pallet
	}

	/// The call's name.
	pub fn name(&self) -> &'static str {
		self.name
	}

	/// Makes it ready to be signed for the chain with this metadata.
	pub(crate) fn resolve(&self, metadata: &Metadata) -> Result<Resolved> {
		let args = match &self.args {
			Args::Encoded(bytes) => bytes.clone(),
			Args::Calls(calls) => {
				let mut bytes = Compact(calls.len() as u32).encode();
				for call in calls {
					call.encode_to(metadata, &mut bytes)?;
				}
				bytes
			}
		};
		Ok(Resolved {
			pallet: self.pallet,
			name: self.name,
			args: RawArgs(args),
		})
	}

	fn encode_to(&self, metadata: &Metadata, bytes: &mut Vec<u8>) -> Result<()> {
		let absent = || Error::IncompatibleChain {
			differs: vec![format!("{}.{}", self.pallet, self.name)],
		};
		let pallet = metadata.pallet_by_name(self.pallet).ok_or_else(absent)?;
		let call = pallet.call_variant_by_name(self.name).ok_or_else(absent)?;
		bytes.extend([pallet.call_index(), call.index]);
		bytes.extend(self.resolve(metadata)?.args.0);
		Ok(())
	}
}

/// A call whose arguments are bytes.
pub(crate) struct Resolved {
	pallet: &'static str,
	name: &'static str,
	args: RawArgs,
}

impl Payload for Resolved {
	type CallData = RawArgs;

	fn pallet_name(&self) -> &str {
		self.pallet
	}
	fn call_name(&self) -> &str {
		self.name
	}
	fn call_data(&self) -> &RawArgs {
		&self.args
	}
}

/// Arguments that are encoded already. That they fit the chain's types was checked by comparing metadata.
pub(crate) struct RawArgs(Vec<u8>);

impl EncodeAsFields for RawArgs {
	fn encode_as_fields_to<R: TypeResolver>(
		&self,
		_fields: &mut dyn FieldIter<'_, R::TypeId>,
		_types: &R,
		out: &mut Vec<u8>,
	) -> Result<(), EncodeError> {
		out.extend_from_slice(&self.0);
		Ok(())
	}
}

/// Does nothing, at the price of a small fee.
pub(crate) fn nothing() -> Call {
	Call::new("System", "remark", Vec::<u8>::new())
}

/// Registers the signer as a provider: sends `funding` to its operator key and holds `bond` plancks.
pub fn register(operator: &AccountId, info: &ProviderInfo, bond: Balance, funding: Balance) -> Call {
	Call::new(
		"Providers",
		"register",
		(operator, info, Compact(bond), Compact(funding)),
	)
}

/// Changes what a provider declares about itself.
pub fn update_info(info: &ProviderInfo) -> Call {
	Call::new("Providers", "update_info", info)
}

/// Gives a provider another operator key and sends it `funding` plancks.
pub fn set_operator(operator: &AccountId, funding: Balance) -> Call {
	Call::new("Providers", "set_operator", (operator, Compact(funding)))
}

/// Adds plancks to a provider's bond.
pub fn bond_more(amount: Balance) -> Call {
	Call::new("Providers", "bond_more", Compact(amount))
}

/// The operator's sign of life. Ends [`Unresponsive`](millrace_primitives::provider::ProviderStatus::Unresponsive).
pub fn heartbeat() -> Call {
	Call::new("Providers", "heartbeat", ())
}

/// The provider takes no more work; signed by it or its operator.
pub fn drain() -> Call {
	Call::new("Providers", "drain", ())
}

/// The provider takes work again; signed by it or its operator.
pub fn resume() -> Call {
	Call::new("Providers", "resume", ())
}

/// Begins to take plancks out of a provider's bond.
pub fn unbond(amount: Balance) -> Call {
	Call::new("Providers", "unbond", Compact(amount))
}

/// Releases what was unbonded, once the unbonding period is over; removes a draining provider without bond and work.
pub fn withdraw() -> Call {
	Call::new("Providers", "withdraw", ())
}

/// Publishes a program by its module and what that comes to, for the machine's present version, and holds a deposit for
/// it. Its id is [`program_id`](millrace_primitives::machine::program_id) of these.
pub fn publish_program(roots: &ProgramRoots, module: &Blob) -> Call {
	Call::new("Jobs", "publish_program", (roots, module))
}

/// Withdraws a program that no job uses, and releases its deposit.
pub fn withdraw_program(program: ProgramId) -> Call {
	Call::new("Jobs", "withdraw_program", program)
}

/// Submits a job. [`Finalized::job_id`](crate::Finalized::job_id) has its number.
pub fn submit(spec: &JobSpec) -> Call {
	Call::new("Jobs", "submit", spec)
}

/// Raises a job's price cap (plancks per Ggas) or extends its deadline, or both; resumes a suspended job.
pub fn top_up(job: JobId, price_cap: Balance, extra_deadline: MarketBlock) -> Call {
	Call::new("Jobs", "top_up", (job, price_cap, extra_deadline))
}

/// Cancels a job.
pub fn cancel(job: JobId) -> Call {
	Call::new("Jobs", "cancel", job)
}

/// The operator accepts a seat in a shard.
pub fn accept(shard: ShardId) -> Call {
	Call::new("Jobs", "accept", shard)
}

/// The operator declines a seat in a shard.
pub fn decline(shard: ShardId, reason: DeclineReason) -> Call {
	Call::new("Jobs", "decline", (shard, reason))
}

/// The client has the outputs of the shards `first .. first + count`, at most [`MAX_ACKNOWLEDGE`]: their custody ends.
pub fn acknowledge(job: JobId, first: u32, count: u32) -> Call {
	Call::new("Jobs", "acknowledge", (job, first, count))
}

/// Claims what a client owes the signer because it could not be received before.
pub fn claim_owed(client: &AccountId) -> Call {
	Call::new("Jobs", "claim_owed", client)
}

/// Demands that the outcome of a task, counted from the shard's first, is shown by those who keep the shard's outputs.
pub fn demand_outcome(shard: ShardId, task: u32) -> Call {
	Call::new("Jobs", "demand_outcome", (shard, task))
}

/// Demands that a chunk of a task's output is shown by those who keep it. The task's outcome names the output.
pub fn demand_chunk(shard: ShardId, task: u32, chunk: u32, shown: &ShownOutcome) -> Call {
	Call::new("Jobs", "demand_chunk", (shard, task, chunk, shown))
}

/// The operator shows what is demanded of a shard's outputs.
pub fn answer(shard: ShardId, task: u32, answer: &Answer) -> Call {
	Call::new("Jobs", "answer", (shard, task, answer))
}

/// Serves due timers of jobs.
pub fn poke_jobs() -> Call {
	Call::new("Jobs", "poke", ())
}

/// The operator seals its report on a shard.
pub fn seal(shard: ShardId, seal: Hash) -> Call {
	Call::new("Attestations", "seal", (shard, seal))
}

/// A sealed report that is opened.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct RevealItem {
	/// The shard.
	pub shard: ShardId,
	/// The report; an audit's is over its sample alone.
	pub report: Report,
	/// What hid it.
	pub salt: [u8; 32],
	/// The leaves that are to be shown of its tree, in the order in which the chain names their tasks; all of an audit's. At most
	/// [`MAX_SAMPLE`](millrace_court::draw::MAX_SAMPLE).
	pub shown: Vec<ShownLeaf>,
}

/// The operator reveals its sealed report on a shard.
pub fn reveal(item: &RevealItem) -> Call {
	Call::new("Attestations", "reveal", item)
}

/// Seals reports on several shards, at most [`MAX_BATCH`]. Those that fail are named by events `Attestations.ItemFailed`.
pub fn seal_many(items: &[(ShardId, Hash)]) -> Call {
	Call::new("Attestations", "seal_many", items)
}

/// Reveals reports on several shards, at most [`MAX_BATCH`]. Those that fail are named by events
/// `Attestations.ItemFailed`.
pub fn reveal_many(items: &[RevealItem]) -> Call {
	Call::new("Attestations", "reveal_many", items)
}

/// Does what is due of a shard's case. Anybody may call it.
pub fn poke_attestations(shard: ShardId) -> Call {
	Call::new("Attestations", "poke", shard)
}

/// The operator's seat attacks another one's report, by that one's number in the case.
pub fn attack(shard: ShardId, target: u8) -> Call {
	Call::new("Attestations", "attack", (shard, target))
}

/// The signer, who has no seat in the case, attacks a seat's report, for a bond of at most so much: a task has another outcome, or
/// the shard another report.
pub fn accuse(shard: ShardId, target: u8, accusation: &Accusation, max_bond: Balance) -> Call {
	Call::new("Attestations", "accuse", (shard, target, accusation, max_bond))
}

/// Makes a move on one of the signer's boards.
pub fn play(shard: ShardId, board: u32, action: &Move) -> Call {
	Call::new("Attestations", "play", (shard, board, action))
}

/// Ends a board on which somebody's time is over. Anybody may call it.
pub fn time(shard: ShardId, board: u32) -> Call {
	Call::new("Attestations", "time", (shard, board))
}

/// The operator gives a seat back that the court drew it for, and that it has not begun to compute.
pub fn decline_drawn(shard: ShardId) -> Call {
	Call::new("Attestations", "decline", shard)
}

/// The operator of a seat that the court drew says that it cannot fetch what it needs; it may still seal.
pub fn unavailable(shard: ShardId) -> Call {
	Call::new("Attestations", "unavailable", shard)
}

/// Takes back the signer's bond of a board that is over.
pub fn pull(shard: ShardId, board: u32) -> Call {
	Call::new("Attestations", "pull", (shard, board))
}

/// Shares out what an account lost by a shard, once that is due, or what could not be received then. Anybody may call it.
pub fn enact(shard: ShardId, account: &AccountId) -> Call {
	Call::new("Attestations", "enact", (shard, account))
}

/// Mints what a provider has earned of an era's emission. Anybody may call it; the provider receives it.
pub fn claim(provider: &AccountId, era: u32) -> Call {
	Call::new("Emission", "claim", (provider, era))
}

/// Removes a provider's points of an era whose rewards have expired.
pub fn prune(era: u32, provider: &AccountId) -> Call {
	Call::new("Emission", "prune", (era, provider))
}

/// Sends plancks to another account, but not so many that the signer's account would end.
pub fn transfer(to: &AccountId, amount: Balance) -> Call {
	Call::new(
		"Balances",
		"transfer_keep_alive",
		(Address::Id(to.clone()), Compact(amount)),
	)
}

/// Sends all that is free to another account.
pub fn transfer_all(to: &AccountId) -> Call {
	Call::new("Balances", "transfer_all", (Address::Id(to.clone()), false))
}

/// Does all calls or none.
pub fn batch_all(calls: Vec<Call>) -> Call {
	Call {
		pallet: "Utility",
		name: "batch_all",
		args: Args::Calls(calls),
	}
}

/// Does all calls; those that fail change nothing and are named by events `Utility.ItemFailed`.
pub fn force_batch(calls: Vec<Call>) -> Call {
	Call {
		pallet: "Utility",
		name: "force_batch",
		args: Args::Calls(calls),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::metadata::embedded;
	use millrace_court::{board::Opening, demand::ShownChunk};
	use millrace_primitives::{
		provider::{ClassSet, HardwareClass, Region},
		Outcome, Status,
	};
	use subxt::ext::scale_decode::visitor::{decode_with_visitor, IgnoreVisitor};

	/// Decodes the arguments by the metadata's types: nothing may be missing or left over.
	fn check(call: &Call) {
		let metadata = embedded().unwrap();
		let pallet = metadata.pallet_by_name(call.pallet).unwrap();
		let variant = pallet
			.call_variant_by_name(call.name)
			.unwrap_or_else(|| panic!("no {}.{}", call.pallet, call.name));
		let bytes = call.resolve(metadata).unwrap().args.0;
		let input = &mut &bytes[..];
		for field in &variant.fields {
			decode_with_visitor(input, field.ty.id, metadata.types(), IgnoreVisitor::new())
				.unwrap_or_else(|error| panic!("{}.{}: {error}", call.pallet, call.name));
		}
		assert!(
			input.is_empty(),
			"{}.{}: {} bytes left over",
			call.pallet,
			call.name,
			input.len()
		);
	}

	#[test]
	fn every_call_fits_the_metadata() {
		let account = AccountId::from([7; 32]);
		let shard = ShardId {
			job: JobId(3),
			index: 4,
		};
		let report = Report {
			root: Hash::repeat_byte(1),
			gas_used: 9,
		};
		let info = ProviderInfo {
			classes: ClassSet::of(&[HardwareClass::General]),
			region: Region::Europe,
			slots: 2,
			memory_pages: 16,
			ask: 5,
			endpoint: b"http://127.0.0.1:1".to_vec().try_into().unwrap(),
		};
		let spec = JobSpec {
			program: Hash::zero(),
			image: Some(Blob { tree: [1; 32], len: 2 }),
			setup: Blob { tree: [3; 32], len: 4 },
			input_root: Hash::zero(),
			tasks: 1,
			shard_size: 1,
			limits: millrace_primitives::Limits {
				gas: 1,
				memory_pages: 1,
				output: 1,
			},
			input_limit: 1,
			price_cap: 1,
			verification: millrace_primitives::job::Verification::Replicated { replicas: 2 },
			constraints: millrace_primitives::job::Constraints {
				class: HardwareClass::General,
				regions: millrace_primitives::provider::RegionSet::ANY,
				min_reputation: sp_runtime::Permill::zero(),
			},
			preferences: Default::default(),
			deadline: 1,
			endpoints: vec![b"http://127.0.0.1:1".to_vec().try_into().unwrap()]
				.try_into()
				.unwrap(),
		};
		let roots = ProgramRoots {
			entry: 1,
			pages: 2,
			max_pages: 3,
			system_pages: 4,
			code: [5; 32],
			table: [6; 32],
			globals: [7; 32],
			memory: [8; 32],
			system: [9; 32],
		};
		let outcome = Outcome {
			status: Status::Success,
			code: 0,
			output: spec.setup,
			errors: [4; 32],
			gas_used: 9,
		};
		let item = RevealItem {
			shard,
			report,
			salt: [1; 32],
			shown: vec![ShownLeaf::of(&[outcome; 3], 1).unwrap(); 2],
		};
		let opening = Opening {
			outcome,
			claims: vec![Hash::zero(); 15].try_into().unwrap(),
			input: spec.setup,
			proof: vec![Hash::zero(); 3].try_into().unwrap(),
		};
		let calls = vec![
			register(&account, &info, 1, 2),
			update_info(&info),
			set_operator(&account, 1),
			bond_more(1),
			heartbeat(),
			drain(),
			resume(),
			unbond(1),
			withdraw(),
			publish_program(&roots, &spec.setup),
			withdraw_program(Hash::zero()),
			submit(&spec),
			top_up(JobId(1), 2, 3),
			cancel(JobId(1)),
			accept(shard),
			decline(shard, DeclineReason::NoCapacity),
			acknowledge(JobId(1), 0, 2),
			claim_owed(&account),
			poke_jobs(),
			demand_outcome(shard, 1),
			demand_chunk(shard, 1, 2, &ShownOutcome::of(&[outcome; 3], 1).unwrap()),
			answer(shard, 1, &Answer::Chunk(ShownChunk::of(&[7; 40_000], 1).unwrap())),
			seal(shard, Hash::zero()),
			reveal(&item),
			seal_many(&[(shard, Hash::zero())]),
			reveal_many(&[item.clone(), item.clone()]),
			poke_attestations(shard),
			attack(shard, 1),
			accuse(shard, 1, &Accusation::Outcome { task: 2, outcome }, 1 << 70),
			play(shard, 7, &Move::Leaf(opening)),
			time(shard, 7),
			decline_drawn(shard),
			unavailable(shard),
			pull(shard, 7),
			enact(shard, &account),
			claim(&account, 4),
			prune(4, &account),
			transfer(&account, 1 << 70),
			transfer_all(&account),
			batch_all(vec![heartbeat(), cancel(JobId(1))]),
			force_batch(vec![heartbeat(), force_batch(vec![])]),
		];
		calls.iter().for_each(check);
		let named: Vec<_> = calls.iter().map(|call| (call.pallet, call.name)).collect();
		assert_eq!(named, ALL, "each call is checked once");
	}
}
