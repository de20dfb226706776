//! Bad input: every time a clear error that names what and why, nothing lost, no panic.

use super::{arg, publish, submit};
use jsonrpsee::{server::Server as RpcServer, RpcModule};
use millrace_agent::exec::Named;
use millrace_client::{calls, At};
use millrace_court::case::Kind;
use millrace_primitives::{
	job::SeatState,
	machine::{self, program_id},
	params::JobsParams,
	AccountId, Balance, ENGINE_VERSION, MILLI,
};
use millrace_tests::{
	amount,
	court::{kept, verdicts, Terms},
	document, fees_in, free_port, key,
	ledger::{self, escrow, events_between, events_since, vacated, Cause, Ledger, AUTHOR},
	programs::{burglar, compile_bomb, endless, flood, memory_bomb, numbered, save, save_lines, swap_case},
	provider::{Provider, ASK, BOND},
	run_cli,
	served::serve_job,
	submission, text, Node,
};
use serde_json::{json, Value};
use std::{collections::BTreeMap, fs, path::Path};

const PROVIDERS: [&str; 3] = ["//Bob", "//Charlie", "//Dave"];
const CLIENTS: [&str; 3] = ["//Alice", "//Eve", "//Ferdie"];
/// Whose program's module is not what its name says, and whose takes too much to compile.
const MISLED: [&str; 2] = ["//Bob//stash", "//Charlie//stash"];

fn altered(input: &[u8]) -> Vec<u8> {
	input.iter().map(|byte| byte ^ 1).collect()
}

fn truncated(input: &[u8]) -> Vec<u8> {
	input[..input.len() / 2].to_vec()
}

/// Expects a command to be refused with this exit code and these words.
fn assert_refused(output: &std::process::Output, code: i32, words: &[&str]) {
	let text = text(output);
	assert_eq!(output.status.code(), Some(code), "{text}");
	assert!(!text.contains("panicked"), "{text}");
	for word in words {
		assert!(text.contains(word), "no word of {word:?} in: {text}");
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_loses_nothing() {
	let node = Node::start().await;
	let home = node.dir.path().to_path_buf();
	let (providers, ()) = tokio::join!(
		Provider::start_all(&node, &PROVIDERS),
		what_the_command_line_refuses(&node, &home)
	);
	what_providers_decline(&node, &home).await;
	what_programs_do_wrong(&node, &home).await;
	for provider in &providers {
		let record = ledger::provider(&node, &provider.owner).await;
		assert_eq!(
			(&record["bond"], &record["status"]),
			(&json!(BOND.to_string()), &json!("active")),
			"{record}"
		);
		assert!(!provider.log().contains("panicked"), "{}", provider.log());
	}
	assert!(!node.process.output().contains("panicked"), "{}", node.process.output());
}

async fn what_the_command_line_refuses(node: &Node, home: &Path) {
	let good = save(home, "good.wasm", &swap_case(0));
	let (lines, _) = save_lines(home, "lines", 8);
	let text_file = save(home, "text.wasm", b"#!/bin/sh\necho no module\n");
	let broken = save(home, "broken.wasm", &swap_case(0)[..40]);
	let burglar = save(home, "burglar.wasm", &burglar());
	let empty = save(home, "empty", b"");

	// Programs.
	let publish = |file: &str| {
		let args = ["program".to_string(), "publish".to_string(), file.to_string()];
		async move { node.cli("//Alice", &args.each_ref().map(String::as_str)).await }
	};
	assert_refused(
		&publish(&text_file).await,
		2,
		&["text.wasm", "not a valid WebAssembly module"],
	);
	assert_refused(&publish(&broken).await, 2, &["broken.wasm"]);
	assert_refused(&publish(&burglar).await, 2, &["burglar.wasm", "`env` `system`"]);
	assert_refused(&publish("nowhere.wasm").await, 2, &["nowhere.wasm"]);

	// Money, price, publication, inputs.
	let url = node.url();
	let pauper = node.cli("//Pauper", &["program", "publish", &good]).await;
	assert_refused(&pauper, 3, &["cannot pay"]);
	let unpublished = submit(&url, "//Alice", &good, &lines, &["--watch"]).await;
	assert_refused(&unpublished, 3, &["not published", "--publish"]);
	let dear = ["--watch", "--publish", "--gas-limit", "1T", "--max-price", "1000000"];
	let poor = node
		.cli(
			"//Eve",
			&[
				&["submit", "--program", &good, "--inputs", &lines, "--lines"][..],
				&dear,
			]
			.concat(),
		)
		.await;
	assert_refused(&poor, 3, &["insufficient funds", "are missing"]);
	let cheap = [
		"submit",
		"--program",
		&good,
		"--inputs",
		&lines,
		"--lines",
		"--watch",
		"--publish",
		"--max-price",
		"0.00000001",
	];
	assert_refused(&node.cli("//Alice", &cheap).await, 2, &["--max-price", "--deadline"]);
	assert_refused(
		&submit(&url, "//Alice", &good, &empty, &["--watch"]).await,
		2,
		&["empty"],
	);
	assert_refused(
		&submit(&url, "//Alice", &good, &lines, &[]).await,
		2,
		&["--watch", "--endpoint"],
	);
	assert_refused(
		&submit(&url, "not a key", &good, &lines, &["--watch"]).await,
		2,
		&["nor a secret"],
	);
	assert_refused(&node.cli("//Alice", &["watch", "4711"]).await, 2, &["4711"]);

	// The network.
	let nobody = format!("ws://127.0.0.1:{}", free_port());
	let at = |url: &str| {
		let url = url.to_string();
		async move { run_cli(&["--url", &url], &["provider", "list"]).await }
	};
	assert_refused(&at(&nobody).await, 4, &[&nobody, "--url"]);
	assert_refused(&at(&url.replace("ws://", "http://")).await, 4, &["ws://"]);
	let other = RpcServer::builder()
		.build("127.0.0.1:0")
		.await
		.expect("loopback has a free port");
	let address = format!("ws://{}", other.local_addr().expect("it listens"));
	let mut module = RpcModule::new(());
	let version = json!({ "specName": "polkadot", "implName": "parity-polkadot", "authoringVersion": 0,
		"specVersion": 2_000_000, "implVersion": 0, "apis": [], "transactionVersion": 26, "stateVersion": 1 });
	module
		.register_method("state_getRuntimeVersion", move |_, _, _| version.clone())
		.expect("a new method");
	let other = other.start(module);
	assert_refused(&at(&address).await, 4, &["not the expected Millrace chain", "polkadot"]);
	drop(other);
	let chain = node.chain().await;
	for client in CLIENTS {
		let balances = chain
			.balances(&key(client).account(), At::Finalized)
			.await
			.expect("balances");
		assert_eq!(
			balances.held,
			[],
			"nothing is on hold of {client} after what was refused"
		);
	}
}

/// Inputs that do not match their roots, and a server that is not there: providers decline for free, the job is
/// suspended with the reason, and its client gets everything back.
async fn what_providers_decline(node: &Node, home: &Path) {
	let (chain, url) = (node.chain().await, node.url());
	let (lines, inputs) = save_lines(home, "declined", 8);
	let (known, unknown) = (swap_case(1), swap_case(2));
	let program = save(home, "known.wasm", &known);
	let unreachable = save(home, "unknown.wasm", &unknown);
	publish(node, &program).await;
	publish(node, &unreachable).await;
	let mut servers = Vec::new();
	let mut endpoints = Vec::new();
	for spoil in [altered as fn(&[u8]) -> Vec<u8>, truncated] {
		let (server, endpoint) = serve_job(&known, &inputs, spoil).await;
		endpoints.push(endpoint);
		servers.push(server);
	}
	endpoints.push(format!("http://127.0.0.1:{}", free_port()));
	// The right module, and one that no compiler would be done with, under names that say that they come to another program.
	let (bomb, other) = (compile_bomb(), Named::of(&unknown).expect("a program").roots);
	let mut misnamed = Vec::new();
	for (publisher, wasm) in MISLED.iter().zip([&known, &bomb]) {
		let module = machine::blob(wasm).expect("it is not too long");
		chain
			.submit(&key(publisher), calls::publish_program(&other, &module))
			.await
			.expect("anybody may publish");
		misnamed.push(format!("{:?}", program_id(ENGINE_VERSION, &other, &module)));
		let (server, endpoint) = serve_job(wasm, &inputs, <[u8]>::to_vec).await;
		endpoints.push(endpoint);
		servers.push(server);
	}
	let from = chain.finalized_head().await.expect("a head").number;
	let cases = [
		(&program, "inputsUnavailable", "fetch the inputs"),
		(&program, "inputsUnavailable", "fetch the inputs"),
		(&unreachable, "programUnavailable", "fetch the program"),
		(&misnamed[0], "programRefused", "the program"),
		(&misnamed[1], "programRefused", "the program"),
	];
	let before = Ledger::read(node, &chain).await;
	let mut jobs = Vec::new();
	let clients = CLIENTS.iter().chain(&MISLED);
	for ((client, endpoint), (program, reason, words)) in clients.zip(&endpoints).zip(cases) {
		let more = [
			"--replicas",
			"2",
			"--shard-size",
			"1",
			"--gas-limit",
			"10M",
			"--endpoint",
			endpoint,
		];
		let output = submit(&url, client, program, &lines, &more).await;
		assert!(output.status.success(), "{}", text(&output));
		let submitted = document(&output);
		jobs.push((*client, submitted, reason, words));
	}
	let mut spent = Vec::new();
	for (client, submitted, reason, words) in jobs {
		let (job, escrowed) = (
			submitted["job"].as_u64().expect("a number"),
			amount(&submitted["escrow"]),
		);
		node.job_is(job, "suspended", |job| job["status"] == json!({ "suspended": reason }))
			.await;
		let explanation = node
			.rpc("market_explain", json!([job]))
			.await
			.expect("market_explain answers");
		assert_eq!(explanation["reason"], "suspended", "{words}");
		assert!(escrow(&chain, client).await > 0);
		let cancelled = node.cli_json(client, &["cancel", &job.to_string()]).await;
		let running = cancelled["stillRunning"].as_u64().expect("a number");
		assert!(amount(&cancelled["refunded"]) <= escrowed);
		assert!(
			running > 0 || amount(&cancelled["refunded"]) == escrowed,
			"all comes back: {cancelled}"
		);
		node.finalized_without(job).await;
		assert_eq!(escrow(&chain, client).await, 0, "everything came back to {client}");
		let fees = fees_in(&submitted) + fees_in(&cancelled);
		spent.push((client, amount(&submitted["submissionFee"]) + fees));
	}
	let after = Ledger::read(node, &chain).await;
	for (client, spent) in spent {
		assert_eq!(after.gain(&before, client), -(spent as i128), "{client} lost its fees");
	}
	for owner in PROVIDERS {
		assert_eq!(after.gain(&before, owner), 0, "{owner} lost nothing");
	}
	let events = events_since(node, &chain, from).await;
	for (shard, who, cause, slashed) in vacated(&events) {
		assert!(
			matches!(cause, Cause::Declined(_)) && slashed == 0,
			"{who} lost {shard:?} by {cause:?}"
		);
	}
	drop(servers);
}

/// What each provider has of these amounts.
fn of_providers(amounts: &BTreeMap<AccountId, Balance>) -> [(&'static str, i128); 3] {
	let of = |uri: &str| amounts.get(&key(uri).account()).copied().unwrap_or_default();
	PROVIDERS.map(|uri| (uri, of(uri) as i128))
}

/// Programs that never end, want all memory, or write for ever: the outcome is a failure on which all providers agree,
/// and the gas that was used is paid, to the last planck.
async fn what_programs_do_wrong(node: &Node, home: &Path) {
	const LIMIT: u64 = 1_000_000_000;
	const OUTPUT: u32 = 65_536;
	let (chain, url) = (node.chain().await, node.url());
	let from = chain.finalized_head().await.expect("a head").number;
	let (lines, _) = save_lines(home, "two", 2);
	let before = Ledger::read(node, &chain).await;
	let programs = [
		("endless.wasm", endless()),
		("bomb.wasm", memory_bomb()),
		("flood.wasm", flood()),
	];
	let runs = CLIENTS.iter().zip(&programs).map(|(client, (name, module))| {
		let program = save(home, name, module);
		let (url, lines, folder) = (url.clone(), lines.clone(), home.join(name).with_extension("out"));
		async move {
			let more = [
				"--replicas",
				"2",
				"--shard-size",
				"2",
				"--gas-limit",
				"1G",
				"--publish",
				"--fetch",
				arg(&folder),
			];
			let output = submit(&url, client, &program, &lines, &more).await;
			assert_refused(&output, 5, &["2 tasks did not succeed"]);
			let fetched = document(&output);
			assert_eq!(
				(&fetched["failed"], &fetched["missing"]),
				(&json!([0, 1]), &json!([])),
				"{name}"
			);
			assert_eq!(numbered(&folder).len(), 0, "a failed task has no output");
			assert!(
				fs::read_dir(&folder).expect("the folder is there").next().is_some(),
				"but a manifest"
			);
			let id = fetched["job"].as_u64().expect("a number");
			(id, amount(&submission(&output)["submissionFee"]))
		}
	});
	let runs = futures::future::join_all(runs).await.into_iter();
	let (jobs, submission_fees): (Vec<u64>, Vec<Balance>) = runs.unzip();
	let ids = jobs.clone();
	let paid = CLIENTS.into_iter().zip(submission_fees);
	let mut gains: Vec<(&str, i128)> = paid.map(|(client, fee)| (client, -(fee as i128))).collect();
	let events = events_since(node, &chain, from).await;
	let terms = Terms::new(10 * MILLI, LIMIT, OUTPUT, 2);
	for ((id, (name, _)), client) in jobs.into_iter().zip(&programs).zip(CLIENTS) {
		let job = node.job(id).await.expect("its outcomes are in custody");
		assert_eq!(
			(&job["status"], &job["accepted"], &job["failed"]),
			(&json!("done"), &json!(1), &json!(0)),
			"{name}"
		);
		let shards = node.shards(id).await;
		let gas = shards[0]["report"]["gasUsed"].as_u64().expect("a number");
		match *name {
			"bomb.wasm" | "flood.wasm" => {
				assert!(
					(1..2 * LIMIT).contains(&gas),
					"{gas}: what it used until it gave up or was stopped"
				);
			}
			_ => assert_eq!(gas, 2 * LIMIT, "{name}: exactly the limit of both tasks"),
		}
		// For as little gas as the others used, who has no history earns nothing.
		let verdict = &verdicts(&events, id)[&0];
		let earned = verdict.earned(&terms, |_| ASK);
		let least = if *name == "endless.wasm" { 1 } else { 0 };
		for account in verdict.drawn(Kind::Primary) {
			assert!(earned[account] >= least, "{name}: both providers are paid for the gas");
		}
		let paid = earned.values().sum::<Balance>();
		assert_eq!(amount(&job["paid"]), paid, "{name}");
		assert_eq!(verdict.payments.iter().cloned().collect::<BTreeMap<_, _>>(), earned);
		// For each of both what is on top of its pay, and for each who sealed, audits among them, what burns.
		let (_, fee) = terms.pay(ASK, gas);
		let seats = verdict.seats.len() as Balance * terms.seat_fee;
		let burned = 2 * JobsParams::fast().burn_share.mul_ceil(fee) + seats;
		let fees = 2 * fee + seats;
		assert_eq!(amount(&job["fees"]), fees, "{name}");
		gains.extend(of_providers(&earned));
		gains.push((AUTHOR, (fees - burned) as i128));
		gains.push((client, -((paid + fees) as i128)));
		let states: Vec<&Value> = shards[0]["seats"]
			.as_array()
			.expect("seats")
			.iter()
			.map(|seat| &seat["state"])
			.collect();
		assert_eq!(states, [&json!(SeatState::Revealed), &json!(SeatState::Revealed)]);
		node.cli_json(client, &["acknowledge", &id.to_string()]).await;
	}
	for id in &ids {
		node.finalized_without(*id).await;
	}
	let after = Ledger::read(node, &chain).await;
	let events = events_between(node, &chain, before.block, after.block).await;
	for (id, client) in ids.into_iter().zip(CLIENTS) {
		// What failed has no outputs; that outcomes are kept is paid all the same.
		let kept = kept(&events, id);
		gains.extend(of_providers(&kept));
		gains.push((client, -(kept.values().sum::<Balance>() as i128)));
	}
	after.assert_gains(node, &chain, &before, &gains).await;
}
