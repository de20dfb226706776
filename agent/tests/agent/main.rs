//! A whole agent against a chain that the test plays: real HTTP, real execution, real database, and everything that can
//! go wrong between them.

mod chain;
mod data;
mod disputes;
mod life;
mod rival;
mod room;
