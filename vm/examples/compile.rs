//! What compiling costs: hostile shapes at the bounds of what is accepted, and programs as they are.
//!
//!     cargo run --release -p millrace-vm --example compile -- [--plain] [--copies N | --full] [SHAPE | FILE.wasm ...]
//!
//! Each is compiled in a process of its own, one thread, and costs are that process's: CPU time, peak memory, and the
//! length of the machine code, each also for a flat instruction and for a unit of work.

#[path = "../tests/fast/hostile.rs"]
mod hostile;

use hostile::{module, Shape, SHAPES};
use millrace_vm::{
	fast::{FastConfig, FastEngine},
	flatten::flatten,
	normalise::{normalise, Normalised},
};
use std::{fs, process::Command, time::Instant};

fn main() {
	let args: Vec<String> = std::env::args().skip(1).collect();
	match args.split_first() {
		Some((first, rest)) if first == "child" => child(rest),
		_ => parent(&args),
	}
}

/// The largest function of a shape that is accepted.
fn largest(shape: &Shape) -> usize {
	let fits = |n: usize| normalise(&module(&(shape.function)(n), 1, 0)).is_ok();
	let (mut less, mut more) = (0, 1);
	while fits(more) && more < 1 << 20 {
		(less, more) = (more, 2 * more);
	}
	while more - less > 1 + less / 200 {
		let middle = less + (more - less) / 2;
		match fits(middle) {
			true => less = middle,
			false => more = middle,
		}
	}
	less
}

fn parent(args: &[String]) {
	let me = std::env::current_exe().unwrap();
	let plain = args.iter().any(|arg| arg == "--plain");
	let stoppable = args.iter().any(|arg| arg == "--stoppable");
	let mut rest = Vec::new();
	let mut copies = "1".to_owned();
	let mut size = "0".to_owned();
	let mut args = args.iter();
	while let Some(arg) = args.next() {
		match arg.as_str() {
			"--plain" | "--stoppable" => {}
			"--copies" => copies = args.next().cloned().unwrap(),
			"--size" => size = args.next().cloned().unwrap(),
			_ => rest.push(arg.clone()),
		}
	}
	println!(
		"{:44} {:>7} {:>4} {:>9} {:>9} {:>8} {:>6} {:>7} {:>6} {:>6} {:>6}",
		"shape", "n", "x", "bytes", "flat", "norm s", "cpu s", "MB", "MB out", "us/fl", "B/fl"
	);
	let shapes = SHAPES.iter().filter(|shape| {
		rest.is_empty()
			|| rest
				.iter()
				.any(|name| !name.ends_with(".wasm") && shape.name.contains(name.as_str()))
	});
	let files = rest.iter().filter(|name| name.ends_with(".wasm"));
	for name in shapes.map(|shape| shape.name.to_owned()).chain(files.cloned()) {
		for variant in ["plain", "stoppable"] {
			if (variant == "plain" && stoppable) || (variant == "stoppable" && plain) {
				continue;
			}
			let status = Command::new("/bin/sh")
				.args(["-c", "ulimit -t 75; exec \"$0\" \"$@\""])
				.arg(&me)
				.args(["child", variant, &name, &copies, &size])
				.status()
				.unwrap();
			if !status.success() {
				println!("{name} {variant}: {status}");
			}
		}
	}
}

fn cpu() -> f64 {
	let stat = fs::read_to_string("/proc/self/stat").unwrap();
	let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
	(fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn peak() -> u64 {
	let status = fs::read_to_string("/proc/self/status").unwrap();
	let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
	line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn child(args: &[String]) {
	let [variant, name, copies, size] = args else { return };
	let (n, copies, wasm) = match SHAPES.iter().find(|shape| shape.name == name) {
		None => (0, 1, fs::read(name).unwrap()),
		Some(shape) => {
			let n = match size.parse().unwrap() {
				0 => largest(shape),
				n => n,
			};
			let copies = copies.parse().unwrap();
			(n, copies, module(&(shape.function)(n), copies, 0))
		}
	};
	let length = wasm.len();
	let started = Instant::now();
	let normalised: Normalised = match normalise(&wasm) {
		Ok(normalised) => normalised,
		Err(refused) => {
			println!("{name}: {refused}");
			return;
		}
	};
	drop(wasm);
	let work = normalised.work();
	let per = |what: u64| what as f64 / work.instructions.max(1) as f64;
	if std::env::var_os("MEASURE").is_some() {
		println!(
			"{name}: {work:?}, for an instruction {:.2} {:.1} {:.2}",
			per(work.values),
			per(work.square),
			per(work.meetings)
		);
		return;
	}
	let took = started.elapsed().as_secs_f64();
	let flat = flatten(&normalised).unwrap().code().len();
	let engine = FastEngine::new(FastConfig {
		interruptible: variant == "stoppable",
		parallel: false,
	})
	.unwrap();
	let (before, memory) = (cpu(), peak());
	match engine.precompile(&normalised) {
		Ok(code) => {
			let time = cpu() - before;
			let name = name.rsplit('/').next().unwrap();
			let flag = if variant == "plain" { "" } else { " *" };
			println!(
				"{:44} {n:>7} {copies:>4} {length:>9} {flat:>9} {took:>8.2} {time:>6.2} {:>4}-{memory:>3} {:>6.2} {:>6.2} {:>6.0}",
				format!("{name}{flag}"),
				peak(),
				code.len() as f64 / 1e6,
				time * 1e6 / flat as f64,
				(peak() - memory) as f64 * 1e6 / flat as f64,
			);
		}
		Err(error) => println!("{name}: {error}"),
	}
}
