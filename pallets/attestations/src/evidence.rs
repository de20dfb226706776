//! What is known of a shard, and how seats seal and open.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_court::{
	case::{Case, Kind, Rules, State, MAX_SEATS},
	draw::MAX_SAMPLE,
	sums::ShownLeaf,
};
use millrace_primitives::{
	merkle::SumNode,
	outcome::SealContext,
	provider::DrawRequest,
	traits::{Pace, Stake},
	Gas, Limits, ProgramId,
};
use scale_info::TypeInfo;

/// The indices of seats that are drawn for a case begin here, above those of all that clients buy.
pub const FIRST_DRAWN: u8 = 16;

const _: () = assert!(MAX_REPLICAS < FIRST_DRAWN);

/// Outcomes that are shown with a reveal.
pub type Shown = BoundedVec<ShownLeaf, ConstU32<MAX_SAMPLE>>;

/// A seat that sealed or was drawn. Its place among the others is its number in the case.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SeatEntry {
	/// Its index: below the number of bought seats, or from [`FIRST_DRAWN`] on.
	pub index: u8,
	/// Its round when it sealed.
	pub round: u32,
	/// Who holds it.
	pub provider: AccountId,
	/// Whose key worked for it when it was drawn.
	pub operator: AccountId,
	/// What it takes for 10^9 gas.
	pub ask: Balance,
	/// What it has at stake. The liability is what its provider's bond reserves for it now.
	pub stake: Stake,
	/// The commitment, [`outcome::seal`]; none while it works.
	pub seal: Option<Hash>,
	/// The last market block in which it may seal, of a drawn seat that works. Times of a shard are those of its work's clock:
	/// see [`crate::freezes`].
	pub due: MarketBlock,
}

/// What was agreed when the shard started, and never changes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Agreement {
	/// The rules of its case. Its probability is set when sealing closes.
	pub rules: Rules,
	/// Whose shard it is.
	pub client: AccountId,
	/// The program.
	pub program: ProgramId,
	/// The machine's version.
	pub engine: u8,
	/// What each task may use.
	pub limits: Limits,
	/// Who may be drawn for it.
	pub request: DrawRequest,
	/// What a drawn seat has until it must seal.
	pub working: MarketBlock,
	/// What each party has on a board, before it is known what is to be replayed.
	pub clock: MarketBlock,
	/// Gas that the slowest machine runs in a market block of such work.
	pub run_rate: Gas,
	/// So many outputs after sealing closed decide about it.
	pub draw_outputs: u8,
}

/// A draw of seats that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Wish {
	/// What they are for.
	pub kind: Kind,
	/// How many outputs there were when it was due. Its seed is a later one.
	pub since: u32,
	/// Draws in a row that found nobody.
	pub tries: u8,
}

/// A case that has begun.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Judged {
	/// Where it is.
	pub case: Case,
	/// How many outputs there were when sealing closed.
	pub closed: u32,
	/// The tasks of the shard that audits compute, counted from 0.
	pub sample: BoundedVec<u32, ConstU32<MAX_SAMPLE>>,
	/// Seats are to be drawn.
	pub wish: Option<Wish>,
	/// The market block of the next alarm.
	pub alarm: MarketBlock,
	/// How many boards outsiders opened.
	pub accusations: u32,
	/// How many of these still have a record.
	pub stubs: u32,
	/// Whether it is settled, and only kept for what outsiders have at stake.
	pub settled: bool,
}

/// All that is known of a shard.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ShardEvidence {
	/// What was agreed.
	pub agreed: Agreement,
	/// How many seats the client buys.
	pub seats: u8,
	/// Seats, by their numbers in the case.
	pub entries: BoundedVec<SeatEntry, ConstU32<MAX_SEATS>>,
	/// The case, once nobody may seal any more who was bought.
	pub judged: Option<Judged>,
}

impl ShardEvidence {
	/// The number of a provider's seat.
	pub fn number_of(&self, provider: &AccountId) -> Option<u8> {
		self.entries
			.iter()
			.position(|entry| entry.provider == *provider)
			.map(|number| number as u8)
	}

	pub(crate) fn entry(&self, number: u8) -> Option<&SeatEntry> {
		self.entries.get(usize::from(number))
	}

	/// How many tasks the tree of a seat's report is over.
	pub(crate) fn tree_of(&self, kind: Kind) -> u32 {
		match kind {
			Kind::Audit => self.judged.as_ref().map_or(0, |judged| judged.sample.len() as u32),
			_ => self.agreed.rules.tasks,
		}
	}

	/// The leaves of a seat's tree that it shows when it opens: those that audits compute.
	pub(crate) fn shown_by(&self, kind: Kind) -> Vec<u32> {
		let sample = self
			.judged
			.as_ref()
			.map(|judged| &judged.sample[..])
			.unwrap_or_default();
		match kind {
			Kind::Audit => (0..sample.len() as u32).collect(),
			_ => sample.to_vec(),
		}
	}
}

/// A report to be sealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SealItem {
	/// The shard.
	pub shard: ShardId,
	/// The commitment, [`outcome::seal`].
	pub seal: Hash,
}

/// A sealed report to be revealed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RevealItem {
	/// The shard.
	pub shard: ShardId,
	/// The report: over the shard's tasks, or over the sample of an audit.
	pub report: Report,
	/// The salt of the seal.
	pub salt: [u8; 32],
	/// The outcomes of the sampled tasks, in their order; none if the shard was not drawn.
	pub shown: Shown,
}

impl<T: Config> Pallet<T> {
	/// The provider that the signer works for.
	pub(crate) fn ensure_operator(origin: OriginFor<T>) -> Result<AccountId, DispatchError> {
		let operator = ensure_signed(origin)?;
		T::Registry::provider_of(&operator).ok_or_else(|| Error::<T>::NotAnOperator.into())
	}

	/// The provider that an operator works for, who seals a report on a shard.
	pub(crate) fn sealer(operator: &AccountId, shard: ShardId) -> Result<AccountId, DispatchError> {
		T::Assignments::worker(shard, operator)
			.or_else(|| T::Registry::provider_of(operator))
			.ok_or_else(|| Error::<T>::NotAnOperator.into())
	}

	/// The same of one who opens it.
	pub(crate) fn opener(operator: &AccountId, shard: ShardId) -> Result<AccountId, DispatchError> {
		let entries = Evidence::<T>::get(shard).map(|evidence| evidence.entries);
		let entry = entries.and_then(|entries| entries.into_iter().find(|entry| entry.operator == *operator));
		entry
			.map(|entry| entry.provider)
			.filter(|provider| T::Registry::operator_of(provider).as_ref() == Some(operator))
			.or_else(|| T::Registry::provider_of(operator))
			.ok_or_else(|| Error::<T>::NotAnOperator.into())
	}

	/// Seals a report: of a bought seat before its case begins, of a drawn one in it.
	pub(crate) fn do_seal(provider: &AccountId, shard: ShardId, seal: Hash) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		// Nothing is sealed while it is frozen.
		Self::time_of(&evidence)?;
		let index = match evidence.judged {
			Some(_) => Self::seal_drawn(provider, &mut evidence, seal)?,
			None => Self::seal_bought(provider, shard, &mut evidence, seal)?,
		};
		Self::store(shard, evidence);
		Self::deposit_event(Event::Sealed {
			shard,
			seat: index,
			provider: provider.clone(),
		});
		Ok(())
	}

	fn seal_bought(
		provider: &AccountId,
		shard: ShardId,
		evidence: &mut ShardEvidence,
		seal: Hash,
	) -> Result<u8, DispatchError> {
		let seat = T::Assignments::seat(shard, provider).ok_or(Error::<T>::NotAssigned)?;
		ensure!(
			seat.index < evidence.seats && evidence.entries.iter().all(|entry| entry.index != seat.index),
			Error::<T>::AlreadySealed
		);
		let entry = SeatEntry {
			index: seat.index,
			round: seat.round,
			provider: provider.clone(),
			operator: seat.operator,
			ask: seat.ask,
			stake: seat.stake,
			seal: Some(seal),
			due: 0,
		};
		evidence
			.entries
			.try_push(entry)
			.map_err(|_| Error::<T>::UnsupportedSeats)?;
		T::Assignments::on_sealed(shard, seat.index)?;
		if evidence.entries.len() == usize::from(evidence.seats) {
			Self::begin(shard, evidence)?;
		}
		Ok(seat.index)
	}

	fn seal_drawn(provider: &AccountId, evidence: &mut ShardEvidence, seal: Hash) -> Result<u8, DispatchError> {
		let number = Self::take_seal(provider, evidence)?;
		let entry = evidence
			.entries
			.get_mut(usize::from(number))
			.ok_or(Error::<T>::NotAssigned)?;
		entry.seal = Some(seal);
		T::Registry::free_slot(provider);
		Ok(entry.index)
	}

	/// Takes the seal of a drawn seat into the case. The seat's number.
	pub(crate) fn take_seal(provider: &AccountId, evidence: &mut ShardEvidence) -> Result<u8, DispatchError> {
		let number = evidence.number_of(provider).ok_or(Error::<T>::NotAssigned)?;
		let now = Self::time_of(evidence)?;
		let rules = evidence.agreed.rules;
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::UnknownShard)?;
		judged.case.seal(&rules, number, now).map_err(Self::refused)?;
		Ok(number)
	}

	/// Opens what a seat sealed.
	pub(crate) fn do_reveal(provider: &AccountId, item: &RevealItem) -> DispatchResult {
		let RevealItem { shard, report, .. } = *item;
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let index = Self::open_seal(provider, &mut evidence, item)?;
		Self::store(shard, evidence);
		Self::deposit_event(Event::Revealed {
			shard,
			seat: index,
			provider: provider.clone(),
			report,
		});
		Ok(())
	}

	/// Compares what a seat opens with its seal, and takes it into the case. The seat's index.
	pub(crate) fn open_seal(
		provider: &AccountId,
		evidence: &mut ShardEvidence,
		item: &RevealItem,
	) -> Result<u8, DispatchError> {
		let RevealItem {
			shard,
			report,
			salt,
			shown,
		} = item;
		let number = evidence.number_of(provider).ok_or(Error::<T>::NotAssigned)?;
		ensure!(evidence.judged.is_some(), Error::<T>::NotNow);
		let now = Self::time_of(evidence)?;
		let entry = evidence.entry(number).ok_or(Error::<T>::NotAssigned)?;
		let (index, sealed) = (entry.index, entry.seal.ok_or(Error::<T>::NotSealed)?);
		let genesis = Self::genesis();
		let context = SealContext {
			genesis: &genesis,
			shard: *shard,
			seat: index,
			round: entry.round,
			account: provider,
		};
		ensure!(outcome::seal(context, report, salt) == sealed, Error::<T>::SealMismatch);
		let rules = evidence.agreed.rules;
		let kind = evidence.kind_of(number).ok_or(Error::<T>::NotAssigned)?;
		let (tasks, leaves) = (evidence.tree_of(kind), evidence.shown_by(kind));
		let gas_of_task = evidence.agreed.limits.gas;
		let are_shown = leaves.len() == shown.len()
			&& leaves
				.iter()
				.zip(shown)
				.all(|(task, leaf)| leaf.is_of(report, tasks, *task, gas_of_task));
		ensure!(are_shown, Error::<T>::NotShown);
		ensure!(report.gas_used <= rules.gas, Error::<T>::GasAboveLimit);
		let nodes: Vec<SumNode> = shown.iter().map(|leaf| leaf.node).collect();
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::UnknownShard)?;
		let opened = (kind != Kind::Audit).then_some(*report);
		judged
			.case
			.reveal(&rules, number, opened, nodes, now)
			.map_err(Self::refused)?;
		Ok(index)
	}

	/// A drawn seat gives its place back, or says that it cannot fetch what it needs.
	pub(crate) fn do_leave(provider: &AccountId, shard: ShardId, calls: bool) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let (number, lost) = Self::leave(provider, &mut evidence, calls)?;
		if calls {
			Self::deposit_event(Event::Unavailable {
				shard,
				provider: provider.clone(),
			});
		} else {
			Self::depart(shard, &mut evidence, number, lost);
		}
		Self::store(shard, evidence);
		Ok(())
	}

	/// The same in the case: the seat's number, and what it loses.
	pub(crate) fn leave(
		provider: &AccountId,
		evidence: &mut ShardEvidence,
		calls: bool,
	) -> Result<(u8, Balance), DispatchError> {
		let number = evidence.number_of(provider).ok_or(Error::<T>::NotAssigned)?;
		let (rules, now) = (evidence.agreed.rules, Self::time_of(evidence)?);
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::NotNow)?;
		let lost = match calls {
			true => judged.case.call(&rules, number, now).map(|()| 0),
			false => judged.case.decline(&rules, number, now).map(|lost| lost.total()),
		};
		Ok((number, lost.map_err(Self::refused)?))
	}

	/// The client ends the wait for those who called.
	pub(crate) fn do_served(client: &AccountId, shard: ShardId) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		Self::serve_callers(client, &mut evidence)?;
		Self::store(shard, evidence);
		Ok(())
	}

	/// The same in the case.
	pub(crate) fn serve_callers(client: &AccountId, evidence: &mut ShardEvidence) -> DispatchResult {
		let (rules, now) = (evidence.agreed.rules, Self::time_of(evidence)?);
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::NotNow)?;
		ensure!(evidence.agreed.client == *client, Error::<T>::NotClient);
		judged.case.served(&rules, now).map_err(Self::refused)?;
		Ok(())
	}

	/// The clock of a shard's work.
	pub(crate) fn pace(evidence: &ShardEvidence) -> Pace {
		Self::pace_of(&evidence.agreed.program, evidence.agreed.engine)
	}

	/// What the clock of a shard's work shows.
	pub(crate) fn clock_of(evidence: &ShardEvidence) -> MarketBlock {
		Self::pace(evidence).at(T::Clock::now())
	}

	/// The same, for who wants to do something about it: nothing is done while it is frozen.
	pub(crate) fn time_of(evidence: &ShardEvidence) -> Result<MarketBlock, Error<T>> {
		let pace = Self::pace(evidence);
		ensure!(!pace.frozen, Error::<T>::Frozen);
		Ok(pace.at(T::Clock::now()))
	}

	/// The hash of the chain's first block.
	pub(crate) fn genesis() -> Hash {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::default());
		Hash::decode(&mut &hash.encode()[..]).unwrap_or_default()
	}

	/// Does each item in a storage layer of its own. A fee is due unless all succeed.
	pub(crate) fn batch<I>(
		provider: &AccountId,
		items: impl ExactSizeIterator<Item = I>,
		mut act: impl FnMut(I) -> DispatchResult,
	) -> Result<Pays, DispatchError> {
		ensure!(items.len() > 0, Error::<T>::EmptyBatch);
		let (mut succeeded, mut pays) = (false, Pays::No);
		for (index, item) in items.enumerate() {
			match with_storage_layer(|| act(item)) {
				Ok(()) => succeeded = true,
				Err(error) => {
					pays = Pays::Yes;
					Self::deposit_event(Event::ItemFailed {
						index: index as u32,
						error,
					});
				}
			}
		}
		if succeeded {
			T::Registry::note(provider, Conduct::Alive);
		}
		Ok(pays)
	}
}

impl ShardEvidence {
	pub(crate) fn kind_of(&self, number: u8) -> Option<Kind> {
		let case = &self.judged.as_ref()?.case;
		case.seats().get(usize::from(number)).map(|seat| seat.kind)
	}

	pub(crate) fn state_of(&self, number: u8) -> Option<&State> {
		let case = &self.judged.as_ref()?.case;
		case.seats().get(usize::from(number)).map(|seat| &seat.state)
	}
}
