//! The end of a case: everybody's money, and what is told to others.

use crate::{
	boards::{Author, BoardState},
	evidence::{Judged, ShardEvidence},
	*,
};
use frame_support::traits::{
	fungible::{InspectHold, MutateHold},
	tokens::{Fortitude, Precision, Restriction},
};
use millrace_court::case::{Account, By, End, Flow, How, Kind, Purse, Stage, State};
use millrace_primitives::{
	traits::{Earned, Ending, Payee},
	ProgramId,
};

impl<T: Config> Pallet<T> {
	/// Settles a case that has ended, and returns how many verdicts are held for it. What outsiders have at stake whose boards are
	/// not inside it is settled when they pull it.
	pub(crate) fn settle(shard: ShardId, evidence: &mut ShardEvidence) -> u32 {
		let rules = evidence.agreed.rules;
		let Some(judged) = evidence.judged.as_mut() else {
			return 0;
		};
		let escrow = T::Assignments::escrow(shard);
		let Some(settlement) = judged.case.settle(&rules, escrow) else {
			frame_support::defensive!("a case that ended can be settled: no amount of it is above what was checked");
			return 0;
		};
		judged.settled = true;
		let Stage::Ended(end) = *judged.case.stage() else {
			return 0;
		};
		for number in 0..judged.case.duels().len() as u32 {
			Boards::<T>::remove(shard, number);
		}
		let mut transfers = Vec::new();
		let (now, held) = settlement.apart();
		let client = &evidence.agreed.client;
		for flow in &now {
			match flow.from {
				Purse::Escrow => transfers.extend(Self::out_of_escrow(client, judged, flow)),
				Purse::Own(seat) | Purse::Backing(seat) => Self::out_of_bond(client, judged, seat, flow),
				// What is lost of a bond is held.
				Purse::Bond(_) => {}
			}
		}
		let subject = (evidence.agreed.program, evidence.agreed.engine);
		let verdicts = Self::hold_verdicts(shard, subject, (client, judged), &held);
		Self::release_accusations(judged, &settlement.flows);
		let report = match end {
			End::Accepted(seat) | End::Thin(seat) => judged
				.case
				.seats()
				.get(usize::from(seat))
				.and_then(|seat| seat.report()),
			End::Unresolved | End::NoData => None,
		};
		let mut earned = Vec::new();
		let sealed = judged.case.seats().iter().zip(evidence.entries.iter_mut());
		for ((seat, entry), number) in sealed.zip(0_u8..) {
			if matches!(seat.state, State::Working | State::Calling) && seat.kind != Kind::Primary {
				T::Registry::free_slot(&entry.provider);
			}
			let at = usize::from(number);
			let amount = settlement.paid.get(at).copied().unwrap_or(0);
			let fee = settlement.fees.get(at).copied().unwrap_or(0);
			let liability = core::mem::take(&mut entry.stake.liability);
			// Who is paid for the report keeps its outputs, and as much at stake as it is paid.
			let keeps = seat.kind == Kind::Primary && report.is_some();
			let bound = if keeps { amount.min(liability) } else { 0 };
			let freed = liability.saturating_sub(bound);
			if freed > 0 {
				T::Registry::free_liability(&entry.provider, freed);
			}
			if seat.kind != Kind::Primary {
				DrawnSeats::<T>::remove(&entry.provider, shard);
			}
			let guilty = settlement.guilty.contains(&number);
			match (guilty, &seat.state) {
				(true, _) => T::Registry::note(&entry.provider, Conduct::Guilty),
				(false, State::Silent) => T::Registry::note(&entry.provider, Conduct::MissedReveal),
				_ => {}
			}
			if seat.kind == Kind::Primary && (amount > 0 || fee > 0) {
				earned.push(Earned {
					seat: entry.index,
					amount,
					fee,
					bound,
				});
			}
		}
		let guilty = settlement
			.guilty
			.iter()
			.filter_map(|number| evidence.entries.get(usize::from(*number)))
			.map(|entry| entry.provider.clone())
			.collect();
		Self::deposit_event(Event::Decided {
			shard,
			end,
			report,
			guilty,
		});
		T::Assignments::on_ended(
			shard,
			Ending {
				// Where every bought seat was wrong, nobody is bound to keep the outputs.
				report: report.filter(|_| !earned.is_empty()),
				counted: judged.case.is_counted(),
				transfers,
				earned,
			},
		);
		verdicts
	}

	/// Who an account of the rules is.
	fn account(client: &AccountId, judged: &Judged, account: Account) -> Option<AccountId> {
		let seat = |number: u8| judged.case.seats().get(usize::from(number));
		match account {
			Account::Client => Some(client.clone()),
			Account::Seat(number) => seat(number).map(|seat| seat.provider.clone()),
			Account::Outsider(number) => match &seat(number)?.state {
				State::Out {
					by: By::Outsider { account, .. },
					..
				} => Some(account.clone()),
				_ => None,
			},
			Account::Fee | Account::Burn => None,
		}
	}

	/// What the assignments pay out of the escrow, but for what bought seats earn.
	fn out_of_escrow(client: &AccountId, judged: &Judged, flow: &Flow) -> Option<(Payee, Balance)> {
		let payee = match flow.to {
			Account::Client => Payee::Client,
			Account::Fee => return None,
			Account::Burn => Payee::Burn,
			Account::Seat(number) => {
				let seat = judged.case.seats().get(usize::from(number))?;
				if seat.kind == Kind::Primary {
					return None;
				}
				Payee::Provider(seat.provider.clone())
			}
			Account::Outsider(_) => Self::account(client, judged, flow.to).map_or(Payee::Burn, Payee::Provider),
		};
		Some((payee, flow.amount))
	}

	fn out_of_bond(client: &AccountId, judged: &Judged, seat: u8, flow: &Flow) {
		if let Some(from) = Self::account(client, judged, Account::Seat(seat)) {
			T::Registry::take(&from, Self::account(client, judged, flow.to).as_ref(), flow.amount);
		}
	}

	/// Holds what the guilty lose, and false accusers whose boards are inside the case; how often.
	fn hold_verdicts(
		shard: ShardId,
		subject: (ProgramId, u8),
		(client, judged): (&AccountId, &Judged),
		flows: &[Flow],
	) -> u32 {
		let mut purses: Vec<Purse> = Vec::new();
		for flow in flows {
			if !purses.contains(&flow.from) {
				purses.push(flow.from);
			}
		}
		let verdicts = purses.len() as u32;
		for purse in purses {
			let shares = || {
				let of_it = flows.iter().filter(|flow| flow.from == purse);
				of_it.map(|flow| (Self::account(client, judged, flow.to), flow.amount))
			};
			let amount = shares().fold(0, |sum: Balance, (_, amount)| sum.saturating_add(amount));
			let from = match purse {
				Purse::Own(seat) | Purse::Backing(seat) => Account::Seat(seat),
				Purse::Bond(seat) => Account::Outsider(seat),
				Purse::Escrow => continue,
			};
			let Some(who) = Self::account(client, judged, from) else {
				continue;
			};
			let held = match purse {
				Purse::Bond(_) => Self::cede_bond(&who, amount),
				_ => T::Registry::cede(&who, amount, |amount| Self::hold_guilty(&who, amount)),
			};
			Self::hold_verdict(shard, subject, &who, held, shares());
		}
		verdicts
	}

	/// Moves a part of an outsider's bond: to somebody, or out of existence if there is nobody or it cannot be received.
	pub(crate) fn take_bond(from: &AccountId, to: Option<&AccountId>, amount: Balance) {
		let reason = HoldReason::Accusation.into();
		let moved = to.is_some_and(|to| {
			with_storage_layer(|| {
				T::Currency::transfer_on_hold(
					&reason,
					from,
					to,
					amount,
					Precision::Exact,
					Restriction::Free,
					Fortitude::Force,
				)
			})
			.is_ok()
		});
		if !moved {
			let burned = T::Currency::burn_held(&reason, from, amount, Precision::BestEffort, Fortitude::Force);
			frame_support::defensive_assert!(burned.is_ok(), "a bond is on hold until it is settled");
		}
	}

	/// Gives back what is left of a bond.
	pub(crate) fn release_bond(who: &AccountId, amount: Balance) {
		if amount > 0 {
			let reason = HoldReason::Accusation.into();
			let released = T::Currency::release(&reason, who, amount, Precision::BestEffort);
			frame_support::defensive_assert!(released.is_ok(), "a bond is on hold until it is settled");
		}
	}

	/// Gives back what is left of the bonds of those who put seats out.
	fn release_accusations(judged: &Judged, flows: &[Flow]) {
		for (seat, number) in judged.case.seats().iter().zip(0_u8..) {
			let State::Out {
				by: By::Outsider { account, bond },
				..
			} = &seat.state
			else {
				continue;
			};
			let paid = flows
				.iter()
				.filter(|flow| flow.from == Purse::Bond(number))
				.fold(0, |sum: Balance, flow| sum.saturating_add(flow.amount));
			Self::release_bond(account, bond.saturating_sub(paid));
		}
	}

	/// What is on hold of an account for its accusations; for checks.
	pub fn accused_with(who: &AccountId) -> Balance {
		T::Currency::balance_on_hold(&HoldReason::Accusation.into(), who)
	}

	/// What is on hold of an account for verdicts on it; for checks.
	pub fn held_as_guilty(who: &AccountId) -> Balance {
		T::Currency::balance_on_hold(&HoldReason::Guilty.into(), who)
	}

	/// Settles an outsider's board that is over, after its case.
	pub(crate) fn do_pull(shard: ShardId, number: u32) -> DispatchResult {
		let mut evidence = Evidence::<T>::get(shard).ok_or(Error::<T>::UnknownShard)?;
		let board = Boards::<T>::get(shard, number).ok_or(Error::<T>::UnknownBoard)?;
		Self::time_of(&evidence)?;
		let rules = evidence.agreed.rules;
		let judged = evidence.judged.as_mut().ok_or(Error::<T>::UnknownBoard)?;
		ensure!(judged.settled, Error::<T>::NotNow);
		let Author::Outsider(who) = &board.by else {
			return Err(Error::<T>::UnknownBoard.into());
		};
		// A board that was being played when its target went out by another one.
		let lost = match &board.state {
			BoardState::Over(lost) => *lost,
			BoardState::Played { .. } => None,
		};
		let flows = judged
			.case
			.settle_bond(&rules, board.target, lost, board.bond)
			.ok_or(Error::<T>::NotNow)?;
		let client = &evidence.agreed.client;
		let mut left = board.bond;
		let mut shares = Vec::new();
		for (account, amount) in flows {
			let amount = amount.min(left);
			left -= amount;
			shares.push((Self::account(client, judged, account), amount));
		}
		let lost_in_all = board.bond.saturating_sub(left);
		// Who is out by its clock where nothing is proven is not guilty, and pays for the replay at once.
		let is_guilty = lost == Some(How::Step) || matches!(judged.case.stage(), Stage::Ended(End::Accepted(_)));
		if is_guilty {
			let subject = (evidence.agreed.program, evidence.agreed.engine);
			let held = if lost_in_all > 0 {
				Self::cede_bond(who, lost_in_all)
			} else {
				0
			};
			Self::hold_verdict(shard, subject, who, held, shares);
		} else {
			for (to, amount) in shares {
				Self::take_bond(who, to.as_ref(), amount);
			}
		}
		Self::release_bond(who, left);
		judged.stubs = judged.stubs.saturating_sub(1);
		Boards::<T>::remove(shard, number);
		Self::deposit_event(Event::BondSettled {
			shard,
			board: number,
			by: who.clone(),
			lost: lost_in_all,
		});
		Self::store(shard, evidence);
		Ok(())
	}
}
