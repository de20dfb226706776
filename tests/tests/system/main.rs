//! Whole systems, with real processes. They wait for blocks most of the time: several run at once, and scripts/test.sh runs
//! them beside the tests that compute.

mod court;
mod faults;
mod job;
mod node;
mod published;
