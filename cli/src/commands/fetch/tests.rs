//! Fetching from providers, good and bad, on loopback.

use super::*;
use crate::compute::tests::job_view;
use millrace_client::blobs::{serve, Blob, BlobStore, Reason, Refusal, Server};
use millrace_primitives::{
	api::SeatSummary,
	job::JobStatus,
	machine::{blob, Blake2, Tail, Trap},
	merkle, outcome, Hash, ShardId,
};
use std::sync::{
	atomic::{AtomicU32, Ordering},
	Arc,
};
use tokio::net::TcpListener;

const TASKS: u32 = 12;
pub(super) const SHARD: u32 = 4;
/// The program traps in this task.
const FAILS: u32 = 5;
/// It exits with this code in this one.
const EXITS: (u32, u32) = (6, 3);

pub(super) fn output(index: u32) -> Vec<u8> {
	if index == FAILS {
		return Vec::new();
	}
	vec![index as u8; 100 * index as usize]
}

fn errors(index: u32) -> Tail {
	let mut tail = Tail::new();
	tail.push(format!("\u{1b}[31mtask {index}\nwent wrong\n").as_bytes());
	tail
}

fn outcome_of(index: u32) -> Outcome {
	let (status, code) = match index {
		FAILS => (Status::Trap, Trap::Memory as u32),
		index if index == EXITS.0 => (Status::Exit, EXITS.1),
		_ => (Status::Success, 0),
	};
	Outcome {
		status,
		code,
		output: blob(&output(index)).unwrap(),
		errors: match status {
			Status::Success => [0; 32],
			_ => errors(index).root::<Blake2>(),
		},
		gas_used: u64::from(index),
	}
}

pub(super) fn outcomes(shard: u32) -> Vec<Outcome> {
	(shard * SHARD..(shard + 1) * SHARD).map(outcome_of).collect()
}

/// A provider that keeps all outputs, but for what it was told to spoil.
#[derive(Default)]
struct Provider {
	spoiled: Vec<u32>,
	wrong_outcomes: bool,
	no_tails: bool,
	opened: AtomicU32,
	/// So many requests for outcomes are answered as if it had none yet.
	closed_for: AtomicU32,
}

impl BlobStore for Provider {
	fn open(&self, root: Hash) -> Option<Blob> {
		self.opened.fetch_add(1, Ordering::Relaxed);
		let index = (0..TASKS).find(|index| merkle::data_root(&output(*index)) == root)?;
		let mut bytes = output(index);
		if self.spoiled.contains(&index) {
			bytes[0] ^= 1;
		}
		Some(Blob::Bytes(bytes.into()))
	}

	fn outcomes(&self, shard: ShardId) -> Option<Vec<u8>> {
		let closed = self
			.closed_for
			.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
		if closed.is_ok() {
			return None;
		}
		let mut outcomes = outcomes(shard.index);
		if self.wrong_outcomes {
			outcomes[0].gas_used += 1;
		}
		// The protocol's encoding of a list: its length times four, here below 64, and the elements.
		let mut bytes = vec![(outcomes.len() as u8) << 2];
		outcomes.iter().for_each(|outcome| bytes.extend(outcome.encoded()));
		Some(bytes)
	}

	fn errors(&self, job: JobId, task: u32) -> Option<Tail> {
		(job == JobId(3) && !self.no_tails).then(|| errors(task))
	}
}

pub(super) struct World {
	pub(super) folder: tempfile::TempDir,
	providers: Vec<Arc<Provider>>,
	_servers: Vec<Server>,
	endpoints: Vec<String>,
	record: Record,
}

impl World {
	async fn new(providers: Vec<Provider>) -> Self {
		let providers: Vec<_> = providers.into_iter().map(Arc::new).collect();
		let (mut servers, mut endpoints) = (Vec::new(), Vec::new());
		for provider in &providers {
			let server = serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), provider.clone()).unwrap();
			endpoints.push(format!("http://{}", server.local_addr()));
			servers.push(server);
		}
		Self {
			folder: tempfile::tempdir().unwrap(),
			providers,
			_servers: servers,
			endpoints,
			record: Record::default(),
		}
	}

	/// One whose only provider serves nothing.
	pub(super) async fn silent() -> Self {
		let closed_for = AtomicU32::new(u32::MAX);
		Self::new(vec![Provider {
			closed_for,
			..Provider::default()
		}])
		.await
	}

	fn job(&self) -> JobView {
		JobView {
			id: JobId(3),
			status: JobStatus::Done,
			program: Hash::repeat_byte(1),
			input_root: Hash::repeat_byte(2),
			limits: millrace_primitives::Limits {
				gas: 1,
				memory_pages: 1,
				output: 10_000,
			},
			running: 0,
			accepted: TASKS / SHARD,
			..job_view(TASKS, SHARD)
		}
	}

	pub(super) fn shard(&self, index: u32) -> ShardView {
		let seat = |(index, endpoint): (usize, &String)| SeatSummary {
			index: index as u8,
			provider: None,
			endpoint: Some(endpoint.clone()),
			state: None,
			round: 0,
			ask: 1,
			due: None,
		};
		ShardView {
			id: ShardId { job: JobId(3), index },
			first_task: index * SHARD,
			tasks: SHARD,
			state: ShardState::Custody,
			engine: 1,
			seats: self.endpoints.iter().enumerate().map(seat).collect(),
			report: outcome::report(&outcomes(index)),
			custody_until: Some(1),
		}
	}

	pub(super) async fn fetch(&self, shards: impl IntoIterator<Item = u32>) -> Fetched {
		self.fetch_patiently(shards, Duration::ZERO).await
	}

	async fn fetch_patiently(&self, shards: impl IntoIterator<Item = u32>, patience: Duration) -> Fetched {
		let shards = shards.into_iter().map(|index| self.shard(index)).collect();
		let manifest = Manifest::open(self.folder.path(), Hash::zero(), &self.job()).unwrap();
		let client = Client::new(Limits::default()).unwrap();
		collect(
			&client,
			&self.job(),
			shards,
			self.folder.path(),
			&self.record,
			manifest,
			&ProgressBar::hidden(),
			patience,
		)
		.await
		.unwrap()
	}

	fn opened(&self) -> u32 {
		self.providers
			.iter()
			.map(|provider| provider.opened.swap(0, Ordering::Relaxed))
			.sum()
	}

	pub(super) fn assert_outputs(&self, tasks: impl IntoIterator<Item = u32>) {
		for index in tasks.into_iter().filter(|index| *index != FAILS) {
			assert_eq!(
				std::fs::read(self.folder.path().join(format!("{index:05}"))).unwrap(),
				output(index),
				"{index}"
			);
		}
		assert!(!self.folder.path().join(format!("{FAILS:05}")).exists());
	}
}

#[tokio::test]
async fn all_outputs_arrive_and_the_manifest_says_which_tasks_failed() {
	let world = World::new(vec![Provider::default()]).await;
	let fetched = world.fetch(0..3).await;
	world.assert_outputs(0..TASKS);
	assert_eq!((fetched.verified.clone(), fetched.is_verified()), (vec![0, 1, 2], true));
	let unsuccessful: Vec<_> = fetched.manifest.unsuccessful().map(|task| task.task).collect();
	assert_eq!(
		(unsuccessful, fetched.manifest.missing()),
		(vec![FAILS, EXITS.0], vec![])
	);
	let written = Manifest::open(world.folder.path(), Hash::zero(), &world.job()).unwrap();
	assert_eq!(written, fetched.manifest);
	let expected = TaskEntry {
		file: Some("00007".into()),
		..TaskEntry::new(7, &outcome_of(7))
	};
	assert_eq!(written.outputs[7], expected);
	let trapped = &written.outputs[FAILS as usize];
	assert_eq!(
		(trapped.file.as_deref(), trapped.words().as_str()),
		(None, "trap: memory access out of bounds")
	);
	assert_eq!(trapped.errors.as_deref(), Some("\\u{1b}[31mtask 5\nwent wrong"));
	// What exited is kept, with its code.
	let exited = &written.outputs[EXITS.0 as usize];
	assert_eq!(
		(exited.file.as_deref(), exited.code, exited.bytes),
		(Some("00006"), 3, 600)
	);
	let failure = fetched.verdict().unwrap_err();
	assert!(failure.to_string().starts_with("2 tasks did not succeed"), "{failure}");
	assert_eq!(failure.exit_code(), 5);
}

#[tokio::test]
async fn outputs_are_called_like_their_inputs_and_stay_so() {
	let mut world = World::new(vec![Provider::default()]).await;
	let names: Vec<_> = (0..TASKS)
		.map(|index| PathBuf::from(format!("sub/in {index}.txt")))
		.collect();
	let inputs: Vec<_> = names.iter().map(|name| Some(name.as_path())).collect();
	world.record = Record::new(Hash::repeat_byte(2), &inputs, false);
	let fetched = world.fetch(0..3).await;
	let read = |name: &str| std::fs::read(world.folder.path().join(name)).unwrap();
	assert_eq!(read("sub/in 7.txt"), output(7));
	let task = fetched.manifest.task(7).unwrap();
	assert_eq!(
		(task.input.as_deref(), task.file.as_deref()),
		(Some("sub/in 7.txt"), Some("sub/in 7.txt"))
	);
	world.opened();
	// Later, where the names are not known any more.
	world.record = Record::default();
	let again = world.fetch(0..3).await;
	assert_eq!(
		(world.opened(), again.manifest.task(7).unwrap().file.as_deref()),
		(0, Some("sub/in 7.txt"))
	);
}

#[tokio::test]
async fn without_standard_error_a_task_is_still_told() {
	let silent = Provider {
		no_tails: true,
		..Provider::default()
	};
	let world = World::new(vec![silent]).await;
	let fetched = world.fetch([1]).await;
	assert!(fetched.is_verified());
	assert_eq!(fetched.manifest.task(FAILS).unwrap().errors, None);
	assert!(
		fetched.notes[0].contains("standard error of task 5"),
		"{:?}",
		fetched.notes
	);
}

#[tokio::test]
async fn what_cannot_be_unpacked_is_kept_as_it_is() {
	let mut world = World::new(vec![Provider::default()]).await;
	world.record.directory = true;
	let fetched = world.fetch([2]).await;
	assert!(fetched.is_verified());
	let task = fetched.manifest.task(8).unwrap();
	assert_eq!(
		(task.file.as_deref(), task.folder.as_deref()),
		(Some("00008.tar"), None)
	);
	assert_eq!(std::fs::read(world.folder.path().join("00008.tar")).unwrap(), output(8));
	assert!(fetched.notes.iter().any(|note| note.contains("cannot be unpacked")));
}

#[test]
fn other_inputs_give_no_names() {
	let job = fake_job();
	let naming = |root| Naming {
		names: Some(Record::new(root, &[], false)),
		unpack: true,
	};
	assert!(naming(job.input_root).record(Hash::zero(), &job).unwrap().directory);
	let error = naming(Hash::zero()).record(Hash::zero(), &job).unwrap_err();
	assert!(error.to_string().contains("--inputs"), "{error}");
}

#[tokio::test]
async fn what_is_here_is_not_downloaded_again_and_what_is_missing_is() {
	let world = World::new(vec![Provider::default()]).await;
	world.fetch(0..3).await;
	assert_eq!(world.opened(), TASKS - 1);
	std::fs::write(world.folder.path().join("00007"), "").unwrap();
	std::fs::remove_file(world.folder.path().join("00011")).unwrap();
	world.fetch(0..3).await;
	assert_eq!(world.opened(), 2);
	world.assert_outputs(0..TASKS);
}

#[tokio::test]
async fn nothing_is_replaced_that_was_not_fetched() {
	let mut world = World::new(vec![Provider::default()]).await;
	let mine = |name: &str| world.folder.path().join(name);
	let open = || Manifest::open(world.folder.path(), Hash::zero(), &world.job());
	// A folder of other things.
	std::fs::write(mine("00007"), "mine").unwrap();
	for refused in [open().map(drop), ensure_new(world.folder.path())] {
		let error = refused.unwrap_err();
		assert_eq!(error.exit_code(), 2);
		assert!(error.to_string().contains("another folder"), "{error}");
	}
	std::fs::remove_file(mine("00007")).unwrap();
	ensure_new(world.folder.path()).unwrap();
	open().unwrap().write(world.folder.path()).unwrap();
	// What came after, and is in the manifest or not; a link to elsewhere.
	world.fetch([0]).await;
	std::fs::write(mine("00001"), "changed").unwrap();
	std::fs::write(mine("00007"), "mine").unwrap();
	let elsewhere = tempfile::NamedTempFile::new().unwrap();
	std::os::unix::fs::symlink(elsewhere.path(), mine("00008")).unwrap();
	let fetched = world.fetch(0..3).await;
	assert_eq!(fetched.verified, Vec::<u32>::new());
	let failure = fetched.verdict().unwrap_err();
	assert_eq!(failure.exit_code(), 2);
	assert!(failure.to_string().contains("00001: what is there"), "{failure}");
	assert_eq!(std::fs::read(mine("00001")).unwrap(), b"changed");
	assert_eq!(std::fs::read(mine("00007")).unwrap(), b"mine");
	assert!(std::fs::symlink_metadata(mine("00008")).unwrap().is_symlink());
	assert_eq!(std::fs::read(elsewhere.path()).unwrap(), b"");
	// A folder that is a link.
	let outside = tempfile::tempdir().unwrap();
	std::os::unix::fs::symlink(outside.path(), mine("sub")).unwrap();
	let root = Hash::zero();
	let found = there(world.folder.path(), "sub/x", &root, Some(root)).unwrap();
	assert!(matches!(found, There::Other));
	// A folder where an archive would be unpacked.
	std::fs::create_dir_all(mine("00010/keep")).unwrap();
	for name in ["00001", "00007", "00008"] {
		std::fs::remove_file(mine(name)).unwrap();
	}
	let keep = mine("00010/keep");
	world.record.directory = true;
	let fetched = world.fetch([2]).await;
	assert!(fetched.is_verified() && keep.is_dir());
	assert_eq!(fetched.manifest.task(10).unwrap().folder, None);
	let left = |note: &String| note.contains("00010 is there already");
	assert!(fetched.notes.iter().any(left), "{:?}", fetched.notes);
}

#[tokio::test]
async fn a_manifest_names_nothing_outside_its_folder() {
	let world = World::new(vec![Provider::default()]).await;
	let manifest = world.fetch([0]).await.manifest;
	for name in ["../x", "/tmp/x", "a/../../x", "", "manifest.json"] {
		for is_file in [true, false] {
			let mut manifest = manifest.clone();
			let place = match is_file {
				true => &mut manifest.outputs[1].file,
				false => &mut manifest.outputs[1].folder,
			};
			*place = Some(name.into());
			manifest.write(world.folder.path()).unwrap();
			let error = Manifest::open(world.folder.path(), Hash::zero(), &world.job()).unwrap_err();
			assert_eq!(error.exit_code(), 2);
			assert!(error.to_string().contains("no name of an output"), "{name}: {error}");
		}
	}
}

#[tokio::test]
async fn shards_whose_custody_is_over_stay_in_the_manifest() {
	let world = World::new(vec![Provider::default()]).await;
	let first = world.fetch([0]).await;
	assert_eq!(first.manifest.missing(), (SHARD..TASKS).collect::<Vec<_>>());
	let second = world.fetch([1, 2]).await;
	assert_eq!(
		(second.manifest.missing(), second.verified.clone()),
		(vec![], vec![1, 2])
	);
	world.assert_outputs(0..TASKS);
}

#[tokio::test]
async fn a_bad_provider_is_passed_over() {
	let bad = Provider {
		spoiled: (1..TASKS).collect(),
		wrong_outcomes: true,
		..Provider::default()
	};
	let world = World::new(vec![bad, Provider::default()]).await;
	assert!(world.fetch(0..3).await.is_verified());
	world.assert_outputs(0..TASKS);
}

#[tokio::test]
async fn outputs_that_match_nowhere_are_not_kept_and_end_with_exit_code_6() {
	let bad = || Provider {
		spoiled: vec![9],
		..Provider::default()
	};
	let world = World::new(vec![bad(), bad()]).await;
	let fetched = world.fetch(0..3).await;
	assert_eq!(fetched.verified, [0, 1]);
	assert!(!world.folder.path().join("00009").exists());
	world.assert_outputs(0..8);
	assert_eq!(fetched.verdict().unwrap_err().exit_code(), 6);
}

#[tokio::test]
async fn forged_outcomes_end_with_exit_code_6_and_absent_providers_with_4() {
	let world = World::new(vec![Provider {
		wrong_outcomes: true,
		..Provider::default()
	}])
	.await;
	assert_eq!(world.fetch([1]).await.verdict().unwrap_err().exit_code(), 6);
	let mut world = World::new(vec![]).await;
	world.endpoints = vec!["http://127.0.0.1:1".into()];
	assert_eq!(world.fetch([1]).await.verdict().unwrap_err().exit_code(), 4);
}

#[tokio::test]
async fn outputs_that_nobody_serves_yet_are_asked_for_again() {
	let late = |requests| Provider {
		closed_for: AtomicU32::new(requests),
		..Provider::default()
	};
	let world = World::new(vec![late(5), late(7)]).await;
	let fetched = world.fetch_patiently(0..3, Duration::from_secs(60)).await;
	assert_eq!((fetched.verified.clone(), fetched.is_verified()), (vec![0, 1, 2], true));
	world.assert_outputs(0..TASKS);
	// What was here was not fetched again for the sake of the rest.
	assert_eq!(world.opened(), TASKS - 1);
}

#[tokio::test]
async fn outputs_that_remain_absent_end_with_exit_code_4_and_name_every_provider() {
	let absent = || Provider {
		closed_for: AtomicU32::new(u32::MAX),
		..Provider::default()
	};
	let world = World::new(vec![absent(), absent()]).await;
	let begun = Instant::now();
	let fetched = world.fetch_patiently(0..3, Duration::from_millis(600)).await;
	assert!(begun.elapsed() >= Duration::from_millis(600));
	let failure = fetched.verdict().unwrap_err();
	assert_eq!(failure.exit_code(), 4);
	for part in [world.endpoints[0].as_str(), &world.endpoints[1], "404", "run it again"] {
		assert!(failure.to_string().contains(part), "{part} is missing in {failure}");
	}
}

#[tokio::test]
async fn providers_with_private_addresses_are_not_asked_on_public_chains() {
	let world = World::new(vec![Provider::default()]).await;
	let manifest = Manifest::open(world.folder.path(), Hash::zero(), &world.job()).unwrap();
	let client = Client::new(Limits {
		allow_private: false,
		..Limits::default()
	});
	let (patience, begun) = (Duration::from_secs(60), Instant::now());
	let fetched = collect(
		&client.unwrap(),
		&world.job(),
		vec![world.shard(0)],
		world.folder.path(),
		&world.record,
		manifest,
		&ProgressBar::hidden(),
		patience,
	)
	.await;
	let failure = fetched.unwrap().verdict().unwrap_err();
	assert!(begun.elapsed() < patience, "waiting would not help");
	assert_eq!((failure.exit_code(), world.opened()), (4, 0));
	assert!(failure.to_string().contains("--allow-private"), "{failure}");
}

#[tokio::test]
async fn of_a_job_that_goes_on_the_rest_is_still_to_come() {
	let world = World::new(vec![Provider::default()]).await;
	let mut fetched = world.fetch([0]).await;
	fetched.goes_on = true;
	let failure = fetched.verdict().unwrap_err();
	assert_eq!(failure.exit_code(), 5);
	assert!(failure.to_string().contains("millrace watch 3"), "{failure}");
}

#[tokio::test]
async fn another_job_s_folder_is_left_alone() {
	let world = World::new(vec![Provider::default()]).await;
	world.fetch([0]).await;
	let other = JobView {
		id: JobId(4),
		..world.job()
	};
	assert_eq!(
		Manifest::open(world.folder.path(), Hash::zero(), &other)
			.unwrap_err()
			.exit_code(),
		2
	);
	assert!(Manifest::open(world.folder.path(), Hash::repeat_byte(9), &world.job()).is_err());
	std::fs::write(world.folder.path().join("manifest.json"), "{").unwrap();
	let error = Manifest::open(world.folder.path(), Hash::zero(), &world.job()).unwrap_err();
	assert!(error.to_string().contains("manifest.json"), "{error}");
}

#[test]
fn the_worst_failure_decides_the_exit_code() {
	let refused = |reason| {
		let reasons = vec![Refusal {
			endpoint: "http://a".into(),
			reason,
		}];
		Failure::from(FetchError::Refused {
			what: "blob".into(),
			reasons,
		})
	};
	let job = JobView { tasks: 1, ..fake_job() };
	let manifest = Manifest::open(Path::new("/nonexistent"), Hash::zero(), &job).unwrap();
	let failures = vec![(0, refused(Reason::Stalled)), (1, refused(Reason::Mismatch))];
	let fetched = Fetched {
		manifest,
		folder: "x".into(),
		verified: vec![],
		failures,
		goes_on: false,
		job,
		record: Record::default(),
		price: None,
		acknowledged: vec![],
		notes: vec![],
		backing: Backing::default(),
	};
	let failure = fetched.verdict().unwrap_err();
	assert_eq!(failure.exit_code(), 6);
	assert!(failure.to_string().contains("shard 1"), "{failure}");
}

fn fake_job() -> JobView {
	let folder = tempfile::tempdir().unwrap();
	World {
		folder,
		providers: vec![],
		_servers: vec![],
		endpoints: vec![],
		record: Record::default(),
	}
	.job()
}

#[test]
fn ranges_and_windows_cover_all_numbers() {
	assert_eq!(ranges(&[]), "");
	assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
	assert_eq!(windows(&[0, 1, 63, 64, 200], 64), [(0, 2), (63, 2), (200, 1)]);
	assert_eq!(windows(&[0, 1, 2, 3, 4], 2), [(0, 2), (2, 2), (4, 1)]);
	assert_eq!(windows(&[5], 64), [(5, 1)]);
	assert_eq!(windows(&[], 64), []);
}
