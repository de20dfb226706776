//! What an agent does about reports that contradict its own, and for the court that draws it.

use crate::{
	chain::*,
	rival::{Court, AGENT, BOARD, RIVAL},
};
use millrace_agent::{
	exec::{Execute, Stop, Supply},
	market::Tx,
	Config,
};
use millrace_primitives::{api::AssignmentView, job::SeatState, machine::task_seed, outcome, Blob, Outcome};
use std::time::Duration;

/// What a shard's tasks come to.
pub fn truth(client: &Client, seat: &AssignmentView) -> Vec<Outcome> {
	let program = wasm().load(&client.program, &echo(), seat.limits.memory_pages).unwrap();
	let run = |task| {
		let supply = Supply::of_input(input(task), task_seed(&seat.input_root, task));
		program.run(&seat.limits, supply, &Stop::new()).unwrap().outcome
	};
	(seat.first_task..seat.first_task + seat.tasks).map(run).collect()
}

/// A case against somebody who has another outcome of task 4 of the shard.
fn court(client: &Client, seat: &AssignmentView) -> Court {
	let truth = truth(client, seat);
	let mut rival = truth.clone();
	rival[4].gas_used += 1;
	Court::new(client.list.clone(), truth, rival)
}

/// An agent beside that somebody, from the draw to the end; what the case came to.
async fn tried(seat: impl FnOnce(&Client) -> AssignmentView, change: impl FnOnce(&mut Court)) -> (Chain, Court) {
	let client = Client::new(echo()).await;
	let seat = seat(&client);
	let mut court = court(&client, &seat);
	change(&mut court);
	let shard = seat.shard;
	let chain = Chain::new(vec![seat]);
	chain.state().courts.insert(shard, court);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("decided", |state| state.courts[&shard].end.is_some()).await;
	let ended = |state: &State| state.seats.get(&shard).is_none_or(|seat| seat.state.is_none());
	chain.until("ended", ended).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	let court = chain.state().courts[&shard].clone();
	(chain, court)
}

/// Waits for what a process that crashes would take with it, and this one does not.
pub async fn gone() {
	tokio::time::sleep(Duration::from_millis(1_200)).await;
}

fn moves(chain: &Chain) -> usize {
	chain.count(|tx| matches!(tx, Tx::Play(_, BOARD, _)))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_contradicts_is_attacked_once_and_played_to_the_end() {
	let (chain, court) = tried(|client| client.seat(0), |_| {}).await;
	// The other made up states, and had nothing to prove in the end.
	assert_eq!(court.end.map(|(out, _)| out), Some(RIVAL));
	assert_eq!(chain.count(|tx| *tx == Tx::Attack(shard(0), RIVAL)), 1);
	assert!(court.moves > 5, "{} moves", court.moves);
	assert!(moves(&chain) * 2 >= court.moves as usize - 1 && moves(&chain) > 2);
	assert_eq!(chain.in_state(0), None, "it is in custody");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_put_out_by_the_clock() {
	for patience in 0..3 {
		let (chain, court) = tried(|client| client.seat(0), |court| court.patience = patience).await;
		assert_eq!(court.end, Some((RIVAL, false)));
		assert_eq!(chain.count(|tx| *tx == Tx::Time(shard(0), BOARD)), 1);
		assert_eq!((moves(&chain), court.moves), (patience as usize, 2 * patience));
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_attacked_answers_to_the_end() {
	let (chain, court) = tried(|client| client.seat(1), |court| court.attacker = true).await;
	assert_eq!(court.end.map(|(out, _)| out), Some(RIVAL));
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Attack(..))), 0);
	assert!(moves(&chain) > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn audits_attack_with_their_sample_and_are_answered_with_whole_trees() {
	let (chain, court) = tried(
		|client| client.audit(0, &[1, 4]),
		|court| court.audit = Some((AGENT, 4)),
	)
	.await;
	assert_eq!(court.end.map(|(out, _)| out), Some(RIVAL));
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Accept(_))), 0);
	assert_eq!(chain.count(|tx| *tx == Tx::Attack(shard(0), RIVAL)), 1);
	let report = chain.state().reports[&shard(0)].1;
	let client = Client::new(echo()).await;
	let all = truth(&client, &client.seat(0));
	assert_eq!(outcome::report(&[all[1], all[4]]), Some(report));
	// And the other way round: the agent has the tree, and moves first though it attacks.
	let (_, court) = tried(|client| client.seat(0), |court| court.audit = Some((RIVAL, 4))).await;
	assert_eq!(court.end.map(|(out, _)| out), Some(RIVAL));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_crashes_nor_lost_transactions_nor_a_lost_disk_lose_a_dispute() {
	let client = Client::new(echo()).await;
	let seat = client.seat(0);
	let chain = Chain::new(vec![seat.clone()]);
	let mut patient = court(&client, &seat);
	patient.clock = 60;
	chain.state().courts.insert(shard(0), patient);
	chain.state().hold = true;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	agent.crash().await;
	gone().await;
	// The disk is lost between seal and reveal: the same report comes out of it, and the same salt.
	let folder = tempfile::tempdir().unwrap();
	chain.state().hold = false;
	let agent = start(folder.path(), &chain);
	chain.until("revealed", |state| !state.reports.is_empty()).await;
	chain.state().lose = 2;
	chain.until("played", |state| state.courts[&shard(0)].moves >= 2).await;
	agent.crash().await;
	gone().await;
	// And in the middle of a game.
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("played on", |state| state.courts[&shard(0)].moves >= 6)
		.await;
	agent.crash().await;
	gone().await;
	let agent = start(folder.path(), &chain);
	chain
		.until("decided", |state| state.courts[&shard(0)].end.is_some())
		.await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.courts[&shard(0)].end.map(|(out, _)| out), Some(RIVAL));
	let reveals = state.calls.iter().filter(|tx| matches!(tx, Tx::Reveal(_))).count();
	assert_eq!((state.seals.len(), reveals), (1, 1));
	// A move that a process took with it may be made again by the next one, which the chain refuses.
	let again = |error: &String| error.starts_with("NotYourTurn") || error.starts_with("BoardOver");
	assert!(
		state.wrong.len() <= 2 && state.wrong.iter().all(again),
		"{:?}",
		state.wrong
	);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reorganisation_the_moves_are_made_again() {
	let client = Client::new(echo()).await;
	let seat = client.seat(0);
	let chain = Chain::new(vec![seat.clone()]);
	chain.state().courts.insert(shard(0), court(&client, &seat));
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("played", |state| state.courts[&shard(0)].moves >= 6).await;
	let made = {
		let mut state = chain.state();
		let now = state.now();
		// The agent made the second move.
		state.courts.get_mut(&shard(0)).unwrap().back_to(1, now);
		state.calls.clone()
	};
	chain
		.until("decided", |state| state.courts[&shard(0)].end.is_some())
		.await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.courts[&shard(0)].end.map(|(out, _)| out), Some(RIVAL));
	let first = made.iter().find(|tx| matches!(tx, Tx::Play(..))).unwrap();
	let again = state.calls[made.len()..].iter().filter(|tx| *tx == first).count();
	assert_eq!(again, 1, "in the same position the same move");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_read_in_every_block_of_a_dispute_and_seldom_else() {
	let (_, court) = tried(|client| client.seat(0), |court| court.patience = 1).await;
	let mut reads = court.reads.clone();
	reads.dedup();
	assert_eq!(reads, court.reads, "no block twice");
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let mut quiet = court;
	quiet.reads.clear();
	// Nobody is to be attacked any more, and nothing else happens.
	quiet.end = Some((AGENT, false));
	chain.state().courts.insert(shard(0), quiet);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("looked at", |state| state.courts[&shard(0)].reads.len() > 3)
		.await;
	agent.stop().await;
	let reads = chain.state().courts[&shard(0)].reads.clone();
	assert!(reads.windows(2).all(|pair| pair[1] >= pair[0] + 3), "{reads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drawn_seat_cannot_fetch_is_called_for_once_and_computed_when_it_comes() {
	let mut client = Client::new(echo()).await;
	let seat = AssignmentView {
		due: 12,
		..client.audit(0, &[0, 3])
	};
	client.server.take().unwrap().shutdown().await;
	let chain = Chain::new(vec![seat]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("called", |state| !state.called.is_empty()).await;
	assert!(chain.state().now() <= 12);
	// Its time passes, and it is not called for again, whatever happens here.
	chain.until("late", |state| state.now() > 14).await;
	agent.crash().await;
	gone().await;
	let agent = start(folder.path(), &chain);
	tokio::time::sleep(BLOCK * 12).await;
	client.start().await;
	chain.until("sealed", |state| state.seals.contains_key(&shard(0))).await;
	agent.stop().await;
	assert_eq!(chain.state().called, [shard(0)]);
	assert_eq!(chain.count(|tx| matches!(tx, Tx::DeclineDrawn(_))), 0);
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_whose_call_is_not_heard_is_given_back_and_one_that_was_heard_twice_is_not() {
	let mut client = Client::new(echo()).await;
	let seat = AssignmentView {
		due: 12,
		..client.audit(0, &[0, 3])
	};
	client.server.take().unwrap().shutdown().await;
	let folder = tempfile::tempdir().unwrap();
	let chain = Chain::new(vec![seat.clone()]);
	chain.state().full = true;
	let agent = start(folder.path(), &chain);
	chain.until("given back", |state| state.seats.is_empty()).await;
	agent.stop().await;
	assert_eq!(
		chain.state().calls,
		[Tx::Unavailable(shard(0)), Tx::DeclineDrawn(shard(0))]
	);
	// It was heard, but the agent did not hear of that.
	let folder = tempfile::tempdir().unwrap();
	let chain = Chain::new(vec![seat]);
	chain.state().called.push(shard(0));
	let agent = start(folder.path(), &chain);
	chain
		.until("late", |state| state.calls.contains(&Tx::DeclineDrawn(shard(0))))
		.await;
	client.start().await;
	chain.until("sealed", |state| state.seals.contains_key(&shard(0))).await;
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawn_seat_that_this_machine_cannot_compute_is_given_back() {
	let client = Client::new(echo()).await;
	let mut seat = client.audit(0, &[0, 3]);
	seat.limits.output = 64 << 20;
	seat.endpoints = vec![format!("http://{}", free_address())];
	seat.module = Blob { tree: [0; 32], len: 9 };
	let chain = Chain::new(vec![seat]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start_as(
		folder.path(),
		&chain,
		wasm(),
		Config {
			disk_mib: 100,
			..config(free_address())
		},
	);
	chain.until("given back", |state| state.seats.is_empty()).await;
	agent.stop().await;
	assert_eq!(chain.state().calls, [Tx::DeclineDrawn(shard(0))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_this_agent_did_not_compute_is_not_defended() {
	let client = Client::new(echo()).await;
	let seat = client.seat(0);
	let chain = Chain::new(vec![seat.clone()]);
	chain.state().hold = true;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	// Another machine with the same key revealed something else.
	let truth = truth(&client, &seat);
	let mut other = truth.clone();
	other[0].gas_used += 1;
	{
		let mut state = chain.state();
		let mut case = Court::new(client.list.clone(), truth.clone(), truth);
		case.attacker = true;
		state.courts.insert(shard(0), case);
		let number = state.number;
		state
			.reports
			.insert(shard(0), (number, outcome::report(&other).unwrap()));
		let seat = state.seats.get_mut(&shard(0)).unwrap();
		seat.state = Some(SeatState::Revealed);
	}
	chain
		.until("decided", |state| state.courts[&shard(0)].end.is_some())
		.await;
	agent.stop().await;
	assert_eq!(chain.state().courts[&shard(0)].end, Some((AGENT, false)));
	assert_eq!(moves(&chain), 0);
}
