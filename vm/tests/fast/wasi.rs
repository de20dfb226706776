//! Every function of WASI that there is.

use super::*;

#[test]
fn input_of_any_length_is_read_and_written_in_pieces_of_any_length() {
	// Pieces of 1, 2, ... 23, 1, ... bytes at odd places, so that every alignment of both streams meets every length.
	let body = "
		(local.set 0 (i32.const 0))
		(loop $more
			(local.set 0 (i32.add (i32.rem_u (local.get 0) (i32.const 23)) (i32.const 1)))
			(i32.store (i32.const 16) (i32.add (i32.const 1001) (local.get 0)))
			(i32.store (i32.const 20) (local.get 0))
			(if (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)) (then unreachable))
			(call $out (i32.add (i32.const 1001) (local.get 0)) (i32.load (i32.const 24)))
			(br_if $more (i32.load (i32.const 24))))";
	let wasm = bytes(&text(body, ""));
	let program = compile(&wasm);
	for len in (0..40).chain([63, 64, 65, 1000, 4097]) {
		let input = noise(len);
		let run = program.run(&LIMITS, supply(&input), &Stop::new()).unwrap();
		assert_eq!((run.status(), run.output), (Status::Success, input), "{len}");
	}
}

#[test]
fn a_large_input_is_read_at_once_and_written_at_once() {
	let body = "
		(drop (memory.grow (i32.const 16)))
		(i32.store (i32.const 16) (i32.const 65537))
		(i32.store (i32.const 20) (i32.const 1000000))
		(if (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)) (then unreachable))
		(call $out (i32.const 65537) (i32.load (i32.const 24)))";
	let input = noise(777_777);
	assert_eq!(output(body, &input), input);
}

#[test]
fn a_read_fills_many_buffers_and_tells_how_much() {
	let body = "
		(i32.store (i32.const 0) (i32.const 1000)) (i32.store (i32.const 4) (i32.const 3))
		(i32.store (i32.const 8) (i32.const 65536)) (i32.store (i32.const 12) (i32.const 0))
		(i32.store (i32.const 16) (i32.const 2001)) (i32.store (i32.const 20) (i32.const 9))
		(i32.store (i32.const 24) (i32.const 3000)) (i32.store (i32.const 28) (i32.const 100))
		(call $word (call $fd_read (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 64)))
		(call $word (i32.load (i32.const 64)))
		(call $out (i32.const 1000) (i32.const 3)) (call $out (i32.const 2001) (i32.const 9)) (call $out (i32.const 3000) (i32.const 5))
		(call $word (call $fd_read (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 64)))
		(call $word (i32.load (i32.const 64)))";
	let input = noise(17);
	let output = output(body, &input);
	assert_eq!(output[..8], [0, 0, 0, 0, 17, 0, 0, 0]);
	assert_eq!((&output[8..25], &output[25..]), (&input[..], &[0; 8][..]));
}

#[test]
fn buffers_over_their_own_list_change_what_is_read_next() {
	// The first buffer is the list's second entry: the input says where the rest goes.
	let body = "
		(i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 8))
		(i32.store (i32.const 8) (i32.const 1000)) (i32.store (i32.const 12) (i32.const 8))
		(call $word (call $fd_read (i32.const 0) (i32.const 0) (i32.const 2) (i32.const 64)))
		(call $word (i32.load (i32.const 64)))
		(call $out (i32.const 2000) (i32.const 5))";
	let mut input = [2000_u32.to_le_bytes(), 5_u32.to_le_bytes()].concat();
	input.extend(b"hello there");
	let said = output(body, &input);
	assert_eq!(said, [&[0, 0, 0, 0, 13, 0, 0, 0], &b"hello"[..]].concat());
	// If it says a place outside, that is a fault.
	input[..4].copy_from_slice(&65_535_u32.to_le_bytes());
	assert_eq!(words(body, &input)[0], 21);
}

#[test]
fn overlapping_buffers_are_written_as_often_as_they_are_listed() {
	let body = "
		(i64.store (i32.const 100) (i64.const 0x6867666564636261))
		(i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 5))
		(i32.store (i32.const 8) (i32.const 101)) (i32.store (i32.const 12) (i32.const 7))
		(i32.store (i32.const 16) (i32.const 103)) (i32.store (i32.const 20) (i32.const 0))
		(i32.store (i32.const 24) (i32.const 103)) (i32.store (i32.const 28) (i32.const 1))
		(if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 64)) (then unreachable))
		(if (i32.ne (i32.load (i32.const 64)) (i32.const 13)) (then unreachable))";
	assert_eq!(output(body, b""), b"abcdebcdefghd");
}

#[test]
fn errors_are_the_usual_ones() {
	// 8 is BADF, 21 FAULT, 28 INVAL, 70 SPIPE; a list of one buffer of 4 bytes at 32 is at 16, one outside at 24.
	let cases = [
		("$fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 64)", 0),
		("$fd_read (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 64)", 8),
		("$fd_read (i32.const 9) (i32.const -1) (i32.const 1) (i32.const 64)", 8),
		("$fd_read (i32.const 0) (i32.const 24) (i32.const 1) (i32.const 64)", 21),
		("$fd_read (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 64)", 21),
		(
			"$fd_read (i32.const 0) (i32.const 65532) (i32.const 1) (i32.const 64)",
			21,
		),
		(
			"$fd_read (i32.const 0) (i32.const 0) (i32.const 0x20000000) (i32.const 64)",
			21,
		),
		(
			"$fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 65533)",
			21,
		),
		(
			"$fd_read (i32.const 0) (i32.const 65536) (i32.const 0) (i32.const 64)",
			0,
		),
		("$fd_write (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 64)", 8),
		("$fd_write (i32.const 9) (i32.const 16) (i32.const 1) (i32.const 64)", 8),
		(
			"$fd_write (i32.const -1) (i32.const 16) (i32.const 1) (i32.const 64)",
			8,
		),
		(
			"$fd_write (i32.const 1) (i32.const 24) (i32.const 1) (i32.const 64)",
			21,
		),
		(
			"$fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const -1)",
			21,
		),
		(
			"$fd_write (i32.const 2) (i32.const 24) (i32.const 1) (i32.const 64)",
			21,
		),
		("$fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 64)", 0),
		("$fd_close (i32.const 0)", 0),
		("$fd_close (i32.const 2)", 0),
		("$fd_close (i32.const 9)", 8),
		("$fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 64)", 70),
		("$fd_seek (i32.const 9) (i64.const 0) (i32.const 0) (i32.const 64)", 8),
		("$fd_fdstat_get (i32.const 9) (i32.const 64)", 8),
		("$fd_fdstat_get (i32.const 1) (i32.const 65513)", 21),
		("$fd_fdstat_get (i32.const 1) (i32.const 65512)", 0),
		("$fd_prestat_get (i32.const 9) (i32.const 64)", 8),
		("$fd_prestat_dir_name (i32.const 9) (i32.const 64) (i32.const 8)", 8),
		("$args_get (i32.const -1) (i32.const -1)", 21),
		("$environ_get (i32.const -1) (i32.const -1)", 21),
		("$args_sizes_get (i32.const 64) (i32.const 65532)", 0),
		("$args_sizes_get (i32.const 64) (i32.const 65533)", 21),
		("$environ_sizes_get (i32.const 65533) (i32.const 64)", 21),
		("$clock_time_get (i32.const 3) (i64.const 0) (i32.const 65528)", 0),
		("$clock_time_get (i32.const 4) (i64.const 0) (i32.const 64)", 28),
		("$clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529)", 21),
		("$clock_res_get (i32.const 4) (i32.const 64)", 28),
		("$clock_res_get (i32.const 1) (i32.const -8)", 21),
		("$random_get (i32.const 65530) (i32.const 7)", 21),
		("$random_get (i32.const 65530) (i32.const 6)", 0),
		("$random_get (i32.const 1) (i32.const -1)", 21),
		("$sched_yield", 0),
	];
	let calls: String = cases
		.iter()
		.map(|(call, _)| format!("(call $word (call {call}))\n"))
		.collect();
	let lists = "(i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 4))
		(i32.store (i32.const 24) (i32.const 65533)) (i32.store (i32.const 28) (i32.const 4))";
	let answers = words(&format!("{lists} {calls}"), b"");
	for ((call, expected), answer) in cases.iter().zip(&answers) {
		assert_eq!(answer, expected, "{call}");
	}
	assert_eq!(answers.len(), cases.len());
}

#[test]
fn a_fault_changes_nothing() {
	// Neither count is stored if one of them has no place, and no input is lost if the answer has none.
	let body = "
		(i32.store (i32.const 64) (i32.const 77))
		(drop (call $args_sizes_get (i32.const 64) (i32.const -1)))
		(call $word (i32.load (i32.const 64)))
		(i32.store (i32.const 16) (i32.const 64)) (i32.store (i32.const 20) (i32.const 4))
		(drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const -1)))
		(call $word (i32.load (i32.const 64)))
		(drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 128)))
		(call $word (i32.load (i32.const 64)))";
	assert_eq!(words(body, &9_u32.to_le_bytes()), [77, 77, 9]);
}

#[test]
fn files_are_what_is_no_terminal() {
	let stats: String = (0..3)
		.map(|file| {
			format!(
				"(memory.fill (i32.const 64) (i32.const 0xff) (i32.const 24))
				(drop (call $fd_fdstat_get (i32.const {file}) (i32.const 64))) (call $out (i32.const 64) (i32.const 24))"
			)
		})
		.collect();
	let output = output(&stats, b"");
	for (stat, right) in output.chunks(24).zip([2, 64, 64]) {
		let mut expected = [0; 24];
		expected[8] = right;
		assert_eq!(stat, expected);
	}
}

#[test]
fn a_gas_is_a_nanosecond() {
	let read = |clock: u32| {
		format!(
			"(drop (call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 64)))
			(call $out (i32.const 64) (i32.const 8))"
		)
	};
	let body: String = [0, 0, 1, 1, 2, 3].map(read).concat();
	let resolution =
		"(drop (call $clock_res_get (i32.const 0) (i32.const 64))) (call $out (i32.const 64) (i32.const 8))";
	let output = output(&(body + resolution), b"");
	let times: Vec<u64> = output
		.chunks(8)
		.map(|time| u64::from_le_bytes(time.try_into().unwrap()))
		.collect();
	// The first is since 1970 and begins with 2000, the others with 1 s.
	const YEAR_2000: u64 = 946_684_800_000_000_000;
	let since = |n: usize| times[n] - if n < 2 { YEAR_2000 } else { 1_000_000_000 };
	assert!((0..5).all(|n| since(n) < since(n + 1)), "{times:?}");
	assert!(since(5) < 1_000_000, "{times:?}");
	assert_eq!(times[6], 1);
}

#[test]
fn there_is_a_name_and_no_argument() {
	let body = "
		(i64.store (i32.const 64) (i64.const -1))
		(drop (call $args_sizes_get (i32.const 64) (i32.const 68)))
		(call $out (i32.const 64) (i32.const 8))
		(drop (call $args_get (i32.const 100) (i32.const 200)))
		(call $out (i32.const 100) (i32.const 4)) (call $out (i32.const 200) (i32.const 8))";
	let expected = [&[1, 0, 0, 0, 8, 0, 0, 0, 200, 0, 0, 0], &b"program\0"[..]].concat();
	assert_eq!(output(body, b""), expected);
}

/// xoshiro256** again, from its authors' description.
fn xoshiro(mut s: [u64; 4], numbers: usize) -> Vec<u8> {
	(0..numbers)
		.flat_map(|_| {
			let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
			let t = s[1] << 17;
			s[2] ^= s[0];
			s[3] ^= s[1];
			s[1] ^= s[2];
			s[0] ^= s[3];
			s[2] ^= t;
			s[3] = s[3].rotate_left(45);
			result.to_le_bytes()
		})
		.collect()
}

#[test]
fn random_bytes_come_from_the_seed() {
	let body = "
		(drop (call $random_get (i32.const 101) (i32.const 16)))
		(drop (call $random_get (i32.const 117) (i32.const 0)))
		(drop (call $random_get (i32.const 117) (i32.const 3)))
		(drop (call $random_get (i32.const 120) (i32.const 9)))
		(call $out (i32.const 101) (i32.const 28))";
	let program = compile(&bytes(&text(body, "")));
	let seed: [u8; 32] = std::array::from_fn(|n| (n * 7 + 1) as u8);
	let of_seed = std::array::from_fn(|n| u64::from_le_bytes(seed[8 * n..][..8].try_into().unwrap()));
	let of_nothing = [
		0xe220_a839_7b1d_cdaf,
		0x6e78_9e6a_a1b9_65f4,
		0x06c4_5d18_8009_454f,
		0xf88b_b8a8_724c_81ec,
	];
	for (seed, state) in [(seed, of_seed), ([0; 32], of_nothing)] {
		let stream = xoshiro(state, 5);
		let expected = [&stream[..16], &stream[16..19], &stream[24..33]].concat();
		let run = program
			.run(&LIMITS, Supply::of_input(vec![], seed), &Stop::new())
			.unwrap();
		assert_eq!(run.output, expected);
	}
}

#[test]
fn output_may_reach_its_limit_and_not_pass_it() {
	let write = |len: u32| format!("(call $out (i32.const 3) (i32.const {len}))");
	for limit in [0_u32, 1, 7, 8, 9, 1000] {
		let limits = Limits {
			output: limit,
			..LIMITS
		};
		let exact = run_wasm(&bytes(&text(&write(limit), "")), b"", &limits);
		assert_eq!((exact.status(), exact.output.len()), (Status::Success, limit as usize));
		for more in [1, 8, 5000] {
			let over = run_wasm(&bytes(&text(&write(limit + more), "")), b"", &limits);
			assert_eq!(
				(over.status(), over.output.len()),
				(Status::OutputTooLong, 0),
				"{limit} + {more}"
			);
		}
	}
}

#[test]
fn standard_error_is_no_output() {
	let body = "
		(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 65536))
		(call $word (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 64)))
		(call $word (i32.load (i32.const 64)))";
	let limits = Limits { output: 8, ..LIMITS };
	let run = run_wasm(&bytes(&text(body, "")), b"", &limits);
	assert_eq!(run.output, [0, 0, 0, 0, 0, 0, 1, 0]);
	assert_eq!(run.tail.count, 65_536);
}

#[test]
fn the_last_of_standard_error_is_in_an_outcome_that_did_not_succeed() {
	let all = noise(10_000);
	let data = all.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
	for len in [0_usize, 1, 4_095, 4_096, 4_097, 10_000] {
		for piece in [13, 4_000, 10_000] {
			for (end, halt) in [
				("unreachable", Halt::GaveUp),
				("(call $proc_exit (i32.const 2))", Halt::Ended(Status::Exit, 2)),
				("(drop (i32.load (i32.const -1)))", Halt::Trapped(Trap::Memory)),
			] {
				let body = format!(
					"(local.set 0 (i32.const 1000))
					(loop $more
						(local.set 1 (i32.sub (i32.const {end_at}) (local.get 0)))
						(if (i32.gt_u (local.get 1) (i32.const {piece})) (then (local.set 1 (i32.const {piece}))))
						(i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1))
						(drop (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 64)))
						(local.set 0 (i32.add (local.get 0) (local.get 1)))
						(br_if $more (local.get 1)))
					{end}",
					end_at = 1000 + len
				);
				let wasm = bytes(&text(&body, &format!("(data (i32.const 1000) \"{data}\")")));
				let run = run_wasm(&wasm, b"", &LIMITS);
				assert_eq!(run.halt, halt);
				assert_eq!(run.tail.bytes(), all[len.saturating_sub(4096)..len], "{len} by {piece}");
				assert_ne!(run.outcome().errors, [0; 32]);
			}
		}
	}
}

#[test]
fn a_program_ends_by_returning_or_by_its_exit_code() {
	let body = |end: &str| {
		format!("(i32.store (i32.const 3) (i32.const 0x64636261)) (call $out (i32.const 3) (i32.const 3)) {end}")
	};
	for end in ["", "return", "(call $proc_exit (i32.const 0)) unreachable"] {
		let run = run(&body(end), b"");
		assert_eq!((run.status(), run.output), (Status::Success, b"abc".to_vec()), "{end}");
	}
	for code in [1, 101, 256, -1] {
		let run = run(&body(&format!("(call $proc_exit (i32.const {code})) unreachable")), b"");
		assert_eq!(
			(run.halt, run.output),
			(Halt::Ended(Status::Exit, code as u32), b"abc".to_vec())
		);
	}
}

#[test]
fn the_start_function_runs_first() {
	let text = text(
		"(call $word (global.get $g))",
		"(global $g (mut i32) (i32.const 1)) (func $s (call $word (i32.const 5)) (global.set $g (i32.const 6))) (start $s)",
	);
	let run = run_wasm(&bytes(&text), b"", &LIMITS);
	assert_eq!(run.output, [5, 0, 0, 0, 6, 0, 0, 0]);
}

#[test]
fn functions_of_wasi_can_be_called_through_tables() {
	let text = text(
		"(call $word (call_indirect (result i32) (i32.const 1)))
		(call $word (call_indirect (param i32) (result i32) (i32.const 9) (i32.const 2)))",
		"(table 3 funcref) (elem (i32.const 1) $sched_yield $fd_close)",
	);
	let run = run_wasm(&bytes(&text), b"", &LIMITS);
	assert_eq!(run.output, [0, 0, 0, 0, 8, 0, 0, 0]);
}

#[test]
fn programs_of_the_early_form_run_too() {
	// Writes, and tells what seeking in standard output fails with, in either form and in both at once.
	let program = |module: &str, other: &str| {
		format!(
			"(module (import \"{module}\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))
				(import \"{other}\" \"fd_seek\" (func $seek (param i32 i64 i32 i32) (result i32)))
				(import \"{module}\" \"fd_filestat_get\" (func $stat (param i32 i32) (result i32)))
				(memory (export \"memory\") 1)
				(data (i32.const 0) \"\\10\\00\\00\\00\\48\\00\\00\\00\") (data (i32.const 80) \"\\aa\\aa\\aa\\aa\\aa\\aa\\aa\\aa\")
				(func (export \"_start\")
					(i32.store (i32.const 16) (call $seek (i32.const 1) (i64.const 0) (i32.const 2) (i32.const 64)))
					(drop (call $stat (i32.const 1) (i32.const 24)))
					(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"
		)
	};
	let (later, early) = ("wasi_snapshot_preview1", "wasi_unstable");
	for (module, other, left) in [
		(later, later, 0),
		(early, early, 0xaa),
		(early, later, 0xaa),
		(later, early, 0),
	] {
		let run = run_wasm(&bytes(&program(module, other)), b"", &LIMITS);
		assert_eq!(run.output.len(), 72, "{module} {other}");
		assert_eq!(run.output[..4], [70, 0, 0, 0], "{module} {other}");
		// The early form's description is eight bytes shorter.
		assert_eq!(run.output[64..], [left; 8], "{module} {other}");
	}
	// What came later is not in it.
	let text = "(module (import \"wasi_unstable\" \"sock_accept\" (func (param i32 i32 i32) (result i32))) (func (export \"_start\")))";
	let refused = normalise(&bytes(text)).unwrap_err().to_string();
	assert!(
		refused.contains("`wasi_unstable` `sock_accept`, which programs cannot use"),
		"{refused}"
	);
}
