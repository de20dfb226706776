//! What the agent tells Prometheus, and a page that says whether it is well.

use axum::{extract::State, http::StatusCode, routing::get, Router};
use prometheus_client::{
	encoding::{text::encode, EncodeLabelSet},
	metrics::{counter::Counter, family::Family, gauge::Gauge},
	registry::Registry,
};
use std::{
	net::SocketAddr,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Without a view of the chain for this long the agent is not well.
const STALE: Duration = Duration::from_secs(60);

/// What a count is of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Kind {
	/// The kind.
	pub kind: &'static str,
}

/// All metrics.
#[derive(Default)]
pub struct Metrics {
	/// The best block that was looked at.
	pub best_block: Gauge,
	/// The last finalized block that was looked at.
	pub finalized_block: Gauge,
	/// Slots that are offered.
	pub slots: Gauge,
	/// Shards being computed.
	pub running: Gauge,
	/// Seats by what the chain says of them.
	pub seats: Family<Kind, Gauge>,
	/// Tasks by how they ended.
	pub tasks: Family<Kind, Counter>,
	/// Gas of all tasks.
	pub gas: Counter,
	/// Transactions in finalized blocks, by call.
	pub transactions: Family<Kind, Counter>,
	/// Transactions that failed or were lost, by call.
	pub transaction_failures: Family<Kind, Counter>,
	/// Programs or inputs that could not be had.
	pub fetch_failures: Counter,
	/// Times at which the machine was in trouble.
	pub trouble: Counter,
	/// Boards of the court that the provider is a party of and that are not over.
	pub boards: Gauge,
	/// Moves on boards, in finalized blocks.
	pub moves: Counter,
	/// Boards that ended, by how.
	pub verdicts: Family<Kind, Counter>,
	/// Others' shards that were watched, by what came of it.
	pub watched: Family<Kind, Counter>,
	/// Bytes of outputs and inputs on disk.
	pub stored_bytes: Gauge,
	/// When the chain was last seen, in seconds since 1970.
	seen: AtomicU64,
}

impl Metrics {
	/// Notes that the chain was seen just now.
	pub fn seen(&self) {
		self.seen.store(now(), Ordering::Relaxed);
	}

	/// True if the chain was seen lately.
	pub fn is_well(&self) -> bool {
		now().saturating_sub(self.seen.load(Ordering::Relaxed)) <= STALE.as_secs()
	}

	fn registry(&self) -> Registry {
		let mut registry = Registry::with_prefix("millrace_agent");
		registry.register(
			"best_block",
			"The best block that was looked at",
			self.best_block.clone(),
		);
		registry.register(
			"finalized_block",
			"The last finalized block that was looked at",
			self.finalized_block.clone(),
		);
		registry.register("slots", "Slots that are offered", self.slots.clone());
		registry.register("running", "Shards being computed", self.running.clone());
		registry.register("seats", "Seats by what the chain says of them", self.seats.clone());
		registry.register("tasks", "Tasks by how they ended", self.tasks.clone());
		registry.register("gas", "Gas of all tasks", self.gas.clone());
		registry.register(
			"transactions",
			"Transactions in finalized blocks, by call",
			self.transactions.clone(),
		);
		registry.register(
			"transaction_failures",
			"Transactions that failed or were lost, by call",
			self.transaction_failures.clone(),
		);
		registry.register(
			"fetch_failures",
			"Programs or inputs that could not be had",
			self.fetch_failures.clone(),
		);
		registry.register(
			"trouble",
			"Times at which the machine was in trouble",
			self.trouble.clone(),
		);
		registry.register(
			"boards",
			"Boards of the court that are being played",
			self.boards.clone(),
		);
		registry.register(
			"moves",
			"Moves on boards of the court, in finalized blocks",
			self.moves.clone(),
		);
		registry.register(
			"verdicts",
			"Boards of the court that ended, by how",
			self.verdicts.clone(),
		);
		registry.register(
			"watched",
			"Others' shards that were watched, by what came of it",
			self.watched.clone(),
		);
		registry.register(
			"stored_bytes",
			"Bytes of outputs and inputs on disk",
			self.stored_bytes.clone(),
		);
		registry
	}
}

struct Page {
	metrics: Arc<Metrics>,
	registry: Registry,
}

/// Serves `/metrics` and `/health` until `stop` is done.
pub async fn serve(
	address: SocketAddr,
	metrics: Arc<Metrics>,
	stop: impl std::future::Future<Output = ()> + Send + 'static,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
	let listener = tokio::net::TcpListener::bind(address).await?;
	let page = Arc::new(Page {
		registry: metrics.registry(),
		metrics,
	});
	let router = Router::new()
		.route("/metrics", get(text))
		.route("/health", get(health))
		.with_state(page);
	Ok(tokio::spawn(async move {
		if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
			tracing::warn!(%error, "the metrics server ended");
		}
	}))
}

async fn text(State(page): State<Arc<Page>>) -> Result<([(&'static str, &'static str); 1], String), StatusCode> {
	let mut body = String::new();
	encode(&mut body, &page.registry).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
	Ok((
		[(
			"content-type",
			"application/openmetrics-text; version=1.0.0; charset=utf-8",
		)],
		body,
	))
}

async fn health(State(page): State<Arc<Page>>) -> (StatusCode, &'static str) {
	match page.metrics.is_well() {
		true => (StatusCode::OK, "ok\n"),
		false => (StatusCode::SERVICE_UNAVAILABLE, "the chain was not seen for a minute\n"),
	}
}

/// Seconds since 1970.
pub fn now() -> u64 {
	SystemTime::now()
		.duration_since(UNIX_EPOCH)
		.map_or(0, |since| since.as_secs())
}
