//! What does not fit: disk, time, and the room that is reserved.

use crate::chain::*;
use millrace_agent::{
	exec::{Execute, HostError, LoadError, Named, Program, Stop, Supply},
	market::Tx,
	Config, Wasm,
};
use millrace_primitives::{
	api::AssignmentView,
	job::{DeclineReason, SeatState},
	Limits,
};
use std::{
	path::Path,
	sync::atomic::{AtomicBool, Ordering},
	sync::Arc,
	time::Duration,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_disk_is_declined_before_anything_is_fetched() {
	let client = Client::new(echo()).await;
	let mut large = AssignmentView {
		// Nobody is there, which nobody must find out.
		endpoints: vec![format!("http://{}", free_address())],
		..client.seat(1)
	};
	large.limits.output = 64 << 20;
	let chain = Chain::new(vec![client.seat(0), large]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain
		.until("custody", |state| {
			state.seats[&shard(0)].state.is_none() && state.seats.len() == 1
		})
		.await;
	// Not for want of room now: no disk of this size ever holds it.
	let declines = chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::TooLarge));
	assert_eq!(declines, 1);
	agent.stop().await;
}

/// What the next test does in a process that soon cannot write to any file.
async fn reveal_on_a_full_disk(folder: &Path) {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	chain.state().hold = true;
	let agent = start(folder, &chain);
	chain.until("sealed", |state| !state.seals.is_empty()).await;
	let lowered = std::process::Command::new("prlimit")
		.args(["--fsize=0:", "--pid", &std::process::id().to_string()])
		.status();
	assert!(lowered.unwrap().success());
	assert!(std::fs::write(folder.join("full"), b"?").is_err());
	chain.state().hold = false;
	chain.state().seats.insert(shard(1), client.seat(1));
	chain.until("revealed", |state| !state.reports.is_empty()).await;
	chain
		.until("declined", |state| !state.seats.contains_key(&shard(1)))
		.await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
	assert_eq!(chain.count(|tx| matches!(tx, Tx::Reveal(..))), 1);
	let declined = Tx::Decline(shard(1), DeclineReason::NoCapacity);
	assert_eq!(chain.count(|tx| *tx == declined), 1);
	println!("survived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_reveal_and_new_work_is_declined() {
	// The test starts itself, so that the limit on the size of files is its own.
	if let Ok(folder) = std::env::var("MILLRACE_TEST_FULL") {
		return reveal_on_a_full_disk(Path::new(&folder)).await;
	}
	let folder = tempfile::tempdir().unwrap();
	let output = std::process::Command::new("sh")
		.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#])
		.arg(std::env::current_exe().unwrap())
		.args([
			"--exact",
			"room::a_full_disk_costs_no_reveal_and_new_work_is_declined",
			"--nocapture",
		])
		.env("MILLRACE_TEST_FULL", folder.path())
		.output()
		.unwrap();
	let text = String::from_utf8_lossy(&output.stdout);
	let errors = String::from_utf8_lossy(&output.stderr);
	assert!(output.status.success() && text.contains("survived"), "{text}{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_room_counts_until_the_work_is_done_also_over_a_restart() {
	/// Computes once it is allowed to.
	struct Waiting(Arc<Wasm>, Arc<AtomicBool>);
	struct WaitingProgram(Arc<dyn Program>, Arc<AtomicBool>);
	impl Execute for Waiting {
		fn load(&self, program: &Named, wasm: &[u8], pages: u32) -> Result<Arc<dyn Program>, LoadError> {
			Ok(Arc::new(WaitingProgram(
				self.0.load(program, wasm, pages)?,
				self.1.clone(),
			)))
		}
	}
	impl Program for WaitingProgram {
		fn run(
			&self,
			limits: &Limits,
			supply: Supply,
			stop: &Stop,
		) -> Result<millrace_agent::exec::Execution, HostError> {
			while !self.1.load(Ordering::Relaxed) {
				if stop.is_requested() {
					return Err(HostError::Stopped);
				}
				std::thread::sleep(Duration::from_millis(10));
			}
			self.0.run(limits, supply, stop)
		}
	}
	let client = Client::new(echo()).await;
	// Two of these do not fit into 100 MiB, whatever they really write.
	let seat = |index| {
		let mut seat = client.seat(index);
		seat.limits.output = 12 << 20;
		seat
	};
	let chain = Chain::new(vec![seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let go = Arc::new(AtomicBool::new(false));
	let executor = || Arc::new(Waiting(wasm(), go.clone()));
	let agent = start_with(folder.path(), &chain, executor());
	chain
		.until("accepted", |state| {
			state.seats[&shard(0)].state == Some(SeatState::Accepted)
		})
		.await;
	let declined = || async {
		let before = chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::NoCapacity));
		let round = u32::try_from(before).unwrap();
		chain
			.state()
			.seats
			.insert(shard(1), AssignmentView { round, ..seat(1) });
		chain
			.until("declined", |state| !state.seats.contains_key(&shard(1)))
			.await;
		assert_eq!(
			chain.count(|tx| *tx == Tx::Decline(shard(1), DeclineReason::NoCapacity)),
			before + 1
		);
	};
	declined().await;
	agent.crash().await;
	tokio::time::sleep(Duration::from_millis(300)).await;
	let agent = start_with(folder.path(), &chain, executor());
	declined().await;
	go.store(true, Ordering::Relaxed);
	chain.until("sealed", |state| state.seals.contains_key(&shard(0))).await;
	chain
		.state()
		.seats
		.insert(shard(1), AssignmentView { round: 7, ..seat(1) });
	chain
		.until("custody", |state| {
			let seat = state.seats.get(&shard(1));
			seat.is_some_and(|seat| seat.state.is_none())
		})
		.await;
	agent.stop().await;
	assert_eq!(chain.state().wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_machine_is_too_slow_for_is_declined_but_on_a_development_chain() {
	let client = Client::new(echo()).await;
	// The chain allows 20 blocks, or 6 s: 30 million gas at a twentieth of 100 Mgas/s just fit, twice as much does not.
	let (fits, slow) = (4_900_000, 9_800_000);
	let run = |gas_limit, is_local| {
		let mut seat = client.seat(0);
		seat.limits.gas = gas_limit;
		async move {
			let chain = Chain::new(vec![seat]);
			chain.state().is_local = is_local;
			let folder = tempfile::tempdir().unwrap();
			let measured = Config {
				benchmark_mgas: Some(100),
				slots: 1,
				..config(free_address())
			};
			let agent = start_as(folder.path(), &chain, wasm(), measured);
			chain.until("decided", |state| !state.calls.is_empty()).await;
			agent.stop().await;
			let first = chain.state().calls[0].clone();
			first
		}
	};
	let declined = Tx::Decline(shard(0), DeclineReason::NoCapacity);
	assert_ne!(run(fits, false).await, declined);
	assert_eq!(run(slow, false).await, declined);
	assert_ne!(run(slow, true).await, declined);
}
