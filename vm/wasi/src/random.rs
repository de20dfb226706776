//! Random bytes: xoshiro256** (Blackman, Vigna), seeded by the task.

use crate::{errno::Result, host::Host, wasi::Wasi};

/// What takes the place of a seed of zeros, at which the generator would stay: the first words of splitmix64 from 0.
const OF_NOTHING: [u64; 4] = [
	0xe220_a839_7b1d_cdaf,
	0x6e78_9e6a_a1b9_65f4,
	0x06c4_5d18_8009_454f,
	0xf88b_b8a8_724c_81ec,
];

/// The generator's state; all zero before the first number.
pub(crate) struct Random([u64; 4]);

impl Random {
	/// Not used yet.
	pub const UNSEEDED: Self = Self([0; 4]);

	fn next<H: Host>(&mut self, host: &H) -> u64 {
		if self.0 == [0; 4] {
			self.0 = [host.seed(0), host.seed(1), host.seed(2), host.seed(3)];
			if self.0 == [0; 4] {
				self.0 = OF_NOTHING;
			}
		}
		let [s0, s1, s2, s3] = &mut self.0;
		let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
		let t = *s1 << 17;
		*s2 ^= *s0;
		*s3 ^= *s1;
		*s1 ^= *s2;
		*s0 ^= *s3;
		*s2 ^= t;
		*s3 = s3.rotate_left(45);
		result
	}
}

impl<H: Host> Wasi<H> {
	/// Stores random bytes. Every eight bytes, and what is left at the end, take one number, from its lowest byte on.
	pub fn random_get(&mut self, at: u32, len: u32) -> Result<()> {
		self.inside(at, len.into())?;
		let (mut at, mut len) = (at, len);
		while len >= 8 {
			let word = self.random.next(&self.host);
			self.host.program_store64(at, word);
			at += 8;
			len -= 8;
		}
		if len > 0 {
			let mut word = self.random.next(&self.host);
			for i in 0..len {
				self.host.program_store8(at + i, word as u32 & 0xff);
				word >>= 8;
			}
		}
		Ok(())
	}
}
