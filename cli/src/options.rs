//! The command line's grammar.

use crate::{
	compute::DataOptions,
	failure::EXIT_CODES,
	job::{
		options::{JobOptions, WorkOptions},
		ServeOptions,
	},
	program::Prepare,
	units::{parse_mill, parse_span, Span},
};
use clap::{Args, Parser, Subcommand};
use millrace_client::keys::parse_account;
use millrace_primitives::{
	provider::{HardwareClass, Region},
	AccountId, Balance, JobId,
};
use std::path::PathBuf;

/// Buy compute, sell it, and look at the market.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Options {
	/// Options of every command.
	#[command(flatten)]
	pub global: Global,
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
	/// The node's WebSocket address.
	#[arg(long, global = true, env = "MILLRACE_URL", default_value = "ws://127.0.0.1:9944")]
	pub url: String,
	/// Who signs: a key file (see `millrace key generate`), or a secret URI such as //Alice.
	#[arg(long, global = true, env = "MILLRACE_KEY", hide_env_values = true)]
	pub key: Option<String>,
	/// Print results as JSON: one document on standard output, of `watch` one a line; errors as JSON on standard error.
	#[arg(long, global = true)]
	pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Make keys, and see what account a key is for.
	#[command(subcommand)]
	Key(KeyCommand),
	/// Publish programs and withdraw them.
	#[command(subcommand)]
	Program(ProgramCommand),
	/// Run one task of a job here, as a provider would: its output, what it takes, what it would cost. Needs no node.
	Try(TryOptions),
	/// What a job would cost, and who could do it.
	Estimate(EstimateOptions),
	/// Submit a job.
	Submit(SubmitOptions),
	/// Serve a job's program, image and inputs without submitting anything.
	Serve(ServeCommand),
	/// Make an image of a folder or a tar: an archive that programs read without unpacking it. `submit --image` does it on
	/// the fly.
	Pack(PackOptions),
	/// Follow a job until it ends, and say how its tasks did.
	Watch(WatchOptions),
	/// Where a job stands now: what waits and why, who works on what, what is on hold. `job verify` computes tasks again.
	#[command(
		visible_alias = "explain",
		args_conflicts_with_subcommands = true,
		subcommand_negates_reqs = true
	)]
	Job(JobOrCommand),
	/// Say that a provider's report is wrong, and see what the court does about a job's shards.
	#[command(subcommand)]
	Dispute(DisputeCommand),
	/// Download a job's outputs and verify them against the chain.
	Fetch(FetchOptions),
	/// Who was paid what for a job and what was burned, from the chain's events. A node keeps the state that this needs
	/// for 256 blocks, or for ever with `--state-pruning archive`.
	Receipt(ReceiptOptions),
	/// End the custody of outputs: providers get the withheld part of their pay and may forget the outputs.
	Acknowledge(JobArgument),
	/// Cancel a job: what has not started is refunded, what runs goes on.
	Cancel(JobArgument),
	/// Pay more for a job, or give it more time; resumes a suspended one.
	TopUp(TopUpOptions),
	/// Look at providers, register one and look after it.
	#[command(subcommand)]
	Provider(ProviderCommand),
	/// What an account has, and what is on hold.
	Balance(BalanceOptions),
	/// Claim a provider's emission of an era.
	Claim(ClaimOptions),
}

/// `millrace key`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
	/// Make a new key and write it to a file that only you can read.
	Generate {
		/// The new file; without it the secret phrase is printed.
		file: Option<PathBuf>,
	},
	/// Show the account of a key (file or secret URI), of --key without an argument.
	Inspect {
		/// The key.
		key: Option<String>,
	},
}

/// `millrace program`.
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
	/// Check a WebAssembly module and publish it; a deposit is held until it is withdrawn.
	Publish {
		/// The module.
		file: PathBuf,
		/// What of it is published.
		#[command(flatten)]
		prepare: Prepare,
	},
	/// Withdraw a program that no job uses.
	Withdraw {
		/// The program's id, or its module.
		program: String,
		/// What of the module was published.
		#[command(flatten)]
		prepare: Prepare,
	},
}

/// `millrace estimate`.
#[derive(Debug, Args)]
pub struct EstimateOptions {
	/// The job.
	#[command(flatten)]
	pub job: JobOptions,
}

/// `millrace try`.
#[derive(Debug, Args)]
pub struct TryOptions {
	/// The job.
	#[command(flatten)]
	pub job: JobOptions,
	/// Which task, counted from 0.
	#[arg(long, value_name = "N", default_value_t = 0)]
	pub task: u32,
	/// Write the output to this file instead of standard output.
	#[arg(long, value_name = "FILE")]
	pub save: Option<PathBuf>,
}

/// `millrace submit`.
#[derive(Debug, Args)]
pub struct SubmitOptions {
	/// The job.
	#[command(flatten)]
	pub job: JobOptions,
	/// Where its data is served.
	#[command(flatten, next_help_heading = "Serving and following")]
	pub serve: ServeOptions,
	/// Where the job's data is served already (up to four; see `millrace serve`), instead of by this command.
	#[arg(long = "endpoint", value_name = "URL", value_parser = crate::serving::parse_endpoint, conflicts_with_all = ["serve", "advertise"])]
	pub endpoints: Vec<String>,
	/// Publish the program if it is not published.
	#[arg(long)]
	pub publish: bool,
	/// Stay, serve the job's data, and show progress until the job ends.
	#[arg(long)]
	pub watch: bool,
	/// Then fetch the outputs into this folder. Implies --watch.
	#[arg(long, value_name = "DIR")]
	pub fetch: Option<PathBuf>,
	/// Then end the outputs' custody, if all were verified.
	#[arg(long, requires = "fetch")]
	pub acknowledge: bool,
	/// On a public chain, name and ask private addresses too: for a network of one's own.
	#[arg(long)]
	pub allow_private: bool,
}

/// `millrace serve`.
#[derive(Debug, Args)]
pub struct ServeCommand {
	/// A file that describes the job (see docs/programs.md); options count before what it says.
	#[arg(value_name = "JOB.toml")]
	pub file: Option<PathBuf>,
	/// What runs on what.
	#[command(flatten)]
	pub work: WorkOptions,
	/// The address to serve on; without a port any free one.
	#[arg(long, value_name = "ADDR[:PORT]", default_value = "127.0.0.1", value_parser = crate::serving::parse_address)]
	pub listen: std::net::SocketAddr,
}

/// `millrace pack`.
#[derive(Debug, Args)]
pub struct PackOptions {
	/// The folder, with hidden files, or a tar.
	#[arg(value_name = "DIR|TAR")]
	pub source: PathBuf,
	/// The new file; one that is there is replaced.
	#[arg(value_name = "OUT")]
	pub out: PathBuf,
	/// Every file's time, in seconds since 1970, in place of its own: the same files then always give the same image.
	#[arg(long, value_name = "SECONDS")]
	pub mtime: Option<u32>,
}

/// A job.
#[derive(Debug, Args)]
pub struct JobArgument {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
}

/// `millrace job`.
#[derive(Debug, Args)]
pub struct JobOrCommand {
	/// The job's number.
	#[arg(value_parser = parse_job, required = true)]
	pub job: Option<JobId>,
	/// What else to do with one.
	#[command(subcommand)]
	pub command: Option<JobCommand>,
}

/// `millrace job verify`.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
	/// Compute some of a job's tasks here, and compare with what providers reported. Ends with exit code 7 if something
	/// differs.
	Verify(VerifyOptions),
}

/// `millrace job verify`.
#[derive(Debug, Args)]
pub struct VerifyOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// How many tasks, chosen by chance: a part of them such as 1/32, a number, or all.
	#[arg(long, value_name = "1/N|N|all", default_value = "1/32", value_parser = Sample::parse)]
	pub sample: Sample,
	/// Only tasks of this shard.
	#[arg(long, value_name = "N")]
	pub shard: Option<u32>,
	/// Where the job's data is had from.
	#[command(flatten)]
	pub data: DataOptions,
}

/// Which tasks are computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
	/// One of so many, at least one.
	OneOf(u32),
	/// So many.
	Count(u32),
	/// All.
	All,
}

impl Sample {
	/// Reads `1/32`, `10` or `all`.
	pub fn parse(text: &str) -> Result<Self, String> {
		let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
		let found = match text {
			"all" => Some(Self::All),
			_ => match text.strip_prefix("1/") {
				Some(part) => number(part).map(Self::OneOf),
				None => number(text).map(Self::Count),
			},
		};
		found.ok_or_else(|| "expected a part such as 1/32, a number of tasks above 0, or all".into())
	}

	/// How many of so many.
	pub fn of(self, tasks: usize) -> usize {
		match self {
			Self::OneOf(part) => tasks.div_ceil(part.max(1) as usize),
			Self::Count(count) => tasks.min(count as usize),
			Self::All => tasks,
		}
	}
}

/// `millrace dispute`.
#[derive(Debug, Subcommand)]
pub enum DisputeCommand {
	/// The shards of a job that providers do not agree about.
	List {
		/// The job's number.
		#[arg(value_parser = parse_job)]
		job: JobId,
		/// All shards of which the court knows something, also those about which nobody differs.
		#[arg(long)]
		all: bool,
	},
	/// All that the court knows of a shard: who said what, what is at stake, what happens next.
	Show {
		/// The job's number.
		#[arg(value_parser = parse_job)]
		job: JobId,
		/// The shard's number in the job.
		shard: u32,
	},
	/// Say that a seat reported a task wrongly, for a bond, and play the board that is opened to its end.
	Open(OpenOptions),
	/// Go on with a board that `dispute open` opened.
	Play(PlayOptions),
}

/// `millrace dispute open`.
#[derive(Debug, Args)]
pub struct OpenOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// The shard's number in the job.
	pub shard: u32,
	/// The seat whose report is wrong, by the number that `dispute show` gives it.
	#[arg(long, value_name = "N")]
	pub seat: u8,
	/// The task that it reported wrongly, counted from 0 over the whole job. Without it all tasks of the shard are computed
	/// here, and the whole report is accused.
	#[arg(long, value_name = "N")]
	pub task: Option<u32>,
	/// Accuse although nobody tells what the seat reported of the task: if it is what the task comes to, the bond is lost.
	#[arg(long, requires = "task")]
	pub blind: bool,
	/// Do not ask before the bond is put up.
	#[arg(long)]
	pub yes: bool,
	/// Where the job's data is had from.
	#[command(flatten)]
	pub data: DataOptions,
}

/// `millrace dispute play`.
#[derive(Debug, Args)]
pub struct PlayOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// The shard's number in the job.
	pub shard: u32,
	/// The board's number.
	pub board: u32,
	/// Where the job's data is had from.
	#[command(flatten)]
	pub data: DataOptions,
}

/// `millrace watch`.
#[derive(Debug, Args)]
pub struct WatchOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// On a public chain, ask providers with private addresses too: for a network of one's own.
	#[arg(long)]
	pub allow_private: bool,
}

/// `millrace receipt`.
#[derive(Debug, Args)]
pub struct ReceiptOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// Also compare what each provider's balance grew by since the submission with what the events say; fails if an
	/// account did anything else meanwhile.
	#[arg(long)]
	pub check: bool,
}

/// `millrace fetch`.
#[derive(Debug, Args)]
pub struct FetchOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// The folder for the outputs; made if it does not exist. What it holds already is not downloaded again.
	#[arg(value_name = "DIR", required_unless_present = "to")]
	pub folder: Option<PathBuf>,
	/// The same as an option.
	#[arg(long, value_name = "DIR", conflicts_with = "folder")]
	pub to: Option<PathBuf>,
	/// The job's inputs, after which outputs are called; a job that was submitted from here knows them.
	#[command(flatten)]
	pub inputs: NameOptions,
	/// Outputs are archives of a directory: unpack them. Known for jobs that were submitted from here.
	#[arg(long)]
	pub unpack: bool,
	/// Demand on chain, by 32 KiB, what no provider serves; as much as this is held for whoever shows it. Signed by the
	/// job's client.
	#[arg(long, value_name = "MILL", value_parser = parse_mill)]
	pub demand: Option<Balance>,
	/// End the outputs' custody if all were verified.
	#[arg(long)]
	pub acknowledge: bool,
	/// On a public chain, ask providers with private addresses too: for a network of one's own.
	#[arg(long)]
	pub allow_private: bool,
}

/// Where the names of a job's inputs are.
#[derive(Clone, Debug, Default, Args)]
pub struct NameOptions {
	/// The job's inputs, after which the outputs are called; jobs that were submitted from here know them already.
	#[arg(long = "inputs", value_name = "DIR|FILE")]
	pub inputs: Option<PathBuf>,
	/// What the inputs are to the program, if they are not its standard input.
	#[arg(long, value_name = "stdin|args|files", value_parser = crate::job::setup::InputAs::parse, requires = "inputs")]
	pub input_as: Option<crate::job::setup::InputAs>,
}

/// `millrace top-up`.
#[derive(Debug, Args)]
pub struct TopUpOptions {
	/// The job's number.
	#[arg(value_parser = parse_job)]
	pub job: JobId,
	/// The new price cap in MILL per Ggas and replica, for shards that have not started.
	#[arg(long, value_name = "MILL", value_parser = parse_mill)]
	pub max_price: Option<Balance>,
	/// How much longer work may be handed out: blocks, or a time such as 2h.
	#[arg(long, value_name = "SPAN", value_parser = parse_span)]
	pub extend: Option<Span>,
}

/// `millrace provider`.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
	/// All providers.
	List,
	/// One provider.
	Show {
		/// Its account or its operator's; that of --key without an argument.
		#[arg(value_parser = account)]
		provider: Option<AccountId>,
	},
	/// Register the signer as a provider.
	Register(RegisterOptions),
	/// Take no more work; what is under way goes on. Signed by the provider or its operator.
	Drain,
	/// Take work again. Signed by the provider or its operator.
	Resume,
	/// Add to the bond.
	Bond {
		/// How much, in MILL.
		#[arg(value_parser = parse_mill)]
		amount: Balance,
	},
	/// Begin to take out of the bond what no open work reserves.
	Unbond {
		/// How much, in MILL.
		#[arg(value_parser = parse_mill)]
		amount: Balance,
	},
	/// Get back what was unbonded, once the unbonding period is over.
	Withdraw,
	/// Give a sign of life. Signed by the operator.
	Heartbeat,
}

/// `millrace provider register`.
#[derive(Debug, Args)]
pub struct RegisterOptions {
	/// The key that works for the provider: its account, key file or secret URI. Not the provider's own.
	#[arg(long, value_name = "ACCOUNT|KEY")]
	pub operator: String,
	/// Where it serves outputs.
	#[arg(long, value_name = "URL", value_parser = crate::serving::parse_endpoint)]
	pub endpoint: String,
	/// Its price in MILL per Ggas.
	#[arg(long, value_name = "MILL", value_parser = parse_mill)]
	pub ask: Balance,
	/// How many shards it computes at once.
	#[arg(long, default_value_t = 1)]
	pub slots: u16,
	/// The memory of each slot.
	#[arg(long, value_name = "BYTES", default_value = "1G", value_parser = crate::job::parse_memory)]
	pub memory: u32,
	/// Where it is.
	#[arg(long, default_value = "unspecified", value_parser = crate::job::parse_region)]
	pub region: Region,
	/// What its hardware is good for; may be given several times.
	#[arg(long = "class", default_value = "general", value_parser = crate::job::parse_class)]
	pub classes: Vec<HardwareClass>,
	/// What answers for its work, in MILL.
	#[arg(long, value_name = "MILL", value_parser = parse_mill)]
	pub bond: Balance,
	/// What the operator gets for transaction fees, in MILL.
	#[arg(long, value_name = "MILL", default_value = "1", value_parser = parse_mill)]
	pub funding: Balance,
	/// On a public chain, register a private address: for a network of one's own.
	#[arg(long)]
	pub allow_private: bool,
}

/// `millrace balance`.
#[derive(Debug, Args)]
pub struct BalanceOptions {
	/// The account; that of --key without an argument.
	#[arg(value_parser = account)]
	pub account: Option<AccountId>,
}

/// `millrace claim`.
#[derive(Debug, Args)]
pub struct ClaimOptions {
	/// The era.
	#[arg(long)]
	pub era: u32,
	/// The provider who receives it; the one of --key without it.
	#[arg(long, value_parser = account)]
	pub provider: Option<AccountId>,
}

fn parse_job(text: &str) -> Result<JobId, String> {
	text.parse().map(JobId).map_err(|_| "expected a job's number".into())
}

fn account(text: &str) -> Result<AccountId, String> {
	parse_account(text).map_err(|error| {
		if text.starts_with("//") || std::path::Path::new(text).is_file() {
			"this is a key, not an account: name it with --key".into()
		} else {
			error.to_string()
		}
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;
	use millrace_primitives::{MILL, MILLI};

	fn parse(line: &str) -> Result<Options, clap::Error> {
		Options::try_parse_from(line.split(' '))
	}

	#[test]
	fn the_grammar_is_sound_and_the_help_names_the_exit_codes() {
		Options::command().debug_assert();
		let help = Options::command().render_long_help().to_string();
		assert!(help.contains("Exit codes:") && help.contains("did not match"), "{help}");
	}

	#[test]
	fn a_job_is_submitted_with_one_line() {
		let line =
			"millrace submit --program a.wasm --inputs in --replicas 3 --max-price 0.002 --deadline 2h --gas-limit 5G \
			--memory 128M --output-limit 64K --shard-size 4 --region europe --region asia --class highMemory \
			--min-reputation 50% --arg -n --arg=3 --args x --env A=b --image files --output out/ --input-as files --serve 127.0.0.1:8000 --publish --watch --fetch out --acknowledge --key //Alice --json";
		let options = parse(&line.replace('\t', "")).unwrap();
		assert!(options.global.json);
		assert_eq!(options.global.key.as_deref(), Some("//Alice"));
		let Command::Submit(submit) = options.command else {
			panic!("{:?}", options.command)
		};
		let job = submit.job.resolve().unwrap();
		assert_eq!(job.terms.price, 2 * MILLI);
		assert_eq!(job.terms.replicas, 3);
		assert_eq!(job.terms.limits.memory_pages, 2_048);
		assert_eq!(job.terms.regions, [Region::Europe, Region::Asia]);
		assert_eq!(job.setup.arguments.len(), 3);
		assert!(submit.publish && submit.watch && submit.acknowledge);
	}

	#[test]
	fn wrong_lines_are_refused() {
		for line in [
			"millrace",
			"millrace submit --program a.wasm --inputs in --input-as pipe",
			"millrace submit a.toml b.toml",
			"millrace pack in",
			"millrace submit --program a.wasm --inputs in --max-price 1e9",
			"millrace submit --program a.wasm --inputs in --replicas 0",
			"millrace submit --program a.wasm --inputs in --replicas 8",
			"millrace submit --program a.wasm --inputs in --lines --split 5",
			"millrace submit --program a.wasm --inputs in --split 0",
			"millrace submit --program a.wasm --inputs in --region atlantis",
			"millrace submit --program a.wasm --inputs in --endpoint http://a --serve 127.0.0.1",
			"millrace submit --program a.wasm --inputs in --endpoint a",
			"millrace submit --program a.wasm --inputs in --acknowledge",
			"millrace fetch 1",
			"millrace fetch x out",
			"millrace fetch 1 out --to other",
			"millrace watch -1",
			"millrace job",
			"millrace job 7 verify",
			"millrace job verify",
			"millrace job verify 7 --sample 0",
			"millrace job verify 7 --sample 2/3",
			"millrace job verify 7 --sample 1/0",
			"millrace dispute show 7",
			"millrace dispute open 7 3 --task 1",
			"millrace dispute open 7 3 --seat 1 --blind",
			"millrace dispute play 7 3",
			"millrace balance 5Grwva",
			"millrace provider bond 0.0000000000001",
			"millrace claim",
		] {
			assert!(parse(line).is_err(), "{line}");
		}
	}

	#[test]
	fn a_key_in_place_of_an_account_is_told_apart() {
		let error = parse("millrace balance //Alice").unwrap_err();
		assert!(error.to_string().contains("name it with --key"), "{error}");
		assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
	}

	#[test]
	fn the_other_commands_are_understood() {
		for line in [
			"millrace key generate",
			"millrace key generate file --json",
			"millrace key inspect //Bob",
			"millrace program publish a.wasm",
			"millrace program withdraw 0x1234",
			"millrace submit job.toml --publish --watch",
			"millrace estimate job.toml",
			"millrace try job.toml --task 3 --save out",
			"millrace serve job.toml --listen 127.0.0.1:1",
			"millrace pack files image.tar --mtime 0",
			"millrace program publish a.wasm --keep-custom-sections",
			"millrace fetch 7 out --inputs in",
			"millrace estimate --program a.wasm --inputs in --lines",
			"millrace serve --program a.wasm --inputs in --listen 127.0.0.1:1",
			"millrace watch 7",
			"millrace job 7",
			"millrace explain 7",
			"millrace job verify 7",
			"millrace job verify 7 --sample all --shard 3 --endpoint http://a --from job.toml",
			"millrace job verify 7 --sample 1/8 --json",
			"millrace dispute list 7 --all",
			"millrace dispute show 7 3",
			"millrace dispute open 7 3 --seat 1 --task 37 --yes --blind",
			"millrace dispute play 7 3 1000 --allow-private",
			"millrace fetch 7 out --allow-private",
			"millrace fetch 7 out --acknowledge",
			"millrace fetch 7 --to out",
			"millrace acknowledge 7",
			"millrace cancel 7",
			"millrace top-up 7 --max-price 1 --extend 1h",
			"millrace provider list --url ws://127.0.0.1:1",
			"millrace provider show 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
			"millrace provider register --operator //Bob --endpoint http://127.0.0.1:1 --ask 0.001 --bond 100",
			"millrace provider drain",
			"millrace provider resume",
			"millrace provider bond 1.5",
			"millrace provider unbond 1.5",
			"millrace provider withdraw",
			"millrace provider heartbeat",
			"millrace balance",
			"millrace claim --era 3",
		] {
			parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
		}
		let Command::TopUp(options) = parse("millrace top-up 7 --max-price 2.5").unwrap().command else {
			panic!()
		};
		assert_eq!((options.max_price, options.extend), (Some(5 * MILL / 2), None));
	}

	#[test]
	fn a_part_of_the_tasks_is_at_least_one() {
		for (text, of, count) in [
			("1/32", 96, 3),
			("1/32", 97, 4),
			("1/32", 1, 1),
			("1/32", 0, 0),
			("5", 96, 5),
			("5", 3, 3),
			("all", 96, 96),
		] {
			assert_eq!(Sample::parse(text).unwrap().of(of), count, "{text} of {of}");
		}
	}
}
