//! The lane: room in every block for those whose time runs, which nobody else can take.
//!
//! Parties' calls are of the class `Operational`, for which a part of each block is reserved. Whoever else sends one is
//! refused before it takes any of that room: what pools and blocks see is `InvalidTransaction::Custom` with one of these codes.

/// The signer is no party of what the call names, or the call is not due: of a batch, one of its items.
pub const NOT_DUE: u8 = 61;
/// A call that may use the lane is signed by a party itself and stands alone. Wrapped (in a batch, for a principal, with
/// others' signatures) it has no room there; of the class `Operational` nothing else is signed by an account at all.
pub const NOT_ALONE: u8 = 62;
