//! One bounded HTTP request to somebody who may be hostile.

use super::address::{is_public, literal, NotPublic, PublicOnly};
use futures::StreamExt;
use millrace_primitives::job::is_url;
use std::{
	fmt, io,
	net::IpAddr,
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};

/// An unused connection is closed after this, before servers do.
const POOL_IDLE: Duration = Duration::from_secs(10);

/// How patient downloads are, and where from.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
	/// For establishing a connection.
	pub connect: Duration,
	/// The longest time without any data.
	pub stall: Duration,
	/// The slowest acceptable line, in bytes per second; a download of `n` bytes may take `stall + n / slowest`.
	pub slowest: u64,
	/// How often a broken download is taken up again at one endpoint.
	pub resumes: u32,
	/// True if endpoints may have addresses that are not [public](super::is_public), as on one machine or in a network of
	/// one's own, which is the default. False wherever strangers name endpoints.
	pub allow_private: bool,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(5),
			stall: Duration::from_secs(15),
			slowest: 32 * 1024,
			resumes: 5,
			allow_private: true,
		}
	}
}

impl Limits {
	/// The most time that this many bytes may take.
	pub(super) fn total(&self, bytes: u64) -> Duration {
		self.stall
			.saturating_add(Duration::from_secs(bytes / self.slowest.max(1)))
	}
}

/// Why an endpoint was of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
	/// It is no `http://` or `https://` URL.
	NotAUrl,
	/// It has this address, which is not public, and only public ones are allowed.
	NotPublic(IpAddr),
	/// No connection.
	Unreachable(String),
	/// It answered with this HTTP status.
	Status(u16),
	/// It offers more than this many bytes.
	TooLarge(u64),
	/// What it served does not match the root.
	Mismatch,
	/// It served too slowly or nothing for too long.
	Stalled,
	/// The connection broke, again and again.
	Broken(String),
}

impl fmt::Display for Reason {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::NotAUrl => f.write_str("not an http(s) URL"),
			Self::NotPublic(address) => write!(f, "refused: {address} is not a public address"),
			Self::Unreachable(reason) => write!(f, "unreachable ({reason})"),
			Self::Status(404) => f.write_str("does not have it (404)"),
			Self::Status(status) => write!(f, "HTTP status {status}"),
			Self::TooLarge(limit) => write!(f, "offers more than the limit of {limit} bytes"),
			Self::Mismatch => f.write_str("served data that does not match the root"),
			Self::Stalled => f.write_str("too slow"),
			Self::Broken(reason) => write!(f, "broke the connection ({reason})"),
		}
	}
}

/// An endpoint that was of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
	/// Its URL.
	pub endpoint: String,
	/// Why.
	pub reason: Reason,
}

impl fmt::Display for Refusal {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}: {}", self.endpoint, self.reason)
	}
}

/// Why data could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
	/// None of the endpoints served it.
	#[error("cannot fetch {what}: {}", list(reasons))]
	Refused {
		/// What was to be fetched.
		what: String,
		/// Each endpoint's failure; empty if there was no endpoint.
		reasons: Vec<Refusal>,
	},
	/// It could not be written down.
	#[error("cannot write {path}: {source}")]
	Disk {
		/// The file.
		path: PathBuf,
		/// What failed.
		source: io::Error,
	},
	/// The HTTP client could not be set up.
	#[error("no HTTP client: {0}")]
	Client(String),
}

fn list(reasons: &[Refusal]) -> String {
	if reasons.is_empty() {
		return "nobody serves it".into();
	}
	reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl FetchError {
	/// True if an endpoint served data that does not match.
	pub fn is_mismatch(&self) -> bool {
		matches!(self, Self::Refused { reasons, .. } if reasons.iter().any(|refusal| refusal.reason == Reason::Mismatch))
	}

	/// True if an endpoint was not asked because its address is not public.
	pub fn is_private(&self) -> bool {
		matches!(
			self,
			Self::Refused { reasons, .. }
				if reasons.iter().any(|refusal| matches!(refusal.reason, Reason::NotPublic(_)))
		)
	}

	/// True if there is no room left where the data was to be written.
	pub fn is_disk_full(&self) -> bool {
		matches!(
			self,
			Self::Disk { source, .. }
				if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
		)
	}

	pub(super) fn disk(path: &Path, source: io::Error) -> Self {
		Self::Disk {
			path: path.into(),
			source,
		}
	}
}

/// An HTTP client for endpoints that strangers name: it follows no redirects, uses no proxy and has deadlines.
#[derive(Clone, Debug)]
pub struct Client {
	pub(super) http: reqwest::Client,
	pub(super) limits: Limits,
}

impl Client {
	/// A client with these limits.
	///
	/// # Errors
	/// [`FetchError::Client`] if the system's TLS or resolver cannot be set up.
	pub fn new(limits: Limits) -> Result<Self, FetchError> {
		let mut builder = reqwest::Client::builder()
			.connect_timeout(limits.connect)
			.read_timeout(limits.stall)
			.pool_idle_timeout(POOL_IDLE)
			.redirect(reqwest::redirect::Policy::none())
			.no_proxy();
		if !limits.allow_private {
			builder = builder.dns_resolver(Arc::new(PublicOnly));
		}
		let http = builder.build().map_err(|error| FetchError::Client(error.to_string()))?;
		Ok(Self { http, limits })
	}

	/// A request to `{endpoint}/{path}`, from byte `offset` on.
	pub(super) async fn get(&self, endpoint: &str, path: &str, offset: u64) -> Result<reqwest::Response, Reason> {
		if !is_url(endpoint.as_bytes()) {
			return Err(Reason::NotAUrl);
		}
		let url = format!("{}/{path}", endpoint.trim_end_matches('/'));
		let url = reqwest::Url::parse(&url).map_err(|_| Reason::NotAUrl)?;
		if !self.limits.allow_private {
			// Names are for the resolver to judge; a literal address never gets there.
			if let Some(address) = literal(&url).filter(|address| !is_public(*address)) {
				return Err(Reason::NotPublic(address));
			}
		}
		let mut request = self.http.get(url);
		if offset > 0 {
			request = request.header(reqwest::header::RANGE, format!("bytes={offset}-"));
		}
		request.send().await.map_err(|error| reason_of(&error))
	}

	/// A small answer as a whole, at most `limit` bytes.
	pub(super) async fn get_all(&self, endpoint: &str, path: &str, limit: u64) -> Result<Vec<u8>, Reason> {
		let whole = async {
			let response = self.get(endpoint, path, 0).await?;
			if response.status() != reqwest::StatusCode::OK {
				return Err(Reason::Status(response.status().as_u16()));
			}
			if response.content_length().is_some_and(|len| len > limit) {
				return Err(Reason::TooLarge(limit));
			}
			let mut bytes = Vec::new();
			let mut pieces = response.bytes_stream();
			while let Some(piece) = pieces.next().await {
				let piece = piece.map_err(|error| reason_of(&error))?;
				if (bytes.len() as u64).saturating_add(piece.len() as u64) > limit {
					return Err(Reason::TooLarge(limit));
				}
				bytes.extend_from_slice(&piece);
			}
			Ok(bytes)
		};
		tokio::time::timeout(self.limits.total(limit), whole)
			.await
			.unwrap_or(Err(Reason::Stalled))
	}
}

pub(super) fn reason_of(error: &reqwest::Error) -> Reason {
	let mut cause: Option<&dyn std::error::Error> = Some(error);
	while let Some(error) = cause {
		if let Some(NotPublic(address)) = error.downcast_ref() {
			return Reason::NotPublic(*address);
		}
		cause = error.source();
	}
	if error.is_connect() {
		return Reason::Unreachable(innermost(error));
	}
	if error.is_timeout() {
		return Reason::Stalled;
	}
	if error.is_builder() {
		return Reason::NotAUrl;
	}
	Reason::Broken(innermost(error))
}

/// The words of the cause at the root of an error: the outer ones only repeat the URL.
fn innermost(error: &dyn std::error::Error) -> String {
	let mut error = error;
	while let Some(source) = error.source() {
		error = source;
	}
	error.to_string()
}
