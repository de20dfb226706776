//! Random numbers that nobody knows before they are there: the outputs of the chain's VRF, accumulated.

use crate::*;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use millrace_court::draw::accumulate;
use scale_info::TypeInfo;

/// So many accumulated outputs are kept. A case asks for one that is a few outputs younger than its beginning.
pub const KEPT: u32 = 8_192;

/// How many outputs there were, and what they accumulate to.
#[derive(
	Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct OutputsSoFar {
	/// How many.
	pub count: u32,
	/// The last accumulated one.
	pub acc: Hash,
}

/// What there is of an accumulated output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
	/// It is not there yet; so many are missing.
	Pending(u32),
	/// It is this.
	Known(Hash),
	/// It is not kept any more.
	Gone,
}

impl<T: Config> Pallet<T> {
	/// Keeps an output.
	pub(crate) fn collect(output: Hash) {
		Outputs::<T>::mutate(|so_far| {
			so_far.count = so_far.count.wrapping_add(1);
			so_far.acc = accumulate(&so_far.acc, &output.0);
			Draws::<T>::insert(so_far.count % KEPT, so_far.acc);
		});
	}

	/// The accumulated output with a number, counted from 1.
	pub(crate) fn output(number: u32) -> Output {
		let count = Outputs::<T>::get().count;
		match count.checked_sub(number) {
			None => Output::Pending(number - count),
			Some(age) if age >= KEPT => Output::Gone,
			Some(_) => Draws::<T>::get(number % KEPT).map_or(Output::Gone, Output::Known),
		}
	}
}
