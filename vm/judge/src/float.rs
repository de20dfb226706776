//! Floating point as WebAssembly defines it, on bits, with every NaN that arithmetic makes in its canonical form.
//!
//! Which NaN an operation yields is the processor's choice in WebAssembly, so both machines make the same one: quiet,
//! positive, payload zero. Everything else is IEEE 754 with rounding to nearest, ties to even, which every processor
//! that Rust compiles for computes alike. Operations that only move bits (`abs`, `neg`, `copysign`, loads, stores,
//! reinterpretations) keep NaNs as they are.

macro_rules! float {
	($module:ident, $float:ty, $bits:ty, $canonical:literal, $sign:literal, $sqrt:ident, $ceil:ident, $floor:ident, $trunc:ident, $rint:ident) => {
		/// The operations on one width. Arguments and results are bits.
		pub mod $module {
			type Bits = $bits;
			type Float = $float;

			/// The only NaN that arithmetic yields.
			pub const CANONICAL: Bits = $canonical;
			const SIGN: Bits = $sign;

			#[inline(always)]
			fn canonical(value: Float) -> Bits {
				if value.is_nan() {
					CANONICAL
				} else {
					value.to_bits()
				}
			}

			/// Sum.
			#[inline(always)]
			pub fn add(a: Bits, b: Bits) -> Bits {
				canonical(Float::from_bits(a) + Float::from_bits(b))
			}

			/// Difference.
			#[inline(always)]
			pub fn sub(a: Bits, b: Bits) -> Bits {
				canonical(Float::from_bits(a) - Float::from_bits(b))
			}

			/// Product.
			#[inline(always)]
			pub fn mul(a: Bits, b: Bits) -> Bits {
				canonical(Float::from_bits(a) * Float::from_bits(b))
			}

			/// Quotient.
			#[inline(always)]
			pub fn div(a: Bits, b: Bits) -> Bits {
				canonical(Float::from_bits(a) / Float::from_bits(b))
			}

			/// The lesser; -0 is less than 0, and a NaN wins.
			#[inline(always)]
			pub fn min(a: Bits, b: Bits) -> Bits {
				let (x, y) = (Float::from_bits(a), Float::from_bits(b));
				if x < y {
					a
				} else if y < x {
					b
				} else if x == y {
					// Equal numbers have equal bits, but for the sign of zero.
					a | b
				} else {
					CANONICAL
				}
			}

			/// The greater; 0 is greater than -0, and a NaN wins.
			#[inline(always)]
			pub fn max(a: Bits, b: Bits) -> Bits {
				let (x, y) = (Float::from_bits(a), Float::from_bits(b));
				if x > y {
					a
				} else if y > x {
					b
				} else if x == y {
					a & b
				} else {
					CANONICAL
				}
			}

			/// Absolute value.
			#[inline(always)]
			pub fn abs(a: Bits) -> Bits {
				a & !SIGN
			}

			/// The other sign.
			#[inline(always)]
			pub fn neg(a: Bits) -> Bits {
				a ^ SIGN
			}

			/// The first with the sign of the second.
			#[inline(always)]
			pub fn copysign(a: Bits, b: Bits) -> Bits {
				(a & !SIGN) | (b & SIGN)
			}

			/// Square root.
			#[inline(always)]
			pub fn sqrt(a: Bits) -> Bits {
				let a = Float::from_bits(a);
				#[cfg(feature = "std")]
				let root = a.sqrt();
				#[cfg(not(feature = "std"))]
				let root = libm::$sqrt(a);
				canonical(root)
			}

			/// Up to an integer.
			#[inline(always)]
			pub fn ceil(a: Bits) -> Bits {
				let a = Float::from_bits(a);
				#[cfg(feature = "std")]
				let rounded = a.ceil();
				#[cfg(not(feature = "std"))]
				let rounded = libm::$ceil(a);
				canonical(rounded)
			}

			/// Down to an integer.
			#[inline(always)]
			pub fn floor(a: Bits) -> Bits {
				let a = Float::from_bits(a);
				#[cfg(feature = "std")]
				let rounded = a.floor();
				#[cfg(not(feature = "std"))]
				let rounded = libm::$floor(a);
				canonical(rounded)
			}

			/// Towards zero to an integer.
			#[inline(always)]
			pub fn trunc(a: Bits) -> Bits {
				let a = Float::from_bits(a);
				#[cfg(feature = "std")]
				let rounded = a.trunc();
				#[cfg(not(feature = "std"))]
				let rounded = libm::$trunc(a);
				canonical(rounded)
			}

			/// To the nearest integer, ties to even.
			#[inline(always)]
			pub fn nearest(a: Bits) -> Bits {
				let a = Float::from_bits(a);
				#[cfg(feature = "std")]
				let rounded = a.round_ties_even();
				#[cfg(not(feature = "std"))]
				let rounded = libm::$rint(a);
				canonical(rounded)
			}
		}
	};
}

float!(
	f32,
	f32,
	u32,
	0x7fc0_0000,
	0x8000_0000,
	sqrtf,
	ceilf,
	floorf,
	truncf,
	rintf
);
float!(
	f64,
	f64,
	u64,
	0x7ff8_0000_0000_0000,
	0x8000_0000_0000_0000,
	sqrt,
	ceil,
	floor,
	trunc,
	rint
);

/// `f64.promote_f32`.
#[inline(always)]
pub fn promote(a: u32) -> u64 {
	let wide = core::primitive::f64::from(core::primitive::f32::from_bits(a));
	if wide.is_nan() {
		f64::CANONICAL
	} else {
		wide.to_bits()
	}
}

/// `f32.demote_f64`.
#[inline(always)]
pub fn demote(a: u64) -> u32 {
	let narrow = core::primitive::f64::from_bits(a) as core::primitive::f32;
	if narrow.is_nan() {
		f32::CANONICAL
	} else {
		narrow.to_bits()
	}
}

/// Conversions to integers that trap, by `None`, on NaN and on what does not fit.
pub mod trunc {
	type F32 = core::primitive::f32;
	type F64 = core::primitive::f64;

	// Each bound is exact in its type; where the bound below the least integer is not representable, the least integer is.

	/// `i32.trunc_f32_s`
	#[inline(always)]
	pub fn f32_i32(a: u32) -> Option<i32> {
		let a = F32::from_bits(a);
		(a >= -2147483648.0 && a < 2147483648.0).then_some(a as i32)
	}

	/// `i32.trunc_f32_u`
	#[inline(always)]
	pub fn f32_u32(a: u32) -> Option<u32> {
		let a = F32::from_bits(a);
		(a > -1.0 && a < 4294967296.0).then_some(a as u32)
	}

	/// `i32.trunc_f64_s`
	#[inline(always)]
	pub fn f64_i32(a: u64) -> Option<i32> {
		let a = F64::from_bits(a);
		(a > -2147483649.0 && a < 2147483648.0).then_some(a as i32)
	}

	/// `i32.trunc_f64_u`
	#[inline(always)]
	pub fn f64_u32(a: u64) -> Option<u32> {
		let a = F64::from_bits(a);
		(a > -1.0 && a < 4294967296.0).then_some(a as u32)
	}

	/// `i64.trunc_f32_s`
	#[inline(always)]
	pub fn f32_i64(a: u32) -> Option<i64> {
		let a = F32::from_bits(a);
		(a >= -9223372036854775808.0 && a < 9223372036854775808.0).then_some(a as i64)
	}

	/// `i64.trunc_f32_u`
	#[inline(always)]
	pub fn f32_u64(a: u32) -> Option<u64> {
		let a = F32::from_bits(a);
		(a > -1.0 && a < 18446744073709551616.0).then_some(a as u64)
	}

	/// `i64.trunc_f64_s`
	#[inline(always)]
	pub fn f64_i64(a: u64) -> Option<i64> {
		let a = F64::from_bits(a);
		(a >= -9223372036854775808.0 && a < 9223372036854775808.0).then_some(a as i64)
	}

	/// `i64.trunc_f64_u`
	#[inline(always)]
	pub fn f64_u64(a: u64) -> Option<u64> {
		let a = F64::from_bits(a);
		(a > -1.0 && a < 18446744073709551616.0).then_some(a as u64)
	}
}
