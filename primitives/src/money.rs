//! Prices, fees and reserves. Every rounding goes against the one who would gain from it, and a reserve is never below
//! what can be paid out of it.

use crate::{Balance, Gas, MarketBlock};
use sp_runtime::Permill;

/// The unit of prices: 10^9 gas.
pub const GGAS: Gas = 1_000_000_000;

/// What a provider with this ask (plancks per Ggas) earns for this gas, rounded down. `None` on overflow.
pub fn payment(ask: Balance, gas: Gas) -> Option<Balance> {
	ask.checked_mul(gas.into()).map(|product| product / Balance::from(GGAS))
}

/// The most that a seat can earn for `tasks` tasks at the price cap, rounded up. `None` on overflow.
pub fn seat_cap(price_cap: Balance, gas_limit: Gas, tasks: u32) -> Option<Balance> {
	let gas = Balance::from(gas_limit).checked_mul(tasks.into())?;
	price_cap
		.checked_mul(gas)
		.map(|product| product.div_ceil(Balance::from(GGAS)))
}

/// What keeping so many bytes for so many market blocks counts as in gas, rounded up, at most the largest number; `rate` is gas for
/// 2^20 bytes and one block.
pub fn storage_gas(bytes: u32, blocks: MarketBlock, rate: Gas) -> Gas {
	let product = u128::from(bytes) * u128::from(blocks);
	let gas = product.saturating_mul(rate.into()).div_ceil(1 << 20);
	Gas::try_from(gas).unwrap_or(Gas::MAX)
}

/// The protocol's fee on a payment, on top of it, rounded up.
pub fn fee(payment: Balance, share: Permill) -> Balance {
	if share.is_zero() {
		return 0;
	}
	share.mul_ceil(payment)
}

/// What is held for a shard: for each seat the most it can earn and the fee on that. `None` on overflow.
pub fn shard_reserve(seat_cap: Balance, seats: u8, fee_share: Permill) -> Option<Balance> {
	seat_cap
		.checked_add(fee(seat_cap, fee_share))?
		.checked_mul(seats.into())
}

/// Serialises an amount as a decimal string, since JSON's numbers lose digits above 2^53.
pub mod as_decimal {
	use alloc::string::{String, ToString};
	use serde::{de::Error, Deserialize, Deserializer, Serializer};

	/// Writes the decimal string.
	pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&value.to_string())
	}

	/// Reads a decimal string.
	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
		String::deserialize(deserializer)?
			.parse()
			.map_err(|_| D::Error::custom("expected an amount as a decimal string"))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::MILL;
	use proptest::prelude::*;

	#[test]
	fn roundings_go_against_the_gainer() {
		assert_eq!(payment(3, GGAS / 2), Some(1));
		assert_eq!(seat_cap(3, GGAS / 2, 1), Some(2));
		assert_eq!(fee(1, Permill::from_percent(5)), 1);
		assert_eq!(fee(0, Permill::from_percent(5)), 0);
		assert_eq!(fee(100, Permill::zero()), 0);
	}

	#[test]
	fn keeping_counts_by_bytes_and_blocks() {
		assert_eq!(storage_gas(1 << 20, 1, 5_000), 5_000);
		assert_eq!(storage_gas(1 << 20, 201_600, 5_000), 1_008_000_000);
		assert_eq!(storage_gas(1, 1, 5_000), 1);
		assert_eq!(storage_gas((1 << 20) + 1, 1, 1), 2);
		assert_eq!(storage_gas(0, 9, 9) + storage_gas(9, 0, 9) + storage_gas(9, 9, 0), 0);
		assert_eq!(storage_gas(u32::MAX, u32::MAX, Gas::MAX), Gas::MAX);
	}

	#[test]
	fn overflow_is_none() {
		assert_eq!(payment(Balance::MAX, 2), None);
		assert_eq!(seat_cap(Balance::MAX, 1, 2), None);
		assert_eq!(shard_reserve(Balance::MAX, 1, Permill::one()), None);
	}

	proptest! {
		#[test]
		fn a_reserve_covers_every_payment(cap in 0u128..10_000 * MILL, ask_part in 0u128..=1_000, limit in 1u64..1 << 40, tasks in 1u32..4096, seats in 2u8..=7, used in 0u64..=1_000_000, share in 0u32..=1_000_000) {
			let share = Permill::from_parts(share);
			let ask = cap * ask_part / 1_000;
			let gas = (u128::from(limit) * u128::from(tasks) * u128::from(used) / 1_000_000) as u64;
			let paid = payment(ask, gas).unwrap();
			let reserve = shard_reserve(seat_cap(cap, limit, tasks).unwrap(), seats, share).unwrap();
			prop_assert!((paid + fee(paid, share)) * u128::from(seats) <= reserve);
		}
	}
}
