//! The metadata that this library was built for, and how a chain's metadata is compared with it.
//!
//! `client/metadata.scale` is committed and made anew by `scripts/metadata.sh`. The library's calls are encoded by hand
//! with the types of `millrace-primitives`; the comparison makes sure that the chain means the same by them. A runtime
//! upgrade that changes only other things changes nothing here.

use crate::{calls, Error, Result};
use std::sync::OnceLock;
use subxt::Metadata;

/// The metadata that this library was built for, in the encoding of the runtime's `Metadata_metadata_at_version`.
pub const EMBEDDED: &[u8] = include_bytes!("../metadata.scale");

/// The pallets whose errors the library's users tell apart.
const ERRORS: [&str; 4] = ["Providers", "Jobs", "Attestations", "Emission"];
/// The events that the library and the command line decode.
const EVENTS: [(&str, &str); 16] = [
	("Jobs", "JobSubmitted"),
	("Jobs", "JobClosed"),
	("Jobs", "JobSettled"),
	("Jobs", "ShardSettled"),
	("Attestations", "SealingClosed"),
	("Attestations", "Drawn"),
	("Attestations", "SeatDrawn"),
	("Attestations", "SeatLeft"),
	("Attestations", "Unavailable"),
	("Attestations", "BoardOpened"),
	("Attestations", "BoardDecided"),
	("Attestations", "Decided"),
	("Attestations", "BondSettled"),
	("Attestations", "VerdictHeld"),
	("Attestations", "Enacted"),
	("Attestations", "Voided"),
];
/// The storage items that the library reads.
const STORAGE: [(&str, &str); 1] = [("System", "Account")];
/// The runtime API that the library reads.
const API: &str = "MarketApi";

/// The embedded metadata, decoded.
///
/// # Errors
/// [`Error::Decode`] if the file is damaged, which the tests exclude.
pub fn embedded() -> Result<&'static Metadata> {
	static METADATA: OnceLock<Result<Metadata, String>> = OnceLock::new();
	METADATA
		.get_or_init(|| Metadata::decode_from(EMBEDDED).map_err(|error| error.to_string()))
		.as_ref()
		.map_err(|error| Error::decode("the embedded metadata", error))
}

/// What of all that the library uses differs between two metadata, as `Pallet.name`. Empty if they fit.
pub fn differences(ours: &Metadata, theirs: &Metadata) -> Vec<String> {
	let mut differs = Vec::new();
	let mut note = |same: bool, name: String| {
		if !same {
			differs.push(name);
		}
	};
	for (pallet, call) in calls::ALL {
		let hash = |metadata: &Metadata| {
			metadata
				.pallet_by_name(pallet)
				.and_then(|pallet| pallet.call_hash(call))
		};
		note(
			hash(ours).is_some() && hash(ours) == hash(theirs),
			format!("{pallet}.{call}"),
		);
	}
	for pallet in ERRORS {
		let hash = |metadata: &Metadata| {
			metadata
				.pallet_by_name(pallet)
				.and_then(|pallet| metadata.type_hash(pallet.error_ty_id()?))
		};
		note(
			hash(ours).is_some() && hash(ours) == hash(theirs),
			format!("{pallet}.Error"),
		);
	}
	for (pallet, event) in EVENTS {
		let fields = |metadata: &Metadata| {
			let variants = metadata.pallet_by_name(pallet)?.event_variants()?;
			let variant = variants.iter().find(|variant| variant.name == event)?;
			variant
				.fields
				.iter()
				.map(|field| metadata.type_hash(field.ty.id))
				.collect::<Option<Vec<_>>>()
		};
		note(
			fields(ours).is_some() && fields(ours) == fields(theirs),
			format!("{pallet}.{event}"),
		);
	}
	for (pallet, item) in STORAGE {
		let hash = |metadata: &Metadata| {
			metadata
				.pallet_by_name(pallet)
				.and_then(|pallet| pallet.storage_hash(item))
		};
		note(
			hash(ours).is_some() && hash(ours) == hash(theirs),
			format!("{pallet}.{item}"),
		);
	}
	let methods = |metadata: &Metadata| {
		let api = metadata.runtime_api_trait_by_name(API)?;
		Some(
			api.methods()
				.map(|method| (method.name().to_string(), method.hash()))
				.collect::<Vec<_>>(),
		)
	};
	let theirs = methods(theirs).unwrap_or_default();
	for (name, hash) in methods(ours).unwrap_or_default() {
		note(
			theirs.iter().any(|their| *their == (name.clone(), hash)),
			format!("{API}.{name}"),
		);
	}
	differs
}

/// Refuses a chain whose metadata does not fit.
pub(crate) fn check(theirs: &Metadata) -> Result<()> {
	let differs = differences(embedded()?, theirs);
	if differs.is_empty() {
		Ok(())
	} else {
		Err(Error::IncompatibleChain { differs })
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_embedded_metadata_holds_all_that_the_library_uses() {
		let metadata = embedded().unwrap();
		assert_eq!(differences(metadata, metadata), Vec::<String>::new());
		assert!(metadata.runtime_api_trait_by_name(API).is_some());
	}
}
