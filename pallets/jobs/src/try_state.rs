//! What always holds; checked after every test and by `try-runtime`.

use crate::{
	timers::TimerAction, AssignmentsOf, Backlog, Config, Demands, HoldReason, JobRecord, Jobs, NextRecord, NextTimers,
	OpenDemands, Owed, Pallet, Place, Programs, Ready, ReadyFirst, Seeds, ShardRecord, Shards, TimerEntry, Timers,
	ALL_DEMANDS, MAX_DEMANDS, NEVER,
};
use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec::Vec,
};
use codec::Encode;
use frame_support::{ensure, traits::fungible::InspectHold};
use millrace_primitives::{
	job::SeatState, machine, traits::Verifier, AccountId, Balance, JobId, MarketBlock, ProgramId, ShardId,
};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks every invariant over the whole state.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let mut escrow: BTreeMap<AccountId, Balance> = BTreeMap::new();
		let mut uses: BTreeMap<ProgramId, u32> = BTreeMap::new();
		for (id, job) in Jobs::<T>::iter() {
			let spec = &job.spec;
			ensure!(job.shards == spec.shards(), "a job's number of shards is wrong");
			*uses.entry(spec.program).or_default() += 1;
			*escrow.entry(job.client.clone()).or_default() += job.escrow;
			Self::check_job(id, &job)?;
		}
		ensure!(
			Shards::<T>::iter_keys().all(|(id, _)| Jobs::<T>::contains_key(id)),
			"a shard has no job"
		);
		ensure!(
			Backlog::<T>::iter_keys().all(|(id, _)| Jobs::<T>::contains_key(id)),
			"a backlog has no job"
		);

		for (client, _, amount) in Owed::<T>::iter() {
			ensure!(amount > 0, "an owed amount is nothing");
			*escrow.entry(client).or_default() += amount;
		}
		for (client, amount) in escrow {
			let held = T::Currency::balance_on_hold(&HoldReason::Escrow.into(), &client);
			ensure!(
				held == amount,
				"a client's hold is not its jobs' escrow and what it owes"
			);
		}
		let mut deposits: BTreeMap<AccountId, Balance> = BTreeMap::new();
		for (id, program) in Programs::<T>::iter() {
			ensure!(
				id == machine::program_id(program.engine, &program.roots, &program.module),
				"a program's id is not that of its parts"
			);
			ensure!(
				program.open_jobs == uses.remove(&id).unwrap_or(0),
				"a program's count of jobs is wrong"
			);
			*deposits.entry(program.publisher).or_default() += program.deposit;
		}
		ensure!(uses.is_empty(), "a job's program is not published");
		for (publisher, amount) in deposits {
			let held = T::Currency::balance_on_hold(&HoldReason::ProgramDeposit.into(), &publisher);
			ensure!(held == amount, "a publisher's hold is not the sum of its deposits");
		}
		for id in Demands::<T>::iter_keys().map(|(id, _)| id) {
			ensure!(Self::kept(id).is_some(), "a demand has no shard in custody");
		}
		let open = Demands::<T>::iter_keys().count();
		ensure!(
			open == OpenDemands::<T>::get() as usize && open <= ALL_DEMANDS as usize,
			"the count of all demands is wrong"
		);
		Self::check_assignments()?;
		Self::check_queue()?;
		Self::check_timers()
	}

	fn check_job(id: JobId, job: &JobRecord) -> Result<(), TryRuntimeError> {
		let (mut running, mut custody) = (0u32, 0u32);
		let mut reserves: Balance = 0;
		let mut vacant: BTreeSet<(u32, u8)> = BTreeSet::new();
		for (index, shard) in Shards::<T>::iter_prefix(id) {
			ensure!(index < job.cursor, "a shard beyond the cursor has started");
			reserves += shard.reserve + shard.storage;
			let pay = |ask| shard.terms.storage_pay(ask);
			ensure!(
				shard.custody.is_some() || shard.storage >= pay(shard.terms.price_cap) * shard.seats.len() as Balance,
				"less is held for keeping outputs than it may cost"
			);
			match &shard.custody {
				Some(record) => {
					custody += 1;
					ensure!(
						record.withheld.len() == shard.seats.len(),
						"withheld parts and seats differ"
					);
					let id = ShardId { job: id, index };
					let demands: Vec<_> = Demands::<T>::iter_prefix_values(id).collect();
					ensure!(
						demands.len() == usize::from(record.demands) && record.demands <= MAX_DEMANDS,
						"the count of demands is wrong"
					);
					let keepers = shard.seats.iter().filter_map(|seat| seat.holder.as_ref());
					ensure!(
						keepers.map(|holder| pay(holder.ask)).sum::<Balance>() == shard.storage,
						"what is held for keeping outputs is not what it costs"
					);
					let deposits: Balance = demands.iter().map(|demand| demand.deposit).sum();
					ensure!(
						record.withheld.iter().sum::<Balance>() + deposits == shard.reserve,
						"the reserve is not what is withheld and what is held for demands"
					);
					ensure!(
						record.ends <= record.until && demands.iter().all(|demand| demand.due < record.until),
						"custody ends before a demand"
					);
				}
				None if shard.closed.is_some() => {
					running += 1;
					Self::check_tells(job, &shard)?;
					let holders = shard.seats.iter().filter_map(|seat| seat.holder.as_ref());
					ensure!(
						shard.any_reached(SeatState::Sealed)
							&& holders.clone().all(|holder| holder.state >= SeatState::Sealed),
						"a closed shard has a seat that may not seal, or none"
					);
				}
				None => {
					running += 1;
					Self::check_tells(job, &shard)?;
					ensure!(
						!shard.all_reached(SeatState::Sealed),
						"a shard is not closed although all have sealed"
					);
					let waits = shard.seats.iter().any(|s| s.holder.as_ref().is_some_and(|h| h.waits()));
					ensure!(
						!(waits && shard.all_reached(SeatState::Accepted)),
						"a seat waits for others that are accepted"
					);
					let seats = shard.seats.iter().zip(0u8..).filter(|(seat, _)| seat.holder.is_none());
					ensure!(
						!shard.is_spent(),
						"a shard goes on although its seats fell vacant too often"
					);
					vacant.extend(seats.map(|(_, seat)| (index, seat)));
				}
			}
			let mut providers = BTreeSet::new();
			for holder in shard.seats.iter().filter_map(|seat| seat.holder.as_ref()) {
				ensure!(
					providers.insert(holder.provider.clone()),
					"a provider holds two seats of a shard"
				);
				ensure!(!shard.excludes(&holder.provider), "an excluded provider holds a seat");
				ensure!(holder.ask <= shard.terms.price_cap, "a seat asks more than the cap");
				let done = matches!(holder.state, SeatState::Sealed | SeatState::Revealed);
				ensure!(done != holder.slot, "a sealed seat takes a slot, or another one none");
				ensure!(!done || holder.due == NEVER, "a sealed seat has a deadline");
			}
		}
		ensure!(running == job.running, "the count of running shards is wrong");
		ensure!(custody == job.custody, "the count of shards in custody is wrong");
		ensure!(job.cursor <= job.shards, "the cursor is beyond the job");
		ensure!(
			job.accepted + job.failed + job.running == job.cursor,
			"the counts of started shards are wrong"
		);
		ensure!(
			job.escrow == job.waiting_reserve() + reserves,
			"the escrow is not the sum of the reserves"
		);
		ensure!(
			job.settled == (!job.is_open() && job.running == 0),
			"the end was not announced when it came"
		);
		ensure!(
			job.running + job.custody > 0 || job.is_open() || job.has_backlog(),
			"a job outlives its shards"
		);

		let listed: Vec<(u32, u8)> = job
			.vacancies
			.iter()
			.map(|vacancy| (vacancy.shard, vacancy.seat))
			.collect();
		let mut known: BTreeSet<(u32, u8)> = listed.iter().copied().collect();
		ensure!(known.len() == listed.len(), "a vacancy is listed twice");
		ensure!(known.is_subset(&vacant), "a listed vacancy is none");
		let mut indices = BTreeSet::new();
		for (index, vacancy) in Backlog::<T>::iter_prefix(id) {
			indices.insert(index);
			known.insert((vacancy.shard, vacancy.seat));
		}
		ensure!(vacant.is_subset(&known), "a vacant seat is not queued");
		let length = job.backlog_tail.wrapping_sub(job.backlog_head);
		let expected: BTreeSet<u32> = (0..length).map(|place| job.backlog_head.wrapping_add(place)).collect();
		ensure!(indices == expected, "the backlog's bounds are wrong");
		ensure!(
			job.queued || job.retry.is_some() || job.next_ready().is_none(),
			"a job with work is never visited"
		);
		Ok(())
	}

	fn check_tells(job: &JobRecord, shard: &ShardRecord) -> Result<(), TryRuntimeError> {
		let concerns = job.shards > 1 || !job.decliners.is_empty() || job.is_suspended();
		ensure!(shard.tells || !concerns, "a job is not told that its seats are taken");
		Ok(())
	}

	fn check_assignments() -> Result<(), TryRuntimeError> {
		let mut assigned = 0usize;
		for (provider, id, Place { seat, kept }) in AssignmentsOf::<T>::iter() {
			assigned += 1;
			let shard = Shards::<T>::get(id.job, id.index).ok_or("an assignment has no shard")?;
			let holder = shard.holder(seat).ok_or("an assignment has no seat")?;
			ensure!(holder.provider == provider, "a seat is assigned to somebody else");
			ensure!(
				kept == shard.custody.is_some(),
				"custody is listed as work, or work as custody"
			);
		}
		let held: usize = Shards::<T>::iter_values()
			.map(|shard| shard.seats.iter().filter(|s| s.holder.is_some()).count())
			.sum();
		// Each entry names another holder: no provider holds two seats of a shard.
		ensure!(held == assigned, "a seat's holder has no assignment");
		Ok(())
	}

	fn check_queue() -> Result<(), TryRuntimeError> {
		let bounds = ReadyFirst::<T>::get();
		let count = Seeds::<T>::get().count;
		let mut queued = BTreeSet::new();
		let mut entries = 0u64;
		for waiting in &bounds.first {
			ensure!(queued.insert(waiting.job), "a job is queued twice");
			if let Some(job) = Jobs::<T>::get(waiting.job) {
				ensure!(job.queued, "a queued job does not know it");
				ensure!(
					job.next_ready().is_none_or(|ready| waiting.from <= ready.max(count)),
					"a job is visited later than it has something to do"
				);
			}
		}
		for (place, entry) in Ready::<T>::iter() {
			entries += 1;
			ensure!(
				(bounds.head..bounds.tail).contains(&place),
				"a queue entry is out of bounds"
			);
			ensure!(queued.insert(entry), "a job is queued twice");
			if let Some(job) = Jobs::<T>::get(entry) {
				ensure!(job.queued, "a queued job does not know it");
			}
		}
		ensure!(entries == bounds.tail - bounds.head, "the queue has holes");
		for (id, job) in Jobs::<T>::iter() {
			ensure!(
				!job.queued || queued.contains(&id),
				"a job waits for a queue entry that does not exist"
			);
		}
		Ok(())
	}

	fn check_timers() -> Result<(), TryRuntimeError> {
		let mut pending = Vec::new();
		let NextRecord { served, near } = NextTimers::<T>::get();
		ensure!(served <= Self::now_block(), "timers of the future are served");
		// Where no clock but the market's ever stood, what is due rings.
		let latest = |target: MarketBlock| target.max(Self::now_block().saturating_add(1));
		let is_late = |at: MarketBlock, entry: &TimerEntry| T::Verifier::in_step() && at > latest(entry.target);
		for (at, entry) in near {
			ensure!(at > served, "a timer was passed over");
			ensure!(!is_late(at, &entry), "a timer is late");
			pending.push(entry);
		}
		for (at, place, page) in Timers::<T>::iter() {
			ensure!(at > served, "a timer was passed over");
			let first = Timers::<T>::get(at, 0).ok_or("a page of timers has no first one")?;
			ensure!(place <= first.following, "a page of timers is out of bounds");
			ensure!(
				place == 0 || page.following == 0,
				"a page follows one that is not the first"
			);
			ensure!(
				!page.entries.is_empty() || first.following > 0,
				"an empty page of timers is kept"
			);
			ensure!(
				place > 0 || (1..=page.following).all(|next| Timers::<T>::contains_key(at, next)),
				"a page of timers is missing"
			);
			ensure!(!page.entries.iter().any(|entry| is_late(at, entry)), "a timer is late");
			pending.extend(page.entries);
		}
		// Whoever waits on a timer has one. How many the verifier asked for is its own.
		let live: BTreeSet<Vec<u8>> = pending
			.iter()
			.filter(|entry| Self::is_live(entry) && !matches!(entry.action, TimerAction::Verify { .. }))
			.map(|entry| entry.action.encode())
			.collect();
		let mut needed = 0;
		for shard in Shards::<T>::iter_values() {
			ensure!(
				shard.alarm <= shard.next_due(),
				"a shard's timer acts after its next deadline"
			);
			needed += usize::from(shard.alarm < NEVER);
		}
		needed += Demands::<T>::iter_keys().count();
		for job in Jobs::<T>::iter_values() {
			needed += usize::from(job.is_open()) + usize::from(job.retry.is_some());
		}
		ensure!(live.len() == needed, "a deadline has no timer");
		Ok(())
	}
}
