//! Features that are taken out before anything else looks at a module: what they do, in both engines alike, whatever gas
//! there is.

#[path = "common/mod.rs"]
mod common;

// Each test uses a part of this.
#[allow(dead_code)]
#[path = "spec/instance.rs"]
mod instance;

use arbitrary::Unstructured;
use common::{cases, engine, in_parallel, limits, wasm_of, Agreed, Both, Rng};
use instance::{Ended, Instance};
use millrace_vm::{
	fast::on_long_stack,
	normalise::{instrument_for_tests, normalise, Reason},
	outcome::{Status, Trap},
	state::Halt,
	task::Limits,
};
use wasmparser::{ExternalKind, Parser, Payload, ValType};
use wasmtime::Val;

/// Enough for a copy of the whole address space.
const GAS: u64 = 4_000_000_000;

const PRELUDE: &str = r#"
	(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1 4)
	(func $word (param $value i32)
		(i32.store (i32.const 65512) (local.get $value))
		(i32.store (i32.const 65520) (i32.const 65512))
		(i32.store (i32.const 65524) (i32.const 4))
		(drop (call $fd_write (i32.const 1) (i32.const 65520) (i32.const 1) (i32.const 65516))))
"#;

fn text(parts: &str, body: &str) -> String {
	format!("(module {PRELUDE} {parts} (func (export \"_start\") (local $n i32) (local $l i64) {body}))")
}

fn both(parts: &str, body: &str) -> Both {
	let text = text(parts, body);
	let module = normalise(&wasm_of(&text)).unwrap_or_else(|refused| panic!("{refused}\n{text}"));
	Both::new(&engine(), &module)
}

fn run(parts: &str, body: &str) -> Agreed {
	let agreed = both(parts, body).run(&[], &limits(GAS));
	agreed.unwrap_or_else(|error| panic!("{error}\n{body}"))
}

/// The numbers that a program writes, which succeeds.
fn words(parts: &str, body: &str) -> Vec<i32> {
	let run = run(parts, body);
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0), "{body}");
	let words = run.output.chunks_exact(4);
	words.map(|word| i32::from_le_bytes(word.try_into().unwrap())).collect()
}

fn ends(parts: &str, body: &str, halt: Halt) {
	assert_eq!(run(parts, body).halt, halt, "{body}");
}

const EXCEPTIONS: &str = "
	(tag $plain) (tag $number (param i32)) (tag $other (param i32))
	(func $throw (param i32) (result i32)
		(if (i32.eq (local.get 0) (i32.const 1)) (then (throw $plain)))
		(if (i32.gt_s (local.get 0) (i32.const 1)) (then (throw $number (local.get 0))))
		(i32.add (local.get 0) (i32.const 100)))
	;; Through a function that has nothing to do with it, at any depth.
	(func $through (param i32 i32) (result i32)
		(if (result i32) (local.get 1)
			(then (i32.add (i32.const 1000) (call $through (local.get 0) (i32.sub (local.get 1) (i32.const 1)))))
			(else (call $throw (local.get 0)))))
	(func $caught (param i32 i32) (result i32)
		(block $number (result i32)
			(block $plain
				(return (try_table (result i32) (catch $plain $plain) (catch $number $number)
					(call $through (local.get 0) (local.get 1)))))
			(return (i32.const -1)))
		(i32.mul (i32.const -10)))
	(type $of (func (param i32) (result i32)))
	(table 1 funcref) (elem (i32.const 0) $throw)
";

#[test]
fn exceptions_reach_the_handler_around_the_call() {
	let body = "
		(call $word (call $caught (i32.const 0) (i32.const 3)))
		(call $word (call $caught (i32.const 1) (i32.const 3)))
		(call $word (call $caught (i32.const 7) (i32.const 0)))
		(call $word (call $caught (i32.const 7) (i32.const 50)))";
	assert_eq!(words(EXCEPTIONS, body), [3100, -1, -70, -70]);
}

#[test]
fn what_is_below_a_call_on_the_stack_is_gone_and_locals_stay() {
	let body = "
		(local.set $n (i32.const 5))
		(call $word (block $out (result i32)
			(i32.add (i32.const 1) (i32.add (i32.const 2)
				(try_table (result i32) (catch $number $out)
					(local.set $n (i32.const 6))
					(i32.add (i32.const 3) (call $throw (i32.const 9))))))))
		(call $word (local.get $n))";
	assert_eq!(words(EXCEPTIONS, body), [9, 6]);
}

#[test]
fn the_innermost_handler_of_the_tag_takes_it() {
	let body = "
		(call $word (block $outer (result i32)
			(try_table (catch $number $outer)
				(block $inner (result i32)
					(try_table (catch $other $inner)
						(drop (call $throw (i32.const 4)))
						(call $word (i32.const 1)))
					(call $word (i32.const 2))
					(i32.const 3))
				(call $word))
			(i32.const 5)))
		;; catch_all after one that does not fit, in a loop with operands.
		(local.set $n (i32.const 0))
		(loop $again
			(block $all
				(try_table (catch $other $other) (catch_all $all)
					(drop (call_indirect (type $of) (local.get $n) (i32.const 0)))
					(call $word (local.get $n))))
			(local.set $n (i32.add (local.get $n) (i32.const 1)))
			(br_if $again (i32.lt_u (local.get $n) (i32.const 3))))";
	let body = format!("(block $other (result i32) {body} (i32.const 77)) (call $word)");
	assert_eq!(words(EXCEPTIONS, &body), [4, 0, 77]);
}

#[test]
fn exceptions_are_values_that_can_be_thrown_again() {
	let body = "
		(call $word (block $again (result i32)
			(block $first (result i32 exnref)
				(try_table (catch_ref $number $first) (drop (call $throw (i32.const 21))))
				(unreachable))
			(local.set $e)
			(call $word)
			(call $word (ref.is_null (local.get $e)))
			(try_table (catch $number $again) (throw_ref (local.get $e)))
			(unreachable)))
		(block $all (result exnref)
			(try_table (catch_all_ref $all) (throw $plain))
			(unreachable))
		(local.set $e)
		(block $plain
			(try_table (catch $plain $plain) (throw_ref (local.get $e)))
			(unreachable))
		(call $word (ref.is_null (ref.null exn)))";
	assert_eq!(words(EXCEPTIONS, &format!("(local $e exnref) {body}")), [21, 0, 21, 1]);
	ends(EXCEPTIONS, "(throw_ref (ref.null exn))", Halt::Trapped(Trap::Null));
}

#[test]
fn a_try_has_parameters_and_results_like_any_block() {
	let parts = format!("{EXCEPTIONS} (type $two (func (param i32 i64) (result i64 i32)))");
	let body = "
		(block $none
			(i32.const 3) (i64.const 5)
			(try_table (type $two) (catch_all $none)
				(i64.extend_i32_u (call $throw (i32.const 0)))
				(i64.add)
				(i32.wrap_i64) (i32.add)
				(i64.const 8) (i32.const 1) (br 0))
			(call $word) (i32.wrap_i64) (call $word))";
	let body = body.replace("(i32.wrap_i64) (i32.add)", "(i32.wrap_i64) (i32.add) (call $word)");
	assert_eq!(words(&parts, &body), [108, 1, 8]);
}

#[test]
fn the_old_form_catches_rethrows_and_delegates() {
	let body = "
		;; Of its tag, with its number, and a result.
		try (result i32) i32.const 5 call $throw catch $plain i32.const 1 catch $number catch_all i32.const 2 end call $word
		try (result i32) i32.const 1 call $throw catch $plain i32.const 1 catch $number end call $word
		try (result i32) i32.const 0 call $throw catch $plain i32.const 1 catch $number end call $word
		;; What no handler takes goes on, what a handler throws too.
		try (result i32)
			try (result i32) i32.const 6 call $throw catch $plain i32.const 1 catch $other end
		catch $number end call $word
		try (result i32)
			try (result i32) i32.const 6 call $throw catch_all i32.const 8 call $throw end
		catch $number end call $word
		;; The same exception again, from a handler inside a handler.
		try (result i32)
			try (result i32) i32.const 11 call $throw
			catch_all try (result i32) i32.const 12 call $throw catch_all rethrow 1 end
			end
		catch $number end call $word
		;; Past the construct in between, and past a function's own.
		try $outer (result i32)
			try (result i32)
				try (result i32) i32.const 13 call $throw delegate $outer
			catch_all i32.const -1 end
		catch $number end call $word
		try (result i32) call $leave catch $number i32.const 100 i32.add end call $word
		;; Without any handler.
		try (result i32) try (result i32) i32.const 15 call $throw end catch $number end call $word
		;; Branches out of body and handler.
		block $b (result i32) try i32.const 16 br $b catch_all nop end i32.const -3 end call $word
		block $b (result i32) try throw $plain catch $plain i32.const 17 br $b end i32.const -4 end call $word";
	let parts = format!(
		"{EXCEPTIONS} (func $leave (result i32)
			try (result i32)
				try (result i32) i32.const 14 call $throw delegate 1
			catch_all i32.const -5 end)"
	);
	assert_eq!(words(&parts, body), [5, 1, 100, 6, 8, 11, 13, 114, 15, 16, 17]);
}

#[test]
fn what_nothing_catches_is_a_trap_of_its_own() {
	let uncaught = Halt::Trapped(Trap::Uncaught);
	ends(EXCEPTIONS, "(throw $plain)", uncaught);
	ends(
		EXCEPTIONS,
		"(call $word (call $through (i32.const 3) (i32.const 9)))",
		uncaught,
	);
	let starts = "(tag $t) (func $s (throw $t)) (start $s)";
	ends(starts, "", uncaught);
	let run = run(EXCEPTIONS, "(throw $plain)");
	assert_eq!(run.gas_used, GAS, "a trap costs everything");
}

#[test]
fn atomic_operations_are_what_they_are_without_threads() {
	let body = "
		(i64.store (i32.const 8) (i64.const 0x1122334455667788))
		(call $word (i32.atomic.rmw16.add_u offset=2 (i32.const 8) (i32.const 0xfffff)))
		(call $word (i32.atomic.load offset=4 (i32.const 4)))
		(call $word (i32.atomic.rmw8.cmpxchg_u (i32.const 8) (i32.const 0x88) (i32.const 0x1f0)))
		(call $word (i32.atomic.rmw8.cmpxchg_u (i32.const 8) (i32.const 0x1f0) (i32.const 0)))
		(call $word (i32.atomic.load8_u (i32.const 8)))
		(call $word (i32.wrap_i64 (i64.atomic.rmw32.xchg_u (i32.const 12) (i64.const -1))))
		(i64.atomic.store (i32.const 8) (i64.const 7))
		(call $word (i32.wrap_i64 (i64.atomic.rmw.sub (i32.const 8) (i64.const 9))))
		(call $word (i32.wrap_i64 (i64.atomic.load (i32.const 8))))
		(atomic.fence)
		(call $word (memory.atomic.notify (i32.const 8) (i32.const 1)))";
	assert_eq!(
		words("", body),
		[0x5566, 0x5565_7788, 0x88, 0xf0, 0xf0, 0x1122_3344, 7, -2, 0]
	);
	let unaligned = Halt::Trapped(Trap::Unaligned);
	ends("", "(drop (i32.atomic.load (i32.const 2)))", unaligned);
	ends("", "(drop (i32.atomic.load offset=3 (i32.const 8)))", unaligned);
	ends("", "(i64.atomic.store (i32.const 4) (i64.const 0))", unaligned);
	ends(
		"",
		"(drop (i32.atomic.load offset=1 (i32.const 3)))",
		Halt::Ended(Status::Success, 0),
	);
	ends(
		"",
		"(drop (i32.atomic.load (i32.const 65536)))",
		Halt::Trapped(Trap::Memory),
	);
	ends(
		"",
		"(drop (memory.atomic.notify (i32.const 65536) (i32.const 0)))",
		Halt::Trapped(Trap::Memory),
	);
	ends(
		"",
		"(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 1)))",
		Halt::GaveUp,
	);
}

#[test]
fn segments_are_copied_from_until_they_are_dropped() {
	let parts = r#"(data $a "hello") (data $none "") (data $active (i32.const 500) "abc") (data $unnamed "never")"#;
	let body = "
		(memory.init $a (i32.const 1000) (i32.const 1) (i32.const 4))
		(call $word (i32.load (i32.const 1000)))
		(memory.init $a (i32.const 1000) (i32.const 5) (i32.const 0))
		(memory.init $none (i32.const 65536) (i32.const 0) (i32.const 0))
		(memory.init $active (i32.const 0) (i32.const 0) (i32.const 0))
		(call $word (i32.load8_u (i32.const 502)))
		(data.drop $a) (data.drop $a)
		(memory.init $a (i32.const 1000) (i32.const 0) (i32.const 0))";
	assert_eq!(words(parts, body), [i32::from_le_bytes(*b"ello"), i32::from(b'c')]);
	for outside in [
		"(memory.init $a (i32.const 0) (i32.const 2) (i32.const 4))",
		"(memory.init $a (i32.const 0) (i32.const 6) (i32.const 0))",
		"(memory.init $a (i32.const 0) (i32.const -1) (i32.const 2))",
		"(memory.init $a (i32.const 0) (i32.const 1) (i32.const -1))",
		"(memory.init $a (i32.const 65533) (i32.const 0) (i32.const 4))",
		"(memory.init $a (i32.const 65537) (i32.const 0) (i32.const 0))",
		"(memory.init $active (i32.const 0) (i32.const 0) (i32.const 1))",
		"(data.drop $a) (memory.init $a (i32.const 0) (i32.const 0) (i32.const 1))",
	] {
		ends(parts, outside, Halt::Trapped(Trap::Memory));
	}
}

#[test]
fn files_and_segments_share_a_memory_and_do_not_meet() {
	let data: String = (0..100_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
	let parts = format!(
		r#"(import "wasi_snapshot_preview1" "path_open"
				(func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
			(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
			(memory (export "memory") 3)
			(data (i32.const 16) "file") (data $a "{data}")
			(func $check (param $at i32)
				(memory.init $a (i32.const 8192) (i32.const 0) (i32.const 100000))
				(loop $next
					(if (i32.ne (i32.load8_u offset=8192 (local.get $at))
						(i32.add (i32.const 97) (i32.rem_u (local.get $at) (i32.const 26)))) (then unreachable))
					(br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 100000)))))
			(func (export "_start") (local $n i32)
				(call $check (i32.const 0))
				(if (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
					(i64.const 66) (i64.const 0) (i32.const 0) (i32.const 32)) (then unreachable))
				(i32.store (i32.const 0) (i32.const 100000)) (i32.store (i32.const 4) (i32.const 65536))
				(loop $more
					(if (call $fd_write (i32.load (i32.const 32)) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
					(br_if $more (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 12))))
				(call $check (i32.const 0)))"#
	);
	let module = normalise(&wasm_of(&format!("(module {parts})"))).unwrap_or_else(|refused| panic!("{refused}"));
	let run = Both::new(&engine(), &module).run(&[], &limits(200_000_000)).unwrap();
	assert_eq!(run.halt, Halt::Ended(Status::Success, 0));
}

const TABLES: &str = "
	(type $get (func (result i32)))
	(table $t 4 10 funcref) (table $u 2 funcref) (table $x 0 externref)
	(func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2)) (func $three (result i32) (i32.const 3))
	(func $odd (param i32))
	(elem (table $t) (i32.const 1) func $one $two)
	(elem $passive funcref (ref.func $three) (ref.null func) (ref.func $two))
	(elem declare func $odd)
	(global $g (mut funcref) (ref.func $one))
	(func $at (param i32) (result i32) (call_indirect $t (type $get) (local.get 0)))
	(func $pick (param funcref funcref i32) (result funcref) (select (result funcref) (local.get 0) (local.get 1) (local.get 2)))
";

#[test]
fn tables_change_and_references_are_values() {
	let body = "
		(call $word (call $at (i32.const 1)))
		(table.set $t (i32.const 0) (table.get $t (i32.const 2)))
		(call $word (call $at (i32.const 0)))
		(table.init $t $passive (i32.const 1) (i32.const 0) (i32.const 3))
		(call $word (call $at (i32.const 1))) (call $word (call $at (i32.const 3)))
		(call $word (ref.is_null (table.get $t (i32.const 2))))
		(elem.drop $passive)
		(table.init $t $passive (i32.const 4) (i32.const 0) (i32.const 0))
		(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 3))
		(call $word (call $at (i32.const 0))) (call $word (call $at (i32.const 2)))
		(table.copy $u $t (i32.const 0) (i32.const 2) (i32.const 2))
		(call $word (call_indirect $u (type $get) (i32.const 1)))
		(call $word (table.size $t))
		(call $word (table.grow $t (global.get $g) (i32.const 6)))
		(call $word (call $at (i32.const 9)))
		(call $word (table.grow $t (global.get $g) (i32.const 1)))
		(call $word (table.grow $t (ref.null func) (i32.const 0)))
		(global.set $g (ref.func $two))
		(table.fill $t (i32.const 5) (call $pick (global.get $g) (ref.null func) (i32.const 1)) (i32.const 5))
		(call $word (call $at (i32.const 5))) (call $word (call $at (i32.const 9)))
		(call $word (table.grow $x (ref.null extern) (i32.const 3)))
		(call $word (table.size $x))
		(call $word (ref.is_null (table.get $x (i32.const 2))))
		(call $word (table.grow $x (ref.null extern) (i32.const 16381)))
		(call $word (table.grow $x (ref.null extern) (i32.const 1)))
		(call $word (table.grow $x (ref.null extern) (i32.const -1)))";
	assert_eq!(
		words(TABLES, body),
		[1, 2, 3, 2, 1, 3, 2, 2, 4, 4, 1, -1, 10, 2, 2, 0, 3, 1, 3, -1, -1]
	);
	let (table, null) = (Halt::Trapped(Trap::Table), Halt::Trapped(Trap::Null));
	for (body, halt) in [
		("(drop (call $at (i32.const 4)))", table),
		("(drop (call $at (i32.const -1)))", table),
		("(drop (call $at (i32.const 0x20000000)))", table),
		("(drop (call $at (i32.const 0)))", null),
		(
			"(drop (table.grow $t (ref.null func) (i32.const 1))) (drop (call $at (i32.const 4)))",
			null,
		),
		(
			"(drop (table.grow $t (ref.null func) (i32.const 1))) (drop (call $at (i32.const 5)))",
			table,
		),
		(
			"(table.set $t (i32.const 0) (ref.func $odd)) (drop (call $at (i32.const 0)))",
			Halt::Trapped(Trap::Signature),
		),
		("(drop (table.get $t (i32.const 4)))", table),
		("(table.set $u (i32.const 2) (ref.null func))", table),
		("(table.fill $u (i32.const 1) (ref.null func) (i32.const 2))", table),
		("(table.fill $u (i32.const 3) (ref.null func) (i32.const 0))", table),
		("(table.copy $u $t (i32.const 0) (i32.const 2) (i32.const 3))", table),
		("(table.copy $t $u (i32.const 0) (i32.const -1) (i32.const 2))", table),
		(
			"(table.init $t $passive (i32.const 0) (i32.const 1) (i32.const 3))",
			table,
		),
		(
			"(elem.drop $passive) (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 1))",
			table,
		),
	] {
		ends(TABLES, body, halt);
	}
}

#[test]
fn gas_ends_a_run_wherever_it_is_and_pays_for_every_step() {
	let exceptions = "
		(call $word (call $caught (i32.const 1) (i32.const 2)))
		try (result i32) i32.const 5 i32.const 1 call $through catch $number end call $word";
	let tables = "
		(drop (table.grow $t (global.get $g) (i32.const 6)))
		(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 3))
		(call $word (call $at (i32.const 9)))";
	let atomics = "
		(drop (i32.atomic.rmw.add (i32.const 8) (i32.const 1)))
		(memory.init $a (i32.const 1000) (i32.const 1) (i32.const 4))";
	for (parts, body) in [
		(EXCEPTIONS, exceptions),
		(TABLES, tables),
		("(data $a \"hello\")", atomics),
	] {
		let both = both(parts, body);
		let run = |gas| {
			both.run(&[], &limits(gas))
				.unwrap_or_else(|error| panic!("{gas} gas: {error}\n{body}"))
		};
		let all = run(50_000_000);
		assert_eq!(all.halt, Halt::Ended(Status::Success, 0));
		assert_eq!(run(all.gas_used).halt, all.halt);
		for less in 1..=4_000.min(all.gas_used - 1) {
			assert_eq!(run(all.gas_used - less).halt, Halt::OutOfGas, "{less} less");
		}
	}
}

#[test]
fn deep_calls_end_by_the_stack_with_exceptions_too() {
	let parts = "(tag $t) (func $deep (call $deep) (throw $t))";
	let body = "(block $all (try_table (catch_all $all) (call $deep)))";
	assert_eq!(run(parts, body).halt, Halt::OutOfStack);
}

#[test]
fn what_would_be_valid_only_without_its_types_is_refused() {
	for parts in [
		"(func (param externref) (drop (i64.add (local.get 0) (i64.const 1))))",
		"(func (param funcref) (result externref) (local.get 0))",
		"(table 1 externref) (func (table.set (i32.const 0) (ref.null func)))",
		"(tag $t (param i32)) (func (throw $t))",
		"(func (throw_ref (i64.const 1)))",
		"(memory 1) (data \"a\") (func (data.drop 1))",
		"(func $f) (func (drop (ref.func $f)))",
	] {
		let wasm = wasm_of(&format!("(module {parts})"));
		let refused = instrument_for_tests(&wasm).expect_err(parts);
		assert!(
			matches!(refused.reasons(), [Reason::Invalid { .. }]),
			"{parts}: {refused}"
		);
	}
}

#[test]
fn segments_and_tables_count_as_memory() {
	let data = "a".repeat(150_000);
	let parts = format!("(data $a \"{data}\")");
	let body = "(memory.init $a (i32.const 0) (i32.const 149999) (i32.const 1))";
	let both = both(&parts, body);
	let pages = |memory_pages| Limits {
		memory_pages,
		..limits(50_000_000)
	};
	let needed = (1..64)
		.find(|some| both.run(&[], &pages(*some)).is_ok())
		.expect("it fits");
	// One page of the program's, three of the segment, and those of the system functions.
	assert!((5..=8).contains(&needed), "{needed}");
	assert_eq!(
		both.run(&[], &pages(needed)).unwrap().halt,
		Halt::Ended(Status::Success, 0)
	);
}

/// A random module with tables, references and passive segments that ends by itself.
fn random(rng: &mut Rng) -> Vec<u8> {
	let config = wasm_smith::Config {
		export_everything: true,
		allow_floats: false,
		bulk_memory_enabled: true,
		reference_types_enabled: true,
		disallow_traps: rng.chance(80),
		min_funcs: 3,
		max_funcs: 12,
		max_instructions: 200,
		max_imports: 0,
		min_memories: 1,
		max_memories: 1,
		max_memory32_bytes: 4 << 16,
		memory_max_size_required: true,
		min_tables: 1,
		max_tables: 3,
		max_table_elements: 30,
		table_max_size_required: true,
		min_data_segments: 1,
		max_data_segments: 5,
		min_element_segments: 2,
		max_element_segments: 6,
		max_elements: 12,
		compact_imports_enabled: false,
		custom_descriptors_enabled: false,
		exceptions_enabled: false,
		extended_const_enabled: false,
		gc_enabled: false,
		memory64_enabled: false,
		relaxed_simd_enabled: false,
		simd_enabled: false,
		tail_call_enabled: false,
		threads_enabled: false,
		wide_arithmetic_enabled: false,
		..wasm_smith::Config::default()
	};
	loop {
		let seed = rng.bytes(4096);
		if let Ok(mut module) = wasm_smith::Module::new(config.clone(), &mut Unstructured::new(&seed)) {
			module.ensure_termination(2_000).expect("it takes a counter");
			return module.to_bytes();
		}
	}
}

/// What a call came to: values, of which references are only null or not, or the trap.
type Seen = Result<Vec<u64>, String>;

/// Calls functions as they were written.
struct Plain {
	store: wasmtime::Store<()>,
	instance: wasmtime::Instance,
}

impl Plain {
	fn new(engine: &wasmtime::Engine, wasm: &[u8]) -> Result<Self, String> {
		let module = wasmtime::Module::new(engine, wasm).expect("it is valid");
		let mut store = wasmtime::Store::new(engine, ());
		match wasmtime::Instance::new(&mut store, &module, &[]) {
			Ok(instance) => Ok(Self { store, instance }),
			Err(error) => Err(Self::trap(&error)),
		}
	}

	fn trap(error: &wasmtime::Error) -> String {
		use wasmtime::Trap as T;
		match error.downcast_ref::<T>() {
			Some(T::UnreachableCodeReached) => format!("{:?}", Trap::Unreachable),
			Some(T::MemoryOutOfBounds) => format!("{:?}", Trap::Memory),
			Some(T::TableOutOfBounds) => format!("{:?}", Trap::Table),
			Some(T::IndirectCallToNull) => format!("{:?}", Trap::Null),
			Some(T::BadSignature) => format!("{:?}", Trap::Signature),
			Some(T::IntegerDivisionByZero) => format!("{:?}", Trap::Division),
			Some(T::IntegerOverflow) => format!("{:?}", Trap::Overflow),
			Some(T::StackOverflow) => "Exhausted".into(),
			_ => format!("{error:?}"),
		}
	}

	fn call(&mut self, name: &str, args: &[Val]) -> Seen {
		let function = self.instance.get_func(&mut self.store, name).expect("it is exported");
		let ty = function.ty(&self.store);
		let args: Vec<Val> = ty
			.params()
			.zip(args)
			.map(|(ty, arg)| match ty {
				wasmtime::ValType::Ref(ty) => Val::null_ref(ty.heap_type()),
				_ => *arg,
			})
			.collect();
		let mut results = vec![Val::I32(0); ty.results().len()];
		match function.call(&mut self.store, &args, &mut results) {
			Ok(()) => Ok(results
				.iter()
				.map(|value| match value {
					Val::I32(value) => u64::from(*value as u32),
					Val::I64(value) => *value as u64,
					Val::FuncRef(function) => u64::from(function.is_some()),
					Val::ExternRef(value) => u64::from(value.is_some()),
					other => panic!("it has no {other:?}"),
				})
				.collect()),
			Err(error) => Err(Self::trap(&error)),
		}
	}
}

#[test]
fn random_modules_with_tables_and_segments_do_what_they_did() {
	let mut config = wasmtime::Config::new();
	config.wasm_reference_types(true).wasm_bulk_memory(true);
	let plain_engine = wasmtime::Engine::new(&config).expect("wasmtime runs here");
	let engine = engine();
	let all = in_parallel(cases(300), |number| {
		let mut rng = Rng(0x10e7_0000 + number);
		let wasm = random(&mut rng);
		let module = match instrument_for_tests(&wasm) {
			Ok(module) => module,
			Err(refused) => {
				let sizes = |reason: &Reason| matches!(reason, Reason::Limit { .. } | Reason::Segment { .. });
				assert!(refused.reasons().iter().all(sizes), "module {number}: {refused}");
				return (0, 0);
			}
		};
		on_long_stack(|| {
			let mut new = Instance::new(&engine, &module);
			let started = new.start();
			let mut plain = match (Plain::new(&plain_engine, &wasm), started) {
				(Ok(plain), Ok(_)) => plain,
				(Err(trap), Err(Ended::Trapped(other))) => {
					assert_eq!(trap, format!("{other:?}"), "module {number}: start");
					return (0, 1);
				}
				(Err(trap), _) if trap == "Exhausted" => return (0, 0),
				(Err(trap), other) => panic!("module {number}: start: {trap}, but {other:?}"),
				(Ok(_), Err(Ended::Exhausted)) => return (0, 0),
				(Ok(_), Err(ended)) => panic!("module {number}: start: {ended:?}"),
			};
			let (mut returned, mut trapped) = (0, 0);
			for (name, params, results) in functions(&wasm) {
				let args: Vec<Val> = params
					.iter()
					.map(|ty| match ty {
						ValType::I32 => Val::I32(rng.any_size() as i32),
						ValType::I64 => Val::I64(rng.any_size() as i64),
						// Null.
						_ => Val::I64(0),
					})
					.collect();
				let before = plain.call(&name, &args);
				let after = match new.call(&name, &args) {
					Ok(values) => Ok(values
						.iter()
						.zip(&results)
						.map(|(value, ty)| match ty {
							ValType::Ref(_) => u64::from(*value != 0),
							_ => *value,
						})
						.collect()),
					Err(Ended::Trapped(trap)) => Err(format!("{trap:?}")),
					Err(Ended::Exhausted) => Err("Exhausted".into()),
				};
				// Whose stack is deeper does not matter; what was done until then does.
				if [&before, &after]
					.into_iter()
					.any(|seen| *seen == Err("Exhausted".into()))
				{
					break;
				}
				assert_eq!(before, after, "module {number}: {name}");
				match after {
					Ok(_) => returned += 1,
					Err(_) => trapped += 1,
				}
			}
			(returned, trapped)
		})
		.expect("no call panics")
	});
	let (returned, trapped) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
	println!("{returned} calls returned, {trapped} trapped");
	let modules = all.len();
	assert!(
		returned > modules / 2 && trapped > modules / 2,
		"{returned}, {trapped} of {modules} modules"
	);
}

/// The exported functions of a module with their types.
fn functions(wasm: &[u8]) -> Vec<(String, Vec<ValType>, Vec<ValType>)> {
	let (mut types, mut functions, mut found) = (Vec::new(), Vec::new(), Vec::new());
	for payload in Parser::new(0).parse_all(wasm) {
		match payload.unwrap() {
			Payload::TypeSection(section) => {
				for ty in section.into_iter().flat_map(|group| group.unwrap().into_types()) {
					let ty = ty.unwrap_func();
					types.push((ty.params().to_vec(), ty.results().to_vec()));
				}
			}
			Payload::FunctionSection(section) => functions.extend(section.into_iter().map(Result::unwrap)),
			Payload::ExportSection(section) => {
				for export in section {
					let export = export.unwrap();
					if export.kind == ExternalKind::Func {
						let (params, results) = types[functions[export.index as usize] as usize].clone();
						found.push((export.name.to_string(), params, results));
					}
				}
			}
			_ => {}
		}
	}
	found
}

#[test]
fn types_that_differ_in_references_alone_stay_apart() {
	let parts = "
		(type $number (func (param i64) (result i32)))
		(table 2 funcref) (elem (i32.const 0) $outside $same)
		(func $outside (param externref) (result i32) (ref.is_null (local.get 0)))
		(func $same (param i64) (result i32) (i32.wrap_i64 (local.get 0)))";
	let forged = "(call $word (call_indirect (type $number) (i64.const 77) (i32.const 0)))";
	ends(parts, forged, Halt::Trapped(Trap::Signature));
	let body = "
		(call $word (call_indirect (type $number) (i64.const 77) (i32.const 1)))
		(call $word (call_indirect (param externref) (result i32) (ref.null extern) (i32.const 0)))";
	assert_eq!(words(parts, body), [77, 1]);
}

#[test]
fn code_that_nobody_gets_to_is_left_out() {
	let parts =
		"(tag $t) (func $f (result i32) (throw $t) (block (result i32) (call $f) (br 0)) (i32.add (i32.const 1)))";
	let body = "
		(call $word (block $out (result i32)
			(block $none
				(try_table (catch_all $none)
					(if (i32.const 1) (then (throw $t) (try_table (catch_all $none) (drop (call $f))) (unreachable))
						(else (return) (nop)))
					(drop (br $out (i32.const 1)))
					(loop (br 0))))
			(br $out (i32.const 2))
			(drop (i32.const 5))))
		try throw $t i32.const 3 call $word catch $t i32.const 4 call $word return i32.const 5 call $word catch_all end";
	assert_eq!(words(parts, body), [2, 4]);
}

#[test]
fn handlers_of_the_same_depth_share_what_they_handle() {
	let parts = "(tag $t) (func $f (throw $t))";
	let body = "try call $f catch_all end ".repeat(2_500);
	ends(parts, &body, Halt::Ended(Status::Success, 0));
}

/// Each of these took half a minute once.
#[test]
fn hostile_modules_do_not_keep_it_busy() {
	let many = |text: &str, times: usize| text.repeat(times);
	let nest = format!(
		"(module (tag) (func (export \"_start\") {} {} {}))",
		many("block ", 80_000),
		many("call 0 ", 130_000),
		many("end ", 80_000)
	);
	let types: String = (0..4_000)
		.map(|n| format!("(type (func (param {} {})))", many("i32 ", 115), wide(n)))
		.collect();
	let tables = format!(
		"(module {types} (tag) (func (export \"_start\") unreachable {}))",
		many("try_table (type 3999) unreachable end ", 60_000)
	);
	let results = format!(
		"(module (type (func (result {}))) (tag) {} (func (export \"_start\")))",
		many("i32 ", 16),
		many("(func (type 0) call 0)", 60_000)
	);
	let copies = format!(
		"(module (table 1 funcref) (func (export \"_start\") unreachable {}))",
		many("table.copy ", 130_000)
	);
	for text in [nest, tables, results, copies] {
		let wasm = wasm_of(&text);
		let start = std::time::Instant::now();
		drop(instrument_for_tests(&wasm));
		let took = start.elapsed();
		assert!(took.as_secs() < 10, "{took:?} for {}", &text[..200]);
	}
}

/// Twelve types that tell a number.
fn wide(n: usize) -> String {
	(0..12)
		.map(|bit| if n >> bit & 1 == 1 { "i64 " } else { "i32 " })
		.collect()
}
