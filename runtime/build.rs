//! Builds the runtime's wasm (under `std` only: the wasm build itself runs this script too).

/// What wallets show beside an amount. The metadata hash binds both values, and a build script
/// cannot see the crate that defines them, so `lib.rs` asserts at compile time that they are the
/// constants of `millrace-primitives`.
const TOKEN_SYMBOL: &str = "MILL";
/// Decimals of the token, see [`TOKEN_SYMBOL`].
const TOKEN_DECIMALS: u8 = 12;

fn main() {
	println!("cargo:rustc-env=MILLRACE_BUILD_TOKEN_SYMBOL={TOKEN_SYMBOL}");
	println!("cargo:rustc-env=MILLRACE_BUILD_TOKEN_DECIMALS={TOKEN_DECIMALS}");
	build_wasm();
}

#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn build_wasm() {
	substrate_wasm_builder::WasmBuilder::init_with_defaults()
		.enable_metadata_hash(TOKEN_SYMBOL, TOKEN_DECIMALS)
		.build();
}

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn build_wasm() {
	substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

#[cfg(not(feature = "std"))]
fn build_wasm() {}
