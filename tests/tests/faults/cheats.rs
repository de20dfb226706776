//! Providers that do not do what they promised.

use super::{arg, assert_complete, publish, submit};
use millrace_agent::{
	exec::{Named, Stop, Supply},
	Execute, Wasm, WasmLimits,
};
use millrace_client::Event;
use millrace_primitives::{job::JobStatus, machine::task_seed, money, Balance, Hash, JobId, Limits};
use millrace_tests::{
	document, key,
	ledger::{self, escrow, events_since, vacated, Cause, Ledger},
	programs::{check_swapped, numbered, save, save_lines, swap_case, swapped},
	provider::{liar, silent, Provider, ASK, BOND},
	text, Node,
};
use serde_json::json;
use std::fs;

/// What the chain said at a job's end: accepted, failed, paid, fees.
fn settled(events: &[Event], job: u64) -> (u32, u32, Balance, Balance) {
	type Fields = (JobId, JobStatus, u32, u32, Balance, Balance);
	let mut ends = events.iter().filter(|event| event.is("Jobs", "JobSettled"));
	let fields: Fields = ends
		.find_map(|event| event.decode::<Fields>().ok().filter(|fields| fields.0 == JobId(job)))
		.unwrap_or_else(|| panic!("job {job} was settled"));
	(fields.2, fields.3, fields.4, fields.5)
}

/// The gas that an honest provider reports for tasks with these inputs.
fn gas(program: &[u8], inputs: &[Vec<u8>]) -> u64 {
	let machine = Wasm::new(WasmLimits::default()).expect("this machine executes programs");
	let program = machine
		.load(&Named::of(program).expect("a program"), program, 16)
		.expect("the program is accepted");
	let run = |(index, input): (usize, &Vec<u8>)| {
		let limits = Limits {
			gas: 100_000_000,
			memory_pages: 16,
			output: 65_536,
		};
		let supply = Supply::of_input(input.clone(), task_seed(&Hash::zero(), index as u32));
		program
			.run(&limits, supply, &Stop::new())
			.expect("the machine works")
			.outcome
			.gas_used
	};
	inputs.iter().enumerate().map(run).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_silent_is_penalised_and_who_lies_is_never_accepted() {
	let node = Node::start().await;
	let (chain, url) = (node.chain().await, node.url());
	let home = node.dir.path().to_path_buf();
	let module = swap_case(100_000);
	let program = save(&home, "program.wasm", &module);
	let (inputs, lines) = save_lines(&home, "lines", 16);
	let (_honest, silent) = tokio::join!(
		Provider::start_all(&node, &["//Bob", "//Charlie"]),
		silent(&node, "//Dave")
	);
	publish(&node, &program).await;

	// One of three accepts and never reports. The work is done by the other two.
	let from = chain.finalized_head().await.expect("a head").number;
	let folder = home.join("silent");
	let more = [
		"--replicas",
		"2",
		"--shard-size",
		"2",
		"--gas-limit",
		"100M",
		"--fetch",
		arg(&folder),
	];
	let output = submit(&url, "//Alice", &program, &inputs, &more).await;
	assert_complete(&output);
	check_swapped(&lines, &folder);
	let events = events_since(&node, &chain, from).await;
	let losses = vacated(&events);
	assert!(!losses.is_empty(), "of eight shards it was drawn for one at least");
	let dave = key("//Dave").account();
	for (shard, who, cause, slashed) in &losses {
		assert!(
			*who == dave && *cause == Cause::Late && *slashed > 0,
			"{who} lost {shard:?}: {cause:?}, {slashed}"
		);
	}
	let slashed: Balance = losses.iter().map(|(.., slashed)| slashed).sum();
	let record = ledger::provider(&node, "//Dave").await;
	assert_eq!(record["bond"], (BOND - slashed).to_string());
	assert_eq!(
		(record["status"].as_str(), record["liability"].as_str()),
		(Some("unresponsive"), Some("0"))
	);
	drop(silent);

	// One of three adds a byte to every output. Where all three have seats nothing can be accepted, and nobody is
	// called guilty: who revealed gets half, the client the rest.
	let _liar = liar(&node, "//Eve").await;
	let before = Ledger::read(&node, &chain).await;
	let (few, four) = save_lines(&home, "few", 4);
	let folder = home.join("disputed");
	let more = [
		"--replicas",
		"3",
		"--shard-size",
		"2",
		"--gas-limit",
		"100M",
		"--fetch",
		arg(&folder),
	];
	let output = submit(&url, "//Ferdie", &program, &few, &more).await;
	assert_eq!(
		output.status.code(),
		Some(5),
		"no result for some tasks: {}",
		text(&output)
	);
	assert_eq!(
		numbered_or_none(&folder),
		0,
		"nothing that was not accepted is handed out"
	);
	let events = events_since(&node, &chain, before.block).await;
	let half = |tasks: &[Vec<u8>]| money::payment(ASK, gas(&module, tasks)).expect("no overflow") / 2;
	let halves = half(&four[..2]) + half(&four[2..]);
	assert_eq!(
		settled(&events, 1),
		(0, 2, 3 * halves, 0),
		"two shards failed, half was paid, no fee was taken"
	);
	assert_eq!(escrow(&chain, "//Ferdie").await, 0, "the client has the rest back");
	assert_eq!(vacated(&events), []);
	let after = Ledger::read(&node, &chain).await;
	for uri in ["//Bob", "//Charlie", "//Eve"] {
		assert_eq!(after.gain(&before, uri), halves as i128, "{uri} revealed");
		let record = ledger::provider(&node, uri).await;
		assert_eq!(
			(&record["bond"], &record["liability"]),
			(&json!(BOND.to_string()), &json!("0"))
		);
	}

	// With two seats a shard, some shards have honest seats only. Exactly those are accepted, and their outputs are right.
	let folder = home.join("partly");
	let more = [
		"--replicas",
		"2",
		"--shard-size",
		"2",
		"--gas-limit",
		"100M",
		"--fetch",
		arg(&folder),
	];
	let output = submit(&url, "//Alice", &program, &inputs, &more).await;
	let events = events_since(&node, &chain, after.block).await;
	let (accepted, failed, ..) = settled(&events, 2);
	assert_eq!(accepted + failed, 8);
	let eve = key("//Eve").address();
	let kept = node.shards(2).await;
	assert_eq!(kept.len() as u32, accepted);
	for shard in &kept {
		let seats = shard["seats"].as_array().expect("seats");
		assert!(
			seats.iter().all(|seat| seat["provider"] != eve.as_str()),
			"a report of the liar was accepted: {shard}"
		);
	}
	let expected = if failed == 0 { 0 } else { 5 };
	assert_eq!(output.status.code(), Some(expected), "{}", text(&output));
	if accepted > 0 {
		let missing = document(&output)["missing"].as_array().expect("a list").len();
		assert_eq!(missing, 2 * failed as usize);
		let outputs = numbered(&folder);
		assert_eq!(outputs.len(), lines.len() - missing);
		for output in outputs {
			let name = output.file_name().and_then(|name| name.to_str()).expect("a number");
			let index: usize = name.parse().expect("a number");
			assert_eq!(fs::read(&output).expect("readable"), swapped(&lines[index]));
		}
	}
}

/// How many outputs a folder has that may not be there.
fn numbered_or_none(folder: &std::path::Path) -> usize {
	if folder.exists() {
		numbered(folder).len()
	} else {
		0
	}
}
