//! Reads a root and a witness, writes what the verifier says: 1 and the next root, or 0 and why not.
#![cfg_attr(target_arch = "wasm32", no_std, no_main)]

use millrace_judge::{hash::Blake2, witness::verify, VERSION};
use millrace_program::{format, Result, Vec};

fn judge(input: &[u8], output: &mut Vec<u8>) -> Result<()> {
	let (root, witness) = input.split_first_chunk().ok_or("the input has no root")?;
	match verify::<Blake2>(VERSION, root, witness) {
		Ok(next) => {
			output.push(1);
			output.extend_from_slice(&next.root::<Blake2>());
		}
		Err(error) => {
			output.push(0);
			output.extend_from_slice(format!("{error:?}").as_bytes());
		}
	}
	Ok(())
}

millrace_program::main!(judge);
