//! Heads and submissions against a node in memory that forgets, disconnects and restarts.

mod node;

use crate::{calls, chain::Head, Error, Keypair, Result};
use futures::StreamExt;
use millrace_primitives::JobId;
use node::{nonce_of, Ending, Loss, Node};
use std::time::Duration;

fn alice() -> Keypair {
	Keypair::from_uri("//Alice").unwrap()
}

/// What must not take long.
async fn in_time<T>(future: impl std::future::Future<Output = T>) -> T {
	tokio::time::timeout(Duration::from_secs(20), future).await.unwrap()
}

fn numbers(heads: Vec<Result<Head>>) -> Vec<u32> {
	heads.into_iter().map(|head| head.unwrap().number).collect()
}

#[tokio::test]
async fn heads_come_once_each_over_gaps_and_lost_connections() {
	let node = Node::new();
	let chain = node.connect().await;
	node.advance();
	let mut heads = chain.finalized_heads();
	assert_eq!(
		heads.next().await.unwrap().unwrap(),
		chain.finalized_head().await.unwrap()
	);
	node.advance_unheard(200);
	node.advance();
	assert_eq!(
		numbers(heads.by_ref().take(201).collect().await),
		(2..203).collect::<Vec<_>>()
	);
	node.disconnect();
	node.advance_unheard(3);
	node.advance();
	assert_eq!(numbers(heads.by_ref().take(4).collect().await), [203, 204, 205, 206]);
}

#[tokio::test]
async fn heads_end_when_the_node_comes_back_with_another_chain() {
	for same_genesis in [false, true] {
		let node = Node::new();
		let chain = node.connect().await;
		node.advance();
		let mut heads = chain.finalized_heads();
		heads.next().await.unwrap().unwrap();
		node.advance_unheard(1);
		node.restart(same_genesis);
		assert!(matches!(heads.next().await, Some(Err(Error::WrongNetwork { .. }))));
		assert!(heads.next().await.is_none());
	}
}

#[tokio::test]
async fn a_transaction_is_done_when_it_is_in_a_finalized_block() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn({
		let chain = chain.clone();
		async move { chain.submit(&alice(), calls::cancel(JobId(1))).await }
	});
	let transaction = node.handed_in(1).await.remove(0);
	node.advance();
	let finalized = submitted.await.unwrap().unwrap();
	assert_eq!(finalized.hash, millrace_primitives::merkle::hash(&transaction));
	assert_eq!(finalized.block, chain.finalized_head().await.unwrap());
	assert!(finalized.find("System", "ExtrinsicSuccess").is_some());
	assert_eq!(finalized.job_id(), None);
}

#[tokio::test]
async fn a_failed_call_is_named() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.advance_with(Ending::UnknownJob);
	let error = submitted.await.unwrap().unwrap_err();
	assert_eq!(error.dispatch(), Some(("Jobs", "UnknownJob")));
	assert!(error.to_string().starts_with("Jobs.UnknownJob: "), "{error}");
}

#[tokio::test]
async fn many_submissions_at_once_have_nonces_in_a_row() {
	let node = Node::new();
	let chain = node.connect().await;
	let submissions: Vec<_> = (0..20)
		.map(|job| {
			let chain = chain.clone();
			tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(job))).await })
		})
		.collect();
	let transactions = node.handed_in(20).await;
	let nonces: Vec<_> = transactions.iter().map(|transaction| nonce_of(transaction)).collect();
	assert_eq!(nonces, (0..20).collect::<Vec<_>>());
	node.advance();
	for submission in submissions {
		submission.await.unwrap().unwrap();
	}
}

#[tokio::test]
async fn a_lost_transaction_is_sent_again_as_it_was() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.forget(false);
	(0..4).for_each(|_| node.advance());
	let transactions = node.handed_in(2).await;
	assert_eq!(transactions[0], transactions[1]);
	node.advance();
	submitted.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lost_transaction_is_sent_again_while_no_block_becomes_final() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.finalize(Some(0));
	node.forget(false);
	(0..4).for_each(|_| node.advance());
	let transactions = in_time(node.handed_in(2)).await;
	assert_eq!(transactions[0], transactions[1]);
	node.advance();
	node.finalize(None);
	submitted.await.unwrap().unwrap();
	assert_eq!(node.included(), transactions[..1]);
}

#[tokio::test]
async fn a_transaction_for_a_runtime_that_is_gone_is_given_up_early() {
	let node = Node::new();
	let chain = node.connect().await;
	let submit = || {
		let chain = chain.clone();
		tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await })
	};
	let lost = submit();
	node.handed_in(1).await;
	node.forget(true);
	node.upgrade();
	(0..4).for_each(|_| node.advance());
	let error = in_time(lost).await.unwrap().unwrap_err();
	assert!(matches!(error, Error::Dropped { .. }), "{error}");
	node.forget(false);
	let again = submit();
	assert_eq!(nonce_of(&node.handed_in(2).await[1]), 0);
	node.advance();
	again.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transaction_for_a_runtime_to_come_is_not_given_up() {
	let node = Node::new();
	let chain = node.connect().await;
	node.finalize(Some(0));
	(0..5).for_each(|_| node.advance());
	node.upgrade();
	node.advance();
	node.forget(true);
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.forget(false);
	// These blocks run the version before.
	node.finalize(Some(4));
	let transactions = in_time(node.handed_in(2)).await;
	node.advance();
	node.finalize(None);
	submitted.await.unwrap().unwrap();
	assert_eq!(node.included(), transactions[..1]);
}

#[tokio::test]
async fn nothing_is_sent_while_the_node_is_away() {
	let node = Node::new();
	let chain = node.connect_with(Duration::from_millis(150)).await;
	let submit = || {
		let chain = chain.clone();
		tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await })
	};
	node.stay_away(true);
	// The second one waits for the first.
	for submitted in [submit(), submit()] {
		let error = in_time(submitted).await.unwrap().unwrap_err();
		assert!(matches!(error, Error::NotSent(_)), "{error}");
		assert!(error.is_connection() && error.is_retryable(), "{error}");
	}
	node.stay_away(false);
	let submitted = submit();
	in_time(node.handed_in(1)).await;
	node.advance();
	submitted.await.unwrap().unwrap();
	assert_eq!(node.included().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_can_no_longer_be_included_is_given_up_and_its_nonce_taken_again() {
	let node = Node::new();
	let chain = node.connect().await;
	node.forget(true);
	let submit = |job| {
		let chain = chain.clone();
		tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(job))).await })
	};
	let (first, second) = (submit(1), submit(2));
	node.handed_in(2).await;
	(0..64).for_each(|_| node.advance());
	for lost in [first, second] {
		let error = lost.await.unwrap().unwrap_err();
		assert!(
			matches!(error, Error::Dropped { .. }) && error.is_retryable(),
			"{error}"
		);
	}
	node.forget(false);
	let before = node.handed_in(2).await.len();
	let third = submit(3);
	assert_eq!(nonce_of(&node.handed_in(before + 1).await[before]), 0);
	node.advance();
	third.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transaction_whose_nonce_another_one_used_is_given_up_early() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.forget(true);
	node.use_nonce();
	(0..4).for_each(|_| node.advance());
	assert!(matches!(submitted.await.unwrap(), Err(Error::Dropped { .. })));
}

#[tokio::test]
async fn nothing_is_called_lost_that_may_be_in_a_block_without_body() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.lose_bodies();
	(0..4).for_each(|_| node.advance());
	let error = submitted.await.unwrap().unwrap_err();
	assert!(
		matches!(error, Error::OutcomeUnknown { .. }) && !error.is_retryable(),
		"{error}"
	);
}

#[tokio::test]
async fn a_submission_survives_a_lost_connection() {
	let node = Node::new();
	let chain = node.connect().await;
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	node.handed_in(1).await;
	node.disconnect();
	node.advance();
	submitted.await.unwrap().unwrap();
}

/// A submission whose first answers get lost, on a chain whose blocks `advance` makes.
async fn with_losses(node: &Node, losses: &[Loss]) -> tokio::task::JoinHandle<Result<crate::Finalized>> {
	let chain = node.connect().await;
	node.lose(losses.iter().copied());
	tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await })
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_not_signed_again_while_it_is_known() {
	let node = Node::new();
	let submitted = with_losses(&node, &[Loss::InPool, Loss::InPool]).await;
	// The third answer arrives: it is known already.
	let transactions = node.handed_in(3).await;
	assert!(transactions.iter().all(|transaction| *transaction == transactions[0]));
	node.advance();
	let finalized = submitted.await.unwrap().unwrap();
	assert_eq!(finalized.hash, millrace_primitives::merkle::hash(&transactions[0]));
	assert_eq!(node.included(), [transactions[0].clone()]);
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_found_in_its_block() {
	// When it is asked about again, its nonce is used, or it is banned: by itself.
	for loss in [Loss::InBlock, Loss::Banned] {
		let node = Node::new();
		let submitted = with_losses(&node, &[loss]).await;
		let finalized = submitted.await.unwrap().unwrap();
		let transactions = node.handed_in(2).await;
		assert_eq!(transactions[0], transactions[1]);
		assert_eq!(finalized.block.number, 1);
		assert_eq!(node.included(), transactions[..1]);
	}
}

#[tokio::test]
async fn a_transaction_that_nobody_answers_for_is_awaited_and_not_signed_again() {
	let node = Node::new();
	let chain = node.connect_with(Duration::from_millis(350)).await;
	node.lose([Loss::InPool; 100]);
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	// Longer than the patience with one request.
	tokio::time::sleep(Duration::from_millis(700)).await;
	assert!(!submitted.is_finished());
	node.advance();
	submitted.await.unwrap().unwrap();
	assert_eq!(node.included().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_was_lost_on_the_way_is_signed_again_only_when_it_cannot_come_any_more() {
	let node = Node::new();
	let chain = node.connect_with(Duration::from_millis(150)).await;
	node.forget(true);
	node.lose([Loss::Before; 2]);
	let submitted = tokio::spawn(async move { chain.submit(&alice(), calls::cancel(JobId(1))).await });
	let first = node.handed_in(2).await.remove(0);
	tokio::time::sleep(Duration::from_millis(300)).await;
	(0..63).for_each(|_| node.advance());
	// It is still valid: whatever is handed in is the same.
	tokio::time::sleep(Duration::from_millis(200)).await;
	let handed_in = node.handed_in(2).await;
	assert!(handed_in.iter().all(|transaction| *transaction == first));
	node.forget(false);
	node.advance();
	let again = node.handed_in(handed_in.len() + 1).await.pop().unwrap();
	assert_ne!(again, first);
	assert_eq!(nonce_of(&again), nonce_of(&first));
	node.advance();
	let finalized = submitted.await.unwrap().unwrap();
	assert_eq!(finalized.hash, millrace_primitives::merkle::hash(&again));
	assert_eq!(node.included(), [again]);
}

#[tokio::test]
async fn the_kind_of_a_chain_is_read() {
	let node = Node::new();
	let chain = node.connect().await;
	for (kind, live) in [
		(serde_json::json!("Development"), false),
		(serde_json::json!("Local"), false),
		(serde_json::json!("Live"), true),
		(serde_json::json!({ "Custom": "Local" }), true),
	] {
		node.set_chain_type(kind);
		assert_eq!(chain.is_live().await.unwrap(), live);
	}
}
