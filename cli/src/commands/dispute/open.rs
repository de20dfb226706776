//! `millrace dispute open`: says that a report is wrong, and plays about it.

use super::{closed, find, job_now, name, party::Party, play::Table, words};
use crate::{
	commands::fetch::client,
	compute::{DataOptions, Places, Workshop},
	context,
	failure::{Failure, Result},
	options::{Global, OpenOptions},
	output::{note, Output},
	units::mill,
};
use futures::StreamExt;
use millrace_client::{
	blobs::fetch_outcomes,
	calls,
	events::{Author, Court},
	words as said, At, Chain, Error, Event,
};
use millrace_court::board::Accusation;
use millrace_primitives::{
	api::{AssignmentView, CaseSeat, CaseSeatKind, CaseSeatState, CaseView, JobView, ShardView},
	outcome, Balance, Outcome, Report, ShardId,
};
use serde_json::json;
use std::{
	collections::BTreeMap,
	io::{self, IsTerminal},
};

/// Runs the command.
pub async fn run(global: &Global, options: OpenOptions, output: &mut Output) -> Result<()> {
	let signer = global.signer()?;
	let chain = global.connect().await?;
	let (job, at) = job_now(&chain, options.job).await?;
	let (shard, case) = find(&chain.market(at), &job, options.shard).await?;
	if let Some(why) = closed(&job, options.shard, shard.as_ref(), case.as_ref()) {
		return Err(Failure::Input(why));
	}
	let (Some(shard), Some(case)) = (shard, case) else {
		return Err(Failure::Input("the court has no case of it".into()));
	};
	let seat = attackable(&case, options.seat).map_err(Failure::Input)?;
	let tasks = match options.task {
		Some(task) => vec![task],
		None => (shard.first_task..shard.first_task.saturating_add(shard.tasks)).collect(),
	};
	for task in &tasks {
		below(&shard, *task).map_err(Failure::Input)?;
	}
	if seat.kind == CaseSeatKind::Audit {
		let its = chain.market(at).assignments(&seat.provider).await?;
		ensure_sampled(options.seat, &shard, options.task, &its)?;
	}

	let work = computed(&chain, &job, at, &shard, &tasks, &options.data, output);
	let (workshop, places, outcomes) = tokio::select! {
		computed = work => computed?,
		_ = context::interrupted() => return Err(Failure::Other("interrupted; nothing was sent".into())),
	};
	// That may have taken long.
	let case = present(&chain, shard.id).await?;
	let seat = still_attackable(case.as_ref(), shard.id, options.seat, None)?;
	let shown = case.map_or(0, |case| case.bond);
	let (accusation, text) = match options.task {
		Some(task) => {
			let below = below(&shard, task).map_err(Failure::Input)?;
			let outcome = outcomes
				.get(&task)
				.copied()
				.ok_or_else(|| Failure::Input("there is no such task".into()))?;
			let reported = reported(&chain, &seat, &shard, below, options.data.allow_private).await;
			ensure_different(&seat, task, &outcome, &reported, options.blind)?;
			let text = what_differs(&seat, task, &outcome, &reported);
			(Accusation::Outcome { task: below, outcome }, text)
		}
		None => {
			let report = whole(&seat, &outcomes)?;
			let text = format!(
				"Shard {} comes to another report here than seat {} reported, whatever the task.",
				options.shard, seat.number
			);
			(Accusation::Report(report), text)
		}
	};

	let call = calls::accuse(shard.id, options.seat, &accusation, shown);
	context::ensure_funds(&chain, &signer, &call, shown).await?;
	output.note(format!("{text}\n{}", terms(shown, &seat)));
	confirm(options.yes, output).await?;
	let case = present(&chain, shard.id).await?;
	still_attackable(case.as_ref(), shard.id, options.seat, Some(shown))?;

	// From before the board is there, so that nothing of it is missed.
	let mut heads = chain.finalized_heads();
	if let Some(head) = heads.next().await {
		head?;
	}
	let (finalized, transaction) = context::submit(&chain, &signer, call).await.inspect_err(|failure| {
		if let Failure::Chain(Error::OutcomeUnknown { .. }) = failure {
			let shard = name(shard.id.job, shard.id.index);
			output.note(format!(
				"Whether the board was opened is not known. Look with `millrace dispute show {shard}`, and soon: if it is there, \
				 play it with `millrace dispute play {shard} BOARD`."
			));
		}
	})?;
	let board = opened(&finalized.events, shard.id)?;
	// What the chain took is what counts.
	let bond = match chain.market(At::Hash(finalized.block.hash)).case(shard.id).await {
		Ok(Some(case)) => case
			.boards
			.iter()
			.find(|view| view.number == board)
			.map(|view| view.bond),
		_ => None,
	};
	let bond = bond.unwrap_or(shown);
	output.note(format!(
		"Board {board} was opened in block {}. Keep this running: who does not move in time is out.{}",
		finalized.block.number,
		context::fee(&finalized)
	));
	let mut table = Table {
		chain: &chain,
		signer: &signer,
		shard: shard.id,
		board,
		target: options.seat,
		bond,
		party: Party::new(workshop, shard, places, outcomes),
	};
	table.conclude(&mut heads, Some(transaction), output).await
}

/// The shard's case as it is now.
async fn present(chain: &Chain, shard: ShardId) -> Result<Option<CaseView>> {
	Ok(chain.market(At::Best).case(shard).await?)
}

/// The seat, if it can be attacked still, for no more than the bond that was shown; else why nothing is sent.
fn still_attackable(case: Option<&CaseView>, shard: ShardId, seat: u8, shown: Option<Balance>) -> Result<CaseSeat> {
	let refused = |why: String| Failure::Refused(format!("nothing was sent: {why}"));
	let case = case.ok_or_else(|| {
		refused(format!(
			"shard {} of job {} was decided meanwhile",
			shard.index, shard.job.0
		))
	})?;
	let seat = attackable(case, seat).map_err(refused)?;
	match shown {
		Some(shown) if case.bond > shown => Err(refused(format!(
			"the bond has grown from {} to {} meanwhile; run it again if you mean it for that",
			mill(shown),
			mill(case.bond)
		))),
		_ => Ok(seat.clone()),
	}
}

/// Refuses a task that an audit never computed, as far as the chain still shows which it did. The task is counted over the job.
fn ensure_sampled(seat: u8, shard: &ShardView, task: Option<u32>, its: &[AssignmentView]) -> Result<()> {
	let Some(task) = task else {
		return Err(Failure::Input(format!(
			"--task: seat {seat} is an audit and computed a part of the shard; name one of its tasks"
		)));
	};
	let task = below(shard, task).map_err(Failure::Input)?;
	let of_shard = its.iter().filter(|view| view.shard == shard.id);
	let Some(sample) = of_shard.filter_map(|view| view.sample.as_ref()).next() else {
		return Ok(());
	};
	if sample.contains(&task) {
		return Ok(());
	}
	let tasks: Vec<_> = sample
		.iter()
		.map(|below| shard.first_task.saturating_add(*below).to_string())
		.collect();
	Err(Failure::Input(format!(
		"--task: seat {seat} is an audit and computed only these tasks: {}",
		tasks.join(", ")
	)))
}

/// Computes tasks here, which are counted over the job.
async fn computed(
	chain: &Chain,
	job: &JobView,
	at: At,
	shard: &ShardView,
	tasks: &[u32],
	data: &DataOptions,
	output: &mut Output,
) -> Result<(Workshop, Places, BTreeMap<u32, Outcome>)> {
	let others = shard.seats.iter().filter_map(|seat| seat.endpoint.clone());
	let workshop = Workshop::open(chain, job, at, data, others).await?;
	let places = workshop.places(shard).await?;
	output.note(match tasks {
		[task] => format!("Computing task {task} here."),
		_ => format!("Computing {} tasks here.", tasks.len()),
	});
	let mut outcomes = BTreeMap::new();
	for task in tasks {
		outcomes.insert(*task, workshop.compute(&places, *task).await?);
	}
	Ok((workshop, places, outcomes))
}

/// The seat, if it can be attacked; else why not.
fn attackable(case: &CaseView, number: u8) -> Result<&CaseSeat, String> {
	let (job, shard) = (case.shard.job, case.shard.index);
	if case.seats.is_empty() {
		return Err(format!(
			"shard {shard} of job {}: {}, and nothing can be attacked before its reports are open",
			job.0,
			said::stage(case.stage)
		));
	}
	let seat = case.seats.iter().find(|seat| seat.number == number).ok_or_else(|| {
		let last = case.seats.len().saturating_sub(1);
		format!(
			"--seat: the case has the seats 0 to {last}; `millrace dispute show {}` lists them",
			name(job, shard)
		)
	})?;
	if seat.state != CaseSeatState::Standing {
		return Err(format!(
			"seat {number} cannot be attacked: {}; `millrace dispute show {}` says who can",
			said::seat_state(seat.state),
			name(job, shard)
		));
	}
	if !words::can_be_attacked(case) {
		return Err(format!(
			"seat {number} cannot be attacked now: {}",
			said::stage(case.stage)
		));
	}
	Ok(seat)
}

/// A task of the job, counted from the shard's first; else which there are.
fn below(shard: &ShardView, task: u32) -> Result<u32, String> {
	let below = task.checked_sub(shard.first_task).filter(|below| *below < shard.tasks);
	below.ok_or_else(|| {
		format!(
			"--task: shard {} has the tasks {} to {} of the job",
			shard.id.index,
			shard.first_task,
			shard.first_task.saturating_add(shard.tasks).saturating_sub(1)
		)
	})
}

/// What a seat reported of a task, or why that is not known.
type Reported = Result<Outcome, String>;

async fn reported(chain: &Chain, seat: &CaseSeat, shard: &ShardView, task: u32, allow_private: bool) -> Reported {
	let Some(report) = &seat.report else {
		let why = match seat.kind {
			CaseSeatKind::Audit => "an audit shows the chain no more than what it says of its sample",
			_ => "it has not opened its report",
		};
		return Err(why.into());
	};
	let client = client(chain, allow_private).await.map_err(|error| error.to_string())?;
	let endpoints: Vec<_> = seat.endpoint.iter().cloned().collect();
	let outcomes = fetch_outcomes(&client, &endpoints, shard.id, shard.tasks, report).await;
	let outcomes = outcomes.map_err(|error| error.to_string())?;
	outcomes
		.get(task as usize)
		.copied()
		.ok_or_else(|| "its outcomes have no such task".into())
}

/// Refuses what would lose.
fn ensure_different(seat: &CaseSeat, task: u32, computed: &Outcome, reported: &Reported, blind: bool) -> Result<()> {
	let number = seat.number;
	match reported {
		Ok(reported) if reported == computed => Err(Failure::Input(format!(
			"seat {number} reported of task {task} just what it comes to here ({}); accusing it would lose the bond",
			said::outcome(computed.status, computed.code)
		))),
		Ok(_) => Ok(()),
		Err(_) if blind => Ok(()),
		Err(why) => Err(Failure::Unreachable(format!(
			"what seat {number} reported of task {task} is not to be had ({why}); here it comes to: {}, {} gas. --blind accuses \
			 nevertheless: if the seat reported the same, the bond is lost",
			said::outcome(computed.status, computed.code),
			computed.gas_used
		))),
	}
}

/// The report of who computed all of a shard, unless it is the seat's.
fn whole(seat: &CaseSeat, outcomes: &BTreeMap<u32, Outcome>) -> Result<Report> {
	let outcomes: Vec<_> = outcomes.values().copied().collect();
	let here = outcome::report(&outcomes).ok_or_else(|| Failure::Other("the shard's gas is no number".into()))?;
	if seat.report == Some(here) {
		return Err(Failure::Input(format!(
			"seat {} reported just what the shard comes to here; accusing it would lose the bond",
			seat.number
		)));
	}
	Ok(here)
}

/// What is known of a task that differs.
fn what_differs(seat: &CaseSeat, task: u32, computed: &Outcome, reported: &Reported) -> String {
	match reported {
		Ok(reported) => {
			let mut text = format!(
				"Task {task} comes to something else here than seat {} reported:",
				seat.number
			);
			for (what, here, there) in said::differences(computed, reported) {
				text += &format!("\n  {what}: {here} here, {there} reported");
			}
			text
		}
		Err(why) => format!(
			"What seat {} reported of task {task} is not known ({why}). Here it comes to: {}, {} gas.",
			seat.number,
			said::outcome(computed.status, computed.code),
			computed.gas_used
		),
	}
}

/// What it may cost.
fn terms(bond: Balance, seat: &CaseSeat) -> String {
	format!(
		"The bond is {}. If the seat is proven wrong, it comes back with a share of what the seat has at stake ({}). If the seat \
		 turns out right, it is lost, however the board ends: also if the seat's time runs out, and fresh seats then confirm what \
		 it reported. If nobody confirms it, it comes back. The board is played from here, until it is over.",
		mill(bond),
		mill(seat.stake),
	)
}

/// Asks before money is put up.
async fn confirm(yes: bool, output: &Output) -> Result<()> {
	if yes {
		return Ok(());
	}
	if output.is_json() || !io::stdin().is_terminal() {
		return Err(Failure::Input(
			"nothing was sent: this puts up a bond, and nobody is here to be asked; add --yes if you mean it".into(),
		));
	}
	note("Put it up? [y/N]");
	let answer = crate::compute::blocking(|| {
		let mut line = String::new();
		io::stdin()
			.read_line(&mut line)
			.map_err(|error| Failure::Other(format!("cannot read the answer: {error}")))?;
		Ok(line)
	});
	match answer.await?.trim().to_ascii_lowercase().as_str() {
		"y" | "yes" => Ok(()),
		_ => Err(Failure::Input("nothing was sent".into())),
	}
}

/// The board that a transaction opened.
fn opened(events: &[Event], shard: ShardId) -> Result<u32> {
	for event in events {
		if let Some((
			of,
			Court::BoardOpened {
				board,
				by: Author::Outsider(_),
				..
			},
		)) = event.court()?
		{
			if of == shard {
				return Ok(board);
			}
		}
	}
	Err(Failure::Other(format!(
		"the chain did not say which board was opened; `millrace dispute show {}` lists it",
		name(shard.job, shard.index)
	)))
}

/// What is printed of a board once it is over.
pub(super) fn document(table: &Table<'_>, transaction: Option<serde_json::Value>) -> serde_json::Value {
	json!({
		"job": table.shard.job,
		"shard": table.shard.index,
		"board": table.board,
		"seat": table.target,
		"bond": table.bond.to_string(),
		"transaction": transaction,
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		commands::dispute::tests::{case, disputed},
		compute::tests::{job_view, shard_view},
	};
	use codec::Encode;
	use millrace_primitives::{
		api::CaseStage,
		job::ShardState,
		machine::{ProgramRoots, Status, EMPTY_BLOB},
		AccountId,
	};

	fn outcome(gas_used: u64) -> Outcome {
		Outcome {
			status: Status::Success,
			code: 0,
			output: EMPTY_BLOB,
			errors: [0; 32],
			gas_used,
		}
	}

	#[test]
	fn who_cannot_be_attacked_is_named_with_why() {
		assert_eq!(attackable(&disputed(), 1).unwrap().number, 1);
		let why = |case: &CaseView, seat| attackable(case, seat).unwrap_err();
		assert!(why(&disputed(), 2).contains("proven wrong"));
		assert!(why(&disputed(), 9).contains("the seats 0 to 2"));
		let early = CaseView {
			stage: CaseStage::Sealing,
			seats: Vec::new(),
			..case()
		};
		assert!(why(&early, 0).contains("seats still work"));
		let ended = CaseView {
			stage: CaseStage::Ended,
			..case()
		};
		assert!(why(&ended, 0).contains("decided"));
	}

	#[test]
	fn tasks_are_counted_over_the_whole_job() {
		let shard = shard_view(&job_view(40, 10), 3, ShardState::Reported);
		assert_eq!((below(&shard, 30), below(&shard, 39)), (Ok(0), Ok(9)));
		for task in [29, 40, 0] {
			assert!(below(&shard, task).unwrap_err().contains("30 to 39"), "{task}");
		}
	}

	#[test]
	fn what_would_lose_is_refused() {
		let case = disputed();
		let seat = &case.seats[1];
		let refused = |reported: Reported, blind| ensure_different(seat, 37, &outcome(5), &reported, blind);
		let same = refused(Ok(outcome(5)), true).unwrap_err();
		assert_eq!(same.exit_code(), 2);
		assert!(same.to_string().contains("just what it comes to here"), "{same}");
		assert!(refused(Ok(outcome(6)), false).is_ok());
		let unknown = refused(Err("asleep".into()), false).unwrap_err();
		assert_eq!(unknown.exit_code(), 4);
		assert!(
			unknown.to_string().contains("asleep") && unknown.to_string().contains("--blind"),
			"{unknown}"
		);
		assert!(refused(Err("asleep".into()), true).is_ok());
		let text = what_differs(seat, 37, &outcome(5), &Ok(outcome(6)));
		assert!(text.contains("gas: 5 here, 6 reported"), "{text}");
		let text = terms(case.bond, seat);
		assert!(
			text.contains("The bond is 21 MILL") && text.contains("28 MILL"),
			"{text}"
		);
		assert!(text.contains("it is lost, however the board ends"), "{text}");
	}

	#[test]
	fn what_was_agreed_to_is_what_is_sent() {
		let mut case = disputed();
		let still = |case: Option<&CaseView>, shown| still_attackable(case, disputed().shard, 1, shown);
		assert_eq!(still(Some(&case), None).unwrap(), case.seats[1]);
		assert!(still(Some(&case), Some(case.bond)).is_ok());
		let shown = case.bond;
		case.bond += 1;
		let grown = still(Some(&case), Some(shown)).unwrap_err();
		assert_eq!(grown.exit_code(), 3);
		assert!(
			grown
				.to_string()
				.contains("nothing was sent: the bond has grown from 21 MILL"),
			"{grown}"
		);
		case.bond = shown;
		case.seats[1].state = CaseSeatState::OutByClock;
		let out = still(Some(&case), Some(shown)).unwrap_err().to_string();
		assert!(out.contains("nothing was sent: seat 1 cannot be attacked"), "{out}");
		assert!(still(None, Some(shown))
			.unwrap_err()
			.to_string()
			.contains("decided meanwhile"));
	}

	#[test]
	fn an_audit_is_accused_of_what_it_computed_only() {
		let job = job_view(40, 10);
		let shard = shard_view(&job, 3, ShardState::Reported);
		let view = |index: u32, sample: Option<Vec<u32>>| AssignmentView {
			shard: ShardId { index, ..shard.id },
			seat: 18,
			round: 0,
			state: None,
			held: true,
			reveal_open: true,
			due: 0,
			decline_by: 0,
			leave_from: 0,
			sample,
			shown: Vec::new(),
			engine: 1,
			program: job.program,
			roots: ProgramRoots {
				entry: 0,
				pages: 1,
				max_pages: 1,
				system_pages: 1,
				code: [0; 32],
				table: [0; 32],
				globals: [0; 32],
				memory: [0; 32],
				system: [0; 32],
			},
			module: EMPTY_BLOB,
			image: None,
			setup: job.setup,
			input_root: job.input_root,
			job_tasks: job.tasks,
			first_task: 30,
			tasks: 10,
			limits: job.limits,
			input_limit: 0,
			endpoints: Vec::new(),
		};
		let its = [view(2, Some(vec![7])), view(3, Some(vec![1, 5]))];
		assert!(ensure_sampled(2, &shard, Some(35), &its).is_ok());
		let refused = ensure_sampled(2, &shard, Some(37), &its).unwrap_err();
		assert_eq!(refused.exit_code(), 2);
		assert!(refused.to_string().ends_with("only these tasks: 31, 35"), "{refused}");
		// Where it is not known, the chain decides.
		assert!(ensure_sampled(2, &shard, Some(37), &its[..1]).is_ok());
		assert!(ensure_sampled(2, &shard, Some(37), &[view(3, None)]).is_ok());
		let whole = ensure_sampled(2, &shard, None, &its).unwrap_err();
		assert!(whole.to_string().contains("--task"), "{whole}");
	}

	#[test]
	fn a_whole_report_is_accused_of_being_another_only() {
		let outcomes: BTreeMap<u32, Outcome> = (30..33).map(|task| (task, outcome(task.into()))).collect();
		let here = outcome::report(&outcomes.values().copied().collect::<Vec<_>>()).unwrap();
		let mut seat = disputed().seats[1].clone();
		assert_ne!(seat.report, Some(here));
		assert_eq!(whole(&seat, &outcomes).unwrap(), here);
		seat.report = Some(here);
		let refused = whole(&seat, &outcomes).unwrap_err();
		assert_eq!(refused.exit_code(), 2);
		assert!(refused.to_string().contains("would lose the bond"), "{refused}");
	}

	#[tokio::test]
	async fn nothing_is_sent_unasked() {
		assert!(confirm(true, &Output::new(true)).await.is_ok());
		let refused = confirm(false, &Output::new(true)).await.unwrap_err();
		assert!(refused.to_string().contains("--yes"), "{refused}");
	}

	#[test]
	fn the_board_is_the_one_of_the_shard() {
		let event = |shard: ShardId, board: u32| Event {
			pallet: "Attestations".into(),
			name: "BoardOpened".into(),
			extrinsic: Some(1),
			fields: (shard, board, (1_u8, AccountId::from([1; 32])), 1_u8).encode(),
		};
		let shard = case().shard;
		let other = ShardId { index: 4, ..shard };
		assert_eq!(
			opened(&[event(other, 1_000), event(shard, 1_001)], shard).unwrap(),
			1_001
		);
		assert!(opened(&[event(other, 1_000)], shard).is_err());
	}
}
