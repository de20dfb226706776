//! The ceiling of an era's budget, `initial * 2^(-emitted / halving)`, in integers.
//!
//! `emitted / halving = q + f` with a whole `q` and `0 <= f < 1`; `2^-q` is a shift. `f` is rounded *up* to a multiple of
//! 2^-64, and `2^-f = e^(-f ln 2)` is summed as a Taylor series after Horner with 127 fractional bits:
//!
//! - truncation: the first term left out is below 2^-135;
//! - rounding: each of the two divisions of a step errs by less than one unit (2^-127), and a step's error is multiplied
//!   by `f ln 2 / n` in the next, so that less than 4 units remain; `f ln 2` itself is low by less than 2 units;
//! - [`MARGIN`] units are taken off, so the result is never above the true value and less than
//!   `2^-64 + 2^-122` of it below: the ceiling is the true one, rounded down, or for amounts below 2^63 one planck less.
//!
//! Neighbouring values of `f` differ by 2^-64 and their powers by more than 2^-66, far above the rounding errors. The
//! ceiling therefore never rises as `emitted` grows.

use millrace_primitives::Balance;
use sp_arithmetic::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};
use sp_core::U256;

/// The number of fractional bits of the powers.
const BITS: u32 = 127;
/// 1 with [`BITS`] fractional bits.
const ONE: u128 = 1 << BITS;
/// ln 2 with [`BITS`] fractional bits, rounded down.
const LN_2: u128 = 117_932_881_612_756_647_068_972_071_382_077_242_199;
/// The number of fractional bits of the exponent.
const STEP_BITS: u32 = 64;
/// Terms of the series.
const TERMS: u128 = 33;
/// What is taken off for rounding errors, in units of 2^-127.
const MARGIN: u128 = 16;

/// The product of two numbers with [`BITS`] fractional bits, both at most [`ONE`], rounded down.
fn mul(a: u128, b: u128) -> u128 {
	((U256::from(a) * U256::from(b)) >> BITS).low_u128()
}

/// `2^(-f / 2^64)` with [`BITS`] fractional bits, for `f` up to 2^64, never above the true value.
fn inverse_power(f: u128) -> u128 {
	if f == 0 {
		return ONE;
	}
	let t = mul(f << (BITS - STEP_BITS), LN_2);
	let sum = (1..=TERMS).rev().fold(ONE, |rest, n| ONE - mul(t, rest) / n);
	sum - MARGIN
}

/// The most that may be budgeted for an era after `emitted` was: `initial * 2^(-emitted / halving)`, rounded down. A
/// `halving` of 0 counts as 1.
pub fn ceiling(initial: Balance, halving: Balance, emitted: Balance) -> Balance {
	let halving = halving.max(1);
	let (mut whole, rest) = (emitted / halving, emitted % halving);
	// `rest < halving`, so the quotient is at most 2^64 and there is always a result.
	let mut fraction =
		multiply_by_rational_with_rounding(rest, 1 << STEP_BITS, halving, Rounding::Up).unwrap_or(1 << STEP_BITS);
	if fraction == 1 << STEP_BITS {
		(whole, fraction) = (whole.saturating_add(1), 0);
	}
	if whole >= 128 {
		return 0;
	}
	((U256::from(initial) * U256::from(inverse_power(fraction))) >> (BITS as usize + whole as usize)).low_u128()
}

/// What an era's budget is: the ceiling, or less if the burned fees times `brake` or what the cap leaves is less.
pub fn budget(ceiling: Balance, braked: Balance, left_of_cap: Balance) -> Balance {
	ceiling.min(braked).min(left_of_cap)
}

/// A provider's part of a budget, `budget * points / total`, rounded down; 0 if there are no points at all.
pub fn share(budget: Balance, points: Balance, total: Balance) -> Balance {
	if total == 0 {
		return 0;
	}
	// Points are a part of the total, so the result is at most the budget and always exists.
	multiply_by_rational_with_rounding(budget, points.min(total), total, Rounding::Down).unwrap_or(0)
}

/// More than this is never emitted while these parameters hold: once `emitted` passes `halving * log2(initial)`, the
/// ceiling is below one planck, and the last budget before that is at most `initial`. Saturates.
pub fn limit(initial: Balance, halving: Balance) -> Balance {
	let doublings = initial.checked_ilog2().map_or(0, |log| log + 1);
	halving.max(1).saturating_mul(doublings.into()).saturating_add(initial)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// (initial, halving, emitted, the true ceiling rounded down), computed with Python's `decimal` to 120 digits.
	const REFERENCE: [(u128, u128, u128, u128); 30] = [
		(50000000000000000, 100000000000000000000, 0, 50000000000000000),
		(50000000000000000, 100000000000000000000, 1, 49999999999999999),
		(
			50000000000000000,
			100000000000000000000,
			1000000000000,
			49999999653426410,
		),
		(
			50000000000000000,
			100000000000000000000,
			1000000000000000000,
			49654624771851795,
		),
		(
			50000000000000000,
			100000000000000000000,
			50000000000000000000,
			35355339059327376,
		),
		(
			50000000000000000,
			100000000000000000000,
			99999999999999999999,
			25000000000000000,
		),
		(
			50000000000000000,
			100000000000000000000,
			100000000000000000000,
			25000000000000000,
		),
		(
			50000000000000000,
			100000000000000000000,
			100000001000000000000,
			24999999826713205,
		),
		(
			50000000000000000,
			100000000000000000000,
			250000000000000000000,
			8838834764831844,
		),
		(
			50000000000000000,
			100000000000000000000,
			1000000000000000000000,
			48828125000000,
		),
		(50000000000000000, 100000000000000000000, 5540000000000000000000, 1),
		(50000000000000000, 100000000000000000000, 5550000000000000000000, 0),
		(50000000000000000, 100000000000000000000, 5560000000000000000000, 0),
		(
			2782676153706958308,
			1035705106444046403401351930960,
			5891856887094817549991107596331,
			53948744370007832,
		),
		(
			953893,
			147561980648234510403757163971261920716,
			30868039493881670288703672103824348315,
			825140,
		),
		(
			96206961185274333709182621206344190502,
			242,
			457,
			25985584925202482195375744697064830099,
		),
		(
			21050564189233570673411765442743072437,
			332202398443967355947592511734566750965,
			292121679750030477574607478648697573776,
			11443357500834640671812745860275824440,
		),
		(483234416758609302, 131171247084, 337459504728, 81228590634152387),
		(
			17534020233795428611404754835896903727,
			126720317279806448233716505426500678505,
			21365981468285323035841785911995086290,
			15600036793511264041922749441493960989,
		),
		(
			84460548997805438666140144494608254388,
			158436104758693737784109026010105032830,
			123040101095047559391993164852653154769,
			49303372045599077714777575964591932459,
		),
		(14653714999476281975, 857700650132, 718307924987, 8200510038236235851),
		(
			148896929028998836055487980852825890901,
			8279529517580348704,
			39071417341426092750,
			5653451171480466433734924476234872245,
		),
		(
			185556778210414966872215319764,
			868500629400254732744231513193,
			5827871180123252989210088370054,
			1772087467295002073343327847,
		),
		(
			12825935695043510850,
			9162032806839754701,
			33146806470427542299,
			1044742975963764793,
		),
		(880770, 241, 552, 180038),
		(
			340282366920938463463374607431768211455,
			340282366920938463463374607431768211455,
			340282366920938463463374607431768211455,
			170141183460469231731687303715884105727,
		),
		(
			340282366920938463463374607431768211455,
			340282366920938463463374607431768211455,
			340282366920938463463374607431768211454,
			170141183460469231731687303715884105727,
		),
		(340282366920938463463374607431768211455, 1, 127, 1),
		(340282366920938463463374607431768211455, 1, 128, 0),
		(
			340282366920938463463374607431768211455,
			3,
			1,
			270082293608263279864102872957453496184,
		),
	];

	#[test]
	fn the_ceiling_is_within_its_error_of_reference_values_and_never_above() {
		for (initial, halving, emitted, exact) in REFERENCE {
			let value = ceiling(initial, halving, emitted);
			assert!(value <= exact, "{initial} {halving} {emitted}: {value} above {exact}");
			assert!(
				exact - value <= 1 + (exact >> 63),
				"{initial} {halving} {emitted}: {value} far below {exact}"
			);
		}
	}

	#[test]
	fn whole_halvings_are_exact() {
		for halvings in 0..140u32 {
			let expected = u128::MAX.checked_shr(halvings).unwrap_or(0);
			assert_eq!(ceiling(u128::MAX, 5, u128::from(halvings) * 5), expected);
		}
	}

	#[test]
	fn the_power_of_a_half_is_the_root_of_a_half() {
		// sqrt(1/2) * 2^127, rounded down.
		let exact = 120_307_984_584_002_255_772_516_886_238_812_528_463u128;
		let value = inverse_power(1 << 63);
		assert!(value <= exact && exact - value <= 2 * MARGIN, "{value} against {exact}");
	}

	#[test]
	fn a_missing_halving_or_initial_amount_does_no_harm() {
		assert_eq!(ceiling(100, 0, 0), 100);
		assert_eq!(ceiling(100, 0, 1), 50);
		assert_eq!(ceiling(0, 10, 5), 0);
		assert_eq!(share(10, 0, 0), 0);
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(2_000))]

		#[test]
		fn no_state_overflows_and_no_ceiling_exceeds_the_initial(initial: u128, halving: u128, emitted: u128) {
			prop_assert!(ceiling(initial, halving, emitted) <= initial);
			limit(initial, halving);
		}

		#[test]
		fn the_ceiling_never_rises(initial: u128, halving in 1u128.., emitted: u128, step in 0u32..128, add in 0u128..4) {
			let later = emitted.saturating_add((1u128 << step).saturating_add(add));
			prop_assert!(ceiling(initial, halving, later) <= ceiling(initial, halving, emitted));
			prop_assert!(ceiling(initial, halving, emitted.saturating_add(add)) <= ceiling(initial, halving, emitted));
		}

		#[test]
		fn neighbouring_powers_fall(f in 0u128..1 << STEP_BITS) {
			prop_assert!(inverse_power(f + 1) < inverse_power(f));
		}

		#[test]
		fn eras_at_the_ceiling_never_pass_the_limit(initial in 1u128..5_000, halving in 0u128..5_000) {
			let mut emitted = 0u128;
			loop {
				let era = ceiling(initial, halving, emitted);
				if era == 0 {
					break
				}
				emitted += era;
				prop_assert!(emitted <= limit(initial, halving));
			}
		}

		#[test]
		fn shares_never_exceed_the_budget(budget: u128, points in proptest::collection::vec(0u128..1 << 120, 1..8)) {
			let total: u128 = points.iter().sum();
			let mut left = budget;
			for part in points {
				let share = share(budget, part, total);
				prop_assert!(share <= left);
				left -= share;
			}
		}

		/// What a coalition adds to its own points by jobs that it gives itself is worth less than it burns, however
		/// much others burn and whether the ceiling or the brake bounds the budget.
		#[test]
		fn added_points_are_worth_at_most_the_brake(
			ceiling in 0u128..1 << 70,
			own in 0u128..1 << 64,
			others in 0u128..1 << 64,
			added in 1u128..1 << 64,
			percent in 0u128..=90,
		) {
			let worth = |own: u128| {
				let total = own + others;
				share(budget(ceiling, total * percent / 100, u128::MAX), own, total)
			};
			// Two divisions round down, hence at most two plancks beside the exact gain.
			prop_assert!(worth(own + added) <= worth(own) + added * percent / 100 + 2);
		}
	}
}
