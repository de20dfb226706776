//! Vectors as lanes. A vector is its bits, the lanes from the lowest on.

/// A vector's bits.
pub type Vector = u128;

macro_rules! shape {
	($name:ident, $int:ty, $signed:ty, $lanes:literal) => {
		/// Vectors of lanes of one width.
		pub mod $name {
			use super::Vector;

			/// A lane's bits.
			pub type Lane = $int;
			const BITS: usize = Lane::BITS as usize;

			/// The lanes.
			#[inline(always)]
			pub fn split(x: Vector) -> [Lane; $lanes] {
				core::array::from_fn(|n| (x >> (BITS * n)) as Lane)
			}

			/// The vector of these lanes.
			#[inline(always)]
			pub fn join(lanes: [Lane; $lanes]) -> Vector {
				(0..).zip(lanes).fold(0, |all, (n, lane): (usize, Lane)| {
					all | Vector::from(lane) << (BITS * n)
				})
			}

			/// The lane in all lanes.
			#[inline(always)]
			pub fn splat(lane: Lane) -> Vector {
				join([lane; $lanes])
			}

			/// Each lane by itself.
			#[inline(always)]
			pub fn map(x: Vector, f: impl Fn(Lane) -> Lane) -> Vector {
				join(split(x).map(f))
			}

			/// Each lane with the one at its place.
			#[inline(always)]
			pub fn zip(x: Vector, y: Vector, f: impl Fn(Lane, Lane) -> Lane) -> Vector {
				let (x, y) = (split(x), split(y));
				join(core::array::from_fn(|n| f(x[n], y[n])))
			}

			/// The same of signed lanes.
			#[inline(always)]
			pub fn zip_signed(x: Vector, y: Vector, f: impl Fn($signed, $signed) -> $signed) -> Vector {
				zip(x, y, |x, y| f(x as $signed, y as $signed) as Lane)
			}

			/// All ones in the lanes for which something is true, zeros in the others.
			#[inline(always)]
			pub fn test(x: Vector, y: Vector, f: impl Fn(Lane, Lane) -> bool) -> Vector {
				zip(x, y, |x, y| if f(x, y) { Lane::MAX } else { 0 })
			}

			/// The same of signed lanes.
			#[inline(always)]
			pub fn test_signed(x: Vector, y: Vector, f: impl Fn($signed, $signed) -> bool) -> Vector {
				test(x, y, |x, y| f(x as $signed, y as $signed))
			}

			/// A lane; the index counts modulo their number.
			#[inline(always)]
			pub fn get(x: Vector, lane: u64) -> Lane {
				(x >> (BITS * (lane as usize % $lanes))) as Lane
			}

			/// With another value in a lane; the index counts modulo their number.
			#[inline(always)]
			pub fn set(x: Vector, lane: u64, value: Lane) -> Vector {
				let at = BITS * (lane as usize % $lanes);
				x & !(Vector::from(Lane::MAX) << at) | Vector::from(value) << at
			}

			/// Whether no lane is zero, as 0 or 1.
			#[inline(always)]
			pub fn all_true(x: Vector) -> u64 {
				split(x).iter().all(|lane| *lane != 0).into()
			}

			/// The highest bits of the lanes.
			#[inline(always)]
			pub fn bitmask(x: Vector) -> u64 {
				(0..).zip(split(x)).fold(0, |all, (n, lane): (u32, Lane)| {
					all | u64::from(lane >> (BITS - 1)) << n
				})
			}

			/// Absolute values; the least number is its own.
			#[inline(always)]
			pub fn abs(x: Vector) -> Vector {
				map(x, |lane| (lane as $signed).wrapping_abs() as Lane)
			}

			/// The other sign.
			#[inline(always)]
			pub fn neg(x: Vector) -> Vector {
				map(x, Lane::wrapping_neg)
			}

			/// Shifts take the amount modulo the width.
			#[inline(always)]
			pub fn shl(x: Vector, by: u32) -> Vector {
				map(x, |lane| lane.wrapping_shl(by))
			}

			/// To the right, filled with zeros.
			#[inline(always)]
			pub fn shr_u(x: Vector, by: u32) -> Vector {
				map(x, |lane| lane.wrapping_shr(by))
			}

			/// To the right, filled with the sign.
			#[inline(always)]
			pub fn shr_s(x: Vector, by: u32) -> Vector {
				map(x, |lane| (lane as $signed).wrapping_shr(by) as Lane)
			}
		}
	};
}

shape!(x16, u8, i8, 16);
shape!(x8, u16, i16, 8);
shape!(x4, u32, i32, 4);
shape!(x2, u64, i64, 2);

macro_rules! widen {
	($name:ident, $narrow:ident, $int:ty, $signed:ty, $wide:ident, $wide_int:ty, $wide_signed:ty, $lanes:literal) => {
		/// From lanes of one width to lanes of twice the width.
		pub mod $name {
			use super::{$narrow, $wide, Vector};

			#[inline(always)]
			fn unsigned(lane: $int) -> $wide_int {
				lane.into()
			}

			#[inline(always)]
			fn signed(lane: $int) -> $wide_int {
				<$wide_signed>::from(lane as $signed) as $wide_int
			}

			#[inline(always)]
			fn extend(x: Vector, high: bool, f: impl Fn($int) -> $wide_int) -> Vector {
				let lanes = $narrow::split(x);
				let first = if high { $lanes } else { 0 };
				$wide::join(core::array::from_fn(|n| f(lanes[first + n])))
			}

			/// Half of the lanes, extended by zeros.
			#[inline(always)]
			pub fn extend_u(x: Vector, high: bool) -> Vector {
				extend(x, high, unsigned)
			}

			/// Half of the lanes, extended by the sign.
			#[inline(always)]
			pub fn extend_s(x: Vector, high: bool) -> Vector {
				extend(x, high, signed)
			}

			/// Products of half of the lanes.
			#[inline(always)]
			pub fn mul_u(x: Vector, y: Vector, high: bool) -> Vector {
				$wide::zip(extend_u(x, high), extend_u(y, high), <$wide_int>::wrapping_mul)
			}

			/// Products of half of the signed lanes.
			#[inline(always)]
			pub fn mul_s(x: Vector, y: Vector, high: bool) -> Vector {
				$wide::zip(extend_s(x, high), extend_s(y, high), <$wide_int>::wrapping_mul)
			}

			#[inline(always)]
			fn pairwise(x: Vector, f: impl Fn($int) -> $wide_int) -> Vector {
				let lanes = $narrow::split(x).map(f);
				$wide::join(core::array::from_fn(|n| {
					lanes[2 * n].wrapping_add(lanes[2 * n + 1])
				}))
			}

			/// Sums of neighbours.
			#[inline(always)]
			pub fn pairwise_u(x: Vector) -> Vector {
				pairwise(x, unsigned)
			}

			/// Sums of signed neighbours.
			#[inline(always)]
			pub fn pairwise_s(x: Vector) -> Vector {
				pairwise(x, signed)
			}

			#[inline(always)]
			fn narrow(x: Vector, y: Vector, f: impl Fn($wide_signed) -> $int) -> Vector {
				let (x, y) = ($wide::split(x), $wide::split(y));
				$narrow::join(core::array::from_fn(|n| {
					let lane = if n < $lanes { x[n] } else { y[n - $lanes] };
					f(lane as $wide_signed)
				}))
			}

			/// Signed lanes of both, to the nearest unsigned ones of half the width.
			#[inline(always)]
			pub fn narrow_u(x: Vector, y: Vector) -> Vector {
				narrow(x, y, |lane| lane.clamp(0, <$int>::MAX.into()) as $int)
			}

			/// Signed lanes of both, to the nearest signed ones of half the width.
			#[inline(always)]
			pub fn narrow_s(x: Vector, y: Vector) -> Vector {
				narrow(x, y, |lane| {
					lane.clamp(<$signed>::MIN.into(), <$signed>::MAX.into()) as $int
				})
			}
		}
	};
}

widen!(from_x16, x16, u8, i8, x8, u16, i16, 8);
widen!(from_x8, x8, u16, i16, x4, u32, i32, 4);
widen!(from_x4, x4, u32, i32, x2, u64, i64, 2);

/// `i32x4.dot_i16x8_s`: sums of products of neighbours.
pub fn dot(x: Vector, y: Vector) -> Vector {
	let (x, y) = (x8::split(x), x8::split(y));
	let product = |n: usize| i32::from(x[n] as i16) * i32::from(y[n] as i16);
	x4::join(core::array::from_fn(|n| {
		product(2 * n).wrapping_add(product(2 * n + 1)) as u32
	}))
}

/// `i16x8.q15mulr_sat_s`: rounded products of fractions of 15 bits. Only -1 times -1 is too large.
pub fn q15mulr(x: Vector, y: Vector) -> Vector {
	x8::zip_signed(x, y, |x, y| {
		let product = (i32::from(x) * i32::from(y) + 0x4000) >> 15;
		product.min(i16::MAX.into()) as i16
	})
}

/// `i8x16.swizzle`: lanes of the first at the indices in the second; 0 beyond.
pub fn swizzle(x: Vector, indices: Vector) -> Vector {
	let lanes = x16::split(x);
	x16::map(indices, |index| lanes.get(usize::from(index)).copied().unwrap_or(0))
}

/// `i8x16.shuffle`: lanes of both at indices from 0 to 31; 0 beyond.
pub fn shuffle(x: Vector, y: Vector, indices: [u8; 16]) -> Vector {
	let (x, y) = (x16::split(x), x16::split(y));
	x16::join(indices.map(|index| {
		let lanes = if index < 16 { &x } else { &y };
		lanes
			.get(usize::from(index) % 16)
			.copied()
			.filter(|_| index < 32)
			.unwrap_or(0)
	}))
}

/// Averages, rounded up.
pub fn average8(x: Vector, y: Vector) -> Vector {
	x16::zip(x, y, |x, y| ((u16::from(x) + u16::from(y) + 1) / 2) as u8)
}

/// Averages, rounded up.
pub fn average16(x: Vector, y: Vector) -> Vector {
	x8::zip(x, y, |x, y| ((u32::from(x) + u32::from(y) + 1) / 2) as u16)
}

/// Floats: lanes are their bits, and NaNs are canonical where [`crate::float`] makes them so.
pub mod floats {
	use super::{x2, x4, Vector};
	use crate::float;

	type F32 = core::primitive::f32;
	type F64 = core::primitive::f64;

	/// Compares lanes of 32 bits.
	#[inline(always)]
	pub fn test32(x: Vector, y: Vector, f: impl Fn(&F32, &F32) -> bool) -> Vector {
		x4::test(x, y, |x, y| f(&F32::from_bits(x), &F32::from_bits(y)))
	}

	/// Compares lanes of 64 bits.
	#[inline(always)]
	pub fn test64(x: Vector, y: Vector, f: impl Fn(&F64, &F64) -> bool) -> Vector {
		x2::test(x, y, |x, y| f(&F64::from_bits(x), &F64::from_bits(y)))
	}

	/// `f32x4.pmin`: the second if it is less, else the first.
	pub fn pmin32(x: Vector, y: Vector) -> Vector {
		x4::zip(x, y, |x, y| if F32::from_bits(y) < F32::from_bits(x) { y } else { x })
	}

	/// `f32x4.pmax`: the second if it is greater, else the first.
	pub fn pmax32(x: Vector, y: Vector) -> Vector {
		x4::zip(x, y, |x, y| if F32::from_bits(x) < F32::from_bits(y) { y } else { x })
	}

	/// `f64x2.pmin`: the second if it is less, else the first.
	pub fn pmin64(x: Vector, y: Vector) -> Vector {
		x2::zip(x, y, |x, y| if F64::from_bits(y) < F64::from_bits(x) { y } else { x })
	}

	/// `f64x2.pmax`: the second if it is greater, else the first.
	pub fn pmax64(x: Vector, y: Vector) -> Vector {
		x2::zip(x, y, |x, y| if F64::from_bits(x) < F64::from_bits(y) { y } else { x })
	}

	/// Both lanes of 64 bits to the low lanes of 32 bits, the high ones zero.
	#[inline(always)]
	pub fn narrow(x: Vector, f: impl Fn(u64) -> u32) -> Vector {
		let [low, high] = x2::split(x).map(f);
		x4::join([low, high, 0, 0])
	}

	/// The low lanes of 32 bits to lanes of 64 bits.
	#[inline(always)]
	pub fn widen(x: Vector, f: impl Fn(u32) -> u64) -> Vector {
		let [low, high, ..] = x4::split(x);
		x2::join([f(low), f(high)])
	}

	/// `f32x4.demote_f64x2_zero`
	pub fn demote(x: Vector) -> Vector {
		narrow(x, float::demote)
	}

	/// `f64x2.promote_low_f32x4`
	pub fn promote(x: Vector) -> Vector {
		widen(x, float::promote)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn lanes_make_the_vector_that_they_came_from() {
		let x = 0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0;
		assert_eq!(x16::join(x16::split(x)), x);
		assert_eq!(x8::join(x8::split(x)), x);
		assert_eq!(x4::join(x4::split(x)), x);
		assert_eq!(x2::join(x2::split(x)), x);
		assert_eq!((x16::get(x, 0), x16::get(x, 15), x16::get(x, 17)), (0xf0, 0x0f, 0xe1));
		assert_eq!(x8::set(x, 7, 0), x << 16 >> 16);
		assert_eq!(x4::bitmask(x), 0b0011);
	}

	#[test]
	fn edges_saturate_or_wrap() {
		let least = x8::splat(0x8000);
		assert_eq!(q15mulr(least, least), x8::splat(0x7fff));
		assert_eq!(dot(least, least), x4::splat(0x8000_0000));
		assert_eq!(from_x16::narrow_u(least, x8::splat(0x7fff)), u128::from(u64::MAX) << 64);
		assert_eq!(average8(u128::MAX, u128::MAX), u128::MAX);
		assert_eq!(swizzle(u128::MAX, x16::splat(16)), 0);
	}
}
