//! What an agent does about others' shards.

use crate::{
	chain::*,
	disputes::{gone, truth},
	rival::{Court, BOARD, RIVAL, STAKE},
};
use millrace_agent::{
	config::{database_file, Watch},
	db::Database,
	market::{Purse, Tx},
	seat::WATCHED,
	Config,
};
use millrace_primitives::{api::AssignmentView, job::SeatState, outcome, Balance};
use std::path::Path;

/// A watcher's configuration.
fn watcher(budget: Balance) -> Config {
	Config {
		watch: Watch::All,
		watch_budget: budget,
		..config(free_address())
	}
}

fn start_watcher(data: &Path, chain: &Chain, budget: Balance) -> Running {
	start_as(data, chain, wasm(), watcher(budget))
}

/// A chain on which somebody else alone reported on a shard, a lie or not.
fn chain_with(client: &Client, lies: bool, change: impl FnOnce(&mut Court)) -> Chain {
	let single = AssignmentView {
		seat: WATCHED,
		round: 0,
		state: Some(SeatState::Assigned),
		shown: Vec::new(),
		..client.seat(0)
	};
	let truth = truth(client, &single);
	let mut said = truth.clone();
	if lies {
		said[4].gas_used += 1;
	}
	let chain = Chain::new(Vec::new());
	let mut court = Court::new(client.list.clone(), truth, said);
	change(&mut court);
	{
		let mut state = chain.state();
		state.purse = Purse {
			free: 1_000 * STAKE,
			accused: 0,
		};
		state.singles.insert(shard(0), single);
		state.courts.insert(shard(0), court);
		let number = state.number;
		state.opened.push((number, shard(0)));
	}
	chain
}

fn accusations(chain: &Chain) -> usize {
	chain.count(|tx| matches!(tx, Tx::Accuse(..)))
}

fn is_gone(state: &State) -> bool {
	let gone = state.courts[&shard(0)].settled;
	gone.is_some_and(|(_, gone)| state.number > gone + 40)
}

fn watched(data: &Path) -> usize {
	let db = Database::open(&database_file(data)).unwrap();
	assert_eq!(db.watched().unwrap().len(), db.seats().unwrap().len());
	db.watched().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reports_wrongly_alone_is_accused_once_and_played_to_the_end() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, true, |_| {});
	let folder = tempfile::tempdir().unwrap();
	let agent = start_watcher(folder.path(), &chain, STAKE);
	chain.until("it is over", is_gone).await;
	agent.stop().await;
	let state = chain.state();
	let right = outcome::report(&truth(&client, &client.seat(0))).unwrap();
	let accused: Vec<_> = state.calls.iter().filter(|tx| matches!(tx, Tx::Accuse(..))).collect();
	assert_eq!(accused, [&Tx::Accuse(shard(0), RIVAL, right, STAKE)]);
	let court = &state.courts[&shard(0)];
	assert_eq!(court.end.map(|(out, _)| out), Some(RIVAL));
	assert!(court.moves > 5, "{} moves", court.moves);
	let known = |tx: &Tx| {
		matches!(
			tx,
			Tx::Accuse(..) | Tx::Play(_, BOARD, _) | Tx::Time(_, BOARD) | Tx::Heartbeat
		)
	};
	assert!(state.calls.iter().all(known), "{:?}", state.calls);
	assert_eq!(state.wrong, Vec::<String>::new());
	assert_eq!(watched(folder.path()), 0, "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn about_who_reports_rightly_nothing_is_said() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, false, |_| {});
	let folder = tempfile::tempdir().unwrap();
	let agent = start_watcher(folder.path(), &chain, 100 * STAKE);
	chain
		.until("looked at", |state| state.courts[&shard(0)].reads.len() > 2)
		.await;
	let from = chain.state().number;
	chain.until("some blocks", |state| state.number > from + 40).await;
	agent.stop().await;
	assert_eq!(chain.state().calls, []);
	assert_eq!(watched(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_accused_without_leave_or_money() {
	let client = Client::new(echo()).await;
	let poor = Purse {
		free: STAKE,
		accused: 0,
	};
	let rich = Purse {
		free: 1_000 * STAKE,
		accused: 0,
	};
	for (config, purse) in [
		(config(free_address()), rich),
		(watcher(STAKE - 1), rich),
		(watcher(100 * STAKE), poor),
	] {
		let chain = chain_with(&client, true, |court| court.until = 20);
		chain.state().purse = purse;
		let folder = tempfile::tempdir().unwrap();
		let agent = start_as(folder.path(), &chain, wasm(), config.clone());
		chain.until("its end", is_gone).await;
		agent.stop().await;
		assert_eq!(chain.state().calls, [], "{config:?}");
		assert_eq!(watched(folder.path()), 0);
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_crashes_nor_lost_transactions_make_it_say_so_twice() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, true, |court| court.clock = 60);
	// The first is lost; of the second nobody hears.
	chain.state().lose = 1;
	let folder = tempfile::tempdir().unwrap();
	let agent = start_watcher(folder.path(), &chain, STAKE);
	chain.until("lost", |state| state.lose == 0).await;
	chain.state().deafen = 1;
	chain
		.until("accused", |state| state.courts[&shard(0)].bond.is_some())
		.await;
	agent.crash().await;
	gone().await;
	let agent = start_watcher(folder.path(), &chain, STAKE);
	chain.until("played", |state| state.courts[&shard(0)].moves >= 4).await;
	agent.crash().await;
	gone().await;
	// It goes on though it is not to watch any more, and though its copy of the inputs is lost.
	std::fs::remove_dir_all(folder.path().join("work")).unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("it is over", is_gone).await;
	agent.stop().await;
	assert_eq!(accusations(&chain), 1);
	let state = chain.state();
	assert_eq!(state.courts[&shard(0)].end.map(|(out, _)| out), Some(RIVAL));
	let again = |error: &String| error.starts_with("NotYourTurn") || error.starts_with("BoardOver");
	assert!(
		state.wrong.len() <= 2 && state.wrong.iter().all(again),
		"{:?}",
		state.wrong
	);
	assert_eq!(watched(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_board_is_settled_and_not_opened_again() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, true, |court| court.patience = 0);
	let folder = tempfile::tempdir().unwrap();
	let agent = start_watcher(folder.path(), &chain, 100 * STAKE);
	chain
		.until("accused", |state| state.courts[&shard(0)].bond.is_some())
		.await;
	{
		// As if its time had run out.
		let mut state = chain.state();
		let court = state.courts.get_mut(&shard(0)).unwrap();
		(court.board, court.until) = (None, 0);
	}
	let pulled = Tx::Pull(shard(0), BOARD);
	chain.until("settled", |state| state.calls.contains(&pulled)).await;
	chain.until("it is over", is_gone).await;
	agent.stop().await;
	assert_eq!((accusations(&chain), chain.count(|tx| *tx == pulled)), (1, 1));
	assert_eq!(watched(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_played_by_another_is_left_to_it_while_there_is_time() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, true, |court| {
		court.stranger = true;
		court.until = 100;
	});
	let folder = tempfile::tempdir().unwrap();
	let agent = start_watcher(folder.path(), &chain, STAKE);
	chain
		.until("accused", |state| state.courts[&shard(0)].bond.is_some())
		.await;
	let now = chain.state().now();
	assert!((40..=100).contains(&now), "at {now}");
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_seats_come_first() {
	let client = Client::new(echo()).await;
	let chain = chain_with(&client, true, |_| {});
	// The slot is taken, by a seat that waits for others.
	let waiting = AssignmentView {
		state: Some(SeatState::Accepted),
		..client.seat(1)
	};
	{
		let mut state = chain.state();
		state.waits = true;
		state.seats.insert(shard(1), waiting);
		state.grow();
	}
	let folder = tempfile::tempdir().unwrap();
	let one = Config {
		slots: 1,
		..watcher(STAKE)
	};
	let agent = start_as(folder.path(), &chain, wasm(), one);
	let from = chain.state().number;
	chain.until("some blocks", |state| state.number > from + 40).await;
	assert_eq!(accusations(&chain), 0);
	chain.state().waits = false;
	chain
		.until("accused", |state| state.courts[&shard(0)].bond.is_some())
		.await;
	assert_eq!(chain.state().seals.len(), 1, "the seat sealed first");
	agent.stop().await;
}
