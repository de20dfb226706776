//! Connections from strangers: how many, and for how long. Whoever says nothing, or takes nothing, is cut off, and
//! holds up nobody meanwhile.

use axum::{
	extract::connect_info::Connected,
	serve::{IncomingStream, Listener},
};
use std::{
	collections::HashMap,
	future::Future as _,
	io::{self, IoSlice},
	net::{IpAddr, Ipv6Addr, SocketAddr},
	pin::Pin,
	sync::{Arc, Mutex, PoisonError, Weak},
	task::{ready, Context, Poll},
	time::Duration,
};
use tokio::{
	io::{AsyncRead, AsyncWrite, ReadBuf},
	net::{TcpListener, TcpStream},
	sync::{OwnedSemaphorePermit, Semaphore},
	time::{Instant, Sleep},
};

/// The longest request, in bytes: a line and some headers.
const MAX_REQUEST: usize = 16 * 1024;

/// The longest silence that can be allowed.
const MAX_IDLE: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server gives to strangers.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
	/// So many connections at once; more are closed as they come.
	pub connections: usize,
	/// So many of them from one address, of IPv6 from one network of 64 bits.
	pub per_address: usize,
	/// True if connections from this machine itself, which may be a reverse proxy's, and the answers to them, count among
	/// all only.
	pub exempt_loopback: bool,
	/// So many answers are under way at once; more requests wait.
	pub transfers: usize,
	/// So many of them to one address, as `per_address` counts them.
	pub transfers_per_address: usize,
	/// For so long a request waits for its turn.
	pub wait: Duration,
	/// The longest silence, at most a day: from the beginning of a connection or the end of an answer to the next answer's first byte,
	/// and while an answer is not taken.
	pub idle: Duration,
	/// The slowest line on which answers are sent, in bytes per second.
	pub slowest: u64,
}

impl Default for ServeLimits {
	fn default() -> Self {
		Self {
			connections: 512,
			per_address: 64,
			exempt_loopback: true,
			transfers: 128,
			// As many as an agent asks for at once.
			transfers_per_address: 16,
			wait: Duration::from_secs(15),
			idle: Duration::from_secs(30),
			slowest: 16 * 1024,
		}
	}
}

/// How many connections there are.
#[derive(Default)]
struct Places {
	all: usize,
	by_address: HashMap<IpAddr, usize>,
}

/// A connection's place among all, until this is dropped.
struct Place {
	places: Arc<Mutex<Places>>,
	address: Option<IpAddr>,
}

impl Place {
	fn take(places: &Arc<Mutex<Places>>, address: IpAddr, limits: &ServeLimits) -> Option<Self> {
		let address = counted(address, limits.exempt_loopback);
		let mut taken = places.lock().unwrap_or_else(PoisonError::into_inner);
		let here = address.and_then(|address| taken.by_address.get(&address).copied());
		if taken.all >= limits.connections || here.is_some_and(|here| here >= limits.per_address) {
			return None;
		}
		taken.all += 1;
		if let Some(address) = address {
			*taken.by_address.entry(address).or_default() += 1;
		}
		drop(taken);
		Some(Self {
			places: places.clone(),
			address,
		})
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		let mut taken = self.places.lock().unwrap_or_else(PoisonError::into_inner);
		taken.all = taken.all.saturating_sub(1);
		if let Some(address) = self.address {
			let here = taken.by_address.get(&address).copied().unwrap_or_default();
			if here > 1 {
				taken.by_address.insert(address, here - 1);
			} else {
				taken.by_address.remove(&address);
			}
		}
	}
}

/// The address for which a connection counts; none if it counts among all only.
fn counted(address: IpAddr, exempt_loopback: bool) -> Option<IpAddr> {
	let address = address.to_canonical();
	if exempt_loopback && address.is_loopback() {
		return None;
	}
	Some(match address {
		IpAddr::V4(address) => address.into(),
		// Whoever has one address of such a network has all.
		IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
	})
}

/// The right to send an answer, until this is dropped.
pub(super) struct Turn {
	_all: OwnedSemaphorePermit,
	_address: Option<OwnedSemaphorePermit>,
}

/// The answers that may be under way.
pub(super) struct Turns {
	all: Arc<Semaphore>,
	per_address: usize,
	wait: Duration,
	/// Of addresses with answers or requests under way; others are swept out.
	by_address: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

impl Turns {
	pub(super) fn new(limits: &ServeLimits) -> Self {
		Self {
			all: Arc::new(Semaphore::new(limits.transfers.min(Semaphore::MAX_PERMITS))),
			per_address: limits.transfers_per_address.min(Semaphore::MAX_PERMITS),
			wait: limits.wait,
			by_address: Mutex::default(),
		}
	}

	/// Waits for a turn, first among those of the same address, so that they hold up nobody else; none if it takes too
	/// long. Without an address it counts among all only.
	pub(super) async fn take(&self, address: Option<IpAddr>) -> Option<Turn> {
		let turn = async {
			let address = match address {
				Some(address) => Some(self.of(address).acquire_owned().await.ok()?),
				None => None,
			};
			Some(Turn {
				_all: self.all.clone().acquire_owned().await.ok()?,
				_address: address,
			})
		};
		tokio::time::timeout(self.wait, turn).await.ok().flatten()
	}

	fn of(&self, address: IpAddr) -> Arc<Semaphore> {
		let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
		if let Some(turns) = by_address.get(&address).and_then(Weak::upgrade) {
			return turns;
		}
		by_address.retain(|_, turns| turns.strong_count() > 0);
		let turns = Arc::new(Semaphore::new(self.per_address));
		by_address.insert(address, Arc::downgrade(&turns));
		turns
	}
}

/// Whose connection a request came by: the address for which it counts, if it counts for one.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) Option<IpAddr>);

impl Connected<IncomingStream<'_, Guarded>> for Peer {
	fn connect_info(stream: IncomingStream<'_, Guarded>) -> Self {
		Self(stream.io().place.address)
	}
}

/// A listener that closes connections beyond the limits.
pub(super) struct Guarded {
	listener: TcpListener,
	limits: ServeLimits,
	places: Arc<Mutex<Places>>,
}

impl Guarded {
	pub(super) fn new(listener: TcpListener, limits: ServeLimits) -> Self {
		Self {
			listener,
			limits,
			places: Arc::default(),
		}
	}
}

impl Listener for Guarded {
	type Io = Connection;
	type Addr = SocketAddr;

	async fn accept(&mut self) -> (Connection, SocketAddr) {
		loop {
			let (stream, address) = Listener::accept(&mut self.listener).await;
			match Place::take(&self.places, address.ip(), &self.limits) {
				Some(place) => return (Connection::new(stream, place, &self.limits), address),
				None => tracing::debug!(%address, "too many connections, this one is closed"),
			}
		}
	}

	fn local_addr(&self) -> io::Result<SocketAddr> {
		self.listener.local_addr()
	}
}

/// A connection that ends with an error when it is silent for too long.
///
/// An exchange is a request and its answer. Each of its halves begins with the full [`ServeLimits::idle`]; what is
/// received adds nothing to it, what is sent adds the time that it may take on the slowest line.
pub(super) struct Connection {
	stream: TcpStream,
	deadline: Instant,
	/// Wakes at the deadline or before.
	timer: Pin<Box<Sleep>>,
	idle: Duration,
	slowest: u64,
	/// True from an answer's first byte to the next request's.
	answering: bool,
	/// Bytes of the present request; none if nothing was ever received.
	received: Option<usize>,
	place: Place,
}

impl Connection {
	fn new(stream: TcpStream, place: Place, limits: &ServeLimits) -> Self {
		let idle = limits.idle.min(MAX_IDLE);
		let deadline = Instant::now() + idle;
		Self {
			stream,
			deadline,
			timer: Box::pin(tokio::time::sleep_until(deadline)),
			idle,
			slowest: limits.slowest.max(1),
			answering: false,
			received: None,
			place,
		}
	}

	/// For an operation that cannot go on: ready when the time is over.
	fn poll_late<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
		loop {
			ready!(self.timer.as_mut().poll(context));
			if Instant::now() >= self.deadline {
				return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
			}
			self.timer.as_mut().reset(self.deadline);
		}
	}

	fn took_in(&mut self, bytes: &[u8]) -> io::Result<()> {
		// HTTP/2 begins with P: there, flow control and pings could hold an answer for ever. No route takes POST or PUT.
		if self.received.is_none() && bytes.first() == Some(&b'P') {
			return Err(io::Error::new(
				io::ErrorKind::InvalidData,
				"only GET and HEAD of HTTP/1",
			));
		}
		if self.answering && !bytes.is_empty() {
			self.answering = false;
			self.deadline = Instant::now() + self.idle;
		}
		let received = self.received.unwrap_or_default().saturating_add(bytes.len());
		self.received = Some(received);
		if received > MAX_REQUEST {
			return Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too long"));
		}
		Ok(())
	}

	fn gave_out(&mut self, count: usize) {
		if count == 0 {
			return;
		}
		let fresh = Instant::now() + self.idle;
		let earned = Duration::from_nanos((count as u64).saturating_mul(1_000_000_000) / self.slowest);
		self.deadline = if self.answering {
			self.deadline
				.checked_add(earned)
				.map_or(fresh, |later| later.min(fresh))
		} else {
			fresh
		};
		self.answering = true;
		self.received = Some(0);
	}

	fn poll_out(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
		match written {
			Poll::Pending => self.poll_late(context),
			Poll::Ready(Ok(count)) => {
				self.gave_out(count);
				Poll::Ready(Ok(count))
			}
			error => error,
		}
	}
}

impl AsyncRead for Connection {
	fn poll_read(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
		buffer: &mut ReadBuf<'_>,
	) -> Poll<io::Result<()>> {
		let before = buffer.filled().len();
		match Pin::new(&mut self.stream).poll_read(context, buffer) {
			Poll::Pending => self.poll_late(context),
			Poll::Ready(Ok(())) => Poll::Ready(self.took_in(buffer.filled().get(before..).unwrap_or_default())),
			error => error,
		}
	}
}

impl AsyncWrite for Connection {
	fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
		let written = Pin::new(&mut self.stream).poll_write(context, bytes);
		self.poll_out(context, written)
	}

	fn poll_write_vectored(
		mut self: Pin<&mut Self>,
		context: &mut Context<'_>,
		slices: &[IoSlice<'_>],
	) -> Poll<io::Result<usize>> {
		let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
		self.poll_out(context, written)
	}

	fn is_write_vectored(&self) -> bool {
		self.stream.is_write_vectored()
	}

	fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_flush(context)
	}

	fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
		Pin::new(&mut self.stream).poll_shutdown(context)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn places_are_counted_by_address_and_given_back() {
		let places = Arc::default();
		let limits = ServeLimits {
			connections: 4,
			per_address: 2,
			..ServeLimits::default()
		};
		let take = |address: &str| Place::take(&places, address.parse().unwrap(), &limits);
		let first = take("198.51.100.1").unwrap();
		let mapped = take("::ffff:198.51.100.1").unwrap();
		assert!(take("198.51.100.1").is_none());
		let other = take("2001:db8::1").unwrap();
		let same_network = take("2001:db8::ffff").unwrap();
		// All are taken.
		assert!(take("127.0.0.1").is_none());
		drop(same_network);
		assert!(take("2001:db8::2").is_some());
		drop((first, mapped, other));
		let taken = places.lock().unwrap();
		assert_eq!((taken.all, taken.by_address.len()), (0, 0));
	}

	#[tokio::test]
	async fn turns_are_counted_by_address_and_idle_addresses_forgotten() {
		let turns = Turns::new(&ServeLimits {
			transfers: 3,
			transfers_per_address: 2,
			wait: Duration::from_millis(20),
			..ServeLimits::default()
		});
		let [one, other] = [1, 2].map(|last| Some(IpAddr::from([198, 51, 100, last])));
		let first = turns.take(one).await.unwrap();
		let _second = turns.take(one).await.unwrap();
		assert!(turns.take(one).await.is_none());
		let third = turns.take(other).await.unwrap();
		// All are taken.
		assert!(turns.take(other).await.is_none());
		assert!(turns.take(None).await.is_none());
		drop((first, third));
		let _again = (turns.take(one).await.unwrap(), turns.take(None).await.unwrap());
		turns.of(IpAddr::from([198, 51, 100, 3]));
		let known: Vec<_> = turns.by_address.lock().unwrap().keys().copied().collect();
		assert!(!known.contains(&other.unwrap()) && known.contains(&one.unwrap()));
	}

	#[test]
	fn this_machine_counts_among_all_only() {
		for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
			assert_eq!(counted(address.parse().unwrap(), true), None, "{address}");
			assert!(counted(address.parse().unwrap(), false).is_some(), "{address}");
		}
	}
}
