//! A whole agent against a chain that the test plays: real HTTP, real execution, real database, and everything that can
//! go wrong between them.

mod chain;
mod data;
mod disputes;
mod lane;
mod life;
mod rival;
mod room;
mod watching;
