//! Jobs' files, good and bad.

use super::*;
use crate::{
	inputs::Cut,
	job::{options::JobOptions, setup::OutputFrom, Job},
	units::Span,
};
use millrace_primitives::{provider::Region, MILLI};

const WHOLE: &str = r#"
program = "tool.wasm"
image = "files"
args = ["-n", "3 4", ""]
env = { LANG = "C", N = 7 }
input-as = "stdin"
input-file = "/in.svg"
inputs = "/data/in"
lines = true
output = "out/"
entry = "_start"
gas-limit = "5G"
memory = "128M"
output-limit = 65536
price = 0.002
replicas = 3
deadline = "2h"
shard-size = 4
region = ["europe", "asia"]
class = "general"
min-reputation = "50%"
"#;

fn parsed(text: &str) -> Result<(WorkOptions, TermOptions)> {
	parse(Path::new("jobs/a.toml"), text)
}

fn job(text: &str) -> Job {
	let (work, terms) = parsed(text).unwrap();
	work.resolve(terms.resolve()).unwrap()
}

#[test]
fn every_key_says_what_its_option_says() {
	let job = job(WHOLE);
	assert_eq!(job.program, "jobs/tool.wasm");
	assert_eq!(job.image.as_deref(), Some(Path::new("jobs/files")));
	assert_eq!(job.inputs, Path::new("/data/in"));
	let values = |placed: &[Placed]| placed.iter().map(|placed| placed.value.clone()).collect::<Vec<_>>();
	assert_eq!(values(&job.setup.arguments), ["-n", "3 4", ""]);
	assert_eq!(values(&job.setup.environment), ["LANG=C", "N=7"]);
	assert_eq!(job.setup.environment[0].place, "jobs/a.toml:5: `env`");
	assert!(matches!(&job.setup.output, OutputFrom::Directory(path) if path.value == "out"));
	assert_eq!(job.setup.input_file.as_ref().unwrap().value, "/in.svg");
	assert_eq!(job.cut, Cut::Lines);
	let terms = &job.terms;
	assert_eq!(
		(terms.replicas, terms.price, terms.deadline),
		(3, 2 * MILLI, Span::Seconds(7_200))
	);
	assert_eq!(
		(terms.limits.gas, terms.limits.memory_pages, terms.limits.output),
		(5_000_000_000, 2_048, 65_536)
	);
	assert_eq!(
		(terms.shard_size, terms.regions.as_slice()),
		(Some(4), &[Region::Europe, Region::Asia][..])
	);
}

#[test]
fn words_and_lists_are_two_ways_to_say_it() {
	let job = job("program='a'\ninputs='i'\nargs = \"-c 'a b'\"\nenv = ['A=1', 'B=']\nregion='europe'\nsplit='4K'");
	let values = |placed: &[Placed]| placed.iter().map(|placed| placed.value.clone()).collect::<Vec<_>>();
	assert_eq!(values(&job.setup.arguments), ["-c", "a b"]);
	assert_eq!(values(&job.setup.environment), ["A=1", "B="]);
	assert_eq!(job.cut, Cut::Bytes(4_096));
	let id = format!("0x{}", "ab".repeat(32));
	assert_eq!(parsed(&format!("program = '{id}'")).unwrap().0.program, Some(id));
}

#[test]
fn what_is_wrong_is_named_with_line_and_key() {
	for (text, part) in [
		(
			"\n\nmemroy = '64M'",
			"a.toml:3: `memroy`: there is no such key; did you mean `memory`?",
		),
		("gas_limit = 1", "did you mean `gas-limit`?"),
		("inputz = 'a'", "did you mean `inputs`?"),
		("zzzzzzzz = 1", "known are args, class"),
		("[job]\nx = 1", "a.toml:1: `job`: there is no such key"),
		("program = 1", "a.toml:1: `program`: expected a text"),
		("program = 'a'\nprogram = 'b'", "a.toml:2"),
		("program = 'a", "a.toml:1"),
		("lines = 'yes'", "`lines`: expected true or false"),
		(
			"lines = true\nsplit = 5",
			"a.toml:2: `split`: `lines` and `split` exclude",
		),
		("memory = true", "`memory`: expected a text in quotes, or a number"),
		("memory = '0'", "`memory`: 1 to "),
		("gas-limit = 0x10", "`gas-limit`: expected"),
		("gas-limit = 1.5", "`gas-limit`: expected"),
		("price = '1e3'", "`price`: expected an amount"),
		("price = 1\nmax-price = 2", "a.toml:2: `max-price`: `price` and"),
		("replicas = 0", "`replicas`: 1 to 7"),
		("replicas = -2", "`replicas`: 1 to 7"),
		("window = \"soon\"", "`window`"),
		("deadline = 'soon'", "`deadline`: expected"),
		("input-as = 'pipe'", "`input-as`: expected stdin, args or files"),
		("output-limit = '65M'", "`output-limit`: at most"),
		("region = 'atlantis'", "`region`: expected one of"),
		("entry = 1", "`entry`: expected a text"),
		("args = \"'a\"", "`args`: a quote"),
		("args = ['a',\n1]", "`args`: expected texts"),
		("env = { A = true }", "a.toml:1: `env`: `A`: expected a text"),
		("env = { 'A=B' = 'c' }", "the name `A=B` has a `=`"),
	] {
		let error = parsed(text).unwrap_err();
		assert!(error.to_string().contains(part), "{text}: {error}");
		assert_eq!(error.exit_code(), 2);
	}
	// What only the whole shows.
	for (text, part) in [
		("env = ['A']", "a.toml:1: `env`: `A` has no `=`"),
		(
			"env = ['A=1',\n'A=2']",
			"a.toml:2: `env`: the variable `A` is there twice (also jobs/a.toml:1: `env`)",
		),
		("output = 'a/../b'", "a.toml:1: `output`: a path with `..`"),
		(
			"input-as = 'args'\ninput-file = 'a'",
			"a.toml:2: `input-file`: only standard input",
		),
		("", "name the program"),
	] {
		let head = if text.is_empty() {
			""
		} else {
			"\nprogram = 'p'\ninputs = 'i'"
		};
		let (work, terms) = parsed(&format!("{text}{head}")).unwrap();
		let error = work.resolve(terms.resolve()).unwrap_err().to_string();
		assert!(error.contains(part), "{text}: {error}");
	}
}

#[test]
fn options_count_before_what_the_file_says() {
	use clap::Parser;
	#[derive(Parser)]
	struct Line {
		#[command(flatten)]
		job: JobOptions,
	}
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("job.toml");
	std::fs::write(&path, WHOLE).unwrap();
	let job = |options: &str| {
		let line = format!("x {} {options}", path.display());
		Line::try_parse_from(line.split_whitespace()).unwrap().job.resolve()
	};
	let plain = job("").unwrap();
	assert_eq!(plain.program, folder.path().join("tool.wasm").display().to_string());
	let changed = job("--program b.wasm --arg -x --env N=8 --split 7 --output - --memory 1M --region africa").unwrap();
	assert_eq!(changed.program, "b.wasm");
	let values = |placed: &[Placed]| placed.iter().map(|placed| placed.value.clone()).collect::<Vec<_>>();
	assert_eq!(values(&changed.setup.arguments), ["-x"]);
	assert_eq!(values(&changed.setup.environment), ["LANG=C", "N=8"]);
	assert_eq!((changed.cut, changed.terms.limits.memory_pages), (Cut::Bytes(7), 16));
	assert_eq!(changed.setup.output, OutputFrom::Stdout);
	assert_eq!(changed.terms.regions, [Region::Africa]);
	assert_eq!(changed.terms.replicas, 3);
	assert!(job("--env A")
		.unwrap_err()
		.to_string()
		.contains("--env: `A` has no `=`"));
	assert!(job("--env A=1 --env A=2").unwrap_err().to_string().contains("twice"));
}

#[test]
fn distances_are_those_of_levenshtein() {
	for (from, to, expected) in [
		("", "", 0),
		("a", "", 1),
		("", "abc", 3),
		("kitten", "sitting", 3),
		("memroy", "memory", 2),
	] {
		assert_eq!(distance(from, to), expected, "{from} {to}");
	}
}

#[test]
fn no_file_and_no_text_are_said() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("job.toml");
	assert!(read(&path).unwrap_err().to_string().contains("no such file"));
	assert!(read(folder.path()).unwrap_err().to_string().contains("no job's file"));
	std::fs::write(&path, b"\xff\xfe").unwrap();
	assert!(read(&path).unwrap_err().to_string().contains("UTF-8"));
	std::fs::write(&path, "#".repeat(1 << 20)).unwrap();
	assert!(read(&path).is_ok());
	std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
	assert!(read(&path).unwrap_err().to_string().contains("at most 1 MiB"));
	// What never ends, or never begins.
	let pipe = folder.path().join("pipe");
	let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
	assert!(made.success());
	for path in [Path::new("/dev/zero"), &pipe] {
		let error = read(path).unwrap_err().to_string();
		assert!(error.contains("no job's file"), "{error}");
	}
}
