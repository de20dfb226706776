//! A seat's life, with crashes, lost transactions and lost connections.

use crate::chain::*;
use codec::DecodeAll;
use millrace_agent::{
	exec::{Execute, HostError, LoadError, Named, Program, Stop, Supply},
	market::Tx,
	Agent, Config, Wasm, WasmLimits,
};
use millrace_client::blobs;
use millrace_primitives::{
	api::{CaseSeat, CaseSeatKind, CaseSeatState, DemandView},
	job::SeatState,
	merkle, outcome,
	provider::ProviderStatus,
	Limits, Outcome, Status,
};
use std::{
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
	time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_goes_its_way_and_its_outputs_are_served_in_custody_only() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0), client.seat(1)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| state.seals.len() == 2).await;
	let response = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
		.await
		.unwrap();
	assert_eq!(response.status(), 404, "nothing is given out before custody");
	chain
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	for index in 0..2 {
		check_outputs(&chain, agent.address, index).await;
		assert!(chain.count(|tx| *tx == Tx::Accept(shard(index))) <= 1);
	}
	let left = std::fs::read_dir(folder.path().join("work")).unwrap().count();
	assert_eq!(left, 0, "inputs are removed once nobody can contradict any more");
	// The client acknowledges one shard: after a while its outputs are gone, the other's are not.
	chain.state().seats.remove(&shard(0));
	let served = || async {
		let bytes = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
			.await
			.unwrap();
		bytes.status() == 200
	};
	for _ in 0..200 {
		if !served().await {
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	assert!(!served().await);
	check_outputs(&chain, agent.address, 1).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_reports_once_and_computes_no_task_twice() {
	/// Counts what it runs, slowly.
	struct Counting(Wasm, Arc<AtomicU32>);
	struct CountingProgram(Arc<dyn Program>, Arc<AtomicU32>);
	impl Execute for Counting {
		fn load(&self, program: &Named, wasm: &[u8], pages: u32) -> Result<Arc<dyn Program>, LoadError> {
			Ok(Arc::new(CountingProgram(
				self.0.load(program, wasm, pages)?,
				self.1.clone(),
			)))
		}
	}
	impl Program for CountingProgram {
		fn run(
			&self,
			limits: &Limits,
			supply: Supply,
			stop: &Stop,
		) -> Result<millrace_agent::exec::Execution, HostError> {
			std::thread::sleep(Duration::from_millis(120));
			if stop.is_requested() {
				return Err(HostError::Stopped);
			}
			self.1.fetch_add(1, Ordering::Relaxed);
			self.0.run(limits, supply, stop)
		}
	}
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let runs = Arc::new(AtomicU32::new(0));
	let executor = || Arc::new(Counting(Wasm::new(WasmLimits::default()).unwrap(), runs.clone()));
	let moments: [(&str, fn(&State) -> bool); 4] = [
		("accepted", |state| {
			state.seats.values().any(|seat| seat.state == Some(SeatState::Accepted))
		}),
		("sealed", |state| !state.seals.is_empty()),
		("open", |state| state.seats.values().any(|seat| seat.reveal_open)),
		("revealed", |state| !state.reports.is_empty()),
	];
	for (what, moment) in moments {
		let agent = start_with(folder.path(), &chain, executor());
		chain.until(what, moment).await;
		agent.crash().await;
		// Blocking work of this process goes on for a moment, which a real crash would end.
		tokio::time::sleep(Duration::from_millis(1_200)).await;
	}
	let agent = start_with(folder.path(), &chain, executor());
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	check_outputs(&chain, agent.address, 0).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Seal(..))), 1);
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
	assert_eq!(runs.load(Ordering::Relaxed), TASKS, "every task ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_transactions_and_lost_connections_are_made_up_for() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	chain.state().lose = 2;
	chain.state().outage = 3;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	chain.state().deafen = 1;
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	check_outputs(&chain, agent.address, 0).await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_tasks_are_outcomes_and_a_silent_provider_comes_back() {
	let client = Client::new(echo()).await;
	let mut poor = client.seat(0);
	poor.limits.gas = 200;
	let chain = Chain::new(vec![poor]);
	chain.state().status = Some(ProviderStatus::Unresponsive);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	assert_eq!(chain.count(|tx| *tx == Tx::Heartbeat), 1);
	assert_eq!(chain.in_state(0), None);
	let report = chain.state().reports[&shard(0)].1;
	let mut served = None;
	for _ in 0..50 {
		let response = reqwest::get(format!("http://{}/outcomes/1/0", agent.address))
			.await
			.unwrap();
		if response.status() == 200 {
			served = Some(response.bytes().await.unwrap());
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	let outcomes = Vec::<Outcome>::decode_all(&mut &served.unwrap()[..]).unwrap();
	assert_eq!(outcome::report(&outcomes), Some(report));
	assert!(outcomes
		.iter()
		.all(|outcome| outcome.status == Status::OutOfGas && outcome.gas_used == 200));
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_data_directory_in_use_are_named() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let executor = || Arc::new(Wasm::new(WasmLimits::default()).unwrap());
	let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	let address = taken.local_addr().unwrap();
	let agent = Agent::new(folder.path(), config(address), chain.clone(), executor()).unwrap();
	let second = Agent::new(folder.path(), config(free_address()), chain.clone(), executor())
		.err()
		.unwrap();
	assert!(second.to_string().contains("another agent"), "{second}");
	let error = agent.run(std::future::pending(), || {}).await.unwrap_err();
	assert!(error.to_string().contains(&address.to_string()), "{error}");
	let file = other.path().join("file");
	std::fs::write(&file, b"").unwrap();
	assert!(Agent::new(&file, config(address), chain, executor()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_are_served_when_asked_for() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let metrics = free_address();
	let config = Config {
		metrics: Some(metrics),
		..config(free_address())
	};
	let executor = Arc::new(Wasm::new(WasmLimits::default()).unwrap());
	let agent = Agent::new(folder.path(), config, chain.clone(), executor).unwrap();
	let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
	let running = tokio::spawn(agent.run(
		async move {
			let _ = stopped.await;
		},
		|| {},
	));
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	let text = reqwest::get(format!("http://{metrics}/metrics"))
		.await
		.unwrap()
		.text()
		.await
		.unwrap();
	assert!(
		text.contains("millrace_agent_tasks_total{kind=\"success\"} 6"),
		"{text}"
	);
	assert!(
		text.contains("millrace_agent_transactions_total{kind=\"seal\"} 1"),
		"{text}"
	);
	assert_eq!(
		reqwest::get(format!("http://{metrics}/health")).await.unwrap().status(),
		200
	);
	stop.send(()).unwrap();
	running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_demanded_of_outputs_is_shown_once_also_after_a_restart_and_losses() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(1)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	check_outputs(&chain, agent.address, 1).await;
	let demand = |task, chunk| DemandView {
		shard: shard(1),
		task,
		chunk,
		due: 100_000,
		deposit: 7,
	};
	// Its seat is the second: the first has twenty market blocks to answer before it.
	let asked = chain.state().now();
	let all: Vec<_> = (0..TASKS)
		.flat_map(|task| [demand(task, None), demand(task, Some(0))])
		.collect();
	chain.state().demands = all;
	chain.until("answers", |state| state.demands.len() < 10).await;
	assert!(chain.state().now() >= asked + 20);
	// Some of its transactions get lost, and it is killed.
	chain.state().lose = 2;
	agent.crash().await;
	let agent = start(folder.path(), &chain);
	chain.until("answers", |state| state.demands.is_empty()).await;
	// More than is under way at once, while nothing is finalized.
	chain.state().stalled = true;
	for _ in 0..2 {
		let asked = chain.state().calls.len();
		chain.state().demands = (0..TASKS).map(|task| demand(task, Some(0))).collect();
		chain.until("answers", |state| state.demands.is_empty()).await;
		assert!(chain.state().calls.len() >= asked + TASKS as usize);
	}
	chain.state().stalled = false;
	// What nobody keeps is not answered, and what is not demanded any more is let be.
	let strange = [
		demand(TASKS, None),
		demand(0, Some(1)),
		DemandView {
			shard: shard(7),
			..demand(0, None)
		},
	];
	chain.state().demands = strange.to_vec();
	let then = chain.state().now();
	chain.until("time", |state| state.now() > then + 30).await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.demands.len(), 3);
	let wrong: Vec<_> = state
		.wrong
		.iter()
		.filter(|text| !text.starts_with("answered"))
		.collect();
	assert_eq!(wrong, Vec::<&String>::new());
	// Answers of the one that was killed may be under way while the other starts, which costs nothing: the chain takes none twice.
	let answers = state.calls.iter().filter(|tx| matches!(tx, Tx::Answer(..))).count();
	assert!(answers <= 2 * 4 * TASKS as usize, "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_drawn_to_check_has_of_those_it_checks_what_the_client_does_not_serve() {
	let mut client = Client::new(echo()).await;
	let bought = Chain::new(vec![client.seat(1)]);
	bought.state().hold = true;
	let folder = tempfile::tempdir().unwrap();
	let honest = start(folder.path(), &bought);
	bought.until("sealed", |state| state.seals.len() == 1).await;
	client.server.take().unwrap().shutdown().await;
	let drawn = Chain::new(vec![client.audit(1, &[0, 2])]);
	drawn.state().peers = vec![CaseSeat {
		number: 0,
		kind: CaseSeatKind::Primary,
		provider: provider(),
		endpoint: Some(format!("http://{}", honest.address)),
		state: CaseSeatState::Sealed,
		report: None,
		stake: 0,
	}];
	let folder = tempfile::tempdir().unwrap();
	let checker = start(folder.path(), &drawn);
	drawn.until("checked", |state| state.reports.len() == 1).await;
	checker.stop().await;
	// Of others than its own shard it has nothing.
	let blobs = blobs::Client::new(Default::default()).unwrap();
	let endpoints = [format!("http://{}", honest.address)];
	let root = merkle::list_root(&client.list);
	for (first, count) in [(0, TASKS), (TASKS, TASKS - 1)] {
		assert!(blobs::fetch_range(&blobs, &endpoints, root, 2 * TASKS, first, count)
			.await
			.is_err());
	}
	// Once the outputs are in custody, nobody checks any more.
	bought.state().hold = false;
	bought
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	check_outputs(&bought, honest.address, 1).await;
	let over = async {
		while blobs::fetch_range(&blobs, &endpoints, root, 2 * TASKS, TASKS, TASKS)
			.await
			.is_ok()
		{
			tokio::time::sleep(BLOCK).await;
		}
	};
	tokio::time::timeout(std::time::Duration::from_secs(30), over)
		.await
		.unwrap();
	honest.stop().await;
	assert_eq!(drawn.state().wrong, Vec::<String>::new());
	assert_eq!(drawn.state().called, Vec::new());
}
