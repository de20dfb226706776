//! Getting into blocks: several calls at once, and tips when time is short.

use crate::chain::*;
use millrace_agent::market::Tx;
use millrace_primitives::job::SeatState;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_opened_at_the_same_time_is_opened_at_once() {
	let client = Client::new(echo()).await;
	let chain = Chain::new((0..2).map(|index| client.seat(index)).collect());
	chain.state().hold = true;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| state.seals.len() == 2).await;
	chain.state().hold = false;
	chain.until("opened", |state| state.reports.len() == 2).await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.wrong, Vec::<String>::new());
	let reveals: Vec<usize> = state
		.tips
		.iter()
		.filter_map(|(tx, tip)| match tx {
			Tx::Reveal(_) => Some((1, *tip)),
			Tx::RevealMany(items) => Some((items.len(), *tip)),
			_ => None,
		})
		.map(|(count, tip)| {
			assert_eq!(tip, 0, "there is time enough");
			count
		})
		.collect();
	assert_eq!(reveals, [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_time_is_short_takes_its_own_place_with_a_tip() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	chain.state().hold = true;
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| state.seals.len() == 1).await;
	{
		// From now on somebody fills the blocks.
		let mut state = chain.state();
		(state.hold, state.least_tip) = (false, TIP);
	}
	let now = chain.state().number;
	chain.until("it waits", |state| state.number > now + 10).await;
	assert_eq!(
		chain.in_state(0),
		Some(SeatState::Sealed),
		"without a tip there is no room"
	);
	{
		let mut state = chain.state();
		let due = state.now() + 8;
		state.seats.get_mut(&shard(0)).unwrap().due = due;
	}
	chain.until("opened", |state| state.reports.len() == 1).await;
	// The one without a tip is never included.
	chain.state().least_tip = 0;
	let now = chain.state().number;
	chain.until("more blocks", |state| state.number > now + 10).await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.wrong, Vec::<String>::new());
	let reveals: Vec<_> = state
		.tips
		.iter()
		.filter(|(tx, _)| matches!(tx, Tx::Reveal(_)))
		.collect();
	assert_eq!(reveals.len(), 1);
	assert_eq!(reveals[0].1, TIP);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_pay_a_tip_goes_on_without_and_offers_it_again_later() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let short = |state: &mut State| {
		let due = state.now() + 9;
		state.seats.get_mut(&shard(0)).unwrap().due = due;
	};
	{
		let mut state = chain.state();
		// Its time is short from the beginning.
		short(&mut state);
		(state.poor, state.hold) = (true, true);
	}
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	chain.until("sealed", |state| state.seals.len() == 1).await;
	{
		let mut state = chain.state();
		let sealed = state.tips.iter().find(|(tx, _)| matches!(tx, Tx::Seal(..)));
		assert_eq!((state.refused_tips, sealed.unwrap().1), (1, 0), "at once, without");
		// Somebody fills the blocks, and the operator's purse.
		(state.poor, state.hold, state.least_tip) = (false, false, TIP);
		short(&mut state);
	}
	chain.until("opened", |state| state.reports.len() == 1).await;
	agent.stop().await;
	let state = chain.state();
	let opened: Vec<_> = state
		.tips
		.iter()
		.filter(|(tx, _)| matches!(tx, Tx::Reveal(..)))
		.map(|(_, tip)| *tip)
		.collect();
	assert_eq!((opened, &state.wrong), (vec![TIP], &Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_block_is_not_hurried_all_the_time_until_it_is_final() {
	let client = Client::new(echo()).await;
	let chain = Chain::new(vec![client.seat(0)]);
	let folder = tempfile::tempdir().unwrap();
	let agent = start(folder.path(), &chain);
	let is_sealed = |state: &State| state.tips.iter().any(|(tx, _)| matches!(tx, Tx::Seal(..)));
	chain.until("in a block", is_sealed).await;
	let from = {
		let mut state = chain.state();
		let due = state.now() + 9;
		state.seats.get_mut(&shard(0)).unwrap().due = due;
		state.number
	};
	chain.until("opened", |state| state.reports.len() == 1).await;
	agent.stop().await;
	let state = chain.state();
	assert_eq!(state.wrong, Vec::<String>::new());
	let blocks = state.number - from;
	assert!(
		state.refused_tips <= blocks,
		"{} tips in {blocks} blocks",
		state.refused_tips
	);
}
