//! Programs, inputs and outputs: what cannot be run or had, slow servers, and serving in custody.

use crate::chain::*;
use millrace_agent::{decide::CUSTODY_PAUSE, market::Tx, Config};
use millrace_primitives::{api::AssignmentView, job::DeclineReason, merkle, Blob};
use std::{
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc,
	},
	time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_declined_with_the_reason() {
	for (program, expected) in [
		(b"not wasm".to_vec(), DeclineReason::ProgramRefused),
		(
			wat::parse_str(
				r#"(module (import "env" "x" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
			)
			.unwrap(),
			DeclineReason::ProgramRefused,
		),
	] {
		let client = Client::new(program).await;
		let chain = Chain::new(vec![client.seat(0)]);
		let folder = tempfile::tempdir().unwrap();
		let agent = start(folder.path(), &chain);
		chain.until("declined", |state| state.seats.is_empty()).await;
		assert_eq!(chain.state().calls, [Tx::Decline(shard(0), expected)]);
		agent.stop().await;
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_and_altered_data_is_declined_before_the_time_is_over() {
	let mut client = Client::new(echo()).await;
	// One input is not what its root says.
	let root = merkle::data_root(&input(2));
	client.blobs.insert(root, b"altered".to_vec());
	client.server.take().unwrap().shutdown().await;
	client.start().await;
	let soon = AssignmentView {
		due: 14,
		..client.seat(0)
	};
	let unreachable = AssignmentView {
		due: 14,
		endpoints: vec![format!("http://{}", free_address())],
		module: Blob { tree: [0; 32], len: 9 },
		..client.seat(1)
	};
	let chain = Chain::new(vec![soon, unreachable]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("declined", |state| state.seats.is_empty()).await;
	let calls = chain.state().calls.clone();
	assert!(
		calls.contains(&Tx::Decline(shard(0), DeclineReason::InputsUnavailable)),
		"{calls:?}"
	);
	assert!(
		calls.contains(&Tx::Decline(shard(1), DeclineReason::ProgramUnavailable)),
		"{calls:?}"
	);
	assert_eq!(calls.len(), 2);
	assert!(chain.state().number <= 80);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_in_time_is_served() {
	let mut client = Client::new(echo()).await;
	client.server.take().unwrap().shutdown().await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	tokio::time::sleep(BLOCK * 10).await;
	client.start().await;
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_holds_up_its_own_job_only() {
	let client = Client::new(echo()).await;
	// Takes connections and never answers.
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = silent.local_addr().unwrap();
	tokio::spawn(async move {
		let mut connections = Vec::new();
		while let Ok(connection) = silent.accept().await {
			connections.push(connection);
		}
	});
	let stuck = (2..14).map(|index| AssignmentView {
		module: Blob { tree: [9; 32], len: 9 },
		endpoints: vec![format!("http://{address}")],
		..client.seat(index)
	});
	let chain = Chain::new(stuck.collect());
	let folder = tempfile::tempdir().unwrap();
	let agent = start_as(
		folder.path(),
		&chain,
		wasm(),
		Config {
			disk_mib: 1_000,
			..config(free_address())
		},
	);
	tokio::time::sleep(BLOCK * 10).await;
	let before = chain.state().number;
	chain.state().seats.insert(shard(0), client.seat(0));
	chain
		.until("custody", |state| state.seats[&shard(0)].state.is_none())
		.await;
	// Long before the silent server's fetches are given up.
	assert!(Duration::from_secs(12) > BLOCK * (chain.state().number - before));
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Decline(..))), 0);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_ends_with_the_seats_deadline() {
	let client = Client::new(echo()).await;
	let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let stuck = AssignmentView {
		due: 9,
		endpoints: vec![format!("http://{}", silent.local_addr().unwrap())],
		..client.seat(0)
	};
	let chain = Chain::new(vec![stuck]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("declined", |state| state.seats.is_empty()).await;
	assert!(matches!(chain.state().calls[..], [Tx::Decline(..)]));
	assert!(chain.state().now() <= 9);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_public_are_not_asked_unless_the_operator_says_so() {
	let client = Client::new(echo()).await;
	// Counts who comes, and answers nobody.
	let inside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let port = inside.local_addr().unwrap().port();
	let visits = Arc::new(AtomicU32::new(0));
	let counted = visits.clone();
	tokio::spawn(async move {
		while inside.accept().await.is_ok() {
			counted.fetch_add(1, Ordering::Relaxed);
		}
	});
	let seat = AssignmentView {
		endpoints: vec![
			format!("http://127.0.0.1:{port}"),
			format!("http://localhost:{port}"),
			format!("http://[::ffff:127.0.0.1]:{port}"),
		],
		..client.seat(0)
	};
	let chain = Chain::new(vec![seat]);
	let folder = tempfile::tempdir().unwrap();
	let careful = Config {
		allow_private_addresses: false,
		..config(free_address())
	};
	let agent = start_as(folder.path(), &chain, wasm(), careful);
	chain.until("declined", |state| state.seats.is_empty()).await;
	assert_eq!(
		chain.state().calls,
		[Tx::Decline(shard(0), DeclineReason::ProgramUnavailable)]
	);
	assert_eq!(visits.load(Ordering::Relaxed), 0);
	agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_served_and_forgotten_among_many_in_custody_which_are_read_seldom() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0), client.seat(1)]);
	let others = (100..700).map(|index| AssignmentView {
		state: None,
		..client.seat(index)
	});
	let others: Vec<_> = others.map(|seat| (seat.shard, seat)).collect();
	chain.state().seats.extend(others);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| state.seats.values().all(|seat| seat.state.is_none()))
		.await;
	for index in 0..2 {
		check_outputs(&chain, agent.address, index).await;
	}
	chain.state().seats.remove(&shard(0));
	let kept = |index| {
		let url = format!("http://{}/outcomes/1/{index}", agent.address);
		async move { reqwest::get(url).await.unwrap().status() == 200 }
	};
	for _ in 0..200 {
		if !kept(0).await {
			break;
		}
		tokio::time::sleep(BLOCK).await;
	}
	assert!(!kept(0).await && kept(1).await);
	let (reads, blocks) = {
		let state = chain.state();
		(state.custody_reads, state.number - 10)
	};
	assert!(
		reads >= 3 && reads * CUSTODY_PAUSE * 3 < blocks,
		"{reads} reads in {blocks} blocks"
	);
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}
