//! Heads and submissions against a node in memory that forgets, disconnects and restarts.

mod node;

use crate::{calls, chain::Head, Error, Keypair, Result};
use futures::StreamExt;
use millrace_primitives::JobId;
use node::{nonce_of, Ending, Node};

fn alice() -> Keypair {
	Keypair::from_uri("//Alice").unwrap()
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
