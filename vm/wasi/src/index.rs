//! Opening an archive: by the index that it begins with, or by one that is built (`tree.rs`).
//!
//! ```text
//! 512 bytes: the header of the file `.millrace-index` | "MRINDEX1" | u32 nodes | u32 bytes of names | 16 zero
//! | nodes of 32 bytes, see `layers.rs` | names
//! ```

use crate::{
	errno::Result,
	host::{scratch, Host, Memory, Region},
	layers::{Layer, RECORD},
	node::kind,
	tar::HEADER,
	wasi::Wasi,
};

/// The name of the index, with NUL.
pub(crate) const NAME: [u8; 16] = *b".millrace-index\0";
/// How it begins.
const MAGIC: u64 = u64::from_le_bytes(*b"MRINDEX1");
/// Bytes before its nodes.
const HEAD: u32 = 32;
impl<H: Host> Wasi<H> {
	/// Opens the archive of a region: whether there is one. Fails for want of memory; ends the run if it is malformed.
	pub(crate) fn open_layer(&mut self, region: Region) -> Result<bool> {
		let len = self.host.size(region);
		let [input, image] = &mut self.layers;
		let layer = if region == Region::Input { input } else { image };
		if len == 0 || layer.nodes > 0 {
			return Ok(len > 0);
		}
		let opened = match self.read_index(region, len) {
			Some(layer) => layer,
			None => self.build_index(region, len)?,
		};
		let [input, image] = &mut self.layers;
		*(if region == Region::Input { input } else { image }) = opened;
		match self.record(region, 0) {
			Ok(record) if record.kind == kind::DIRECTORY => Ok(true),
			_ => self.bad_archive(region, "an index without a root"),
		}
	}

	/// The index that an archive begins with.
	#[inline(never)]
	fn read_index(&mut self, region: Region, len: u64) -> Option<Layer> {
		if len < u64::from(HEADER + HEAD) {
			return None;
		}
		let record = self.scratch(scratch::RECORD);
		self.host.read(region, Memory::Own, 0, record, HEADER);
		let [first, second] = [0, 8].map(|at| self.host.load64(record, at));
		if u128::from(first) | u128::from(second) << 64 != u128::from_le_bytes(NAME) {
			return None;
		}
		let size = self.number(record + 124, 12)?;
		self.host.read(region, Memory::Own, HEADER, record, HEAD);
		// One of another version is passed over, as any file that is not known.
		if self.host.load64(record, 0) != MAGIC {
			return None;
		}
		let (nodes, names_len) = (self.host.load32(record, 8), self.host.load32(record, 12));
		let table = u64::from(HEADER + HEAD);
		let names = table + u64::from(RECORD) * u64::from(nodes);
		let end = names + u64::from(names_len);
		let clean = self.host.load64(record, 16) == 0 && self.host.load64(record, 24) == 0;
		if nodes == 0 || !clean || end > len || end - u64::from(HEADER) > size {
			self.bad_archive(region, "an index of a wrong size");
		}
		Some(Layer {
			own: false,
			nodes,
			table: table as u32,
			names: names as u32,
			names_len,
			len,
		})
	}
}
