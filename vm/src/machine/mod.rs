//! The step machine with its whole state: runs, takes snapshots, computes roots.

mod live;
mod reader;
mod snapshot;
mod store;

use crate::{
	hash::{Blake2, Hash},
	outcome::{Outcome, Tail, Trap, TAIL},
	pages::{Ledger, Pages},
	program::Program,
	state::{Halt, Header, Region, Registers},
	step::{step, Fault},
	stop::{unstopped, Stop, Stopped},
	supply::Hashed,
	task::{Limits, Task, Unfit},
	tree::PageTree,
	VERSION,
};
use live::Live;
pub(crate) use reader::Reader;
pub use snapshot::Snapshot;
use std::sync::Arc;
use store::Store;

/// A machine with its whole state.
pub struct Machine {
	program: Arc<Program>,
	supply: Arc<Hashed>,
	pub(crate) registers: Registers,
	halt: Option<Halt>,
	steps: u64,
	stack: Store<u64>,
	frames: Store<u64>,
	globals: Store<u64>,
	memory: Store<u8>,
	system: Store<u8>,
	output: Store<u8>,
	errors: Store<u8>,
	ledger: Ledger,
	threads: usize,
}

impl Machine {
	/// A machine before its first step.
	///
	/// # Errors
	/// See [`Unfit`].
	pub fn new(program: Arc<Program>, supply: Arc<Hashed>, limits: &Limits) -> Result<Self, Unfit> {
		let [input, image, setup] = supply.blobs();
		let task = Task {
			engine: VERSION,
			// The id names the module, which is not at hand; the first state does not depend on it.
			program: [0; 32],
			image: Some(image),
			setup,
			input,
			seed: supply.supply().seed,
			limits: *limits,
		};
		let header = task.first::<Blake2>(program.roots())?;
		let (none, zeros) = (Pages::uncounted([].into_iter()), &program.zeros);
		let empty = |region: Region| PageTree::new(region.depth(), zeros);
		let cells = |region: Region| region.cells() as usize;
		let bytes = |region: Region| region.cells() as usize * 8;
		// Cells beside the memories are there at once: zeros that nobody touched take nothing.
		let whole = |region, start, tree: &PageTree| Store::new(start, tree, cells(region), cells(region));
		Ok(Self {
			registers: header.registers,
			halt: None,
			steps: 0,
			stack: whole(Region::Stack, &none, &empty(Region::Stack)),
			frames: whole(Region::Frames, &none, &empty(Region::Frames)),
			globals: whole(Region::Globals, &program.globals, &program.globals_tree),
			memory: Store::new(&program.memory, &program.memory_tree, 0, bytes(Region::Memory)),
			system: Store::new(&program.system, &program.system_tree, 0, bytes(Region::System)),
			output: Store::new(&none, &empty(Region::Output), 0, bytes(Region::Output)),
			errors: Store::new(&none, &empty(Region::Errors), TAIL, TAIL),
			program,
			supply,
			ledger: Ledger::default(),
			threads: 1,
		})
	}

	/// Computes roots on up to so many threads from now on.
	pub fn use_threads(&mut self, threads: usize) {
		self.threads = threads;
	}

	/// The program.
	pub fn program(&self) -> &Arc<Program> {
		&self.program
	}

	/// How many steps were executed.
	pub fn steps(&self) -> u64 {
		self.steps
	}

	/// The registers.
	pub fn registers(&self) -> &Registers {
		&self.registers
	}

	/// How it ended, if it did.
	pub fn halt(&self) -> Option<Halt> {
		self.halt
	}

	/// A global's bits; those of place 0 are the gas counter's only in [`Machine::registers`].
	pub fn global(&self, at: u32) -> Option<u64> {
		self.globals.cells.get(at as usize).copied()
	}

	/// Executes up to so many steps. Returns how many there were: fewer only if the machine halted. A halted machine
	/// takes no steps.
	pub fn run(&mut self, steps: u64) -> u64 {
		if self.halt.is_some() {
			return 0;
		}
		let program = &*self.program;
		let mut live = Live {
			code: &program.code,
			table: &program.table,
			supply: &self.supply,
			stack: &mut self.stack.cells,
			stack_marks: &mut self.stack.marks,
			frames: &mut self.frames,
			globals: &mut self.globals,
			memory: &mut self.memory,
			system: &mut self.system,
			output: &mut self.output,
			errors: &mut self.errors,
		};
		let mut registers = self.registers;
		let mut left = steps;
		while left > 0 {
			left -= 1;
			match step(&mut registers, &mut live) {
				Ok(None) => {}
				Ok(halt) => {
					self.halt = halt;
					break;
				}
				Err(fault) => {
					// A live machine misses nothing.
					self.halt = Some(Halt::Trapped(match fault {
						Fault::Trap(trap) => trap,
						Fault::Missing => Trap::Broken,
					}));
					break;
				}
			}
		}
		self.registers = registers;
		let done = steps - left;
		self.steps = self.steps.saturating_add(done);
		done
	}

	/// The state's root. Costs what changed since the last one.
	pub fn state_root(&mut self) -> Hash {
		unstopped(|stop| self.state_root_until(stop))
	}

	/// The state's root.
	///
	/// # Errors
	/// If it was stopped. What was hashed until then is not lost.
	pub fn state_root_until(&mut self, stop: &Stop) -> Result<Hash, Stopped> {
		Ok(match self.outcome_until(stop)? {
			Some(outcome) => outcome.root::<Blake2>(),
			None => self.header_until(stop)?.root::<Blake2>(),
		})
	}

	/// Registers and roots.
	pub fn header(&mut self) -> Header {
		unstopped(|stop| self.header_until(stop))
	}

	pub(crate) fn header_until(&mut self, stop: &Stop) -> Result<Header, Stopped> {
		let (zeros, threads) = (&self.program.zeros, self.threads);
		Ok(Header {
			registers: self.registers,
			roots: [
				self.program.code_tree.root(),
				self.program.table_tree.root(),
				self.globals.root(zeros, threads, stop)?,
				self.stack.root(zeros, threads, stop)?,
				self.frames.root(zeros, threads, stop)?,
				self.memory.root(zeros, threads, stop)?,
				self.supply.tree(Region::Input).root(),
				self.supply.tree(Region::Image).root(),
				self.supply.tree(Region::Setup).root(),
				self.output.root(zeros, threads, stop)?,
				self.system.root(zeros, threads, stop)?,
				self.errors.root(zeros, threads, stop)?,
			],
		})
	}

	/// What the run came to, if it ended.
	pub fn outcome(&mut self) -> Option<Outcome> {
		unstopped(|stop| self.outcome_until(stop))
	}

	pub(crate) fn outcome_until(&mut self, stop: &Stop) -> Result<Option<Outcome>, Stopped> {
		let Some(halt) = self.halt else {
			return Ok(None);
		};
		let (zeros, threads) = (&self.program.zeros, self.threads);
		let output = self.output.root(zeros, threads, stop)?;
		let errors = self.errors.root(zeros, threads, stop)?;
		Ok(Some(halt.outcome::<Blake2>(&self.registers, &output, &errors)))
	}

	/// The output of a run whose outcome keeps it; nothing of another one.
	pub fn output(&self) -> Vec<u8> {
		match self.halt {
			Some(halt) if halt.status().0.keeps_output() => {
				let len = (self.registers.output_len as usize).min(self.output.cells.len());
				self.output.cells[..len].to_vec()
			}
			_ => Vec::new(),
		}
	}

	/// What was written to standard error last.
	pub fn tail(&self) -> Tail {
		let len = self.registers.error_count.min(TAIL as u64) as usize;
		Tail {
			count: self.registers.error_count,
			ring: self.errors.cells[..len.min(self.errors.cells.len())].to_vec(),
		}
	}

	/// Keeps the state, to go back to. Copies what changed since the last snapshot.
	pub fn snapshot(&mut self) -> Snapshot {
		let ledger = &self.ledger;
		Snapshot {
			registers: self.registers,
			halt: self.halt,
			steps: self.steps,
			stack: self.stack.save(ledger),
			frames: self.frames.save(ledger),
			globals: self.globals.save(ledger),
			memory: self.memory.save(ledger),
			system: self.system.save(ledger),
			output: self.output.save(ledger),
			errors: self.errors.save(ledger),
		}
	}

	/// The bytes that the next snapshot would take, and how many pages it would copy.
	pub(crate) fn snapshot_cost(&self) -> (u64, u64) {
		let costs = [
			self.stack.cost(),
			self.frames.cost(),
			self.globals.cost(),
			self.memory.cost(),
			self.system.cost(),
			self.output.cost(),
			self.errors.cost(),
		];
		let sum = |(bytes, pages): (u64, u64), (more, others)| (bytes + more, pages + others);
		costs.into_iter().fold((0, 0), sum)
	}

	/// The bytes that all snapshots of this machine take together, and what it keeps itself to make others.
	pub(crate) fn kept(&self) -> u64 {
		self.ledger.total()
	}

	/// Lets go of what it keeps to make the next snapshot smaller.
	pub(crate) fn forget(&mut self) {
		self.stack.forget();
		self.frames.forget();
		self.globals.forget();
		self.memory.forget();
		self.system.forget();
		self.output.forget();
		self.errors.forget();
	}

	/// Makes the state that of a snapshot of a run of the same program over the same supply. Costs what is different.
	pub fn go_to(&mut self, snapshot: &Snapshot) {
		self.registers = snapshot.registers;
		self.halt = snapshot.halt;
		self.steps = snapshot.steps;
		self.stack.go_to(&snapshot.stack);
		self.frames.go_to(&snapshot.frames);
		self.globals.go_to(&snapshot.globals);
		self.memory.go_to(&snapshot.memory);
		self.system.go_to(&snapshot.system);
		self.output.go_to(&snapshot.output);
		self.errors.go_to(&snapshot.errors);
	}

	/// Calls an exported function, for test suites. The memory and the globals stay as the last call left them, the gas
	/// is set anew. What it gives, or how it ended.
	pub fn invoke(&mut self, export: &crate::program::Export, arguments: &[u64], gas: u64) -> Result<Vec<u64>, Halt> {
		let r = &mut self.registers;
		(r.pc, r.fp, r.sp, r.depth) = (export.pc, 0, arguments.len() as u32, 1);
		(r.gas, r.gas_limit) = (i64::try_from(gas).unwrap_or(i64::MAX), gas);
		self.halt = None;
		self.stack.cells[..arguments.len()].copy_from_slice(arguments);
		(0..arguments.len()).for_each(|at| self.stack.mark(at));
		// The caller is place 0, where no function starts and every program traps.
		self.frames.cells[0] = 0;
		self.frames.mark(0);
		self.run(u64::MAX);
		match self.halt {
			Some(Halt::Trapped(Trap::Broken)) if self.registers.pc == 0 && self.registers.depth == 0 => {
				Ok(self.stack.cells[..export.results as usize].to_vec())
			}
			Some(halt) => Err(halt),
			None => Err(Halt::Trapped(Trap::Broken)),
		}
	}

	/// Changes a cell, as no program could.
	#[cfg(test)]
	pub(crate) fn poke(&mut self, region: Region, cell: u64, value: u64) {
		let at = cell as usize;
		match region {
			Region::Stack => self.stack.poke(at, value),
			Region::Frames => self.frames.poke(at, value),
			Region::Globals => self.globals.poke(at, value),
			Region::Output | Region::Memory | Region::System | Region::Errors => {
				let store = match region {
					Region::Output => &mut self.output,
					Region::Memory => &mut self.memory,
					Region::System => &mut self.system,
					_ => &mut self.errors,
				};
				for (n, byte) in value.to_le_bytes().into_iter().enumerate() {
					store.poke(8 * at + n, byte);
				}
			}
			Region::Code | Region::Table | Region::Input | Region::Image | Region::Setup => {}
		}
	}

	pub(crate) fn reader(&self) -> Reader<'_> {
		Reader(self)
	}
}
