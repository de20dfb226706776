//! The pools: who can be drawn, and the draw.
//!
//! A pool is an indexable list: `PoolMembers[(class, region, bucket)][0 .. size]`, its size one of the 128 counters of
//! its class in `PoolSizes`. Entering appends, leaving moves the last member into the gap, drawing reads the counters
//! once and one member per draw. None of them depends on how many providers there are.
//!
//! Members move after a block's draws only, in the order in which they asked for it: whoever makes the block before a draw knows
//! its seed already, and what it puts into that block must not change what an index means. What an entry says changes at once.

use crate::{
	types::{PoolKey, Provider, CLASSES},
	Config, Error, Moves, MovesBounds, Pallet, PoolMembers, PoolSizes, Providers, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{defensive, weights::WeightMeter};
use millrace_primitives::{
	params::ProvidersParams,
	provider::{
		price_bucket, Candidate, Census, ClassSet, DrawRequest, HardwareClass, Region, MAX_DRAWS, PRICE_BUCKETS,
	},
	traits::MarketClock,
	AccountId, Balance, Hash,
};
use sp_runtime::{
	traits::{BlakeTwo256, Get, Hash as _},
	DispatchError, PerThing, Permill,
};

/// What decides on a provider's places in the pools, before a change of its record.
#[derive(PartialEq, Eq)]
pub(crate) struct Footing {
	in_standing: bool,
	is_free: bool,
	/// Its reputation in 64ths: its entries are not written for less.
	standing: u32,
	shape: Shape,
}

/// What a draw filters on and a provider declares.
#[derive(PartialEq, Eq)]
struct Shape {
	classes: ClassSet,
	region: Region,
	ask: Balance,
	memory_pages: u32,
}

impl Footing {
	pub(crate) fn of(provider: &Provider, min_bond: Balance) -> Self {
		let info = &provider.info;
		Self {
			in_standing: provider.in_standing(min_bond),
			is_free: provider.free_slots() > 0,
			standing: provider.reputation.score().deconstruct() / (Permill::ACCURACY / 64),
			shape: Shape {
				classes: info.classes,
				region: info.region,
				ask: info.ask,
				memory_pages: info.memory_pages,
			},
		}
	}
}

impl<T: Config> Pallet<T> {
	/// The one way in which a provider's record changes: its places in the pools follow. On an error nothing is written.
	pub(crate) fn try_change<R>(
		who: &AccountId,
		change: impl FnOnce(&mut Provider, &ProvidersParams) -> Result<R, DispatchError>,
	) -> Result<R, DispatchError> {
		let params = T::Parameters::get();
		let mut provider = Providers::<T>::get(who).ok_or(Error::<T>::UnknownProvider)?;
		let before = Footing::of(&provider, params.min_bond);
		let result = change(&mut provider, &params)?;
		Self::place(who, &mut provider, Some(before), &params);
		Providers::<T>::insert(who, provider);
		Ok(result)
	}

	/// Makes the pools follow a changed record, whose footing was `before` (none if it is new): its entries say at once what
	/// draws may find, and it is moved after the next draws if it stands where it does not belong.
	///
	/// Who comes into standing or changes what a draw filters on waits for the membership delay; who was only out of
	/// slots does not. So nobody who foresees a draw can enter for it, and nobody who knows its seed can shift it.
	pub(crate) fn place(who: &AccountId, provider: &mut Provider, before: Option<Footing>, params: &ProvidersParams) {
		let after = Footing::of(provider, params.min_bond);
		let reshaped = before.as_ref().is_none_or(|before| before.shape != after.shape);
		let restart = after.in_standing && (reshaped || before.as_ref().is_none_or(|before| !before.in_standing));
		if restart {
			provider.drawable_from = T::Clock::now().saturating_add(params.membership_delay);
		}
		if before.as_ref() != Some(&after) {
			Self::refresh_pools(who, provider, params.min_bond);
		}
		if !Self::is_right(provider, params.min_bond) && !provider.moving {
			provider.moving = true;
			MovesBounds::<T>::mutate(|(_, tail)| {
				Moves::<T>::insert(*tail, who);
				*tail = tail.wrapping_add(1);
			});
		}
	}

	/// Whether a provider stands in the pools exactly where it belongs.
	pub(crate) fn is_right(provider: &Provider, min_bond: Balance) -> bool {
		match provider.belongs_in_pools(min_bond) {
			true => provider.pooled() && provider.is_in_place(),
			false => !provider.pooled(),
		}
	}

	/// Moves the providers that wait for it, within the meter.
	pub(crate) fn do_move_pools(meter: &mut WeightMeter) {
		let min_bond = T::Parameters::get().min_bond;
		while meter.can_consume(T::WeightInfo::move_provider()) {
			let (head, tail) = MovesBounds::<T>::get();
			if head == tail {
				return;
			}
			MovesBounds::<T>::put((head.wrapping_add(1), tail));
			meter.consume(T::WeightInfo::move_provider());
			let Some(who) = Moves::<T>::take(head) else { continue };
			let Some(mut provider) = Providers::<T>::get(&who) else {
				continue;
			};
			provider.moving = false;
			if !Self::is_right(&provider, min_bond) {
				let (region, bucket) = provider.stands_in;
				Self::leave_pools(&mut provider, region, bucket);
				// Another one may have been moved into its gap, never itself: it has no place any more.
				if provider.belongs_in_pools(min_bond) {
					Self::enter_pools(&who, &mut provider, min_bond);
				}
			}
			Providers::<T>::insert(&who, provider);
		}
	}

	/// Appends a provider to the pools of its classes.
	fn enter_pools(who: &AccountId, provider: &mut Provider, min_bond: Balance) {
		provider.stands_in = provider.pools();
		let mut entered = Vec::new();
		for class in provider.info.classes.iter() {
			let pool = provider.pool(class);
			PoolSizes::<T>::mutate(class, |sizes| {
				let size = &mut sizes[pool.region as usize][usize::from(pool.bucket)];
				let Some(grown) = size.checked_add(1) else {
					defensive!("fewer providers than 2^32");
					return;
				};
				provider.places[class as usize] = Some(*size);
				entered.push((pool, *size));
				*size = grown;
			});
		}
		// All places are known now, so the entries count.
		let entry = provider.entry(who, min_bond);
		for (pool, index) in entered {
			PoolMembers::<T>::insert(pool, index, &entry);
		}
	}

	/// Takes a provider out of the pools of this region and price bucket, in which its places are.
	fn leave_pools(provider: &mut Provider, region: Region, bucket: u8) {
		for class in HardwareClass::ALL {
			let Some(index) = provider.places[class as usize].take() else {
				continue;
			};
			Self::remove_member(PoolKey { class, region, bucket }, index);
		}
	}

	/// Removes a member and moves the last one into its place.
	fn remove_member(pool: PoolKey, index: u32) {
		PoolSizes::<T>::mutate(pool.class, |sizes| {
			let size = &mut sizes[pool.region as usize][usize::from(pool.bucket)];
			let Some(last) = size.checked_sub(1).filter(|last| index <= *last) else {
				defensive!("a place lies within its pool");
				return;
			};
			*size = last;
			let Some(entry) = PoolMembers::<T>::take(pool, last) else {
				defensive!("every index below a pool's size has a member");
				return;
			};
			if index < last {
				Providers::<T>::mutate(&entry.provider, |moved| match moved {
					Some(moved) => moved.places[pool.class as usize] = Some(index),
					None => {
						defensive!("every member has a record");
					}
				});
				PoolMembers::<T>::insert(pool, index, entry);
			}
		});
	}

	/// Writes a provider's entries anew, where they are.
	pub(crate) fn refresh_pools(who: &AccountId, provider: &Provider, min_bond: Balance) {
		let entry = provider.entry(who, min_bond);
		for class in HardwareClass::ALL {
			if let Some(index) = provider.places[class as usize] {
				PoolMembers::<T>::insert(provider.pool(class), index, &entry);
			}
		}
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::draw`].
	pub(crate) fn do_draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Vec<Candidate> {
		let sizes = PoolSizes::<T>::get(request.class);
		let buckets = price_bucket(request.price_cap).saturating_add(1).min(PRICE_BUCKETS);
		let pools = || {
			Region::ALL
				.into_iter()
				.filter(|region| request.regions.contains(*region))
				.flat_map(|region| {
					let counters = sizes[region as usize].into_iter().take(buckets).enumerate();
					counters.map(move |(bucket, size)| (region, bucket as u8, size))
				})
		};
		let total: u64 = pools().map(|(_, _, size)| u64::from(size)).sum();
		if total == 0 {
			return Vec::new();
		}

		let now = T::Clock::now();
		let mut drawn = Vec::with_capacity(draws.min(MAX_DRAWS) as usize);
		let mut found = Vec::new();
		for turn in 0..draws.min(MAX_DRAWS) {
			if found.len() >= enough {
				break;
			}
			let mut index = uniform(seed, turn, total);
			if drawn.contains(&index) {
				continue;
			}
			drawn.push(index);
			let pool = pools().find(|(_, _, size)| match index.checked_sub(u64::from(*size)) {
				Some(rest) => {
					index = rest;
					false
				}
				None => true,
			});
			let Some((region, bucket, _)) = pool else {
				defensive!("a drawn index is below the total");
				continue;
			};
			// Below the pool's size, hence within 32 bits.
			let Some(entry) = PoolMembers::<T>::get(
				PoolKey {
					class: request.class,
					region,
					bucket,
				},
				index as u32,
			) else {
				defensive!("every index below a pool's size has a member");
				continue;
			};
			if entry.ask <= request.price_cap
				&& entry.memory_pages >= request.memory_pages
				&& entry.reputation >= request.min_reputation
				&& entry.drawable_from <= now
				&& entry.is_free
			{
				found.push(entry.into());
			}
		}
		found
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::census`].
	pub(crate) fn do_census(request: &DrawRequest) -> Census {
		let sizes = PoolSizes::<T>::get(request.class);
		let buckets = price_bucket(request.price_cap).saturating_add(1).min(PRICE_BUCKETS);
		let mut census = Census::default();
		for region in Region::ALL {
			for (bucket, size) in sizes[region as usize].into_iter().enumerate() {
				census.in_class = census.in_class.saturating_add(size);
				if request.regions.contains(region) {
					census.in_region = census.in_region.saturating_add(size);
					if bucket < buckets {
						census.affordable = census.affordable.saturating_add(size);
					}
				}
			}
		}
		census
	}
}

/// A number below `total`, from the seed and the turn alone. Each number's chance differs from `1 / total` by less than
/// `2^-64`: with 2^32 members by less than one part in 2^32.
fn uniform(seed: Hash, turn: u32, total: u64) -> u64 {
	let hash = BlakeTwo256::hash_of(&(seed, turn));
	let word = hash
		.as_bytes()
		.last_chunk()
		.map_or(0, |bytes| u64::from_le_bytes(*bytes));
	((u128::from(word) * u128::from(total)) >> 64) as u64
}

const _: () = assert!(CLASSES <= 8, "a set of classes is one byte");
