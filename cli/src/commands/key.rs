//! `millrace key`: makes keys and shows their accounts. Needs no node.

use crate::{
	failure::Result,
	options::{Global, KeyCommand},
	output::Output,
};
use millrace_client::Keypair;
use serde_json::json;

/// Runs the command.
pub fn run(global: &Global, command: KeyCommand, output: &mut Output) -> Result<()> {
	match command {
		KeyCommand::Generate { file } => {
			let (key, phrase) = Keypair::generate()?;
			let address = key.address();
			let public = format!("0x{}", hex::encode(key.public()));
			match file {
				Some(file) => {
					Keypair::write_new(&file, &phrase)?;
					let path = file.display().to_string();
					let text = format!("{address}\nThe key is in {path}. Keep a copy: whoever has it has the account.");
					output.result(&json!({ "address": address, "publicKey": public, "file": path }), text)
				}
				None => {
					let text = format!("{address}\n{phrase}\nKeep the phrase secret: whoever has it has the account.");
					output.result(
						&json!({ "address": address, "publicKey": public, "phrase": phrase }),
						text,
					)
				}
			}
		}
		KeyCommand::Inspect { key } => {
			let key = match key {
				Some(key) => Keypair::load(&key)?,
				None => global.signer()?,
			};
			let public = format!("0x{}", hex::encode(key.public()));
			let text = format!("address     {}\npublic key  {public}", key.address());
			output.result(&json!({ "address": key.address(), "publicKey": public }), text)
		}
	}
}
