//! What tests, fuzzing and the command line need beside the functions.

mod headers;
pub mod native;
pub mod pack;
