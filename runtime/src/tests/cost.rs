//! What the ordinary life of a shard costs: which storage it touches, counted in real blocks.

use super::{
	chain::{signed_by, Chain},
	counting::{Keys, Touched},
	market::{endpoint, id, published, report, spec, CLIENT, JOB, SHARD},
};
use crate::{AccountId, AllPalletsWithSystem, Balances, Providers, Runtime, RuntimeCall, RuntimeOrigin, System};
use frame_support::{
	assert_ok,
	traits::{fungible::Mutate, StorageInfoTrait},
};
use millrace_primitives::{
	api::runtime_decl_for_market_api::MarketApiV1,
	outcome,
	provider::{ClassSet, HardwareClass, ProviderInfo, Region},
	traits::MarketClock,
	JobSpec, MICRO, MILL,
};
use sp_core::{sr25519, Pair};
use sp_keyring::Sr25519Keyring::AliceStash;

/// So many providers that draws see different ones.
const CROWD: u32 = 40;

struct Crowd {
	chain: Chain,
	/// Providers with the keys of their operators.
	members: Vec<(AccountId, sr25519::Pair)>,
	/// What blocks touch in which nothing happens.
	idle: Touched,
	/// The era when something was noted last.
	era: u32,
	life: Life,
}

/// What was touched, step by step.
#[derive(Default)]
struct Life {
	steps: Vec<(String, Keys, Keys)>,
}

impl Crowd {
	fn new() -> Self {
		let mut chain = published();
		let key = |name: &str, index| sr25519::Pair::from_string(&format!("//{name}//{index}"), None).expect("a path");
		let members: Vec<_> = (0..CROWD)
			.map(|index| (AccountId::from(key("provider", index).public()), key("operator", index)))
			.collect();
		chain.query(|| {
			for (provider, operator) in &members {
				assert_ok!(Balances::mint_into(provider, 20_000 * MILL));
				assert_ok!(Providers::register(
					RuntimeOrigin::signed(provider.clone()),
					operator.public().into(),
					ProviderInfo {
						classes: ClassSet::of(&[HardwareClass::General]),
						region: Region::Europe,
						slots: 4,
						memory_pages: 1_024,
						ask: 1_000 * MICRO,
						endpoint: endpoint("provider"),
					},
					10_000 * MILL,
					2 * MILL,
				));
			}
		});
		chain.blocks(20);
		let mut idle = Touched::default();
		for _ in 0..20 {
			chain.blocks(1);
			let Touched { read, written } = chain.touched.clone();
			idle.read.extend(read);
			idle.written.extend(written);
		}
		Self {
			chain,
			members,
			idle,
			era: 0,
			life: Life::default(),
		}
	}

	/// What the best block touched beside what each block does, and what each transaction of these signers does.
	fn note(&mut self, step: &str, signer: Option<AccountId>) {
		// Half of each transaction's fee goes to the author.
		let author = frame_system::Account::<Runtime>::hashed_key_for(id(AliceStash));
		let account = signer.map(frame_system::Account::<Runtime>::hashed_key_for);
		// Each block looks at the timers of its own, which are this life's only if it serves one.
		let served =
			pallet_jobs::Timers::<Runtime>::hashed_key_for(self.chain.query(<crate::Jobs as MarketClock>::now), 0);
		let idle = !self.chain.touched.written.contains(&served);
		// An era that ends is this life's as little.
		let era = self.chain.query(|| pallet_emission::Era::<Runtime>::get().index);
		let ended = core::mem::replace(&mut self.era, era) != era;
		let of_era = [
			pallet_emission::Era::<Runtime>::hashed_key().to_vec(),
			pallet_emission::Budgets::<Runtime>::hashed_key_for(era.saturating_sub(1)),
		];
		// What each block reads anyway is written for this life alone, unless each writes it.
		let own = |keys: &Keys, idle_keys: &[&Keys]| -> Keys {
			let of_this = |key: &&Vec<u8>| {
				!idle_keys.iter().any(|idle| idle.contains(*key))
					&& !is_of_any_transaction(key)
					&& **key != author
					&& !(ended && of_era.contains(key))
					&& Some(*key) != account.as_ref()
					&& !(idle && **key == served)
			};
			keys.iter().filter(of_this).cloned().collect()
		};
		let (idle_read, idle_written) = (&self.idle.read, &self.idle.written);
		let read = own(&self.chain.touched.read, &[idle_read, idle_written]);
		let written = own(&self.chain.touched.written, &[idle_written]);
		if !read.is_empty() || !written.is_empty() {
			self.life.steps.push((step.into(), read, written));
		}
	}

	fn call(&mut self, step: &str, who: &sr25519::Pair, call: impl Into<RuntimeCall>) {
		let account = AccountId::from(who.public());
		let call = call.into();
		let transaction = self
			.chain
			.query(|| signed_by(who, call, System::account_nonce(&account), 0));
		let mut applied = self.chain.try_block(vec![transaction.clone()]).1.remove(0);
		if applied.is_err() {
			// The first block of an epoch has no room for anything else.
			self.note(step, None);
			applied = self.chain.try_block(vec![transaction]).1.remove(0);
		}
		assert_eq!(applied, Ok(Ok(())), "{step}");
		self.note(step, Some(account));
	}

	/// Makes blocks until the condition holds.
	fn wait(&mut self, step: &str, condition: impl Fn() -> bool) {
		for _ in 0..2_000 {
			if self.chain.query(&condition) {
				return;
			}
			self.chain.blocks(1);
			self.note(step, None);
		}
		panic!("waited in vain for: {step}");
	}

	/// A job's life, from its submission until nothing is left of it.
	fn live(&mut self, spec: JobSpec) {
		let seats = usize::from(spec.verification.seats());
		self.call("submit", &CLIENT.pair(), pallet_jobs::Call::submit { spec });
		let members = self.members.clone();
		let holders = || -> Vec<(AccountId, sr25519::Pair)> {
			let has_seat = |who: &AccountId| !Runtime::assignments(who.clone()).is_empty();
			members
				.iter()
				.filter(|(provider, _)| has_seat(provider))
				.cloned()
				.collect()
		};
		self.wait("draws", || holders().len() == seats);
		let holders = self.chain.query(holders);
		for (_, operator) in &holders {
			self.call("accept", operator, pallet_jobs::Call::accept { shard: SHARD });
		}
		for (provider, operator) in &holders {
			let seal = self.chain.query(|| {
				let view = Runtime::assignments(provider.clone()).remove(0);
				let genesis = System::block_hash(0);
				let context = outcome::SealContext {
					genesis: &genesis,
					shard: SHARD,
					seat: view.seat,
					round: view.round,
					account: provider,
				};
				outcome::seal(context, &report(), &[7; 32])
			});
			self.call("seal", operator, pallet_attestations::Call::seal { shard: SHARD, seal });
		}
		self.wait("draw of an audit", || Runtime::case(SHARD).unwrap().drawn.is_some());
		assert_eq!(self.chain.query(|| Runtime::case(SHARD).unwrap().drawn), Some(false));
		for (_, operator) in &holders {
			self.call("reveal", operator, super::market::reveal(&report()));
		}
		self.wait("windows and settlement", || Runtime::job(JOB).unwrap().running == 0);
		self.call(
			"acknowledge",
			&CLIENT.pair(),
			pallet_jobs::Call::acknowledge {
				job: JOB,
				first: 0,
				count: 1,
			},
		);
		// Timers that are left fire in vain.
		for _ in 0..1_200 {
			self.chain.blocks(1);
			self.note("left timers", None);
		}
	}
}

/// Weights of transactions contain it: their sender's account and fee, the block's books.
fn is_of_any_transaction(key: &[u8]) -> bool {
	let is = |pallet: &str, item: &str| {
		key.starts_with(
			&[
				sp_io::hashing::twox_128(pallet.as_bytes()),
				sp_io::hashing::twox_128(item.as_bytes()),
			]
			.concat(),
		)
	};
	key.starts_with(b":")
		|| is("Scheduler", "Agenda")
		|| is("Attestations", "Draws")
		// Of sessions and eras, which end now and then.
		|| is("Historical", "HistoricalSessions")
		|| is("Emission", "Emitted")
		|| (key.starts_with(&sp_io::hashing::twox_128(b"System")) && !is("System", "Account"))
		|| key.starts_with(&sp_io::hashing::twox_128(b"TransactionPayment"))
		|| is("Balances", "TotalIssuance")
}

fn name(key: &[u8]) -> String {
	let info = AllPalletsWithSystem::storage_info()
		.into_iter()
		.find(|info| key.starts_with(&info.prefix));
	info.map_or_else(
		|| "?".into(),
		|info| {
			let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
			format!("{}.{}", text(info.pallet_name), text(info.storage_name))
		},
	)
}

impl Life {
	fn reads(&self) -> usize {
		self.steps.iter().map(|(_, read, _)| read.len()).sum()
	}

	fn writes(&self) -> usize {
		self.steps.iter().map(|(_, _, written)| written.len()).sum()
	}

	fn print(&self) {
		let names = |keys: &Keys| {
			let mut names = std::collections::BTreeMap::<String, u32>::new();
			for key in keys {
				*names.entry(name(key)).or_default() += 1;
			}
			let words: Vec<_> = names
				.into_iter()
				.map(|(name, count)| format!("{name} {count}"))
				.collect();
			words.join(", ")
		};
		for (step, read, written) in &self.steps {
			println!(
				"{step}: {} r {} w\n    r: {}\n    w: {}",
				read.len(),
				written.len(),
				names(read),
				names(written)
			);
		}
		println!("in all: {} r {} w", self.reads(), self.writes());
	}
}

/// A change that makes it dearer is seen here.
#[test]
fn the_life_of_a_shard_of_two_seats() {
	let mut crowd = Crowd::new();
	crowd.live(spec());
	crowd.life.print();
	assert!(crowd.life.reads() <= 57 && crowd.life.writes() <= 55);
}
