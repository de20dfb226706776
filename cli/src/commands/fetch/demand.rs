//! Outputs that no provider serves: their chunks are demanded on chain, and what is shown is put together.
//!
//! ```text
//! outcomes: served, or demanded ─► outputs: here, served, or demanded by 32 KiB ─► served to this command by itself
//! ```
//!
//! What was shown is fetched like anything else, so it is verified, named and unpacked as ever.

use super::{client, collect, ranges, Fetched};
use crate::{
	context,
	failure::{Failure, Result},
	output::Output,
	units::mill,
};
use codec::{DecodeAll, Encode};
use indicatif::ProgressBar;
use millrace_client::{
	blobs::{self, fetch_blob, fetch_outcomes, verify_file, Blob, BlobStore, Limits},
	calls, At, Call, Chain, Head, Keypair,
};
use millrace_court::demand::{chunks, Answer, Part, ShownChunk, ShownOutcome, Wanted, CHUNK};
use millrace_primitives::{
	api::ShardView, machine::address, outcome, AccountId, Balance, Hash, JobId, Outcome, Report, ShardId,
};
use std::{
	collections::{BTreeMap, BTreeSet, HashMap},
	fs::{self, OpenOptions},
	io::{ErrorKind, Seek, SeekFrom, Write},
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};

/// So many parts of a shard are demanded at once: half of what the chain allows, and some tens of kilobytes of a transaction.
const AT_ONCE: usize = 32;
/// How often it is looked for answers.
const POLL: Duration = Duration::from_secs(1);
/// Where what was shown is put together, in the folder of outputs.
const PARTS: &str = ".demanded";

/// The event that outputs were not shown: of which shard, what was held for that and for keeping them longer, and who lost what of its
/// pay, of what it had for keeping them, and of its bond.
pub type CustodyFailed = (ShardId, Balance, Balance, Vec<(AccountId, Balance, Balance, Balance)>);

/// What showing outputs on chain costs at present.
#[derive(Clone, Copy, Debug)]
pub struct Price {
	/// An outcome.
	pub outcome: Balance,
	/// A whole chunk.
	pub chunk: Balance,
}

impl Price {
	/// As the chain says.
	pub async fn ask(chain: &Chain) -> Result<Self> {
		let market = chain.market(At::Finalized);
		Ok(Self {
			outcome: market.demand_deposit(0).await?,
			chunk: market.demand_deposit(CHUNK).await?,
		})
	}
}

/// Who demands, and what it may cost.
pub struct Purse<'a> {
	/// The job's client.
	pub signer: &'a Keypair,
	/// The most that may be held for demands, in plancks.
	pub most: Balance,
}

/// What was shown, or served after all, by its root.
struct Parts {
	folder: PathBuf,
	outcomes: HashMap<ShardId, Vec<u8>>,
}

impl BlobStore for Parts {
	fn open(&self, root: Hash) -> Option<Blob> {
		let path = place(&self.folder, &root);
		path.exists().then_some(Blob::File(path))
	}

	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		self.outcomes.get(&shard).cloned()
	}
}

fn place(folder: &Path, root: &Hash) -> PathBuf {
	folder.join(hex::encode(root.as_bytes()))
}

/// Demands what is missing of shards that could not be fetched, waits until it is shown, and fetches it.
pub async fn demand(
	chain: &Chain,
	purse: Purse<'_>,
	mut fetched: Fetched,
	folder: &Path,
	allow_private: bool,
	output: &mut Output,
) -> Result<Fetched> {
	let failed: BTreeSet<u32> = fetched.unserved().collect();
	let shards = chain.market(At::Finalized).all_shards(fetched.job.id).await?;
	let failed = shards.into_iter().filter(|shard| failed.contains(&shard.id.index));
	let (shards, early): (Vec<_>, Vec<_>) = failed.partition(|shard| shard.report.is_some());
	if !early.is_empty() {
		let early: Vec<u32> = early.iter().map(|shard| shard.id.index).collect();
		fetched.notes.push(format!(
			"shards {} are not accepted yet: nothing can be demanded of them before",
			ranges(&early)
		));
	}
	let parts = folder.join(PARTS);
	fs::create_dir_all(&parts).map_err(|error| disk(&parts, error))?;
	let mut work = Work {
		chain,
		signer: purse.signer,
		left: purse.most,
		price: Price::ask(chain).await?,
		client: client(chain, allow_private).await?,
		fetched: &fetched,
		folder,
		parts: &parts,
		output,
	};
	let (mut outcomes, mut failures) = (HashMap::new(), BTreeMap::new());
	for shard in &shards {
		let Some(report) = shard.report else { continue };
		// What is wrong with one shard costs no other its demands.
		match work.shard(shard, &report).await {
			Ok(shown) => _ = outcomes.insert(shard.id, shown.encode()),
			Err(failure) => _ = failures.insert(shard.id.index, failure),
		}
	}
	let shown = shards.into_iter().filter(|shard| outcomes.contains_key(&shard.id));
	let shown = shown.collect();
	let store = Parts {
		folder: parts,
		outcomes,
	};
	for (shard, failure) in &mut fetched.failures {
		if let Some(later) = failures.remove(shard) {
			*failure = later;
		}
	}
	take(fetched, shown, folder, store).await
}

/// Removes what was put together, once all is where it belongs.
pub fn clear(folder: &Path) -> Result<()> {
	let parts = folder.join(PARTS);
	match fs::remove_dir_all(&parts) {
		Err(error) if error.kind() != ErrorKind::NotFound => Err(disk(&parts, error)),
		_ => Ok(()),
	}
}

/// Fetches shards from what was shown of them.
async fn take(mut fetched: Fetched, shards: Vec<ShardView>, folder: &Path, store: Parts) -> Result<Fetched> {
	let taken: BTreeSet<u32> = shards.iter().map(|shard| shard.id.index).collect();
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
	let listener = listener.map_err(|error| Failure::Other(format!("cannot listen on this machine: {error}")))?;
	let server = blobs::serve(listener, Arc::new(store));
	let server = server.map_err(|error| Failure::Other(format!("cannot serve on this machine: {error}")))?;
	let here = format!("http://{}", server.local_addr());
	let shown = shards.into_iter().map(|mut shard| {
		for seat in &mut shard.seats {
			seat.endpoint = Some(here.clone());
		}
		shard
	});
	let own = blobs::Client::new(Limits {
		allow_private: true,
		..Limits::default()
	})?;
	let again = collect(
		&own,
		&fetched.job,
		shown.collect(),
		folder,
		&fetched.record,
		fetched.manifest.clone(),
		&ProgressBar::hidden(),
		Duration::ZERO,
	)
	.await?;
	server.shutdown().await;
	fetched.manifest = again.manifest;
	fetched.failures.retain(|(shard, _)| !taken.contains(shard));
	fetched.failures.extend(again.failures);
	fetched.verified.extend(again.verified);
	fetched.verified.sort_unstable();
	fetched.notes.extend(again.notes);
	Ok(fetched)
}

struct Work<'a> {
	chain: &'a Chain,
	signer: &'a Keypair,
	/// What may still be held for demands.
	left: Balance,
	price: Price,
	client: blobs::Client,
	fetched: &'a Fetched,
	folder: &'a Path,
	parts: &'a Path,
	output: &'a mut Output,
}

impl Work<'_> {
	/// Sees to it that all outputs of a shard are here or among the parts; its outcomes.
	async fn shard(&mut self, shard: &ShardView, report: &Report) -> Result<Vec<Outcome>> {
		let endpoints: BTreeSet<_> = shard.seats.iter().filter_map(|seat| seat.endpoint.clone()).collect();
		let endpoints: Vec<_> = endpoints.into_iter().collect();
		let served = fetch_outcomes(&self.client, &endpoints, shard.id, shard.tasks, report).await;
		let outcomes = match served {
			Ok(outcomes) => outcomes,
			Err(_) => self.outcomes(shard, report).await?,
		};
		let mut wanted = Vec::new();
		for (task, outcome) in (0..).zip(&outcomes) {
			let root = address(&outcome.output);
			let path = place(self.parts, &root);
			let is_here = self.is_here(shard.first_task.saturating_add(task), &root) || path.exists();
			if outcome.output.len == 0 || !outcome.status.keeps_output() || is_here {
				continue;
			}
			if outcome.output.len > self.fetched.job.limits.output {
				return Err(Failure::Unverified(format!(
					"task {task} of shard {} claims an output of {} bytes, the job's limit is {}",
					shard.id.index, outcome.output.len, self.fetched.job.limits.output
				)));
			}
			let served = fetch_blob(&self.client, &endpoints, root, outcome.output.len.into(), &path).await;
			if served.is_err() {
				wanted.push((task, *outcome));
			}
		}
		self.outputs(shard, &outcomes, &wanted).await?;
		Ok(outcomes)
	}

	fn is_here(&self, task: u32, root: &Hash) -> bool {
		let known = self.fetched.manifest.task(task).and_then(|known| known.file.clone());
		known.is_some_and(|file| matches!(verify_file(&self.folder.join(file), root), Ok(Some(_))))
	}

	/// The outcomes, which are kept as they are shown: nothing is paid for twice.
	async fn outcomes(&mut self, shard: &ShardView, report: &Report) -> Result<Vec<Outcome>> {
		let kept = self.parts.join(format!("outcomes-{}", shard.id.index));
		let known = fs::read(&kept).unwrap_or_default();
		let mut outcomes = Vec::<Outcome>::decode_all(&mut &known[..]).unwrap_or_default();
		outcomes.truncate(shard.tasks as usize);
		let left = shard.tasks.saturating_sub(outcomes.len() as u32);
		if left > 0 {
			let cost = self.price.outcome.saturating_mul(left.into());
			self.spend(cost, &format!("{left} outcomes of shard {}", shard.id.index))?;
		}
		let gas = self.fetched.job.limits.gas;
		let tasks: Vec<u32> = (outcomes.len() as u32..shard.tasks).collect();
		for tasks in tasks.chunks(AT_ONCE) {
			let demands = tasks.iter().map(|task| {
				let part = Part::Outcome;
				(Wanted { task: *task, part }, calls::demand_outcome(shard.id, *task))
			});
			let is_right = |task: u32, answer: &Answer| match answer {
				Answer::Outcome(shown) => shown.is_of(report, shard.tasks, task, gas),
				Answer::Chunk(_) => false,
			};
			let shown = self.shown(shard.id, demands.collect(), is_right).await?;
			for answer in shown.into_values() {
				if let Answer::Outcome(shown) = answer {
					outcomes.push(shown.outcome);
				}
			}
			fs::write(&kept, outcomes.encode()).map_err(|error| disk(&kept, error))?;
		}
		if outcome::report(&outcomes) != Some(*report) {
			fs::remove_file(&kept).map_err(|error| disk(&kept, error))?;
			return Err(Failure::Unverified(format!(
				"what was kept of the outcomes of shard {} is not what was shown: run it again",
				shard.id.index
			)));
		}
		Ok(outcomes)
	}

	async fn outputs(&mut self, shard: &ShardView, outcomes: &[Outcome], wanted: &[(u32, Outcome)]) -> Result<()> {
		let (mut count, mut cost): (u64, Balance) = (0, 0);
		for (_, outcome) in wanted {
			let len = outcome.output.len;
			let whole = (len / CHUNK).saturating_sub(done(&self.making(outcome)));
			count = count.saturating_add(whole.into());
			cost = cost.saturating_add(self.price.chunk.saturating_mul(whole.into()));
			if len % CHUNK > 0 {
				let last = self.chain.market(At::Finalized).demand_deposit(len % CHUNK).await?;
				count = count.saturating_add(1);
				cost = cost.saturating_add(last);
			}
		}
		if count > 0 {
			let what = format!("{count} chunks of {} outputs of shard {}", wanted.len(), shard.id.index);
			self.spend(cost, &what)?;
		}
		for (task, outcome) in wanted {
			let proof = ShownOutcome::of(outcomes, *task);
			let proof = proof.ok_or_else(|| Failure::Unverified("outcomes do not make up the report".into()))?;
			let root = address(&outcome.output);
			let (path, making) = (place(self.parts, &root), self.making(outcome));
			let first = done(&making);
			let open = OpenOptions::new()
				.create(true)
				.truncate(false)
				.write(true)
				.open(&making);
			let mut file = open.map_err(|error| disk(&making, error))?;
			let numbers: Vec<u32> = (first..chunks(outcome.output.len)).collect();
			for numbers in numbers.chunks(AT_ONCE) {
				let demands = numbers.iter().map(|chunk| {
					let part = Part::Chunk(*chunk);
					let call = calls::demand_chunk(shard.id, *task, *chunk, &proof);
					(Wanted { task: *task, part }, call)
				});
				let is_right = |_, answer: &Answer| match answer {
					Answer::Chunk(shown) => shown.is_of(&outcome.output),
					Answer::Outcome(_) => false,
				};
				let shown = self.shown(shard.id, demands.collect(), is_right).await?;
				for answer in shown.into_values() {
					if let Answer::Chunk(ShownChunk { chunk, bytes, .. }) = answer {
						let start = u64::from(chunk) * u64::from(CHUNK);
						file.seek(SeekFrom::Start(start))
							.map_err(|error| disk(&making, error))?;
						file.write_all(&bytes).map_err(|error| disk(&making, error))?;
					}
				}
			}
			drop(file);
			if !matches!(verify_file(&making, &root), Ok(Some(_))) {
				fs::remove_file(&making).map_err(|error| disk(&making, error))?;
				return Err(Failure::Unverified(format!(
					"what was kept of the output of task {task} of shard {} is not what was shown: run it again",
					shard.id.index
				)));
			}
			fs::rename(&making, &path).map_err(|error| disk(&path, error))?;
		}
		Ok(())
	}

	/// Where an output is put together.
	fn making(&self, outcome: &Outcome) -> PathBuf {
		place(self.parts, &address(&outcome.output)).with_extension("part")
	}

	/// Says what something costs, if it may.
	fn spend(&mut self, cost: Balance, what: &str) -> Result<()> {
		let missing = cost.saturating_sub(self.left);
		if missing > 0 {
			return Err(Failure::Refused(format!(
				"having {what} shown on chain takes {}, and {} are left of what --demand allows: give {} more, or ask the \
				 providers to serve them",
				mill(cost),
				mill(self.left),
				mill(missing)
			)));
		}
		self.left -= cost;
		self.output.note(format!(
			"Demanding {what} on chain: {} are held for whoever shows them, and come back but for what showing them costs; \
			 fees of the demands are beside that.",
			mill(cost)
		));
		Ok(())
	}

	/// Demands parts of a shard, as far as they are not demanded already, and waits until all are shown.
	async fn shown(
		&mut self,
		shard: ShardId,
		demands: Vec<(Wanted, Call)>,
		is_right: impl Fn(u32, &Answer) -> bool,
	) -> Result<BTreeMap<Wanted, Answer>> {
		let from = self.chain.finalized_head().await?;
		let open = self
			.chain
			.market(At::Hash(from.hash))
			.demands(&self.signer.account())
			.await?;
		let is_open = |wanted: &Wanted| {
			open.iter().any(|demand| {
				let part = demand.chunk.map_or(Part::Outcome, Part::Chunk);
				(demand.shard, demand.task, part) == (shard, wanted.task, wanted.part)
			})
		};
		let mut missing: BTreeSet<Wanted> = demands.iter().map(|(wanted, _)| *wanted).collect();
		let calls: Vec<_> = demands
			.into_iter()
			.filter(|(wanted, _)| !is_open(wanted))
			.map(|(_, call)| call)
			.collect();
		if !calls.is_empty() {
			context::submit(self.chain, self.signer, calls::batch_all(calls)).await?;
		}
		let mut shown = BTreeMap::new();
		let mut next = from.number.saturating_add(1);
		while !missing.is_empty() {
			let head = self.chain.finalized_head().await?;
			while next <= head.number && !missing.is_empty() {
				let hash = self.chain.block_hash(next).await?;
				let hash = hash.ok_or_else(|| Failure::Other(format!("the node does not know block {next}")))?;
				self.look(Head { number: next, hash }, shard, &mut missing, &mut shown, &is_right)
					.await?;
				next = next.saturating_add(1);
			}
			if !missing.is_empty() {
				tokio::time::sleep(POLL).await;
			}
		}
		Ok(shown)
	}

	/// Looks for answers in a block.
	async fn look(
		&self,
		block: Head,
		shard: ShardId,
		missing: &mut BTreeSet<Wanted>,
		shown: &mut BTreeMap<Wanted, Answer>,
		is_right: &impl Fn(u32, &Answer) -> bool,
	) -> Result<()> {
		for event in self.chain.events(block.hash).await? {
			if event.is("Jobs", "CustodyFailed") {
				let (failed, deposits, refunded, lost) = event.decode::<CustodyFailed>()?;
				if failed == shard {
					let sum = |part: fn(&(AccountId, Balance, Balance, Balance)) -> Balance| {
						lost.iter().map(part).fold(0, Balance::saturating_add)
					};
					return Err(Failure::Unreachable(format!(
						"nobody showed what was demanded of shard {}: the outputs are lost. Its providers lost {} of their bonds \
						 and {} of their pay, which burned; {} that were held for demands and for keeping the outputs longer are \
						 yours again",
						shard.index,
						mill(sum(|(.., bound)| *bound)),
						mill(sum(|(_, withheld, storage, _)| withheld.saturating_add(*storage))),
						mill(deposits.saturating_add(refunded))
					)));
				}
			}
			let (true, Some(extrinsic)) = (event.is("Jobs", "Answered"), event.extrinsic) else {
				continue;
			};
			let (of, wanted) = event.decode::<(ShardId, Wanted)>()?;
			if of != shard || !missing.contains(&wanted) {
				continue;
			}
			let answers = self.chain.shown(block.hash, extrinsic, shard, wanted).await?;
			let right = answers.into_iter().find(|answer| is_right(wanted.task, answer));
			let right = right.ok_or_else(|| {
				Failure::Unverified(format!(
					"block {} does not show what it says that it shows",
					block.number
				))
			})?;
			missing.remove(&wanted);
			shown.insert(wanted, right);
		}
		Ok(())
	}
}

/// How many chunks of an output are there, from its first on: they are written in their order.
fn done(making: &Path) -> u32 {
	let len = fs::metadata(making).map_or(0, |found| found.len());
	u32::try_from(len / u64::from(CHUNK)).unwrap_or(0)
}

fn disk(path: &Path, error: std::io::Error) -> Failure {
	Failure::Input(format!("{}: {error}", path.display()))
}

/// What can be done if nobody serves outputs.
pub fn advice(id: JobId, price: &Price) -> String {
	format!(
		"or have the chain make them show it: `millrace fetch {} DIR --demand MILL` holds {} for each 32 KiB and {} for an outcome, \
		 never more than you name, and who is silent loses what it was paid",
		id.0,
		mill(price.chunk),
		mill(price.outcome)
	)
}

/// Whether an account may demand.
pub fn ensure_client(client: &AccountId, signer: &Keypair, id: JobId) -> Result<()> {
	if *client == signer.account() {
		return Ok(());
	}
	Err(Failure::Input(format!(
		"--demand: only the client of job {} may demand its outputs: sign with its key, --key (or MILLRACE_KEY)",
		id.0
	)))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::commands::fetch::tests::{outcomes, output, World, SHARD};

	#[tokio::test]
	async fn what_was_shown_is_fetched_like_anything_else() {
		let world = World::silent().await;
		let fetched = world.fetch([0, 1]).await;
		assert!(fetched.unserved().eq([0, 1]) && fetched.failures.len() == 2);
		// Everything of the first shard was shown, of the second one no output.
		let store = Parts {
			folder: world.folder.path().join(PARTS),
			outcomes: (0..2)
				.map(|index| (world.shard(index).id, outcomes(index).encode()))
				.collect(),
		};
		fs::create_dir_all(&store.folder).unwrap();
		for task in 0..SHARD {
			let bytes = output(task);
			let root = millrace_primitives::merkle::data_root(&bytes);
			fs::write(place(&store.folder, &root), bytes).unwrap();
		}
		let shards = vec![world.shard(0), world.shard(1)];
		let fetched = take(fetched, shards, world.folder.path(), store).await.unwrap();
		world.assert_outputs(0..SHARD);
		assert_eq!(fetched.verified, [0]);
		assert_eq!(
			fetched.failures.iter().map(|(shard, _)| *shard).collect::<Vec<_>>(),
			[1]
		);
		// It is kept until all is there.
		assert!(world.folder.path().join(PARTS).exists());
		clear(world.folder.path()).unwrap();
		clear(world.folder.path()).unwrap();
		assert!(!world.folder.path().join(PARTS).exists());
	}

	#[tokio::test]
	async fn what_nobody_serves_is_said_with_what_showing_it_costs() {
		let world = World::silent().await;
		let mut fetched = world.fetch([0]).await;
		fetched.price = Some(Price {
			outcome: 20_000_000_000,
			chunk: 250_000_000_000,
		});
		let text = fetched.verdict().unwrap_err().to_string();
		let expected =
			"`millrace fetch 3 DIR --demand MILL` holds 0.25 MILL for each 32 KiB and 0.02 MILL for an outcome";
		assert!(text.contains(expected), "{text}");
	}

	#[test]
	fn what_was_shown_before_is_not_demanded_again() {
		let folder = tempfile::tempdir().unwrap();
		let making = folder.path().join("output.part");
		assert_eq!(done(&making), 0);
		for (len, chunks) in [(0, 0), (CHUNK - 1, 0), (CHUNK, 1), (3 * CHUNK + 5, 3)] {
			fs::write(&making, vec![1; len as usize]).unwrap();
			assert_eq!(done(&making), chunks, "{len}");
		}
	}

	#[test]
	fn only_the_client_demands() {
		let alice = Keypair::from_uri("//Alice").unwrap();
		assert!(ensure_client(&alice.account(), &alice, JobId(3)).is_ok());
		let text = ensure_client(&AccountId::from([1; 32]), &alice, JobId(3))
			.unwrap_err()
			.to_string();
		assert!(text.contains("only the client of job 3"), "{text}");
	}
}
