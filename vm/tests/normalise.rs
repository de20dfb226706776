//! What the normaliser accepts, refuses and emits.

use millrace_vm::{
	flatten,
	normalise::{
		cost, instrument_for_tests, limits, normalise, strip, wasi_functions, with_entry, Reason, Refused, MODULE,
	},
};
use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

fn bytes(text: &str) -> Vec<u8> {
	wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn program(parts: &str) -> Vec<u8> {
	bytes(&format!("(module {parts} (func (export \"_start\")))"))
}

/// Every instruction of every function of a module.
fn operators(wasm: &[u8]) -> Vec<Vec<String>> {
	let mut functions = Vec::new();
	for payload in Parser::new(0).parse_all(wasm) {
		if let Payload::CodeSectionEntry(body) = payload.unwrap() {
			let ops = body.get_operators_reader().unwrap();
			functions.push(ops.into_iter().map(|op| format!("{:?}", op.unwrap())).collect());
		}
	}
	functions
}

/// The only reason.
fn only(refused: &Refused) -> &Reason {
	assert_eq!(refused.reasons().len(), 1, "{refused}");
	&refused.reasons()[0]
}

fn assert_sound(wasm: &[u8]) {
	Validator::new_with_features(WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY)
		.validate_all(wasm)
		.expect("the normalised module is valid");
}

#[test]
fn what_is_not_accepted_is_refused_by_name_and_place() {
	// (parts of a module, what the message must contain, the bytes at the place if they are an instruction's)
	let cases: &[(&str, &str, &[u8])] = &[
		(
			"(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
			"relaxed SIMD",
			&[0xfd],
		),
		("(memory 1 1 shared)", "threads", &[]),
		("(memory i64 1)", "64-bit memory", &[]),
		("(memory 1) (memory 1)", "multiple memories", &[]),
		("(memory 1 (pagesize 1))", "custom page sizes", &[]),
		("(func $f (return_call $f))", "tail calls", &[0x12]),
		("(tag (param i64))", "exceptions that carry more than one i32", &[]),
		("(tag (param i32 i32))", "exceptions that carry more than one i32", &[]),
		("(type (struct))", "garbage collection", &[]),
		("(func (param anyref))", "garbage collection", &[]),
		("(type $t (func)) (func (param (ref $t)))", "typed function references", &[]),
		("(func (param i64 i64 i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))", "wide arithmetic", &[0xfc]),
		("(func (local anyref))", "garbage collection", &[]),
		("(func (block (result anyref) unreachable) unreachable)", "garbage collection", &[0x02]),
		("(func unreachable (block (result anyref) unreachable) unreachable)", "garbage collection", &[0x02]),
		("(global anyref (ref.null any))", "garbage collection", &[]),
	];
	for (parts, expected, place) in cases {
		let wasm = program(parts);
		let refused = normalise(&wasm).expect_err(parts);
		let message = refused.to_string();
		assert!(matches!(only(&refused), Reason::Feature { .. }), "{parts}: {refused:?}");
		assert!(message.contains(expected), "{parts}: {message}");
		let offset = refused.offset().expect("features are at a place") as usize;
		assert!(message.contains(&format!("{offset:#x}")), "{message}");
		assert!(
			wasm[offset..].starts_with(place),
			"{parts}: {message}: {:x?}",
			&wasm[offset..]
		);
		assert_eq!(instrument_for_tests(&wasm), Err(refused));
	}
}

#[test]
fn everything_that_is_not_accepted_is_named_at_once() {
	let wasm = bytes(&format!(
		"(module
			(import \"env\" \"b\" (func)) (import \"wasi_snapshot_preview1\" \"fd_write\" (func)) (import \"env\" \"a\" (func))
			(import \"wasi\" \"thread-spawn\" (func (param i32) (result i32)))
			(memory 1) (table 2000000 funcref)
			(func (param v128)
				(drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))
				(drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))
			(func $f (return_call $f))
			(func (local {}))
			(func (export \"main\") (result i32) (i32.const 1) (return_call_indirect (i32.const 0))))",
		"i32 ".repeat(3_000)
	));
	let message = normalise(&wasm).unwrap_err().to_string();
	let lines: Vec<&str> = message.lines().collect();
	for (line, expected) in lines.iter().zip([
		"it imports `env` `b`: only functions of",
		"it imports `env` `a`: only functions of",
		"it imports `wasi` `thread-spawn`: that starts threads",
		"it imports `wasi_snapshot_preview1` `fd_write` as (), but it is (i32, i32, i32, i32) -> i32",
		"unsupported: relaxed SIMD (compile without -mrelaxed-simd): I8x16RelaxedSwizzle, 2 times",
		"unsupported: tail calls (compile without -mtail-call): ReturnCall, 2 times (at",
		"it does not export a function `_start`, or one with the empty name, without parameters and results; these could be \
		named as the entry, with --entry NAME: `main`",
		"too many or too large: table entries: 2000000, at most",
		"too many or too large: cells of locals in a function: 3000, at most",
	]) {
		assert!(line.starts_with(expected), "{message}");
	}
	assert_eq!(lines.len(), 9, "{message}");
}

#[test]
fn what_is_no_module_is_invalid() {
	let type_error = program("(func (result i32) (i64.const 1))");
	for wasm in [&b""[..], b"\0asm", b"(module)", b"\0asm\x02\0\0\0", &type_error] {
		let refused = normalise(wasm).unwrap_err();
		assert!(matches!(only(&refused), Reason::Invalid { .. }), "{refused:?}");
	}
}

#[test]
fn components_are_named() {
	let refused = normalise(&bytes("(component)")).unwrap_err();
	assert!(refused.to_string().contains("component"), "{refused}");
}

#[test]
fn imports_that_are_not_there_are_refused_by_name() {
	for (import, expected) in [
		(
			"(import \"env\" \"now\" (func))",
			"`env` `now`: only functions of `wasi_snapshot_preview1`",
		),
		(
			"(import \"wasi_snapshot_preview1\" \"path_opens\" (func))",
			"which programs cannot use",
		),
		(
			"(import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32)))",
			"as (i32), but it is (i32, i32, i32, i32) -> i32",
		),
		(
			"(import \"wasi_snapshot_preview1\" \"fd_write\" (memory 1))",
			"not a function",
		),
		(
			"(import \"millrace\" \"exit\" (func (param i32 i32)))",
			"only functions of",
		),
		(
			"(import \"wasi_snapshot_preview1\" \"flush\" (func))",
			"which programs cannot use",
		),
	] {
		let refused = normalise(&program(import)).unwrap_err();
		assert!(matches!(only(&refused), Reason::Import { .. }), "{refused:?}");
		assert!(refused.to_string().contains(expected), "{refused}");
	}
	let long = "x".repeat(50_000);
	let refused = normalise(&program(&format!("(import \"{long}\" \"{long}\" (func))"))).unwrap_err();
	assert!(refused.to_string().len() < 500);
}

#[test]
fn exports_that_are_missing_are_named() {
	let yields = "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))";
	for (wasm, expected) in [
		(bytes("(module)"), "`_start`, or one with the empty name"),
		(bytes("(module)"), "no export could be the entry"),
		(bytes("(module (func (export \"_start\") (param i32)))"), "_start"),
		(bytes("(module (memory (export \"_start\") 1))"), "_start"),
		(
			bytes("(module (func (export \"a\")) (func (export \"b\") (result i32) (i32.const 1)) (func (export \"c\") (param i32)))"),
			"named as the entry, with --entry NAME: `a`, `b`",
		),
		(program(yields), "memory"),
		(program(&format!("{yields} (memory 1)")), "memory"),
	] {
		let refused = normalise(&wasm).unwrap_err();
		assert!(matches!(only(&refused), Reason::Export(_)), "{refused:?}");
		assert!(refused.to_string().contains(expected), "{refused}");
	}
	normalise(&program(&format!("{yields} (memory (export \"memory\") 1)"))).unwrap();
}

#[test]
fn commands_and_reactors_have_entries() {
	let module = |exports: &[(&str, &str)]| {
		let functions: String = exports
			.iter()
			.map(|(name, ty)| format!("(func (export \"{name}\") {ty} unreachable)"))
			.collect();
		bytes(&format!("(module {functions})"))
	};
	// The functions that `run`, which comes last, calls; the first three imports are no functions of the module's.
	let called = |wasm: &[u8], entry: Option<&str>| -> Result<Vec<u32>, Refused> {
		let named = entry.map_or(wasm.to_vec(), |name| with_entry(wasm, name));
		let module = normalise(&named)?;
		assert_sound(module.bytes());
		let run = operators(module.bytes()).pop().unwrap();
		let calls = run.iter().filter_map(|op| {
			let index = op.strip_prefix("Call { function_index: ")?.strip_suffix(" }")?;
			index.parse::<u32>().unwrap().checked_sub(7)
		});
		Ok(calls.collect())
	};
	let both = module(&[("", ""), ("_start", ""), ("_initialize", ""), ("main", "(result i32)")]);
	let odd = module(&[("_start", "(param i32)"), ("", "")]);
	let code = module(&[("main", "(result i32)"), ("f", "(result i64)")]);
	for (wasm, entry, expected) in [
		(&both, None, Some(vec![1])),
		(&odd, None, Some(vec![1])),
		(&both, Some("main"), Some(vec![2, 3])),
		(&both, Some("_initialize"), Some(vec![2])),
		(&both, Some(""), Some(vec![2, 0])),
		(&code, Some("main"), Some(vec![0])),
		(&code, None, None),
		(&code, Some("f"), None),
		(&code, Some("g"), None),
	] {
		assert_eq!(called(wasm, entry).ok(), expected, "{entry:?}");
	}
	let refused = normalise(&with_entry(&code, "f")).unwrap_err().to_string();
	assert!(
		refused.ends_with("these could be named as the entry, with --entry NAME: `main`"),
		"{refused}"
	);
}

#[test]
fn constants_may_calculate() {
	let wasm = program(
		"(memory 2) (data (offset (i32.add (i32.const 60000) (i32.mul (i32.const 2) (i32.const 5000)))) \"abc\")
		(global i64 (i64.sub (i64.const 5) (i64.const 7))) (table 9 funcref) (elem (offset (i32.sub (i32.const 9) (i32.const 1))) $f) (func $f)",
	);
	let module = normalise(&wasm).unwrap();
	assert_sound(module.bytes());
	let flat = flatten::flatten(&module).unwrap();
	let same = program(
		"(memory 2) (data (i32.const 70000) \"abc\") (global i64 (i64.const -2)) (table 9 funcref) (elem (i32.const 8) $f) (func $f)",
	);
	assert_eq!(normalise(&same).unwrap(), module);
	assert!(flat.code().len() > 1);
}

#[test]
fn custom_sections_change_nothing() {
	let wasm = program("(func $name) (memory $mem 1) (@custom \"a\" \"xyz\")");
	let bare = strip(&wasm);
	assert!(bare.len() < wasm.len() - 10);
	assert_eq!(normalise(&bare).unwrap(), normalise(&wasm).unwrap());
	assert_eq!(strip(&bare), bare);
}

#[test]
fn segments_must_fit_what_they_fill() {
	for (parts, expected) in [
		(
			"(memory 1) (data (i32.const 65535) \"ab\")",
			"data segment 0 ends at 65537, beyond the 65536",
		),
		(
			"(memory 1) (data (i32.const -1) \"\")",
			"data segment 0 ends at 4294967295",
		),
		("(memory 0) (data (i32.const 0) \"a\")", "data segment 0"),
		(
			"(table 1 funcref) (func $f) (elem (i32.const 0) $f $f)",
			"element segment 0 ends at 2, beyond the 1",
		),
	] {
		let refused = normalise(&program(parts)).unwrap_err();
		assert!(matches!(only(&refused), Reason::Segment { .. }), "{refused:?}");
		assert!(refused.to_string().contains(expected), "{refused}");
	}
	normalise(&program(
		"(memory 1) (data (i32.const 65534) \"ab\") (data (i32.const 65536) \"\")",
	))
	.unwrap();
}

#[test]
fn every_size_has_a_limit() {
	let repeat = |text: &str, times: u64| text.repeat(times as usize);
	// Each block counts for two blocks.
	let wide = |blocks: u64| {
		format!(
			"(func (local {}) {})",
			repeat("i32 ", 1_992),
			repeat("block end ", blocks)
		)
	};
	// With both counters and what is always counted.
	let most = limits::WORK / (2 * (1_992 + 2 + 8));
	let root = |square: u64| (square as f64).sqrt() as u64;
	let meeting = |branches: u64| {
		format!(
			"(func (local {}) (block {}))",
			repeat("i32 ", 1_000),
			repeat("(br_if 0 (local.get 0)) ", branches)
		)
	};
	let long = |nops: u64| {
		format!(
			"(func {} {})",
			repeat("(drop (i64.const -9223372036854775808))", limits::BODY_BYTES / 12 - 1),
			repeat("nop ", limits::BODY_BYTES % 12 + 12 - nops)
		)
	};
	let cases: Vec<(String, String, &str)> = vec![
		(
			repeat("(type (func))", limits::TYPES - 1),
			repeat("(type (func))", limits::TYPES + 1),
			"types",
		),
		(
			format!("(func (param {}))", repeat("i32 ", limits::PARAMS)),
			format!("(func (param {}))", repeat("i32 ", limits::PARAMS + 1)),
			"parameters of a function",
		),
		(
			format!("(func (result {}) unreachable)", repeat("i32 ", limits::RESULTS)),
			format!("(func (result {}) unreachable)", repeat("i32 ", limits::RESULTS + 1)),
			"results of a function",
		),
		(
			repeat("(func)", limits::FUNCTIONS - 1),
			repeat("(func)", limits::FUNCTIONS),
			"functions",
		),
		(
			format!("(func (local {}))", repeat("i32 ", limits::LOCALS)),
			format!("(func (local {}))", repeat("i32 ", limits::LOCALS + 1)),
			"locals in a function",
		),
		(
			format!(
				"(func {} {})",
				repeat("i32.const 0 ", limits::OPERANDS),
				repeat("drop ", limits::OPERANDS)
			),
			format!(
				"(func {} {})",
				repeat("i32.const 0 ", limits::OPERANDS + 1),
				repeat("drop ", limits::OPERANDS + 1)
			),
			"operands",
		),
		(long(2), long(1), "bytes in a function"),
		(
			format!("(func (br_table {} (i32.const 0)))", repeat("0 ", limits::BR_TABLE + 1)),
			format!("(func (br_table {} (i32.const 0)))", repeat("0 ", limits::BR_TABLE + 2)),
			"targets of a br_table",
		),
		(wide(most - 8), wide(most + 8), "blocks times values in a function"),
		(
			wide(most - 8),
			wide(most - 8).repeat(2),
			"blocks times values in all functions",
		),
		(
			format!("(func {})", repeat("nop ", limits::INSTRUCTIONS - 50)),
			format!("(func {})", repeat("nop ", limits::INSTRUCTIONS + 1)),
			"instructions in a function (one on vectors counts as seven)",
		),
		(
			format!("(func $f {})", repeat("call $f ", limits::CALLS - 1)),
			format!("(func $f {})", repeat("call $f ", limits::CALLS)),
			"calls in a function",
		),
		(
			format!("(func {})", repeat("block end ", root(limits::SQUARE) / 2 - 50)),
			format!("(func {})", repeat("block end ", root(limits::SQUARE) / 2 + 50)),
			"blocks and calls times instructions in a function",
		),
		(
			format!("(func {})", repeat("block end ", root(limits::SQUARE) / 2 - 50)),
			format!("(func {})", repeat("block end ", root(limits::SQUARE) / 2 - 50)).repeat(2),
			"blocks and calls times instructions in all functions",
		),
		(
			meeting(root(limits::MEETINGS / 1_011) - 5),
			meeting(root(limits::MEETINGS / 1_011) + 5),
			"squares of branches to a label, times values, in a function",
		),
		(
			meeting(root(limits::MEETINGS / 1_011) - 5),
			meeting(root(limits::MEETINGS / 1_011) - 5).repeat(2),
			"squares of branches to a label, times values, in all functions",
		),
		(
			format!("(func {})", repeat("loop end ", limits::LOOPS)),
			format!("(func {})", repeat("loop end ", limits::LOOPS + 1)),
			"loops in a function",
		),
		(
			repeat("(table 1 funcref)", limits::TABLES),
			repeat("(table 1 funcref)", limits::TABLES + 1),
			"tables",
		),
		(
			format!("(table {} funcref) (table 6 funcref)", limits::TABLE_ENTRIES - 6),
			format!("(table {} funcref) (table 7 funcref)", limits::TABLE_ENTRIES - 6),
			"table entries",
		),
		(
			repeat("(global i32 (i32.const 0))", limits::GLOBALS),
			repeat("(global i32 (i32.const 0))", limits::GLOBALS + 1),
			"globals",
		),
		(
			format!("(memory {})", limits::PAGES),
			format!("(memory {})", limits::PAGES + 1),
			"pages of memory",
		),
		(
			format!(
				"(type (func (param {0}))) (func {1} (loop (type 0) {2}))",
				repeat("i32 ", 16),
				repeat("i32.const 0 ", 16),
				repeat("drop ", 16)
			),
			format!(
				"(type (func (param {0}))) (func {1} (loop (type 0) {2}))",
				repeat("i32 ", 17),
				repeat("i32.const 0 ", 17),
				repeat("drop ", 17)
			),
			"parameters of a block",
		),
	];
	for (most, more, what) in cases {
		normalise(&program(&most)).unwrap_or_else(|refused| panic!("{what}: {refused}"));
		let refused = normalise(&program(&more))
			.err()
			.unwrap_or_else(|| panic!("{what} is accepted"));
		assert!(matches!(only(&refused), Reason::Limit { .. }), "{what}: {refused:?}");
		assert!(refused.to_string().contains(what), "{what}: {refused}");
	}
	// What is in custom sections does not count.
	for (kind, accepted) in [(0_u8, true), (11, false)] {
		let mut long = program("(memory 65535)");
		long.push(kind);
		let mut data = if kind == 0 {
			vec![1, b'n']
		} else {
			vec![1, 0, 0x41, 0, 0x0b]
		};
		let size = (limits::MODULE_BYTES + 10) as u32;
		let number = |out: &mut Vec<u8>, value: u32| {
			(0..4).for_each(|n| out.push((value >> (7 * n)) as u8 & 0x7f | if n < 3 { 0x80 } else { 0 }));
		};
		if kind != 0 {
			number(&mut data, size);
		}
		data.resize(data.len() + size as usize, 0);
		number(&mut long, data.len() as u32);
		long.extend(data);
		let result = normalise(&long);
		assert_eq!(result.is_ok(), accepted, "{:?}", result.err());
		assert!(result.is_ok_and(|_| true) || matches!(only(&normalise(&long).unwrap_err()), Reason::TooLong { .. }));
	}
}

/// What once took minutes: far more than it takes now, on a slow and busy machine.
const SOON: std::time::Duration = std::time::Duration::from_secs(2);

#[test]
fn small_modules_do_not_keep_the_normaliser_busy() {
	// Types that the validator does not know, and a branch whose values it would compare for each of its targets.
	let targets = "0 ".repeat(50_000);
	let values = "i32 ".repeat(1_000);
	let unknown = format!(
		"(type (func)) (type (func (param (ref null (exact 0))))) (func (block (result {values}) unreachable (br_table {targets})))"
	);
	// Many types that differ at their ends.
	let types: String = (0..4_000u32)
		.map(|n| {
			let bits: String = (0..12)
				.map(|bit| if n >> bit & 1 == 1 { "i64 " } else { "i32 " })
				.collect();
			format!("(type (func (param {} {bits})))", "i32 ".repeat(52))
		})
		.collect();
	for (parts, accepted) in [(unknown, false), (types, true)] {
		let wasm = program(&parts);
		let started = std::time::Instant::now();
		assert_eq!(normalise(&wasm).is_ok(), accepted);
		assert!(
			started.elapsed() < SOON,
			"{} bytes: {:?}",
			wasm.len(),
			started.elapsed()
		);
	}
}

#[test]
fn what_becomes_more_flat_code_than_there_is_room_for_is_refused() {
	// Each branch is four bytes and moves sixteen values.
	let block = format!(
		"(block (result {0}) i32.const 7 {1} {2} br 0) {3}",
		"i32 ".repeat(16),
		"i32.const 0 ".repeat(16),
		"local.get 0 br_if 0 ".repeat(25),
		"drop ".repeat(16)
	);
	let one = format!("(func (param i32) {})", block.repeat(200));
	let module = |functions: usize| normalise(&program(&one.repeat(functions)));
	let size = |functions| flatten::flatten(&module(functions).unwrap()).unwrap().code().len();
	let each = size(2) - size(1);
	assert!(each > 10 * 5_000, "{each}");
	let most = (flatten::MAX_INSTRUCTIONS - (size(1) - each)) / each;
	assert!(size(most) + each > flatten::MAX_INSTRUCTIONS);
	let refused = module(most + 1).unwrap_err();
	assert_eq!(only(&refused), &Reason::Code(flatten::MAX_INSTRUCTIONS));
}

#[test]
fn a_normalised_module_has_the_promised_shape() {
	let wasm = program(
		"(import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))
		(memory (export \"memory\") 2) (global $g (export \"g\") (mut i32) (i32.const 7))
		(table 3 funcref) (elem (i32.const 1) $write)
		(func $s (global.set $g (i32.const 1))) (start $s)
		(@custom \"name\" \"x\")",
	);
	let module = normalise(&wasm).unwrap();
	assert_sound(module.bytes());
	assert_eq!((module.initial_pages(), module.max_pages()), (2, 65_535));
	assert_eq!((module.entry(), module.gas_export()), (Some("run"), "gas"));
	let (mut imports, mut exports) = (Vec::new(), Vec::new());
	for payload in Parser::new(0).parse_all(module.bytes()) {
		match payload.unwrap() {
			Payload::ImportSection(section) => {
				imports.extend(section.into_imports().map(|import| {
					let import = import.unwrap();
					(import.module, import.name)
				}));
			}
			Payload::ExportSection(section) => exports.extend(section.into_iter().map(|export| export.unwrap().name)),
			Payload::StartSection { .. } | Payload::CustomSection(_) => panic!("no such sections"),
			Payload::MemorySection(section) => {
				let memory = section.into_iter().next().unwrap().unwrap();
				assert_eq!((memory.initial, memory.maximum), (2, Some(65_535)));
			}
			Payload::TableSection(section) => {
				let table = section.into_iter().next().unwrap().unwrap();
				assert_eq!((table.ty.initial, table.ty.maximum), (3, Some(3)));
			}
			_ => {}
		}
	}
	let intrinsics = ["size", "read", "output", "error", "seed", "halt", "exhausted"];
	assert_eq!(imports, intrinsics.map(|name| (MODULE, name)));
	assert_eq!(exports, ["gas", "program", "system", "run"]);
}

#[test]
fn a_module_without_memory_gets_an_empty_one() {
	let module = normalise(&program("")).unwrap();
	assert_eq!((module.initial_pages(), module.max_pages()), (0, 0));
	let memory = Parser::new(0)
		.parse_all(module.bytes())
		.find_map(|payload| match payload.unwrap() {
			Payload::MemorySection(section) => section.into_iter().next(),
			_ => None,
		});
	let memory = memory.unwrap().unwrap();
	assert_eq!((memory.initial, memory.maximum), (0, Some(0)));
}

#[test]
fn the_same_bytes_give_the_same_bytes() {
	let wasm = program(
		"(type (func (param i32) (result i32 i64)))
		(import \"wasi_snapshot_preview1\" \"random_get\" (func (param i32 i32) (result i32)))
		(memory (export \"memory\") 1)
		(func (type 0) (i32.const 1) (i64.const 2)) (func (type 0) (return (call 1 (i32.const 1))))",
	);
	let first = normalise(&wasm).unwrap();
	for _ in 0..8 {
		assert_eq!(normalise(&wasm).unwrap(), first);
	}
	assert_sound(first.bytes());
}

#[test]
fn dead_code_is_dropped() {
	let wasm = program(
		"(func (result i32) (block (return (i32.const 1)) (loop (br 0)) (if (i32.const 1) (then) (else)) (drop (i32.const 77))) (i32.const 2))",
	);
	let module = normalise(&wasm).unwrap();
	assert_sound(module.bytes());
	let all = operators(module.bytes()).concat();
	assert!(!all
		.iter()
		.any(|op| op.starts_with("Loop") || op.starts_with("If") || op.contains("value: 77")));
}

#[test]
fn charges_are_few() {
	// One for the function, one for the loop; what follows the branch is cheap.
	let wasm = program(
		"(func (param i32) (block (loop (br_if 1 (i32.eqz (local.get 0))) (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0))))",
	);
	let module = normalise(&wasm).unwrap();
	let function = &operators(module.bytes())[0];
	let charges = function.iter().filter(|op| op.starts_with("I64LtS")).count();
	assert_eq!(charges, 2, "{function:?}");
	let amount = function.iter().filter(|op| op.starts_with("I64Const"));
	let amounts: Vec<_> = amount.filter(|op| !op.contains("value: 0 ")).collect();
	assert_eq!(amounts.len(), 2);
}

#[test]
fn functions_that_call_nothing_count_no_stack() {
	let wasm = program("(func $leaf (param i32)) (func (call $leaf (i32.const 0)))");
	let module = normalise(&wasm).unwrap();
	let checks = |function: &[String]| function.iter().filter(|op| op.starts_with("I64Or")).count();
	let functions = operators(module.bytes());
	assert_eq!((checks(&functions[0]), checks(&functions[1])), (0, 1));
}

#[test]
fn test_suites_keep_their_exports() {
	let wasm = bytes(
		"(module (memory (export \"m\") 1) (global (export \"g\") i32 (i32.const 5)) (table (export \"t\") 1 funcref)
		(func (export \"run\") (param i32 f64) (result f64 i32) (local.get 1) (local.get 0)) (func (export \"gas\")))",
	);
	let module = instrument_for_tests(&wasm).unwrap();
	assert_sound(module.bytes());
	assert_eq!(module.entry(), None);
	let mut names = Vec::new();
	for payload in Parser::new(0).parse_all(module.bytes()) {
		if let Payload::ExportSection(section) = payload.unwrap() {
			names.extend(section.into_iter().map(|export| export.unwrap().name));
		}
	}
	names.sort_unstable();
	assert_eq!(names, ["g", "gas", "m", "millrace:gas", "run", "t"]);
	let started = bytes("(module (func $s) (start $s))");
	assert_eq!(instrument_for_tests(&started).unwrap().entry(), Some("millrace:run"));
}

#[test]
fn every_function_of_wasi_links() {
	for (name, ty) in wasi_functions() {
		let (params, results) = ty.split_once(" -> ").unwrap_or((&ty, ""));
		let params = params.trim_matches(['(', ')']).replace(',', "");
		let wasm = program(&format!(
			"(import \"wasi_snapshot_preview1\" \"{name}\" (func (param {params}) (result {results}))) (memory (export \"memory\") 1)"
		));
		assert_sound(normalise(&wasm).unwrap().bytes());
	}
}

#[test]
fn garbage_is_refused_and_never_panics() {
	let wasm = program(
		"(import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))
		(memory (export \"memory\") 1) (data (i32.const 8) \"abc\") (global (mut i64) (i64.const 5))
		(table 2 funcref) (elem (i32.const 0) $write $f)
		(func $f (param i32) (result i32) (local f64)
			(block (result i32) (loop (br_if 0 (local.get 0)) (if (i32.const 1) (then (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))) (else (drop (memory.grow (i32.const 1)))))) (br_table 0 0 (i32.const 1) (i32.const 2)))
			(call_indirect (param i32) (result i32) (i32.const 1)))",
	);
	assert_sound(normalise(&wasm).unwrap().bytes());
	for at in 0..wasm.len() {
		for byte in [0, 1, 0x0b, 0x40, 0x7f, 0x80, 0xfc, 0xff] {
			let mut spoiled = wasm.clone();
			spoiled[at] = byte;
			if let Ok(module) = normalise(&spoiled) {
				assert_sound(module.bytes());
			}
		}
		let _ = normalise(&wasm[..at]);
	}
}

#[test]
fn costs_are_at_least_one() {
	let ops = [Operator::Nop, Operator::I32Add, Operator::F64Sqrt, Operator::Drop];
	assert!(ops.iter().all(|op| cost::plain(op).is_some_and(|cost| cost >= 1)));
	assert_eq!(cost::plain(&Operator::RefIsNull), None);
}
