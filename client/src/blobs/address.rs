//! Which addresses a stranger's URL may lead to.
//!
//! Whoever names an endpoint could have this machine ask its own network: a router's pages, a cloud's metadata, a
//! database that trusts its neighbours. Names are resolved here, and what is connected to are the very addresses that
//! were looked at: a name that answers differently a moment later changes nothing.

use reqwest::{
	dns::{Addrs, Name, Resolve, Resolving},
	Url,
};
use std::{
	fmt,
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// True if an address belongs to the public Internet: not to this machine, a private network, a single link or a group
/// of receivers, and to no range that is reserved for documentation or other uses.
pub fn is_public(address: IpAddr) -> bool {
	match address {
		IpAddr::V4(address) => is_public_v4(address),
		IpAddr::V6(address) => is_public_v6(address),
	}
}

fn is_public_v4(address: Ipv4Addr) -> bool {
	let [a, b, c, _] = address.octets();
	let reserved = match (a, b, c) {
		// This network, private, loopback; multicast, reserved and broadcast.
		(0 | 10 | 127 | 224..=255, _, _) => true,
		// Behind a carrier's translation.
		(100, 64..=127, _) => true,
		// Link-local, where clouds keep their metadata.
		(169, 254, _) => true,
		(172, 16..=31, _) | (192, 168, _) => true,
		// Protocol assignments, documentation, relays of 6to4.
		(192, 0, 0 | 2) | (192, 88, 99) => true,
		// Benchmarks, documentation.
		(198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
		_ => false,
	};
	!reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
	let embedded = |high: u16, low: u16| {
		let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
		is_public_v4(Ipv4Addr::new(a, b, c, d))
	};
	match address.segments() {
		// An IPv4 address in another form: mapped, translated, tunnelled.
		[0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
		[0x2002, high, low, ..] => embedded(high, low),
		// Protocol assignments, Teredo among them, and documentation.
		[0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
		// All that is assigned to the public. Loopback, unique-local, link-local and multicast lie elsewhere.
		[first, ..] => first & 0xe000 == 0x2000,
	}
}

/// The address that a URL names outright, without a name to resolve.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
	let host = url.host_str()?;
	let host = host
		.strip_prefix('[')
		.and_then(|host| host.strip_suffix(']'))
		.unwrap_or(host);
	host.parse().ok()
}

/// The address that a URL names outright if it is not public.
pub fn private_literal(url: &str) -> Option<IpAddr> {
	literal(&Url::parse(url).ok()?).filter(|address| !is_public(*address))
}

/// A name that leads to no public address.
#[derive(Debug)]
pub(super) struct NotPublic(pub IpAddr);

impl fmt::Display for NotPublic {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{} is not a public address", self.0)
	}
}

impl std::error::Error for NotPublic {}

/// Resolves names to their public addresses.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
	fn resolve(&self, name: Name) -> Resolving {
		Box::pin(async move {
			let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
			let public = public_only(found.collect())?;
			Ok(Box::new(public.into_iter()) as Addrs)
		})
	}
}

/// The public ones of a name's addresses; an error that names one of the others if there are none.
fn public_only(mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
	let first = addresses.first().copied();
	addresses.retain(|address| is_public(address.ip()));
	match first {
		Some(refused) if addresses.is_empty() => Err(NotPublic(refused.ip())),
		_ => Ok(addresses),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_addresses_of_the_public_internet_are_public() {
		for public in [
			"1.1.1.1",
			"9.255.255.255",
			"100.63.0.1",
			"100.128.0.1",
			"172.15.0.1",
			"172.32.0.1",
			"192.1.0.1",
			"193.0.0.1",
			"223.255.255.255",
			"2606:4700::1111",
			"2a00::1",
			"::ffff:8.8.8.8",
			"64:ff9b::808:808",
			"2002:808:808::1",
		] {
			assert!(is_public(public.parse().unwrap()), "{public}");
		}
		for refused in [
			"0.0.0.0",
			"0.1.2.3",
			"10.1.2.3",
			"100.64.0.1",
			"127.0.0.1",
			"127.8.8.8",
			"169.254.169.254",
			"172.16.0.1",
			"172.31.255.255",
			"192.0.0.8",
			"192.0.2.1",
			"192.168.1.1",
			"198.18.0.1",
			"198.51.100.1",
			"203.0.113.7",
			"224.0.0.1",
			"239.255.255.250",
			"240.0.0.1",
			"255.255.255.255",
			"::",
			"::1",
			"::127.0.0.1",
			"::ffff:127.0.0.1",
			"::ffff:10.0.0.1",
			"::ffff:169.254.169.254",
			"64:ff9b::7f00:1",
			"64:ff9b:1::1",
			"2002:7f00:1::1",
			"2001::1",
			"2001:db8::1",
			"3fff::1",
			"fc00::1",
			"fd12:3456::1",
			"fe80::1",
			"fec0::1",
			"ff02::1",
			"100::1",
		] {
			assert!(!is_public(refused.parse().unwrap()), "{refused}");
		}
	}

	#[test]
	fn literal_addresses_are_seen_however_they_are_written() {
		for url in [
			"http://127.0.0.1:8000/x",
			"http://127.1/",
			"http://2130706433/",
			"http://0x7f.0.0.1/",
			"http://0177.0.0.1/",
			"http://[::1]:80/",
			"http://[::ffff:127.0.0.1]/",
			"http://user@10.0.0.1/",
			"https://169.254.169.254/latest",
		] {
			assert!(private_literal(url).is_some(), "{url}");
		}
		for url in ["http://1.1.1.1/", "http://localhost/", "https://a.example/", "nonsense"] {
			assert_eq!(private_literal(url), None, "{url}");
		}
	}

	#[test]
	fn of_a_name_s_addresses_only_the_public_ones_are_used() {
		let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
		let (inside, outside) = (address("192.168.0.1"), address("1.1.1.1"));
		assert_eq!(public_only(vec![inside, outside]).unwrap(), [outside]);
		assert_eq!(public_only(vec![inside]).unwrap_err().0, inside.ip());
		assert_eq!(public_only(vec![]).unwrap(), []);
	}
}
