//! `millrace job`: where a job stands now, and why what waits does not run.

use super::watch::{explain, is_over, status, under_way, Stages};
use crate::{
	context,
	failure::Result,
	job::name,
	options::Global,
	output::Output,
	units::{blocks_and_time, mill},
};
use comfy_table::{presets::UTF8_HORIZONTAL_ONLY, Table};
use millrace_client::{blobs::hex_root, keys::address, words, At};
use millrace_primitives::{
	api::{Explanation, JobView, SeatSummary, ShardView},
	job::ShardState,
	machine::address as address_of,
	JobId, MarketBlock,
};
use serde_json::json;

/// So many shards are shown to people.
const MAX_ROWS: usize = 32;

/// Runs the command.
pub async fn run(global: &Global, id: JobId, output: &mut Output) -> Result<()> {
	let chain = global.connect().await?;
	let head = chain.best_head().await?;
	let at = At::Hash(head.hash);
	let job = context::job(&chain, id, at).await?;
	let market = chain.market(at);
	let now = market.now().await?;
	let explanation = market.explain(id).await?;
	let shards = under_way(&market, &job).await?;
	let block_ms = context::block_ms(&chain).await?;
	let stages = Stages::of(&job, &shards);
	let why = explanation.as_ref().and_then(|explanation| explain(&job, explanation));
	let text = describe(&job, &stages, explanation.as_ref(), now, block_ms) + &table(&shards);
	let document = json!({
		"block": head.number,
		"marketBlock": now,
		"job": job,
		"stages": stages,
		"explanation": explanation,
		"why": why,
		"shards": shards,
	});
	output.result(&document, text)
}

fn describe(
	job: &JobView,
	stages: &Stages,
	explanation: Option<&Explanation>,
	now: MarketBlock,
	block_ms: u64,
) -> String {
	let counts: Vec<_> = stages
		.rows()
		.iter()
		.filter(|(_, count)| *count > 0)
		.map(|(name, count)| format!("{count} {name}"))
		.collect();
	let mut text = format!("Job {} is {}.\n", job.id.0, status(&job.status));
	let mut row = |name: &str, value: String| text += &format!("{name:<14}{value}\n");
	row("client", address(&job.client));
	row("program", hex_root(&job.program));
	if let Some(image) = &job.image {
		row(
			"image",
			format!("{} ({} bytes)", hex_root(&address_of(image)), image.len),
		);
	}
	if job.setup.len > 0 {
		row(
			"setup",
			format!("{} ({} bytes)", hex_root(&address_of(&job.setup)), job.setup.len),
		);
	}
	row("tasks", format!("{} in {} shards", job.tasks, job.shards));
	row("shards", counts.join(", "));
	row(
		"asks for",
		format!(
			"{}, class {}, {} MiB, {} gas a task, at most {} per Ggas",
			words::verification(&job.verification),
			name(&job.constraints.class),
			job.limits.memory_pages / 16,
			job.limits.gas,
			mill(job.price_cap),
		),
	);
	row(
		"money",
		format!(
			"{} on hold, {} paid, {} fees",
			mill(job.escrow),
			mill(job.paid),
			mill(job.fees)
		),
	);
	row("data from", job.endpoints.join(" "));
	if !is_over(job) {
		let left = job.expires_at.saturating_sub(now);
		row(
			"deadline",
			if left == 0 {
				"over".into()
			} else {
				format!("in {}", blocks_and_time(left, block_ms))
			},
		);
	}
	if let Some(explanation) = explanation {
		if let Some(why) = explain(job, explanation) {
			row("waits", why);
			if let Some(next) = explanation
				.next_try
				.map(|next| next.saturating_sub(now))
				.filter(|left| *left > 1)
			{
				row("next try", format!("in {}", blocks_and_time(next, block_ms)));
			}
		}
	}
	text
}

/// The shards that somebody works on, or should.
fn table(shards: &[ShardView]) -> String {
	let busy: Vec<_> = shards
		.iter()
		.filter(|shard| shard.state != ShardState::Custody)
		.collect();
	if busy.is_empty() {
		return String::new();
	}
	let mut table = Table::new();
	table.load_preset(UTF8_HORIZONTAL_ONLY);
	table.set_header(["shard", "state", "seats"]);
	for shard in busy.iter().take(MAX_ROWS) {
		let seats: Vec<_> = shard.seats.iter().map(seat).collect();
		table.add_row([shard.id.index.to_string(), name(&shard.state), seats.join("\n")]);
	}
	let more = busy.len().saturating_sub(MAX_ROWS);
	let rest = if more > 0 {
		format!("\nand {more} more")
	} else {
		String::new()
	};
	format!("{table}{rest}")
}

fn seat(seat: &SeatSummary) -> String {
	let failures = match seat.round {
		0 => String::new(),
		1 => ", fell vacant once".into(),
		round => format!(", fell vacant {round} times"),
	};
	match (&seat.provider, &seat.state) {
		(Some(provider), Some(state)) => format!("{} {}{failures}", address(provider), name(state)),
		_ => format!("vacant{failures}"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use millrace_primitives::{
		job::{Constraints, JobStatus, Verification},
		machine::EMPTY_BLOB,
		provider::{Census, HardwareClass, RegionSet},
		AccountId, Hash, JobId, Limits, ShardId, MILL,
	};
	use sp_runtime::Permill;

	fn job() -> JobView {
		JobView {
			id: JobId(7),
			client: AccountId::from([0; 32]),
			status: JobStatus::Open,
			program: Hash::zero(),
			image: None,
			setup: EMPTY_BLOB,
			input_root: Hash::zero(),
			tasks: 16,
			shard_size: 1,
			limits: Limits {
				gas: 1,
				memory_pages: 1_024,
				output: 1,
			},
			input_limit: 1,
			price_cap: MILL / 100,
			verification: Verification::Replicated { replicas: 2 },
			constraints: Constraints {
				class: HardwareClass::General,
				regions: RegionSet::ANY,
				min_reputation: Permill::zero(),
			},
			preferences: Default::default(),
			endpoints: vec!["http://a".into()],
			submitted_at: 0,
			expires_at: 700,
			escrow: 3 * MILL,
			paid: 0,
			fees: 0,
			shards: 16,
			waiting: 15,
			running: 1,
			accepted: 0,
			failed: 0,
		}
	}

	#[test]
	fn a_job_is_described_with_what_it_waits_for() {
		let explanation = Explanation {
			reason: millrace_primitives::api::Reason::PriceTooLow,
			census: Census {
				in_class: 3,
				in_region: 2,
				affordable: 0,
			},
			next_try: Some(116),
		};
		let text = describe(&job(), &Stages::of(&job(), &[]), Some(&explanation), 100, 3_000);
		for part in [
			"Job 7 is open",
			"15 queued, 1 running",
			"2 replicas, class general, 64 MiB, 1 gas a task, at most 0.01 MILL",
			"3 MILL on hold",
			"http://a",
			"600 blocks (about 30 min)",
			"millrace top-up",
			"3 with a free slot",
			"16 blocks (about 48 s)",
		] {
			assert!(text.contains(part), "{part} is missing in {text}");
		}
	}

	#[test]
	fn the_seats_of_shards_under_way_are_listed() {
		let seat = |provider: Option<AccountId>, round| SeatSummary {
			index: 0,
			state: provider.as_ref().map(|_| millrace_primitives::job::SeatState::Accepted),
			provider,
			endpoint: None,
			round,
			ask: 1,
			due: None,
		};
		let shard = |index, state| ShardView {
			id: ShardId { job: JobId(7), index },
			first_task: index,
			tasks: 1,
			state,
			engine: 1,
			seats: vec![seat(Some(AccountId::from([1; 32])), 0), seat(None, 2)],
			report: None,
			custody_until: None,
		};
		assert_eq!(table(&[shard(0, ShardState::Custody)]), "");
		let text = table(&[shard(0, ShardState::Custody), shard(1, ShardState::Assigned)]);
		for part in ["assigned", "accepted", "vacant, fell vacant 2 times"] {
			assert!(text.contains(part), "{part} is missing in {text}");
		}
		let many: Vec<_> = (0..100).map(|index| shard(index, ShardState::Queued)).collect();
		assert!(table(&many).ends_with("and 68 more"));
	}
}
