//! Secret keys: sr25519, from a secret URI or from a file that only its owner can read.

use millrace_primitives::{AccountId, SS58_PREFIX};
use rand::TryRngCore as _;
use sp_core::{
	crypto::{PublicError, Ss58AddressFormat, Ss58Codec},
	Pair as _,
};
use sp_crypto_hashing::blake2_256;
use std::{
	fmt, fs,
	io::{self, Read, Write},
	path::{Path, PathBuf},
	str::FromStr,
};
use subxt_signer::{sr25519, SecretUri};

/// The largest key file that is read, in bytes.
const MAX_KEY_FILE: u64 = 4_096;

/// Why a key cannot be used. Never holds any part of the secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
	/// The text is no secret URI.
	#[error(
		"neither the name of a key file nor a secret: expected a file, a mnemonic phrase, a 0x seed of 32 bytes, or a \
		 derivation such as //Alice"
	)]
	Secret,
	/// The key file holds no secret URI.
	#[error("key file {path} holds no secret: expected a mnemonic phrase, a 0x seed of 32 bytes, or a derivation")]
	Content {
		/// The file.
		path: PathBuf,
	},
	/// There is no such key file.
	#[error("there is no key file {path}; to make a new key: millrace key generate {path}")]
	Missing {
		/// The file.
		path: PathBuf,
	},
	/// The key file exists and is not overwritten.
	#[error("{path} exists already and is not overwritten; name another file")]
	Exists {
		/// The file.
		path: PathBuf,
	},
	/// The key file's folder does not exist.
	#[error("there is no folder {folder} for the key file")]
	NoFolder {
		/// The folder.
		folder: PathBuf,
	},
	/// The key file cannot be read or written.
	#[error("key file {path}: {source}")]
	File {
		/// The file.
		path: PathBuf,
		/// What failed.
		source: io::Error,
	},
	/// Others than the owner may read the key file.
	#[error("key file {path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
	Exposed {
		/// The file.
		path: PathBuf,
		/// Its permission bits.
		mode: u32,
	},
	/// The system has no randomness for a new key.
	#[error("no randomness for a new key: {0}")]
	Randomness(String),
	/// The text is no account address.
	#[error("{text:?} is not an account: {reason}")]
	Account {
		/// The text.
		text: String,
		/// What is wrong with it.
		reason: String,
	},
}

/// A key that signs transactions. Its `Debug` shows the address only.
#[derive(Clone)]
pub struct Keypair {
	signer: sr25519::Keypair,
	/// What [`Keypair::secret`] comes from.
	root: [u8; 32],
}

impl fmt::Debug for Keypair {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_tuple("Keypair").field(&self.address()).finish()
	}
}

impl Keypair {
	/// The key of a secret URI: a mnemonic phrase or a `0x` seed, with an optional derivation path and password
	/// (`phrase//hard/soft///password`); a path alone derives from the well-known development phrase.
	pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
		let uri = uri.trim();
		if uri.is_empty() {
			// It would stand for the development phrase, which everybody knows.
			return Err(KeyError::Secret);
		}
		let parsed = SecretUri::from_str(uri).map_err(|_| KeyError::Secret)?;
		let signer = sr25519::Keypair::from_uri(&parsed).map_err(|_| KeyError::Secret)?;
		// The signer keeps its secret to itself.
		let pair = sp_core::sr25519::Pair::from_string(uri, None).map_err(|_| KeyError::Secret)?;
		if pair.public().0 != signer.public_key().0 {
			return Err(KeyError::Secret);
		}
		// The second half of the secret is random after a soft derivation.
		let secret = pair.to_raw_vec();
		let scalar = secret.get(..32).ok_or(KeyError::Secret)?;
		let root = blake2_256(&[b"millrace:root-of-secrets", scalar].concat());
		Ok(Self { signer, root })
	}

	/// The key in a file that holds a secret URI.
	///
	/// # Errors
	/// [`KeyError::Missing`] if there is no such file, [`KeyError::Exposed`] if anyone but the owner may read it,
	/// [`KeyError::Content`] if it holds something else.
	pub fn from_file(path: &Path) -> Result<Self, KeyError> {
		let failed = |source: io::Error| match source.kind() {
			io::ErrorKind::NotFound => KeyError::Missing { path: path.into() },
			_ => KeyError::File {
				path: path.into(),
				source,
			},
		};
		let file = fs::File::open(path).map_err(failed)?;
		// The permissions of what was opened, not of what the path names a moment later.
		let metadata = file.metadata().map_err(failed)?;
		check_mode(path, &metadata)?;
		let mut text = String::new();
		match file.take(MAX_KEY_FILE).read_to_string(&mut text) {
			Ok(_) => Self::from_uri(&text).map_err(|_| KeyError::Content { path: path.into() }),
			Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyError::Content { path: path.into() }),
			Err(error) => Err(failed(error)),
		}
	}

	/// The key in the file if there is one of this name, else of the secret URI.
	///
	/// # Errors
	/// Those of [`from_file`](Self::from_file) for what looks like a path, else [`KeyError::Secret`].
	pub fn load(uri_or_path: &str) -> Result<Self, KeyError> {
		let path = Path::new(uri_or_path);
		if path.exists() || looks_like_a_path(uri_or_path) {
			Self::from_file(path)
		} else {
			Self::from_uri(uri_or_path)
		}
	}

	/// A new random key, and its mnemonic phrase of 12 words.
	pub fn generate() -> Result<(Self, String), KeyError> {
		let mut entropy = [0u8; 16];
		rand::rngs::OsRng
			.try_fill_bytes(&mut entropy)
			.map_err(|error| KeyError::Randomness(error.to_string()))?;
		let phrase =
			bip39::Mnemonic::from_entropy(&entropy).map_err(|error| KeyError::Randomness(error.to_string()))?;
		let phrase = phrase.to_string();
		Ok((Self::from_uri(&phrase)?, phrase))
	}

	/// Writes a secret to a new file that only its owner can read. Never overwrites.
	pub fn write_new(path: &Path, secret: &str) -> Result<(), KeyError> {
		let failed = |source: io::Error| match source.kind() {
			io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
			io::ErrorKind::NotFound => KeyError::NoFolder {
				folder: path.parent().unwrap_or(path).into(),
			},
			_ => KeyError::File {
				path: path.into(),
				source,
			},
		};
		let mut options = fs::OpenOptions::new();
		options.write(true).create_new(true);
		#[cfg(unix)]
		std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
		let mut file = options.open(path).map_err(failed)?;
		file.write_all(secret.as_bytes())
			.and_then(|()| file.write_all(b"\n"))
			.map_err(failed)?;
		file.sync_all().map_err(failed)
	}

	/// The account that the key signs for.
	pub fn account(&self) -> AccountId {
		AccountId::from(self.public())
	}

	/// The account's address.
	pub fn address(&self) -> String {
		address(&self.account())
	}

	/// The public key.
	pub fn public(&self) -> [u8; 32] {
		self.signer.public_key().0
	}

	/// A number that only who has the key can know, and that is always the same: `H(root | what)`, where the root follows from
	/// the key and shows nothing of it.
	pub fn secret(&self, what: &[u8]) -> [u8; 32] {
		blake2_256(&[&self.root, what].concat())
	}

	pub(crate) fn signer(&self) -> &sr25519::Keypair {
		&self.signer
	}
}

/// True if a text that names no file was meant to. What may be a mistyped secret was not: errors repeat the names of
/// files.
fn looks_like_a_path(text: &str) -> bool {
	let phrase = text.is_empty() || text.contains(char::is_whitespace) || text.contains("//");
	let digits = text.strip_prefix("0x").unwrap_or(text);
	let seed = digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
	!phrase && !seed && !text.starts_with("0x")
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyError> {
	let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
	if mode & 0o077 != 0 {
		return Err(KeyError::Exposed {
			path: path.into(),
			mode,
		});
	}
	Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), KeyError> {
	Ok(())
}

/// An account's address, with the chain's prefix.
pub fn address(account: &AccountId) -> String {
	account.to_ss58check_with_version(Ss58AddressFormat::custom(SS58_PREFIX))
}

/// The account of an address, or of a public key in hexadecimal.
pub fn parse_account(text: &str) -> Result<AccountId, KeyError> {
	let failed = |reason: String| KeyError::Account {
		text: text.into(),
		reason,
	};
	if let Some(digits) = text.strip_prefix("0x") {
		let bytes = hex::decode(digits).map_err(|error| failed(error.to_string()))?;
		let bytes: [u8; 32] = bytes
			.try_into()
			.map_err(|bytes: Vec<u8>| failed(format!("{} bytes, expected are 32", bytes.len())))?;
		return Ok(bytes.into());
	}
	let (account, format) = AccountId::from_ss58check_with_version(text).map_err(|error| {
		failed(match error {
			PublicError::InvalidChecksum => "its checksum is wrong; was it mistyped?".into(),
			_ => "expected an address such as 5Grw..., or a public key of 0x and 64 hexadecimal digits".into(),
		})
	})?;
	if format != Ss58AddressFormat::custom(SS58_PREFIX) {
		return Err(failed(format!(
			"it is an address of another network (prefix {}, expected {SS58_PREFIX})",
			u16::from(format)
		)));
	}
	Ok(account)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_development_key_has_its_well_known_address() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		assert_eq!(alice.address(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
		assert_eq!(parse_account(&alice.address()).unwrap(), alice.account());
		assert_eq!(
			parse_account(&format!("0x{}", hex::encode(alice.public()))).unwrap(),
			alice.account()
		);
	}

	#[test]
	fn accounts_of_other_networks_and_garbage_are_refused() {
		let account = Keypair::from_uri("//Alice").unwrap().account();
		let polkadot = account.to_ss58check_with_version(Ss58AddressFormat::custom(0));
		assert!(parse_account(&polkadot)
			.unwrap_err()
			.to_string()
			.contains("another network"));
		for text in ["", "5Grwva", "0x12", "0xzz"] {
			assert!(parse_account(text).is_err(), "{text}");
		}
		let mistyped = parse_account("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ").unwrap_err();
		assert!(mistyped.to_string().contains("mistyped"), "{mistyped}");
	}

	#[test]
	fn a_generated_key_is_restored_from_its_phrase() {
		let (key, phrase) = Keypair::generate().unwrap();
		assert_eq!(phrase.split(' ').count(), 12);
		assert_eq!(Keypair::from_uri(&phrase).unwrap().account(), key.account());
		assert_ne!(Keypair::generate().unwrap().1, phrase);
	}

	#[test]
	fn secrets_are_the_same_for_the_same_key_and_no_other() {
		let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
		let secret = |uri: &str, what: &[u8]| Keypair::from_uri(uri).unwrap().secret(what);
		let all = [
			secret("//Alice", b"a"),
			secret("//Alice", b"b"),
			secret("//Bob", b"a"),
			secret("//Alice/soft", b"a"),
		];
		for (n, one) in all.iter().enumerate() {
			assert!(!all[..n].contains(one));
		}
		// However it is written, and though a soft derivation draws a nonce.
		assert_eq!(secret(&format!("{phrase}//Alice"), b"a"), all[0]);
		assert_eq!(secret("//Alice/soft", b"a"), all[3]);
	}

	#[test]
	fn errors_do_not_repeat_the_secret() {
		let error =
			Keypair::from_uri("bottom drive obey lake curtain smoke basket hold race lonely fit wolf").unwrap_err();
		assert!(!error.to_string().contains("bottom"));
		assert!(!format!("{:?}", Keypair::from_uri("//Alice").unwrap()).contains("secret"));
	}

	#[cfg(unix)]
	#[test]
	fn a_key_file_that_others_can_read_is_refused() {
		use std::os::unix::fs::PermissionsExt;
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("key");
		Keypair::write_new(&path, "//Bob").unwrap();
		assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
		assert_eq!(
			Keypair::load(path.to_str().unwrap()).unwrap().account(),
			Keypair::from_uri("//Bob").unwrap().account()
		);
		assert!(
			matches!(Keypair::write_new(&path, "//Eve"), Err(KeyError::Exists { .. })),
			"overwritten"
		);
		fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
		assert!(matches!(
			Keypair::from_file(&path),
			Err(KeyError::Exposed { mode: 0o640, .. })
		));
	}

	#[test]
	fn a_missing_key_file_is_named_with_the_command_that_makes_one() {
		for path in ["/nonexistent/key", "me.key", "mykey", "keys/me"] {
			let error = Keypair::load(path).unwrap_err().to_string();
			assert!(
				error.contains(&format!("there is no key file {path}")) && error.contains("millrace key generate"),
				"{error}"
			);
		}
		let error = Keypair::write_new(Path::new("/nonexistent/key"), "//Eve").unwrap_err();
		assert!(error.to_string().contains("no folder /nonexistent"), "{error}");
	}

	#[test]
	fn a_mistyped_secret_is_not_taken_for_a_file() {
		let seed = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
		for secret in [seed, &seed[..40], "0xe5be", "botom drive obey", "word//hard", ""] {
			let error = Keypair::load(secret).unwrap_err();
			assert!(matches!(error, KeyError::Secret), "{secret}: {error}");
			assert!(secret.is_empty() || !error.to_string().contains(secret));
		}
	}

	#[test]
	fn a_file_without_a_secret_is_named() {
		let folder = tempfile::tempdir().unwrap();
		for (name, content) in [("text", &b"no secret"[..]), ("bytes", &[0xff, 0xfe]), ("empty", b"\n")] {
			let path = folder.path().join(name);
			fs::write(&path, content).unwrap();
			#[cfg(unix)]
			fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
			let error = Keypair::from_file(&path).unwrap_err();
			assert!(
				matches!(&error, KeyError::Content { path: named } if *named == path),
				"{error}"
			);
		}
	}
}
