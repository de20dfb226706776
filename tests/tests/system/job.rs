//! The main job: real inputs, real agents, outputs equal to an independent computation, and money to the last planck.

use millrace_primitives::{params::JobsParams, Balance, MILLI};
use millrace_tests::{
	amount,
	court::{kept, verdicts, Terms},
	document, fees_in,
	ledger::{events_since, operator_of, Ledger, AUTHOR},
	programs::{compare_with_reference, example},
	provider::{Provider, ASK},
	submission, text, wait_for, Node,
};
use serde_json::{json, Value};
use std::{collections::BTreeMap, path::Path};
use subxt::rpcs::{rpc_params, RpcClient};

const PROVIDERS: [&str; 3] = ["//Bob", "//Charlie", "//Dave"];

/// Runs an example as a job whose outputs are fetched into a folder; what `submit` printed about the submission.
async fn run_example(node: &Node, name: &str, folder: &Path, more: &[&str]) -> Value {
	let (module, inputs) = example(name);
	let mut args = vec![
		"--json",
		"submit",
		"--program",
		&module,
		"--inputs",
		inputs.to_str().expect("text"),
	];
	args.extend([
		"--replicas",
		"2",
		"--shard-size",
		"8",
		"--max-price",
		"0.01",
		"--gas-limit",
		"4G",
		"--deadline",
		"30m",
	]);
	args.extend(["--fetch", folder.to_str().expect("text")]);
	args.extend(more);
	let output = node.cli("//Alice", &args).await;
	assert!(output.status.success(), "the job {name} failed: {}", text(&output));
	let fetched = document(&output);
	assert_eq!(
		(fetched["failed"].clone(), fetched["missing"].clone()),
		(json!([]), json!([]))
	);
	compare_with_reference(name, &inputs, folder);
	submission(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_computed_verified_and_paid_to_the_last_planck() {
	let node = Node::start().await;
	let chain = node.chain().await;
	let _providers = Provider::start_all(&node, &PROVIDERS).await;
	let before = Ledger::read(&node, &chain).await;
	let mut client_fees = 0;
	let mut deposits = 0;
	for name in ["kmers", "digits"] {
		let published = node
			.cli_json("//Alice", &["program", "publish", &example(name).0])
			.await;
		client_fees += fees_in(&published);
		deposits += amount(&published["deposit"]);
		let again = node
			.cli_json("//Alice", &["program", "publish", &example(name).0])
			.await;
		assert_eq!(
			again["published"], false,
			"a second publication is none, and costs nothing"
		);
	}
	let balance = node.cli_json("//Alice", &["balance"]).await;
	assert_eq!(
		balance["held"],
		json!([{ "pallet": "Jobs", "reason": "ProgramDeposit", "amount": deposits.to_string() }])
	);

	// The notices of a dApp that follows the job from its submission to its end.
	let (url, rpc) = (node.url(), &node);
	let notices = tokio::spawn(async move {
		let client = RpcClient::from_insecure_url(&url)
			.await
			.expect("the node takes WebSocket connections");
		let mut subscription = wait_for("a subscription to the job", || async {
			client
				.subscribe::<Value>("market_subscribeJob", rpc_params![0], "market_unsubscribeJob")
				.await
				.ok()
		})
		.await;
		let mut notices = Vec::new();
		while let Some(notice) = subscription.next().await {
			let notice = notice.expect("a notice");
			let is_last = notice["job"].is_null();
			notices.push(notice);
			if is_last {
				break;
			}
		}
		notices
	});

	let folder = node.dir.path().join("kmers");
	let submitted = run_example(&node, "kmers", &folder, &[]).await;
	assert_eq!(
		(submitted["job"].clone(), submitted["tasks"].clone()),
		(json!(0), json!(64))
	);
	client_fees += fees_in(&submitted);

	// The job as anyone sees it over HTTP, its outputs still in custody.
	let job = rpc.job(0).await.expect("the job is there until it is acknowledged");
	assert_eq!(
		(job["status"].clone(), job["accepted"].clone(), job["failed"].clone()),
		(json!("done"), json!(8), json!(0))
	);
	let explanation = node
		.rpc("market_explain", json!([0]))
		.await
		.expect("market_explain answers");
	assert_eq!(explanation["reason"], "nothingWaits");
	let params = JobsParams::fast();
	let terms = Terms::new(10 * MILLI, 4_000_000_000, 1 << 20, 8);
	let verdicts = verdicts(&events_since(&node, &chain, before.block).await, 0);
	let (mut earned, mut fees, mut burned) = (BTreeMap::<String, Balance>::new(), 0, 0);
	for (shard, verdict) in node.shards(0).await.iter().zip(verdicts.values()) {
		assert_eq!(shard["state"], "custody");
		let gas = shard["report"]["gasUsed"].as_u64().expect("gas");
		for seat in shard["seats"].as_array().expect("seats") {
			assert!(seat["provider"].is_string(), "every seat was held");
			assert_eq!(amount(&seat["ask"]), ASK);
			let (_, fee) = terms.pay(ASK, gas);
			fees += fee;
			burned += params.burn_share.mul_ceil(fee);
		}
		// For each who sealed, audits among them.
		let seats = verdict.seats.len() as Balance * terms.seat_fee;
		fees += seats;
		burned += seats;
		for (account, amount) in verdict.earned(&terms, |_| ASK) {
			*earned.entry(millrace_client::keys::address(&account)).or_default() += amount;
		}
	}
	assert_eq!(amount(&job["paid"]), earned.values().sum::<Balance>());
	assert_eq!(amount(&job["fees"]), fees);

	// The end of custody: the withheld parts are paid, the state is removed, the dApp is told.
	let acknowledged = node.cli_json("//Alice", &["acknowledge", "0"]).await;
	client_fees += fees_in(&acknowledged);
	let notices = tokio::time::timeout(millrace_tests::DEADLINE, notices)
		.await
		.expect("the notices end");
	let notices = notices.expect("the subscription lives");
	assert!(notices.len() > 3, "the job was followed: {} notices", notices.len());
	let last = notices
		.iter()
		.rev()
		.find_map(|notice| notice["job"].as_object())
		.expect("the job was seen");
	assert_eq!(last["status"], "done");
	node.finalized_without(0).await;

	// The same as the command line reckons it from the chain's events.
	let receipt = node.cli_json("//Alice", &["receipt", "0", "--check"]).await;
	let told = |name: &str| amount(&receipt[name]);
	assert_eq!(
		(told("paid"), told("fees"), told("feesBurned")),
		(amount(&job["paid"]), fees, burned)
	);
	assert_eq!((told("stillHeld"), told("withheld")), (0, 0));
	let storage = told("storage");
	assert!(storage > 0, "keeping outputs is paid");
	assert_eq!(told("escrow"), told("paid") + storage + told("fees") + told("refunded"));

	// Where every planck went.
	let after = Ledger::read(&node, &chain).await;
	let kept = kept(&events_since(&node, &chain, before.block).await, 0);
	assert_eq!(kept.values().sum::<Balance>(), storage);
	let submission = amount(&submitted["submissionFee"]);
	let mut operators = 0;
	for uri in PROVIDERS {
		let address = millrace_tests::key(uri).address();
		let gain = after.gain(&before, uri);
		assert_eq!(
			gain,
			(earned.get(&address).unwrap_or(&0) + kept.get(&millrace_tests::key(uri).account()).unwrap_or(&0)) as i128,
			"{uri} earned what it was promised"
		);
		operators -= after.gain(&before, &operator_of(uri));
	}
	let paid = amount(&job["paid"]) as i128;
	let client = -after.gain(&before, "//Alice");
	assert_eq!(
		client,
		paid + (storage + fees + submission + client_fees) as i128,
		"the client paid what it was told"
	);
	assert!(operators >= 0, "operators gain nothing");
	let author = after.gain(&before, AUTHOR);
	assert_eq!(
		client + operators,
		paid + storage as i128 + after.burned(&before) + author,
		"what was paid was earned, burned, or the author's"
	);
	let transactions = author - (fees - burned) as i128;
	let halves = (client_fees as i128 + operators) - 2 * transactions;
	assert!(
		halves.abs() <= 100,
		"but for roundings the author has half of the transaction fees: {halves}"
	);
	let told = node.cli_json("//Alice", &["balance"]).await;
	assert_eq!(
		amount(&told["free"]) + deposits,
		after.totals["//Alice"],
		"the command line and the chain agree"
	);

	// A program in C, acknowledged by the same command.
	let folder = node.dir.path().join("digits");
	run_example(&node, "digits", &folder, &["--acknowledge"]).await;
	assert!(node.job(1).await.is_none(), "nothing is left of an acknowledged job");
	for name in ["kmers", "digits"] {
		node.cli_json("//Alice", &["program", "withdraw", &example(name).0])
			.await;
	}
	let end = node.cli_json("//Alice", &["balance"]).await;
	assert_eq!(end["held"], json!([]), "nothing is on hold when all is over");
	let providers = node
		.rpc("market_providers", json!([]))
		.await
		.expect("market_providers answers");
	for provider in providers.as_array().expect("a list") {
		assert_eq!(
			(provider["usedSlots"].clone(), provider["liability"].clone()),
			(json!(0), json!("0"))
		);
	}
}
