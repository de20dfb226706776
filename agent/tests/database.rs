//! The database: what is stored once, what survives a crash, and that two agents cannot share it.

use codec::DecodeAll;
use millrace_agent::{
	budget::Reservation,
	db::{Database, DbError, Record, Sealed},
	exec::Execution,
	outputs::{Outputs, StoreError},
	seat::{SeatKey, TxKind, WATCHED},
	watching::{Accused, Watched},
};
use millrace_client::blobs::{Blob, BlobStore};
use millrace_primitives::{
	api::AssignmentView,
	job::SeatState,
	machine::{ProgramRoots, EMPTY_BLOB},
	merkle, AccountId, Hash, JobId, Limits, Outcome, Report, ShardId,
};
use std::{
	fs,
	process::{Command, Stdio},
	sync::Arc,
};

fn key(index: u32) -> SeatKey {
	SeatKey {
		shard: ShardId { job: JobId(5), index },
		seat: 1,
		round: 2,
	}
}

fn record() -> Record {
	Record {
		first_task: 8,
		tasks: 2,
		listed_at: 4,
		..Record::default()
	}
}

fn execution(output: &[u8]) -> Execution {
	Execution::success(output.to_vec(), 100)
}

fn sealed(byte: u8) -> Sealed {
	Sealed {
		report: Report {
			root: Hash::repeat_byte(byte),
			gas_used: byte.into(),
		},
		salt: [byte; 32],
	}
}

#[test]
fn a_second_agent_on_the_same_directory_is_refused_with_its_name() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	let first = Database::open(&path).unwrap();
	let error = Database::open(&path).err().unwrap();
	assert!(matches!(error, DbError::InUse(_)));
	assert!(
		error.to_string().contains(&folder.path().display().to_string()),
		"{error}"
	);
	drop(first);
	Database::open(&path).unwrap();
}

#[test]
fn a_seal_is_stored_once_and_for_all() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	{
		let db = Database::open(&path).unwrap();
		db.adopt(key(0), &record()).unwrap();
		assert_eq!(db.seal(key(0), sealed(1)).unwrap(), sealed(1));
		assert_eq!(db.seal(key(0), sealed(2)).unwrap(), sealed(1));
		db.adopt(key(0), &record()).unwrap();
	}
	let db = Database::open(&path).unwrap();
	assert_eq!(db.seal(key(0), sealed(3)).unwrap(), sealed(1));
	assert_eq!(
		db.seats().unwrap(),
		[(
			key(0),
			Record {
				sealed: Some(sealed(1)),
				..record()
			}
		)]
	);
}

#[test]
fn transactions_are_remembered_until_their_fate_is_known() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	{
		let db = Database::open(&path).unwrap();
		db.submitting(key(0), TxKind::Accept, 7).unwrap();
		db.submitting(key(0), TxKind::Seal, 9).unwrap();
		db.settled(key(0), TxKind::Accept).unwrap();
	}
	assert_eq!(
		Database::open(&path).unwrap().unsettled().unwrap(),
		[(key(0), TxKind::Seal, 9)]
	);
}

#[test]
fn a_forgotten_seat_takes_all_its_transactions_with_it_and_no_others() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	let all = [
		TxKind::Seal,
		TxKind::Unavailable,
		TxKind::Attack(3),
		TxKind::Play(u32::MAX, Hash::repeat_byte(0xff)),
		TxKind::Time(7),
		TxKind::Answer(u32::MAX, Some(u32::MAX)),
	];
	let neighbour = SeatKey {
		round: key(0).round + 1,
		..key(0)
	};
	{
		let db = Database::open(&path).unwrap();
		for key in [key(0), key(1), neighbour] {
			for (kind, until) in all.into_iter().zip(1..) {
				db.submitting(key, kind, until).unwrap();
			}
		}
		db.settled(key(1), TxKind::Attack(3)).unwrap();
	}
	let db = Database::open(&path).unwrap();
	assert_eq!(db.unsettled().unwrap().len(), 3 * all.len() - 1);
	db.forget(key(0)).unwrap();
	let left = db.unsettled().unwrap();
	assert_eq!(left.len(), 2 * all.len() - 1);
	assert!(left.iter().all(|(of, ..)| *of != key(0)));
	assert!(left.contains(&(neighbour, TxKind::Play(u32::MAX, Hash::repeat_byte(0xff)), 4)));
}

#[test]
fn seats_of_every_round_have_their_own_names() {
	for round in [0, 1, 255, 256, u32::MAX] {
		let key = SeatKey { round, ..key(3) };
		assert_eq!(SeatKey::from_bytes(&key.to_bytes()), Some(key));
	}
	assert_eq!(SeatKey::from_bytes(&key(3).to_bytes()[1..]), None);
}

#[test]
fn outputs_are_given_out_in_custody_only_and_go_with_the_last_who_names_them() {
	let folder = tempfile::tempdir().unwrap();
	let db = Arc::new(Database::open(&folder.path().join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
	for index in 0..2 {
		db.adopt(key(index), &record()).unwrap();
		outputs.store(key(index), 8, &execution(b"same"), false).unwrap();
		outputs
			.store(key(index), 9, &execution(if index == 0 { b"zero" } else { b"" }), true)
			.unwrap();
	}
	let (same, zero, empty) = (
		merkle::data_root(b"same"),
		merkle::data_root(b"zero"),
		merkle::data_root(b""),
	);
	assert!(outputs.open(same).is_none(), "before custody");
	outputs.serve(key(0)).unwrap();
	assert!(outputs.open(same).is_some() && outputs.open(zero).is_some());
	assert!(outputs.open(empty).is_none(), "only the other seat's");
	outputs.serve(key(1)).unwrap();
	assert!(matches!(outputs.open(empty), Some(Blob::Bytes(bytes)) if bytes.is_empty()));
	let listed = Vec::<Outcome>::decode_all(&mut &outputs.outcomes(key(0).shard).unwrap()[..]).unwrap();
	assert_eq!(listed, [execution(b"same").outcome, execution(b"zero").outcome]);
	outputs.forget(key(0)).unwrap();
	assert!(outputs.open(zero).is_none() && outputs.outcomes(key(0).shard).is_none());
	let Some(Blob::File(path)) = outputs.open(same) else {
		panic!("the other seat still needs it")
	};
	assert_eq!(fs::read(&path).unwrap(), b"same");
	outputs.forget(key(1)).unwrap();
	assert!(!path.exists());
	assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), 0);
	assert_eq!(outputs.bytes(), 0);
	assert_eq!(db.seats().unwrap(), []);
}

#[test]
fn of_two_seats_in_a_shard_the_later_is_given_out() {
	let folder = tempfile::tempdir().unwrap();
	let db = Arc::new(Database::open(&folder.path().join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
	let later = SeatKey { round: 3, ..key(0) };
	for (key, output) in [(key(0), b"first"), (later, b"later")] {
		db.adopt(key, &record()).unwrap();
		outputs.store(key, 8, &execution(output), true).unwrap();
		outputs.show(key).unwrap();
	}
	let given_out = |output: &[u8]| outputs.open(merkle::data_root(output)).is_some();
	assert!(!given_out(b"first") && given_out(b"later"));
	outputs.forget(key(0)).unwrap();
	assert!(given_out(b"later"));
	outputs.forget(later).unwrap();
	assert!(!given_out(b"later"));
}

#[test]
fn a_start_removes_what_nothing_names_and_serves_again_what_is_in_custody() {
	let folder = tempfile::tempdir().unwrap();
	let (path, blobs) = (folder.path().join("agent.redb"), folder.path().join("blobs"));
	{
		let db = Arc::new(Database::open(&path).unwrap());
		let outputs = Outputs::open(db.clone(), &blobs).unwrap();
		db.adopt(key(0), &record()).unwrap();
		outputs.store(key(0), 8, &execution(b"kept"), true).unwrap();
		outputs.serve(key(0)).unwrap();
	}
	let orphan = blobs.join(hex::encode(merkle::data_root(b"orphan")));
	fs::write(&orphan, b"orphan").unwrap();
	fs::write(blobs.join("3.new"), b"half").unwrap();
	let db = Arc::new(Database::open(&path).unwrap());
	let outputs = Outputs::open(db, &blobs).unwrap();
	assert!(outputs.open(merkle::data_root(b"kept")).is_some());
	assert_eq!(fs::read_dir(&blobs).unwrap().count(), 1);
	assert_eq!(outputs.bytes(), 4);
}

#[test]
fn a_task_whose_output_is_lost_is_not_done_and_a_forgotten_seat_takes_no_outcomes() {
	let folder = tempfile::tempdir().unwrap();
	let db = Arc::new(Database::open(&folder.path().join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
	db.adopt(key(0), &record()).unwrap();
	outputs.store(key(0), 8, &execution(b"lost"), false).unwrap();
	outputs.store(key(0), 9, &execution(b""), true).unwrap();
	fs::remove_file(
		folder
			.path()
			.join("blobs")
			.join(hex::encode(merkle::data_root(b"lost"))),
	)
	.unwrap();
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [9].into());
	outputs.store(key(0), 8, &execution(b"lost"), true).unwrap();
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [8, 9].into());
	outputs.forget(key(0)).unwrap();
	outputs.store(key(0), 8, &execution(b"late"), true).unwrap();
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [].into());
}

#[test]
fn room_is_reserved_until_outputs_are_in_custody_or_the_seat_is_forgotten_also_over_a_restart() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	let reservation = Reservation {
		shared: vec![(Hash::repeat_byte(3), 7)],
		tasks: 2,
		input_limit: 10,
		output_limit: 1_000,
	};
	{
		let db = Database::open(&path).unwrap();
		for index in 0..4 {
			db.adopt(key(index), &record()).unwrap();
			db.reserve(key(index), &reservation).unwrap();
		}
		// Nobody knows this seat, so nobody would ever give its room back.
		db.reserve(key(9), &reservation).unwrap();
	}
	let db = Database::open(&path).unwrap();
	let reserved = |db: &Database| {
		let rows = db.reservations().unwrap().into_iter();
		rows.inspect(|(_, row)| assert_eq!(*row, reservation))
			.map(|(key, _)| key.shard.index)
			.collect::<Vec<_>>()
	};
	assert_eq!(reserved(&db), [0, 1, 2, 3]);
	db.seal(key(0), sealed(1)).unwrap();
	db.forget(key(1)).unwrap();
	db.release(key(2)).unwrap();
	assert_eq!(reserved(&db), [0, 3], "what a sealed report is defended with stays");
	db.serve(key(0)).unwrap();
	assert_eq!(reserved(&db), [3]);
	db.reserve(key(0), &reservation).unwrap();
	assert_eq!(reserved(&db), [3], "what is in custody needs no more room");
}

#[test]
fn an_output_of_a_seat_that_was_forgotten_meanwhile_does_not_stay() {
	let folder = tempfile::tempdir().unwrap();
	let db = Arc::new(Database::open(&folder.path().join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
	db.adopt(key(0), &record()).unwrap();
	outputs.store(key(0), 8, &execution(b"shared"), true).unwrap();
	// Another seat's tasks end after it was forgotten: one output is nobody's, one is still named.
	outputs.store(key(1), 8, &execution(b"late"), false).unwrap();
	outputs.store(key(1), 9, &execution(b"shared"), true).unwrap();
	let names: Vec<_> = fs::read_dir(folder.path().join("blobs"))
		.unwrap()
		.map(|entry| entry.unwrap().file_name().into_string().unwrap())
		.collect();
	assert_eq!(names, [hex::encode(merkle::data_root(b"shared"))]);
	assert_eq!(outputs.bytes(), 6);
}

/// What the next test does in a process whose files cannot grow: fill the disk, and see what is left.
fn fill_the_disk(folder: &std::path::Path) {
	let db = Arc::new(Database::open(&folder.join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.join("blobs")).unwrap();
	db.adopt(key(0), &record()).unwrap();
	outputs.store(key(0), 8, &execution(b"before"), true).unwrap();
	// An output for which there is no room.
	let large = vec![7; 64 << 20];
	let error = outputs.store(key(0), 9, &execution(&large), true).unwrap_err();
	assert!(matches!(error, StoreError::Full { .. }), "{error}");
	assert!(error.to_string().contains("the disk is full"), "{error}");
	assert_eq!(
		fs::read_dir(folder.join("blobs")).unwrap().count(),
		1,
		"no half file stays"
	);
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [8].into());
	// A database for which there is no room: every seat that was taken up stays, and so does the seal.
	db.seal(key(0), sealed(5)).unwrap();
	let error = (1..).find_map(|index| db.adopt(key(index), &record()).err().map(|error| (index, error)));
	let (refused, error) = error.unwrap();
	assert!(error.to_string().contains("agent.redb"), "{error}");
	let known = db.seats().unwrap();
	assert_eq!(known.len() as u32, refused);
	assert_eq!(known[0].1.sealed, Some(sealed(5)));
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [8].into());
	// There is room again, and everything goes on without a restart.
	let raised = Command::new("prlimit")
		.args(["--fsize=unlimited", "--pid", &std::process::id().to_string()])
		.status();
	assert!(raised.unwrap().success());
	db.adopt(key(refused), &record()).unwrap();
	outputs.store(key(0), 9, &execution(&large), true).unwrap();
	assert_eq!(outputs.done_tasks(key(0)).unwrap(), [8, 9].into());
	assert_eq!(db.seal(key(0), sealed(6)).unwrap(), sealed(5));
	println!("survived");
}

#[test]
fn a_full_disk_is_named_and_loses_nothing_that_was_stored() {
	// The test starts itself, with a limit on the size of files: writing beyond it is an error.
	if let Ok(folder) = std::env::var("MILLRACE_TEST_FULL") {
		return fill_the_disk(std::path::Path::new(&folder));
	}
	let folder = tempfile::tempdir().unwrap();
	let output = Command::new("sh")
		.args(["-c", r#"trap "" XFSZ; ulimit -S -f 20000; exec "$0" "$@""#])
		.arg(std::env::current_exe().unwrap())
		.args([
			"--exact",
			"a_full_disk_is_named_and_loses_nothing_that_was_stored",
			"--nocapture",
		])
		.env("MILLRACE_TEST_FULL", folder.path())
		.output()
		.unwrap();
	let text = String::from_utf8_lossy(&output.stdout);
	let errors = String::from_utf8_lossy(&output.stderr);
	assert!(output.status.success() && text.contains("survived"), "{text}{errors}");
}

/// The process that the next test kills: it computes tasks until it is killed.
fn compute_until_killed(folder: &std::path::Path) {
	let db = Arc::new(Database::open(&folder.join("agent.redb")).unwrap());
	let outputs = Outputs::open(db.clone(), &folder.join("blobs")).unwrap();
	for index in 0.. {
		db.adopt(key(index), &record()).unwrap();
		for task in 8..10 {
			outputs
				.store(
					key(index),
					task,
					&execution(format!("{index} {task}").as_bytes()),
					task == 9,
				)
				.unwrap();
		}
		db.seal(key(index), sealed(index as u8)).unwrap();
		db.submitting(key(index), TxKind::Seal, index).unwrap();
		println!("{index}");
	}
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_sealed() {
	use std::io::{BufRead, BufReader};
	// The test starts itself as the process that is killed.
	if let Ok(folder) = std::env::var("MILLRACE_TEST_FOLDER") {
		return compute_until_killed(std::path::Path::new(&folder));
	}
	for delay in [3, 17, 40] {
		let folder = tempfile::tempdir().unwrap();
		let mut child = Command::new(std::env::current_exe().unwrap())
			.args([
				"--exact",
				"a_kill_at_any_moment_loses_nothing_that_was_sealed",
				"--nocapture",
			])
			.env("MILLRACE_TEST_FOLDER", folder.path())
			.stdout(Stdio::piped())
			.spawn()
			.unwrap();
		let mut last = None;
		for line in BufReader::new(child.stdout.take().unwrap()).lines() {
			// Lines of the test harness surround the numbers.
			if let Ok(index) = line.unwrap().trim().parse::<u32>() {
				last = Some(index);
				if index >= delay {
					child.kill().unwrap();
				}
			}
		}
		child.wait().unwrap();
		let last = last.expect("it began");
		let db = Arc::new(Database::open(&folder.path().join("agent.redb")).unwrap());
		let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
		for index in 0..=last {
			let stored = db.seat(key(index)).unwrap().unwrap();
			assert_eq!(stored.sealed, Some(sealed(index as u8)));
			assert_eq!(
				outputs.done_tasks(key(index)).unwrap(),
				[8, 9].into(),
				"seat {index} of {last}"
			);
		}
		assert!(db.unsettled().unwrap().len() as u32 > last);
		for (key, record) in db.seats().unwrap() {
			assert!(
				record.sealed.is_none() || outputs.done(key).unwrap().len() == 2,
				"sealed without outputs"
			);
		}
	}
}

/// A shard that is watched.
fn watched() -> Watched {
	let seat = AssignmentView {
		shard: key(0).shard,
		seat: WATCHED,
		round: 0,
		state: Some(SeatState::Assigned),
		held: true,
		reveal_open: false,
		due: 70,
		decline_by: 70,
		leave_from: u32::MAX,
		sample: None,
		shown: Vec::new(),
		engine: 1,
		program: Hash::repeat_byte(1),
		roots: ProgramRoots {
			entry: 0,
			pages: 1,
			max_pages: 1,
			system_pages: 0,
			code: [1; 32],
			table: [2; 32],
			globals: [3; 32],
			memory: [4; 32],
			system: [5; 32],
		},
		module: EMPTY_BLOB,
		image: None,
		setup: EMPTY_BLOB,
		input_root: Hash::repeat_byte(2),
		job_tasks: 10,
		first_task: 8,
		tasks: 2,
		limits: Limits {
			gas: 1,
			memory_pages: 1,
			output: 100,
		},
		input_limit: 1,
		endpoints: vec!["http://127.0.0.1:1".into()],
	};
	Watched {
		seat,
		target: 3,
		provider: AccountId::from([4; 32]),
		claimed: sealed(9).report,
		until: 70,
		accused: None,
	}
}

#[test]
fn what_is_watched_and_said_survives_and_is_forgotten_whole() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("agent.redb");
	let key = SeatKey::watching(key(0).shard);
	let accused = Some(Accused {
		bond: 7,
		until: 99,
		included: false,
	});
	{
		let db = Arc::new(Database::open(&path).unwrap());
		assert!(!db.accused(key, accused).unwrap(), "it is not known");
		db.watch(key, &record(), &watched()).unwrap();
		assert!(db.accused(key, accused).unwrap());
		// Of what is watched no output is kept, and its outcomes are there all the same.
		let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
		outputs.store(key, 8, &execution(b"an output"), true).unwrap();
		assert_eq!(outputs.bytes(), 0);
		assert_eq!(outputs.done(key).unwrap(), [(8, execution(b"an output").outcome)]);
		db.seal(key, sealed(1)).unwrap();
	}
	let db = Arc::new(Database::open(&path).unwrap());
	assert_eq!(db.watched().unwrap(), [(key, Watched { accused, ..watched() })]);
	assert_eq!(db.seat(key).unwrap().and_then(|record| record.sealed), Some(sealed(1)));
	let outputs = Outputs::open(db.clone(), &folder.path().join("blobs")).unwrap();
	assert_eq!(outputs.done(key).unwrap().len(), 1);
	outputs.forget(key).unwrap();
	assert_eq!((db.watched().unwrap(), db.seats().unwrap()), (Vec::new(), Vec::new()));
	assert_eq!(db.outcomes(key).unwrap(), []);
}
