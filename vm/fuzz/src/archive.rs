//! Any bytes as an image, as an input that is unpacked over one, and an image whose index is changed: refused, or files
//! that are always the same. The first byte says which, and whether the checksums of headers are set right, which chance
//! hardly does.

#![no_main]

#[path = "../../wasi/tests/common/mod.rs"]
mod common;
mod quiet;

use common::{archive, explore, Setup};
use libfuzzer_sys::fuzz_target;

/// An image with its index, changed at some places: each is two bytes, what is there a third.
fn changed(image: &mut [u8], changes: &[u8]) {
	for change in changes.chunks_exact(3) {
		let at = usize::from(change[0]) << 8 | usize::from(change[1]);
		let len = image.len();
		image[at % len] = change[2];
	}
}

fuzz_target!(|bytes: &[u8]| quiet::run(|| {
	let Some((first, bytes)) = bytes.split_first() else {
		return;
	};
	let items = [
		archive::directory("d"),
		archive::file("d/x", b"below"),
		archive::link("a", "d/x"),
		archive::same("b", "d/x"),
	];
	let mut image = bytes.to_vec();
	if first & 4 != 0 {
		image = archive::image(&items);
		changed(&mut image, bytes);
	}
	if first & 1 == 0 {
		for header in image.chunks_exact_mut(512) {
			if &header[257..262] == b"ustar" {
				archive::seal(header);
			}
		}
	}
	let files = Setup {
		input: 2,
		..Setup::default()
	};
	let seen = || match first & 2 {
		0 => explore::explore(&image),
		_ => explore::over(&files, &image, &archive::plain(&items)),
	};
	assert_eq!(seen(), seen(), "the same twice");
}));
