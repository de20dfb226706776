//! The pools: who can be drawn, and the draw.
//!
//! A pool is an indexable list: `PoolMembers[(class, shelf)][0 .. size]`, its size one of the 2,304 counters of
//! its class in `PoolSizes`. Entering appends, leaving moves the last member into the gap, drawing reads the counters
//! once and one member per draw. None of them depends on how many providers there are.
//!
//! Whatever a request demands by price, region and memory, a pool meets it as a whole or is left out: prices and memory count by
//! steps, an ask as the next higher one, a slot's memory as the next lower one. So entries that nobody can give work to, however
//! many somebody registers, do not take the looks of a draw from those who can work.
//!
//! Members move after a block's draws only, in the order in which they asked for it: whoever makes the block before a draw knows
//! its seed already, and what it puts into that block must not change what an index means. What an entry says changes at once.

use crate::{
	types::{PoolKey, Provider, Shelf, CLASSES},
	Config, Error, Moves, MovesBounds, Pallet, PoolMembers, PoolSizes, Providers, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{defensive, weights::WeightMeter};
use millrace_primitives::{
	params::ProvidersParams,
	provider::{
		affordable_buckets, level_for_task, Census, ClassSet, DrawRequest, Drawn, HardwareClass, Region, MAX_DRAWS,
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
	pub(crate) fn of(provider: &Provider, params: &ProvidersParams) -> Self {
		let info = &provider.info;
		Self {
			in_standing: provider.in_standing(params),
			is_free: provider.is_free(params),
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
		let before = Footing::of(&provider, &params);
		let result = change(&mut provider, &params)?;
		Self::place(who, &mut provider, Some(before), &params);
		Providers::<T>::insert(who, provider);
		Ok(result)
	}

	/// Makes the pools follow a changed record, whose footing was `before` (none if it is new): its entries say at once what
	/// draws may find, and it is moved after the next draws if it stands where it does not belong.
	///
	/// Who comes into standing or changes what a draw filters on waits for the membership delay; who was only out of
	/// slots or bond does not. So nobody who foresees a draw can enter for it, and nobody who knows its seed can shift it.
	pub(crate) fn place(who: &AccountId, provider: &mut Provider, before: Option<Footing>, params: &ProvidersParams) {
		let after = Footing::of(provider, params);
		let reshaped = before.as_ref().is_none_or(|before| before.shape != after.shape);
		let restart = after.in_standing && (reshaped || before.as_ref().is_none_or(|before| !before.in_standing));
		if restart {
			provider.drawable_from = T::Clock::now().saturating_add(params.membership_delay);
		}
		if before.as_ref() != Some(&after) {
			Self::refresh_pools(who, provider, params);
		}
		if !Self::is_right(provider, params) && !provider.moving {
			provider.moving = true;
			MovesBounds::<T>::mutate(|(_, tail)| {
				Moves::<T>::insert(*tail, who);
				*tail = tail.wrapping_add(1);
			});
		}
	}

	/// Whether a provider stands in the pools exactly where it belongs.
	pub(crate) fn is_right(provider: &Provider, params: &ProvidersParams) -> bool {
		match provider.belongs_in_pools(params) {
			true => provider.pooled() && provider.is_in_place(),
			false => !provider.pooled(),
		}
	}

	/// Moves the providers that wait for it, within the meter.
	pub(crate) fn do_move_pools(meter: &mut WeightMeter) {
		let params = T::Parameters::get();
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
			if !Self::is_right(&provider, &params) {
				Self::leave_pools(&mut provider);
				// Another one may have been moved into its gap, never itself: it has no place any more.
				if provider.belongs_in_pools(&params) {
					Self::enter_pools(&who, &mut provider, &params);
				}
			}
			Providers::<T>::insert(&who, provider);
		}
	}

	/// Appends a provider to the pools of its classes.
	fn enter_pools(who: &AccountId, provider: &mut Provider, params: &ProvidersParams) {
		let shelf = Shelf::of(&provider.info);
		provider.stands_in = shelf;
		let mut entered = Vec::new();
		for class in provider.info.classes.iter() {
			PoolSizes::<T>::mutate(class, |sizes| {
				let size = shelf.size(sizes);
				let Some(grown) = size.checked_add(1) else {
					defensive!("fewer providers than 2^32");
					return;
				};
				provider.places[class as usize] = Some(*size);
				entered.push((shelf.pool(class), *size));
				*size = grown;
			});
		}
		// All places are known now, so the entries count.
		let entry = provider.entry(who, params);
		for (pool, index) in entered {
			PoolMembers::<T>::insert(pool, index, &entry);
		}
	}

	/// Takes a provider out of the pools in which its places are.
	fn leave_pools(provider: &mut Provider) {
		for class in HardwareClass::ALL {
			let Some(index) = provider.places[class as usize].take() else {
				continue;
			};
			Self::remove_member(provider.stands_in.pool(class), index);
		}
	}

	/// Removes a member and moves the last one into its place.
	fn remove_member(pool: PoolKey, index: u32) {
		PoolSizes::<T>::mutate(pool.class, |sizes| {
			let size = pool.shelf.size(sizes);
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
	pub(crate) fn refresh_pools(who: &AccountId, provider: &Provider, params: &ProvidersParams) {
		let entry = provider.entry(who, params);
		for class in HardwareClass::ALL {
			if let Some(index) = provider.places[class as usize] {
				PoolMembers::<T>::insert(provider.stands_in.pool(class), index, &entry);
			}
		}
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::draw`].
	pub(crate) fn do_draw(request: &DrawRequest, seed: Hash, draws: u32, enough: usize) -> Drawn {
		let pools = Self::pools_for(request);
		let among: u64 = pools.iter().map(|(_, size)| u64::from(*size)).sum();
		let mut found = Drawn {
			among,
			..Drawn::default()
		};
		if among == 0 {
			return found;
		}

		let now = T::Clock::now();
		let mut drawn = Vec::with_capacity(draws.min(MAX_DRAWS) as usize);
		for turn in 0..draws.min(MAX_DRAWS) {
			if found.candidates.len() >= enough {
				break;
			}
			let mut index = uniform(seed, turn, among);
			if drawn.contains(&index) {
				continue;
			}
			drawn.push(index);
			found.looked = found.looked.saturating_add(1);
			let pool = pools
				.iter()
				.find(|(_, size)| match index.checked_sub(u64::from(*size)) {
					Some(rest) => {
						index = rest;
						false
					}
					None => true,
				});
			let Some((shelf, _)) = pool else {
				defensive!("a drawn index is below the total");
				continue;
			};
			// Below the pool's size, hence within 32 bits.
			let Some(entry) = PoolMembers::<T>::get(shelf.pool(request.class), index as u32) else {
				defensive!("every index below a pool's size has a member");
				continue;
			};
			if entry.ask <= request.price_cap
				&& entry.memory_pages >= request.memory_pages
				&& entry.reputation >= request.min_reputation
				&& entry.drawable_from <= now
				&& entry.is_free
			{
				found.candidates.push(entry.into());
			}
		}
		found
	}

	/// The pools that have members and from which a request is drawn, with their sizes.
	fn pools_for(request: &DrawRequest) -> Vec<(Shelf, u32)> {
		let sizes = PoolSizes::<T>::get(request.class);
		let buckets = affordable_buckets(request.price_cap);
		let least = level_for_task(request.memory_pages);
		let mut pools = Vec::new();
		for region in Region::ALL
			.into_iter()
			.filter(|region| request.regions.contains(*region))
		{
			for (bucket, levels) in sizes[region as usize].iter().take(buckets).enumerate() {
				for (memory, size) in levels.iter().enumerate().skip(least).filter(|(_, size)| **size > 0) {
					let shelf = Shelf {
						region,
						bucket: bucket as u8,
						memory: memory as u8,
					};
					pools.push((shelf, *size));
				}
			}
		}
		pools
	}

	/// See [`millrace_primitives::traits::ProviderRegistry::census`].
	pub(crate) fn do_census(request: &DrawRequest) -> Census {
		let sizes = PoolSizes::<T>::get(request.class);
		let buckets = affordable_buckets(request.price_cap);
		let mut census = Census::default();
		for region in Region::ALL {
			for (bucket, levels) in sizes[region as usize].iter().enumerate() {
				let size = levels.iter().fold(0u32, |sum, size| sum.saturating_add(*size));
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
