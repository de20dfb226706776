//! Tests on states that no program reaches: any code, any registers, any cells. Whoever signs such a state's root, the
//! machine, the recorder and the verifier must still agree about what follows.

use crate::{
	hash::{Blake2, Hash},
	machine::Machine,
	op::{Instr, Op},
	program::{Parts, Program},
	prove::prove,
	simd::op::VectorOp,
	state::{Header, Region, Registers},
	supply::{Hashed, Supply},
	task::Limits,
	tree::{leaf_hash, node_hash, padded, Zeros, PAGE_BYTES},
	witness::{verify, MAX_LEAVES, MAX_WITNESS},
	MAX_PAGES, VERSION,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// Numbers near those at which something changes.
fn number() -> impl Strategy<Value = u64> {
	prop_oneof![
		6 => 0_u64..40,
		2 => 0_u64..70_000,
		2 => (0_u32..64, any::<u64>()).prop_map(|(shift, value)| value >> shift),
		1 => prop::sample::select(vec![
			u64::MAX, 1 << 63, 1 << 37, 1 << 32, u64::from(u32::MAX), 1 << 31, 1 << 48, 1_048_575, 1_048_576, 4_194_303,
			4_194_304, 32_767, 32_768, 65_534, 65_535, 65_536, 65_537, 0xfffe_ffff, 0xffff_0000, 4_294_967_264, 0x7fc0_0000,
			0x7ff8 << 48, 4_064, 4_095, 4_096, 4_097, 256, 257, 258,
		]),
	]
}

fn instr() -> impl Strategy<Value = Instr> {
	let op = prop_oneof![
		20 => prop::sample::select(Op::ALL.to_vec()).prop_map(|op| op as u16),
		10 => prop::sample::select(VectorOp::ALL.to_vec()).prop_map(|op| op as u16),
		1 => any::<u16>(),
	];
	(op, number(), number()).prop_map(|(op, a, imm)| Instr::from_cells([u64::from(op) | a << 16, imm]))
}

/// A run of code and cells, most of which make some sense.
#[derive(Clone, Debug)]
struct State {
	code: Vec<Instr>,
	table: Vec<u64>,
	globals: Vec<u64>,
	/// The two memories, and what the task is given.
	bytes: [Vec<u8>; 5],
	registers: Registers,
	cells: Vec<(Region, u64, u64)>,
}

/// Pages of a memory: few, as many as there are addresses for, and more.
fn pages() -> impl Strategy<Value = u32> {
	prop_oneof![
		4 => 0_u32..4,
		1 => MAX_PAGES - 1..MAX_PAGES + 3,
		1 => any::<u32>(),
	]
}

fn registers() -> impl Strategy<Value = Registers> {
	(
		[number(), number(), number(), number()],
		[pages(), pages(), pages(), pages()],
		[number(), number(), number(), number(), number()],
		[number(), number()],
		(any::<i64>(), any::<bool>(), any::<[u8; 32]>()),
	)
		.prop_map(
			|([pc, sp, fp, depth], [pages, max_pages, system_pages, memory_pages], lengths, [errors, limit], rest)| {
				let [input_len, image_len, setup_len, output_len, output_max] = lengths.map(|len| len as u32);
				let (gas, sane, seed) = rest;
				Registers {
					pc: pc as u32 % if sane { 50 } else { u32::MAX },
					sp: (sp as u32).wrapping_add(if sane { 30 } else { 0 }),
					fp: fp as u32,
					depth: depth as u32,
					pages,
					max_pages,
					system_pages,
					memory_pages,
					input_len,
					image_len,
					setup_len,
					output_len,
					output_max,
					error_count: errors,
					gas_limit: limit,
					gas,
					seed,
				}
			},
		)
}

fn state() -> impl Strategy<Value = State> {
	let bytes = |most: usize| prop::collection::vec(any::<u8>(), 0..most);
	let region = prop::sample::select(vec![
		Region::Stack,
		Region::Frames,
		Region::Globals,
		Region::Memory,
		Region::System,
		Region::Output,
		Region::Errors,
	]);
	(
		prop::collection::vec(instr(), 1..120),
		prop::collection::vec(number(), 0..40),
		prop::collection::vec(number(), 0..40),
		(bytes(9_000), bytes(9_000), bytes(300), bytes(300), bytes(300)),
		registers(),
		prop::collection::vec((region, 0_u64..60, number()), 0..40),
	)
		.prop_map(|(code, table, globals, bytes, registers, cells)| State {
			code,
			table,
			globals,
			bytes: bytes.into(),
			registers,
			cells,
		})
}

fn machine(state: State) -> Machine {
	let [memory, system, input, image, setup] = state.bytes;
	let pages_of = |bytes: Vec<u8>| -> BTreeMap<_, _> {
		let pages = bytes.chunks(PAGE_BYTES).map(|bytes| Box::new(padded(bytes)));
		(0..).zip(pages).collect()
	};
	let program = Program::new(Parts {
		code: state.code,
		table: state.table,
		globals: state.globals,
		memory: pages_of(memory),
		system: pages_of(system),
		pages: 1,
		system_pages: 1,
		max_pages: 6,
		..Parts::default()
	});
	let supply = Supply {
		input: Arc::new(input),
		image: Arc::new(image),
		setup: Arc::new(setup),
		seed: [0; 32],
	};
	let limits = Limits {
		gas: 1_000,
		memory_pages: 6,
		output: 1_000,
	};
	let supply = Hashed::new(supply).expect("it is short");
	let mut machine = Machine::new(Arc::new(program.expect("it fits")), Arc::new(supply), &limits).expect("it fits");
	machine.registers = state.registers;
	for (region, cell, value) in state.cells {
		machine.poke(region, cell, value);
	}
	machine
}

/// A region's root from its leaves alone, of which those from `end` on are zeros.
fn root(leaf: &dyn Fn(u32) -> [u8; 32], zeros: &Zeros, height: u32, index: u32, end: u32) -> Hash {
	if u64::from(index) << height >= u64::from(end) {
		return *zeros.of(height);
	}
	match height {
		0 => leaf_hash::<Blake2>(&leaf(index)),
		_ => {
			let [left, right] = [2 * index, 2 * index + 1].map(|index| root(leaf, zeros, height - 1, index, end));
			node_hash::<Blake2>(&left, &right)
		}
	}
}

fn cases() -> u32 {
	let cases = std::env::var("MILLRACE_FUZZ_CASES")
		.ok()
		.and_then(|cases| cases.parse().ok());
	cases.unwrap_or(3_000)
}

proptest! {
	#![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

	#[test]
	fn any_code_over_any_state_proves_its_steps(state in state()) {
		let mut machine = machine(state);
		for _ in 0..30 {
			let before = machine.state_root();
			let witness = prove(&mut machine);
			prop_assert!(witness.len() <= MAX_WITNESS);
			if machine.halt().is_none() {
				prop_assert!(usize::from(witness[2 + Header::SIZE]) <= MAX_LEAVES);
			}
			let op = machine.program().code().get(machine.registers().pc as usize).map(|instr| Op::from_u16(instr.op()));
			let next = verify::<Blake2>(VERSION, &before, &witness).map(|next| next.root::<Blake2>());
			machine.run(1);
			prop_assert_eq!(next, Ok(machine.state_root()), "{:?}", op);
			if machine.halt().is_some() {
				break;
			}
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: cases() / 100 + 1, max_shrink_iters: 100, ..ProptestConfig::default() })]

	#[test]
	fn a_root_is_that_of_the_leaves(state in state(), steps in prop::collection::vec(1_u64..6, 0..6)) {
		let mut state = state;
		// Everything near the start of its region, to hash little.
		state.registers.sp %= 4_000;
		state.registers.fp %= 4_000;
		state.registers.pages %= 7;
		state.registers.system_pages %= 7;
		state.registers.memory_pages %= 14;
		state.registers.output_len %= 4_000;
		let mut machine = machine(state);
		let zeros = Zeros::new::<Blake2>();
		for steps in steps {
			machine.run(steps);
			let header = machine.header();
			let reader = machine.reader();
			for region in Region::ALL {
				// Local variables are within 2^16 cells of the frame, and so is nearly all else of anything.
				let end = match region {
					Region::Memory | Region::System => 14 * 2_048,
					_ => 20_480,
				};
				let end = end.min(1 << region.depth());
				let computed = root(&|leaf| reader.leaf(region, leaf), &zeros, region.depth(), 0, end);
				let pages = end as usize / 128..(1 << region.depth().min(20)) / 128;
				let beyond = pages.into_iter().any(|page| reader.page(region, page) != [0; 4096]);
				prop_assert!(beyond || computed == header.roots[region as usize], "{:?}", region);
			}
		}
	}
}
