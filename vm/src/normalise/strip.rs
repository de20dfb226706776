//! Custom sections, which mean nothing to the machine, but for the one that names the entry.

use super::entry::SECTION;
use wasmparser::{Parser, Payload};

/// The module without custom sections that mean nothing: names, debug information, what tools left. They are up to nine
/// tenths of a file. What is no module stays as it is.
pub fn strip(wasm: &[u8]) -> Vec<u8> {
	without(wasm, |name| name != SECTION).unwrap_or_else(|| wasm.to_vec())
}

/// The module without the custom sections whose names are like this; none of what is no module.
pub(super) fn without(wasm: &[u8], goes: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
	const HEADER: usize = 8;
	let mut stripped = wasm.get(..HEADER)?.to_vec();
	let mut end = HEADER;
	for payload in Parser::new(0).parse_all(wasm) {
		let payload = payload.ok()?;
		let Some((_, range)) = payload.as_section() else {
			continue;
		};
		let after = usize::try_from(range.end).ok()?;
		// A section starts where the one before ended.
		let section = wasm.get(end..after)?;
		end = after;
		if !matches!(payload, Payload::CustomSection(custom) if goes(custom.name())) {
			stripped.extend_from_slice(section);
		}
	}
	Some(stripped)
}

#[cfg(test)]
mod tests {
	use super::{super::entry::with_entry, *};

	#[test]
	fn only_custom_sections_go() {
		let bare = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";
		let custom = &b"\0\x05\x01n123"[..];
		let (header, rest) = bare.split_at(8);
		let (types, rest) = rest.split_at(6);
		let (functions, code) = rest.split_at(4);
		let all = [header, custom, types, custom, custom, functions, code, custom]
			.map(<[u8]>::to_vec)
			.concat();
		assert_eq!(strip(&all), bare);
		assert_eq!(strip(bare), bare);
		assert_eq!(strip(header), header);
	}

	#[test]
	fn the_entry_s_name_stays() {
		let bare = b"\0asm\x01\0\0\0";
		let named = with_entry(bare, "main");
		assert_eq!(strip(&named), named);
		assert_eq!(with_entry(&named, "main"), named);
		assert_ne!(with_entry(&named, "f"), named);
	}

	#[test]
	fn what_is_no_module_stays() {
		for wasm in [&b""[..], b"\0asm", b"text", b"\0asm\x01\0\0\0\0\x70n"] {
			assert_eq!(strip(wasm), wasm);
			assert_eq!(with_entry(wasm, "main"), wasm);
		}
	}
}
