//! The court room: what a provider does about reports that contradict its own, from its reveal to the end of the shard's case.
//!
//! ```text
//!  market_case ──► watch ──► decide (pure) ─┬─► attack, play, time ──► run/submit
//!                    │                      └─► think: open a tree at once, replay a task in a task of its own ──► the move
//!                    └─► news: what the operator is told, and what is counted
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`view`] | a provider's part in a case, as the chain shows it |
//! | [`watch`] | when a case is read |
//! | [`decide`] | what to do next |
//! | [`news`] | what has changed that somebody must know |
//! | [`think`] | the moves themselves, from what the agent has on disk |
//! | [`runs`] | the runs that are kept for the next moves, and how much memory they may take |
//!
//! A machine that is right and answers is never put out: it plays what it computed itself, and nothing else. So a report is
//! defended from the outcomes that this agent stored, or computed again after it lost them; where the chain has another report of
//! the same seat, nothing is played. All that is needed after a restart is on disk or on chain. After a reorganisation the move
//! for what the best block says is played; it is known by the board's position, of which each has one move.

pub mod decide;
pub mod news;
pub mod runs;
pub mod think;
pub mod view;
pub mod watch;
