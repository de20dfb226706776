//! Arguments, environment, standard streams, random bytes, clocks, the end.

mod common;
use common::*;
use millrace_wasi::Status;

fn strings(p: &mut Program, function: &str) -> Vec<String> {
	assert_eq!(p.call(&format!("{function}_sizes_get"), &[64, 68]), 0);
	let (count, len) = (p.word(64) as usize, p.word(68) as usize);
	p.put(1_000, &[0xaa; 100]);
	p.put(20_000 + len as u64, &[0xbb; 4]);
	assert_eq!(p.call(&format!("{function}_get"), &[1_000, 20_000]), 0);
	assert_eq!(p.get(20_000 + len as u64, 4), [0xbb; 4]);
	assert_eq!(p.word(1_000 + 4 * count as u64), 0xaaaa_aaaa);
	let texts = p.get(20_000, len);
	let all: Vec<String> = (0..count)
		.map(|i| {
			let at = p.word(1_000 + 4 * i as u64) as usize - 20_000;
			let end = at + texts[at..].iter().position(|byte| *byte == 0).unwrap();
			String::from_utf8(texts[at..end].to_vec()).unwrap()
		})
		.collect();
	assert_eq!(all.iter().map(|one| one.len() + 1).sum::<usize>(), len);
	all
}

#[test]
fn without_a_setup_there_is_one_argument() {
	let mut p = Program::new();
	assert_eq!(strings(&mut p, "args"), ["program"]);
	assert_eq!(strings(&mut p, "environ"), [""; 0]);
	assert_eq!(p.own_pages(), 1);
}

#[test]
fn arguments_are_the_job_s_and_then_the_task_s() {
	let setup = Setup {
		argv: &["a.wasm", "", "-x"],
		env: &["A=1", "B==", "C="],
		..Setup::default()
	};
	let mut p = Program::with(&setup, b"not arguments", b"");
	assert_eq!(strings(&mut p, "args"), ["a.wasm", "", "-x"]);
	assert_eq!(strings(&mut p, "environ"), ["A=1", "B==", "C="]);
	assert_eq!(p.read(0, 100), Ok(b"not arguments".to_vec()));
	let mut p = Program::with(&Setup { input: 1, ..setup }, b"one\0\0three\0", b"");
	assert_eq!(strings(&mut p, "args"), ["a.wasm", "", "-x", "one", "", "three"]);
	assert_eq!(p.read(0, 100), Ok(vec![]));
	// Longer than the room that they are read through.
	let long = "x".repeat(3_000);
	let argv: Vec<&str> = vec![&long, "y", &long];
	let mut p = Program::with(
		&Setup {
			argv: &argv,
			..Setup::default()
		},
		b"",
		b"",
	);
	assert_eq!(strings(&mut p, "args"), argv);
	// Outside: nothing is stored.
	let end = p.wasi.host.program.len() as u64;
	assert_eq!(p.call("args_get", &[end - 11, 20_000]), FAULT);
	assert_eq!(p.call("args_get", &[1_000, end - 6_003]), FAULT);
	assert_eq!(p.call("args_get", &[1_000, end - 6_004]), 0);
	p.put(64, &[7; 4]);
	assert_eq!(p.call("args_sizes_get", &[64, end - 3]), FAULT);
	assert_eq!(p.word(64), 0x0707_0707);
	// Pointers laid over the texts hurt nobody.
	for at in 0..30 {
		assert_eq!(p.call("args_get", &[20_000 + at, 20_000]), 0);
	}
}

#[test]
fn a_setup_that_is_none_ends_the_run() {
	let good = Setup {
		argv: &["a"],
		env: &["A=1"],
		output: 1,
		output_path: "out",
		input_path: "in",
		..Setup::default()
	};
	let run = |setup: &[u8], input: &[u8]| {
		let mut p = Program::new();
		p.wasi.host.setup = setup.into();
		p.wasi.host.input = input.into();
		let end = p.try_call("sched_yield", &[]);
		end.map_err(|halted| (halted.status, halted.code, p.errors()))
	};
	let bytes = good.bytes();
	assert_eq!(run(&bytes, b""), Ok(0));
	let malformed = |setup: &[u8], input: &[u8], reason: &str| {
		let (status, code, text) = run(setup, input).unwrap_err();
		assert_eq!((status, code), (Status::Malformed, 0));
		assert_eq!(text, reason);
	};
	for cut in 1..bytes.len() {
		assert!(run(&bytes[..cut], b"").is_err(), "{cut}");
	}
	for (at, value, reason) in [
		(0, b'm', "setup: its head"),
		(6, 1, "setup: its head"),
		(4, 3, "setup: the kind of input"),
		(5, 3, "setup: the kind of output"),
		(8, 2, "setup: the arguments"),
		(15, 255, "setup: the sizes of its parts"),
		(33, b'x', "setup: the arguments"),
		(16, 0, "setup: the environment"),
		(34, b'=', "setup: the environment"),
		(35, b'-', "setup: the environment"),
		(38, 0, "setup: the output's path"),
		(42, 0, "setup: the input's path"),
		(4, 1, "setup: the input's path"),
		(5, 0, "setup: the output's path"),
	] {
		let mut bad = bytes.clone();
		bad[at] = value;
		malformed(&bad, b"", reason);
	}
	malformed(&[&bytes[..], b"x"].concat(), b"", "setup: the sizes of its parts");
	malformed(
		&Setup {
			output: 2,
			..Setup::default()
		}
		.bytes(),
		b"",
		"setup: the output's path",
	);
	let arguments = Setup {
		input: 1,
		..Setup::default()
	}
	.bytes();
	malformed(&arguments, b"a\0b", "input: arguments that do not end");
	malformed(&arguments, &[0; 65_537], "input: more than 65,536 bytes of arguments");
	assert_eq!(run(&arguments, &[0; 65_536]), Ok(0));
	malformed(&[0; 65_537], b"", "setup: its size");
	let long = "x".repeat(4_097);
	malformed(
		&Setup {
			output: 1,
			output_path: &long,
			..Setup::default()
		}
		.bytes(),
		b"",
		"setup: the output's path",
	);
}

#[test]
fn standard_streams_are_no_terminals() {
	let mut p = Program::new();
	for (fd, right) in [(0, READ), (1, WRITE), (2, WRITE)] {
		assert_eq!(p.fdstat(fd), Ok((0, 0, right, 0)));
		assert_eq!(p.fstat(fd), Ok(Stat::default()));
		assert_eq!(p.seek(fd, 0, 1), Err(SPIPE));
		assert_eq!(p.tell(fd), Err(SPIPE));
		assert_eq!(p.pread(fd, 1, 0), Err(SPIPE));
		assert_eq!(p.pwrite(fd, b"", 0), Err(SPIPE));
		assert_eq!(p.set_size(fd, 0), Err(INVAL));
		assert_eq!(p.call("fd_allocate", &[fd.into(), 0, 1]), SPIPE);
		// Flags that do not exist are asked for by some.
		assert_eq!(p.call("fd_fdstat_set_flags", &[fd.into(), 0x8004]), 0);
		assert_eq!(p.fdstat(fd).unwrap().1, 4);
		assert_eq!(p.call("sock_send", &[fd.into(), 0, 0, 0, 0]), NOTSOCK);
	}
	assert_eq!(p.call("sock_accept", &[9, 0, 0]), BADF);
	assert_eq!(p.call("sock_recv", &[3, 0, 0, 0, 0, 0]), NOTSOCK);
	assert_eq!(p.call("sock_shutdown", &[3, 0]), NOTSOCK);
	assert_eq!(p.write(0, b"x"), Err(BADF));
	assert_eq!(p.read(1, 1), Err(BADF));
	p.close(1).unwrap();
	assert_eq!(p.write(1, b"x"), Err(BADF));
	assert_eq!(p.own_pages(), 1);
}

#[test]
fn lists_of_buffers_are_served_whole() {
	let mut p = Program::new();
	p.wasi.host.input = (0..17).collect::<Vec<u8>>().into();
	let list = |p: &mut Program, buffers: &[(u32, u32)]| {
		for (i, (at, len)) in buffers.iter().enumerate() {
			p.put(16 + 8 * i as u64, &at.to_le_bytes());
			p.put(20 + 8 * i as u64, &len.to_le_bytes());
		}
	};
	let end = p.wasi.host.program.len() as u32;
	list(&mut p, &[(1_000, 3), (end, 0), (2_001, 9), (3_000, 100)]);
	assert_eq!(p.call("fd_read", &[0, 16, 4, 64]), 0);
	assert_eq!(p.word(64), 17);
	assert_eq!(p.get(3_000, 6), [12, 13, 14, 15, 16, 0]);
	assert_eq!(p.call("fd_read", &[0, 16, 4, 64]), 0);
	assert_eq!(p.word(64), 0);
	// Overlapping ones are written as often as they are listed.
	p.put(100, b"abcdefgh");
	list(&mut p, &[(100, 5), (101, 7), (103, 0), (103, 1)]);
	assert_eq!(p.call("fd_write", &[1, 16, 4, 64]), 0);
	assert_eq!((p.word(64), p.output()), (13, &b"abcdebcdefghd"[..]));
	// Outside, all of it fails.
	list(&mut p, &[(100, 5), (end - 3, 4)]);
	for (name, fd) in [("fd_write", 1), ("fd_write", 2), ("fd_read", 0)] {
		assert_eq!(p.call(name, &[fd, 16, 2, 64]), FAULT);
		assert_eq!(p.call(name, &[fd, u64::from(end) - 8, 2, 64]), FAULT);
		assert_eq!(p.call(name, &[fd, 0, 0x2000_0000, 64]), FAULT);
		assert_eq!(p.call(name, &[fd, 0, 0xffff_ffff, 64]), FAULT);
		assert_eq!(p.call(name, &[fd, 16, 1, u64::from(end) - 3]), FAULT);
		assert_eq!(p.call(name, &[fd, u64::from(end), 0, 64]), 0);
	}
	assert_eq!(p.output().len(), 13);
	// More than 2^32 - 1 bytes in all.
	list(&mut p, &[(0, end); 1]);
	let many = vec![[0_u32.to_le_bytes(), end.to_le_bytes()].concat(); 5_000].concat();
	p.put(100_000, &many);
	assert_eq!(p.call("fd_write", &[2, 100_000, 5_000, 64]), INVAL);
	// Files, by lists as well, also of what they are read over.
	let fd = p.open("f", CREATE, READ | WRITE).unwrap();
	p.put(100, b"0123456789");
	list(&mut p, &[(100, 4), (106, 4), (102, 2)]);
	assert_eq!(p.call("fd_write", &[fd.into(), 16, 3, 64]), 0);
	assert_eq!(p.content("f"), Ok(b"0123678923".to_vec()));
	let next = [2_000_u32.to_le_bytes(), 5_u32.to_le_bytes()].concat();
	p.file("g", &[&next[..], b"hello there"].concat());
	let fd = p.open("g", 0, READ).unwrap();
	list(&mut p, &[(24, 8), (1_000, 8)]);
	assert_eq!(p.call("fd_read", &[fd.into(), 16, 2, 64]), 0);
	assert_eq!((p.word(64), p.get(2_000, 5)), (13, b"hello".to_vec()));
}

#[test]
fn output_may_reach_its_limit_and_not_pass_it() {
	let mut p = Program::new();
	p.wasi.host.limit = 10;
	assert_eq!(p.write(1, b"12345"), Ok(5));
	assert_eq!(p.write(1, b"67890"), Ok(5));
	assert_eq!(p.write(1, b""), Ok(0));
	assert_eq!(p.write(2, b"errors"), Ok(6));
	p.put(16, &[0, 0, 0, 0, 1, 0, 0, 0]);
	assert_eq!(p.ends("fd_write", &[1, 16, 1, 64]), (Status::OutputTooLong, 0));
	assert_eq!((p.output(), p.errors().as_str()), (&b"1234567890"[..], "errors"));
}

#[test]
fn programs_end_by_their_exit_codes() {
	for code in [0, 1, 125, 126, 256, u32::MAX] {
		let mut p = Program::new();
		p.write(1, b"out").unwrap();
		let status = if code == 0 { Status::Success } else { Status::Exit };
		assert_eq!(p.exit(code), (status, code));
		assert_eq!(p.output(), b"out");
	}
	let mut p = Program::new();
	assert_eq!(p.ends("proc_raise", &[6]), (Status::Exit, 134));
	assert_eq!(p.call("proc_raise", &[0]), 0);
	assert_eq!(p.call("proc_raise", &[31]), INVAL);
	assert_eq!(p.call("proc_raise", &[u32::MAX.into()]), INVAL);
}

#[test]
fn random_bytes_come_from_the_seed() {
	let mut p = Program::new();
	p.wasi.host.seed = [0; 4];
	assert_eq!(p.call("random_get", &[100, 16]), 0);
	assert_eq!(p.call("random_get", &[116, 0]), 0);
	assert_eq!(p.call("random_get", &[116, 3]), 0);
	assert_eq!(p.call("random_get", &[119, 9]), 0);
	let mut state: [u64; 4] = [
		0xe220_a839_7b1d_cdaf,
		0x6e78_9e6a_a1b9_65f4,
		0x06c4_5d18_8009_454f,
		0xf88b_b8a8_724c_81ec,
	];
	let mut next = || {
		let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9).to_le_bytes();
		let t = state[1] << 17;
		state[2] ^= state[0];
		state[3] ^= state[1];
		state[1] ^= state[2];
		state[0] ^= state[3];
		state[2] ^= t;
		state[3] = state[3].rotate_left(45);
		result
	};
	let expected = [&next()[..], &next(), &next()[..3], &next(), &next()[..1]].concat();
	assert_eq!(p.get(100, 28), expected);
	let end = p.wasi.host.program.len() as u64;
	assert_eq!(p.call("random_get", &[end - 7, 8]), FAULT);
	assert_eq!(p.call("random_get", &[1, u32::MAX.into()]), FAULT);
	assert_eq!(p.call("random_get", &[0, end]), 0);
}

#[test]
fn clocks_rise() {
	let mut p = Program::new();
	let time = |p: &mut Program, clock: u64| {
		assert_eq!(p.call("clock_time_get", &[clock, 0, 64]), 0);
		p.long(64)
	};
	for clock in 0..4 {
		let first = time(&mut p, clock);
		assert!(
			first
				>= if clock == 0 {
					946_684_800_000_000_000
				} else {
					1_000_000_000
				}
		);
		assert!(time(&mut p, clock) > first);
		assert_eq!(p.call("clock_res_get", &[clock, 64]), 0);
		assert_eq!(p.long(64), 1);
	}
	assert_eq!(p.call("clock_time_get", &[4, 0, 64]), INVAL);
	assert_eq!(p.call("clock_res_get", &[4, 64]), INVAL);
	assert_eq!(p.call("clock_time_get", &[0, 0, u32::MAX.into()]), FAULT);
	// A loop until a millisecond has passed ends.
	let (start, gas) = (time(&mut p, 1), p.gas());
	while time(&mut p, 1) < start + 1_000_000 {}
	assert!(p.gas() - gas < 1_100_000);
	// The environment says when it is.
	for (value, start) in [
		("0", 0),
		("1700000000", 1_700_000_000),
		("9223372035", 9_223_372_035),
		("9223372036", 946_684_800),
		("18446744073709551617", 946_684_800),
		("", 946_684_800),
		("1x", 946_684_800),
		("-1", 946_684_800),
	] {
		let variable = format!("SOURCE_DATE_EPOCH={value}");
		let others = [
			"SOURCE_DATE_EPOC=5",
			"X=SOURCE_DATE_EPOCH=5",
			&variable,
			"SOURCE_DATE_EPOCH=7",
		];
		let mut p = Program::with(
			&Setup {
				env: &others,
				..Setup::default()
			},
			b"",
			b"",
		);
		assert_eq!(time(&mut p, 0) / 1_000_000_000, start, "{value}");
	}
}

/// Subscriptions: user data, tag, and the words after it.
fn subscribe(p: &mut Program, all: &[(u64, u8, u32, u64, u16)]) {
	for (i, (user, tag, id, time, flags)) in all.iter().enumerate() {
		let at = 1_000 + 48 * i as u64;
		p.put(at, &[0; 48]);
		p.put(at, &user.to_le_bytes());
		p.put(at + 8, &[*tag]);
		p.put(at + 16, &id.to_le_bytes());
		p.put(at + 24, &time.to_le_bytes());
		p.put(at + 40, &flags.to_le_bytes());
	}
}

/// Events: user data, error, type, bytes, flags.
fn poll(p: &mut Program, all: &[(u64, u8, u32, u64, u16)]) -> Vec<(u64, u16, u8, u64, u16)> {
	subscribe(p, all);
	assert_eq!(p.call("poll_oneoff", &[1_000, 3_000, all.len() as u64, 64]), 0);
	(0..u64::from(p.word(64)))
		.map(|i| {
			let at = 3_000 + 32 * i;
			let second = p.long(at + 8);
			(
				p.long(at),
				second as u16,
				(second >> 16) as u8,
				p.long(at + 16),
				p.long(at + 24) as u16,
			)
		})
		.collect()
}

#[test]
fn waiting_lets_time_pass() {
	const HOUR: u64 = 3_600_000_000_000;
	let mut p = Program::new();
	p.wasi.host.input = b"x"[..].into();
	let time = |p: &mut Program, clock: u64| {
		assert_eq!(p.call("clock_time_get", &[clock, 0, 64]), 0);
		p.long(64)
	};
	assert_eq!(p.call("poll_oneoff", &[0, 0, 0, 64]), INVAL);
	let start = time(&mut p, 1);
	assert_eq!(poll(&mut p, &[(5, 0, 1, HOUR, 0)]), [(5, 0, 0, 0, 0)]);
	let passed = time(&mut p, 1) - start;
	assert!((HOUR..HOUR + 100_000).contains(&passed));
	// Absolute, by another clock.
	let now = time(&mut p, 0);
	assert_eq!(poll(&mut p, &[(6, 0, 0, now + HOUR, 1)]), [(6, 0, 0, 0, 0)]);
	assert!((HOUR..HOUR + 100_000).contains(&(time(&mut p, 0) - now)));
	assert_eq!(poll(&mut p, &[(6, 0, 0, 5, 1)]), [(6, 0, 0, 0, 0)], "long past");
	// What can be read is read at once.
	let now = time(&mut p, 1);
	assert_eq!(poll(&mut p, &[(1, 0, 1, HOUR, 0), (2, 1, 0, 0, 0)]), [(2, 0, 1, 1, 0)]);
	assert!(time(&mut p, 1) - now < 100_000);
	assert_eq!(
		poll(&mut p, &[(1, 0, 1, 0, 0), (2, 2, 1, 0, 0)]),
		[(1, 0, 0, 0, 0), (2, 0, 2, 1, 0)]
	);
	p.read(0, 10).unwrap();
	assert_eq!(poll(&mut p, &[(2, 1, 0, 0, 0)]), [(2, 0, 1, 1, 1)], "the end of a file");
	// A bad file is an event.
	assert_eq!(
		poll(
			&mut p,
			&[
				(1, 1, 99, 0, 0),
				(2, 2, 0, 0, 0),
				(3, 1, 1, 0, 0),
				(4, 1, 3, 0, 0),
				(5, 0, 9, 0, 0)
			]
		),
		[
			(1, 8, 1, 0, 0),
			(2, 8, 2, 0, 0),
			(3, 8, 1, 0, 0),
			(4, 8, 1, 0, 0),
			(5, 28, 0, 0, 0)
		]
	);
	// The earliest of several clocks; those that are due with it, in order.
	assert_eq!(
		poll(
			&mut p,
			&[(1, 0, 1, 30, 0), (2, 0, 2, 20, 0), (3, 0, 0, 20, 0), (4, 0, 3, 21, 0)]
		),
		[(2, 0, 0, 0, 0), (3, 0, 0, 0, 0)]
	);
	let fd = p.open("f", CREATE, READ | WRITE).unwrap();
	p.write(fd, b"x").unwrap();
	assert_eq!(
		poll(&mut p, &[(1, 1, fd, 0, 0), (2, 2, fd, 0, 0)]),
		[(1, 0, 1, 1, 1), (2, 0, 2, 1, 0)]
	);
	p.seek(fd, 0, 0).unwrap();
	assert_eq!(poll(&mut p, &[(1, 1, fd, 0, 0)]), [(1, 0, 1, 1, 0)]);
	// For ever, twice: it returns, and clocks still answer.
	for _ in 0..2 {
		assert_eq!(poll(&mut p, &[(1, 0, 1, u64::MAX, 0)]), [(1, 0, 0, 0, 0)]);
		assert_eq!(poll(&mut p, &[(1, 0, 1, u64::MAX, 1)]), [(1, 0, 0, 0, 0)]);
	}
	assert!(time(&mut p, 1) > 1 << 62);
	subscribe(&mut p, &[(1, 3, 0, 0, 0)]);
	assert_eq!(p.call("poll_oneoff", &[1_000, 3_000, 1, 64]), INVAL);
	let end = p.wasi.host.program.len() as u64;
	for parameters in [
		[end - 47, 3_000, 1, 64],
		[1_000, end - 31, 1, 64],
		[1_000, 3_000, 1, end - 3],
	] {
		assert_eq!(p.call("poll_oneoff", &parameters), FAULT);
	}
	assert_eq!(p.call("poll_oneoff", &[1_000, 3_000, u32::MAX.into(), 64]), FAULT);
	// Events over subscriptions.
	for shift in 0..200 {
		subscribe(
			&mut p,
			&[(1, 0, 1, 5, 0), (2, 1, 0, 0, 0), (3, 0, 1, 0, 0), (4, 2, 2, 0, 0)],
		);
		assert_eq!(p.call("poll_oneoff", &[1_000, 1_000 + shift, 4, 64]), 0);
		assert!(p.word(64) <= 4);
	}
}
