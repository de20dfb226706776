//! Calls, drawn at random or by a fuzzer, of the functions and of the model at once.
#![allow(dead_code)]

use crate::{
	common::{archive::*, reference::Reference, *},
	files::{self, Kind, Model, TOP},
};
use std::{collections::BTreeSet, sync::Arc};

/// What a sequence starts with.
pub struct Start {
	image: Arc<[u8]>,
	input: Arc<[u8]>,
	setup: Arc<[u8]>,
	items: Vec<Item>,
}

/// Nothing, an image, one without an index, and an input over each.
pub fn starts() -> Vec<Start> {
	let below = vec![
		directory("a"),
		file("a/a", b"image a/a"),
		file("a/b", &[3; 9_000]),
		file("a/c/a", b"deep"),
		directory("b"),
		link("c", "a/b"),
		link("b/l", "../a/c"),
		file("d", &[4; 4_096]),
	];
	let above = vec![
		file("a/b", b"input a/b"),
		file("a/c/b", b"input a/c/b"),
		file("b", b"a file over a folder"),
		directory("c"),
		link("l", "/a"),
		file("tmp/a", &[5; 5_000]),
	];
	let files = Setup {
		input: 2,
		..Setup::default()
	}
	.bytes();
	let none: Arc<[u8]> = [].into();
	let start = |image: Vec<u8>, input: Vec<u8>, setup: &[u8], items: &[&Vec<Item>]| Start {
		image: image.into(),
		input: input.into(),
		setup: setup.into(),
		items: items.iter().flat_map(|items| items.iter().cloned()).collect(),
	};
	vec![
		Start {
			image: none.clone(),
			input: none.clone(),
			setup: none,
			items: Vec::new(),
		},
		start(image(&below), Vec::new(), &[], &[&below]),
		start(plain(&below), Vec::new(), &[], &[&below]),
		start(image(&below), plain(&above), &files, &[&below, &above]),
		start(plain(&below), image(&above), &files, &[&below, &above]),
		start(Vec::new(), image(&above), &files, &[&above]),
	]
}

/// A sequence of calls, made of the functions and of the model.
pub struct Run {
	pub real: Program,
	pub model: Model,
	pub random: Random,
	/// What was called, for a message.
	pub calls: Vec<String>,
	/// Whether there may be too little memory.
	pub scarce: bool,
	/// Where the reference engine and the model ended differently: the call, and both ends (`ok` or the error's number).
	pub differences: Vec<(String, String, String)>,
	/// Whether one of them did something that the other did not.
	pub parted: bool,
}

impl Run {
	pub fn new(start: &Start, random: Random) -> Self {
		let mut real = Program::with_pages(4);
		real.wasi.host.image = start.image.clone();
		real.wasi.host.input = start.input.clone();
		real.wasi.host.setup = start.setup.clone();
		let mut model = Model::new();
		for (entry, content) in &start.items {
			let kind = match &entry.kind {
				millrace_wasi::tools::pack::Kind::Directory => Kind::Directory {
					entries: Default::default(),
					parent: None,
				},
				millrace_wasi::tools::pack::Kind::Link(text) => Kind::Link(String::from_utf8(text.clone()).unwrap()),
				_ => Kind::File(content.clone()),
			};
			model.unpack(std::str::from_utf8(&entry.path).unwrap(), kind);
		}
		model.prepare();
		Self {
			real,
			model,
			random,
			calls: Vec::new(),
			scarce: false,
			differences: Vec::new(),
			parted: false,
		}
	}

	/// The same calls of the reference engine, over an empty folder.
	pub fn of_reference(reference: Reference, random: Random) -> Self {
		let mut run = Self::new(&starts()[0], random);
		run.real.use_reference(reference);
		run.model.without_null();
		run
	}

	fn path(&mut self) -> String {
		const NAMES: &[&str] = &["a", "b", "c", "d", "l", "tmp", "a", "b", "c", "..", "."];
		let mut path = String::new();
		for i in 0..=self.random.below(4).saturating_sub(1) {
			if i > 0 {
				path += if self.random.below(20) == 0 { "//" } else { "/" };
			}
			path += *self.random.one::<&str>(NAMES);
		}
		match self.random.below(60) {
			0..6 => path += "/",
			6 => path.insert(0, '/'),
			7 => path = "dev/null".into(),
			8 => path.clear(),
			_ => {}
		}
		path
	}

	/// Mostly the root; else any that is open, or one that may not be.
	fn fd(&mut self) -> u32 {
		match self.random.below(8) {
			0..5 => ROOT,
			5..7 => self.any(),
			_ => self.random.below(12) as u32,
		}
	}

	fn any(&mut self) -> u32 {
		let open: Vec<u32> = self.model.fds.keys().copied().collect();
		if open.is_empty() {
			5
		} else {
			*self.random.one(&open)
		}
	}

	fn size(&mut self) -> u64 {
		match self.random.below(6) {
			0 => self.random.below(4),
			1 => 4_094 + self.random.below(4),
			2 => 8_190 + self.random.below(4),
			3 => self.random.below(20_000),
			_ => self.random.below(300),
		}
	}

	#[track_caller]
	fn check<T: PartialEq + std::fmt::Debug>(&mut self, call: String, real: T, model: T) {
		self.calls.push(call);
		if real != model {
			let (real, model) = (format!("{real:?}"), format!("{model:?}"));
			let same = real
				.bytes()
				.zip(model.bytes())
				.take_while(|(one, other)| one == other)
				.count();
			let around = |text: &str| text.chars().skip(same.saturating_sub(40)).take(200).collect::<String>();
			let calls = self.calls.join("\n");
			panic!(
				"after\n{calls}\nreal {}\nmodel {}\ndiffer at {same}",
				around(&real),
				around(&model)
			);
		}
	}

	/// Has the model do what the real one did, unless that had no memory for it: then nothing may have happened.
	#[track_caller]
	fn both<T: PartialEq + std::fmt::Debug>(
		&mut self,
		call: String,
		real: Result<T, u32>,
		model: impl FnOnce(&mut Model) -> Result<T, u32>,
	) {
		if self.scarce && matches!(real, Err(NOSPC)) {
			self.calls.push(format!("{call}: no memory"));
			return;
		}
		let model = model(&mut self.model);
		if self.real.reference.is_some() && real != model {
			let end = |end: &Result<T, u32>| end.as_ref().err().map_or("ok".into(), |errno| errno.to_string());
			self.parted = real.is_ok() || model.is_ok();
			self.differences.push((call.clone(), end(&real), end(&model)));
			self.calls.push(call);
			return;
		}
		self.check(call, real, model);
	}

	/// What is compared of a file's description: the size and links of a folder are the file system's own matter.
	fn described(&self, (kind, links, size): (u8, u64, u64)) -> (u8, u64, u64) {
		match self.real.reference.is_some() && kind == 3 {
			true => (kind, 0, 0),
			false => (kind, links, size),
		}
	}

	/// Has both do the same.
	pub fn step(&mut self) {
		let fd = self.fd();
		match self.random.below(24) {
			0..5 => {
				let path = self.path();
				let follow = self.random.below(2);
				let ask = match self.random.below(3) {
					0 => 0,
					1 => CREATE,
					_ => self.random.below(16),
				};
				let mut rights = *self.random.one(&[READ, WRITE, READ | WRITE, READ | WRITE, 0]);
				// What a file is for that is opened for neither, or made without being written, is not defined.
				if self.real.reference.is_some() && rights & WRITE == 0 {
					rights |= if ask & (CREATE | TRUNCATE) != 0 {
						READ | WRITE
					} else {
						READ
					};
				}
				let flags = u64::from(self.random.below(5) == 0);
				let real = self.real.open_at(fd, &path, follow, ask, rights, flags);
				let call = format!("open {fd} {path:?} {follow} {ask} {rights} {flags}");
				self.both(call, real, |model| {
					model.open(fd, &path, follow == 1, ask, rights, flags)
				});
			}
			5 => {
				let fd = self.any();
				if fd >= 3 {
					let real = self.real.close(fd);
					self.both(format!("close {fd}"), real, |model| model.close(fd));
				}
			}
			6..9 => {
				let fd = self.any();
				let len = self.size() as usize;
				let bytes = self.random.bytes(len);
				let mut offset = (self.random.below(3) == 0).then(|| self.size());
				// Linux appends then wherever it is to be written, which POSIX does not want.
				if self.real.reference.is_some() && self.model.fds.get(&fd).is_some_and(|open| open.append) {
					offset = None;
				}
				let real = match offset {
					Some(offset) => self.real.pwrite(fd, &bytes, offset),
					None => self.real.write(fd, &bytes),
				};
				// A part of it, if memory ends.
				let len = real.ok().filter(|_| self.scarce).map_or(len, |len| len as usize);
				self.both(format!("write {fd} {len} {offset:?}"), real, |model| {
					model.write(fd, &bytes[..len], offset)
				});
			}
			9..11 => {
				let fd = self.any();
				let len = self.size() as usize;
				let offset = (self.random.below(3) == 0).then(|| self.size());
				let real = match offset {
					Some(offset) => self.real.pread(fd, len, offset),
					None => self.real.read(fd, len),
				};
				self.both(format!("read {fd} {len} {offset:?}"), real, |model| {
					model.read(fd, len, offset)
				});
			}
			11 => {
				let fd = self.any();
				let whence = self.random.below(3);
				let offset = self.size() as i64 - if whence == 0 { 0 } else { 5_000 };
				let real = self.real.seek(fd, offset, whence);
				self.both(format!("seek {fd} {offset} {whence}"), real, |model| {
					model.seek(fd, offset, whence)
				});
			}
			12 => {
				let fd = self.any();
				let size = self.size();
				let real = self.real.set_size(fd, size);
				self.both(format!("set_size {fd} {size}"), real, |model| model.set_size(fd, size));
			}
			13..15 => {
				let path = self.path();
				let real = self.real.mkdir_at(fd, &path);
				self.both(format!("mkdir {fd} {path:?}"), real, |model| model.mkdir(fd, &path));
			}
			15..17 => {
				let path = self.path();
				let real = self.real.unlink_at(fd, &path);
				self.both(format!("unlink {fd} {path:?}"), real, |model| model.unlink(fd, &path));
			}
			17 => {
				let path = self.path();
				let real = self.real.rmdir_at(fd, &path);
				self.both(format!("rmdir {fd} {path:?}"), real, |model| model.rmdir(fd, &path));
			}
			18..20 => {
				let (path, new, new_fd) = (self.path(), self.path(), self.fd());
				let real = self.real.rename_at(fd, &path, new_fd, &new);
				let call = format!("rename {fd} {path:?} {new_fd} {new:?}");
				self.both(call, real, |model| model.rename(fd, &path, new_fd, &new));
			}
			20 => {
				let (text, path) = (self.path(), self.path());
				let real = self.real.symlink_at(&text, fd, &path);
				self.both(format!("symlink {text:?} {fd} {path:?}"), real, |model| {
					model.symlink(&text, fd, &path)
				});
			}
			21 => {
				let (path, new, new_fd) = (self.path(), self.path(), self.fd());
				let follow = self.random.below(2);
				let real = self.real.link_at(fd, &path, new_fd, &new, follow);
				let call = format!("link {fd} {path:?} {new_fd} {new:?} {follow}");
				self.both(call, real, |model| model.link(fd, follow == 1, &path, new_fd, &new));
			}
			22 => match self.random.below(3) {
				0 => {
					let (fd, to) = (self.any(), self.any());
					if fd != ROOT && to != ROOT {
						let real = self.real.result("fd_renumber", &[fd.into(), to.into()]);
						self.both(format!("renumber {fd} {to}"), real, |model| model.renumber(fd, to));
					}
				}
				1 => {
					let (fd, flags) = (self.any(), self.random.below(6));
					let real = self.real.result("fd_fdstat_set_flags", &[fd.into(), flags]);
					self.both(format!("set_flags {fd} {flags}"), real, |model| {
						model.set_flags(fd, flags)
					});
				}
				_ => {
					let path = self.path();
					let real = self.real.readlink_at(fd, &path, 300);
					self.both(format!("readlink {fd} {path:?}"), real, |model| {
						model.readlink(fd, &path)
					});
				}
			},
			_ => {
				let path = self.path();
				let follow = self.random.below(2);
				let real = self
					.real
					.stat_at(fd, &path, follow)
					.map(|stat| self.described((stat.kind, stat.links, stat.size)));
				let model = self.model.stat(fd, &path, follow == 1).map(|stat| self.described(stat));
				self.both(format!("stat {fd} {path:?} {follow}"), real, |_| model);
			}
		}
	}

	/// Uses almost all memory up.
	pub fn fill(&mut self) {
		let real = self.real.open("dev/fill", CREATE, READ | WRITE);
		self.both("open dev/fill".into(), real, |model| {
			model.open(ROOT, "dev/fill", true, CREATE, READ | WRITE, 0)
		});
		for block in 0.. {
			let (fd, at) = (4, block * 4_096);
			let real = self.real.pwrite(fd, &[9; 4_096], at);
			if real.is_err() {
				break;
			}
			self.both(format!("fill {block}"), real, |model| {
				model.write(fd, &[9; 4_096], Some(at))
			});
		}
		for n in 0.. {
			let path = format!("dev/{n}");
			let real = self.real.mkdir(&path);
			if real.is_err() {
				break;
			}
			self.both(format!("mkdir {path}"), real, |model| model.mkdir(ROOT, &path));
		}
		for n in 0..self.random.below(6) {
			let path = format!("dev/{n}");
			let real = self.real.rmdir(&path);
			self.both(format!("rmdir {path}"), real, |model| model.rmdir(ROOT, &path));
		}
		if self.random.below(2) == 0 {
			let size = self.size() * 3;
			let real = self.real.set_size(4, size);
			self.both(format!("set_size 4 {size}"), real, |model| model.set_size(4, size));
		}
	}

	/// Compares everything.
	pub fn compare(&mut self) {
		// The root may have been closed.
		let root = match self.model.fds.get(&ROOT).map(|open| open.node) {
			Some(TOP) => ROOT,
			_ => return,
		};
		let top = self.real.stat_at(root, ".", 0).unwrap().inode;
		let mut folders = vec![(String::from("."), TOP, top)];
		while let Some((path, id, above)) = folders.pop() {
			let fd = self.real.open_at(root, &path, 0, DIRECTORY, 0, 0).unwrap();
			let room = 24 + self.random.below(200) as usize;
			let listed = self.real.list_fd(fd, room).unwrap();
			self.real.close(fd).unwrap();
			let here = listed[0].inode;
			if self.real.reference.is_none() {
				self.check(format!("compare {path}/.."), listed[1].inode, above);
			}
			let names: Vec<&String> = listed[2..].iter().map(|entry| &entry.name).collect();
			let unique: BTreeSet<&String> = names.iter().copied().collect();
			let expected: BTreeSet<&String> = self.model.entries(id).keys().collect();
			if unique != expected || unique.len() != names.len() {
				panic!(
					"after\n{}\n{path}: real {names:?}\nmodel {expected:?}",
					self.calls.join("\n")
				);
			}
			let inodes: Vec<(String, u64)> = listed[2..]
				.iter()
				.map(|entry| (entry.name.clone(), entry.inode))
				.collect();
			for (name, inode) in inodes {
				let path = format!("{path}/{name}");
				let child = self.model.entry(id, &name).unwrap();
				let stat = self.real.stat_at(root, &path, 0).unwrap();
				assert_eq!(stat.inode, inode, "{path}");
				let real = self.described((stat.kind, stat.links, stat.size));
				let model = self.described(self.model.describe(child));
				self.check(format!("compare {path}"), real, model);
				match self.model.nodes[child].kind.clone() {
					Kind::File(expected) => {
						let content = self.real.content(&path);
						self.check(format!("compare {path}"), content, Ok(expected));
					}
					Kind::Link(text) => {
						let real = self.real.readlink_at(root, &path, 300);
						self.check(format!("compare {path}"), real, Ok(text.into_bytes()));
					}
					Kind::Directory { .. } => folders.push((path, child, here)),
					Kind::Null => {}
				}
			}
		}
		let fds: Vec<(u32, files::Open)> = self.model.fds.iter().map(|(fd, open)| (*fd, open.clone())).collect();
		for (fd, open) in fds {
			let stat = self.real.fstat(fd).unwrap();
			let real = self.described((stat.kind, stat.links, stat.size));
			let model = self.described(self.model.describe(open.node));
			self.check(format!("fstat {fd}"), real, model);
			if let (Kind::File(mut expected), true) = (self.model.nodes[open.node].kind.clone(), open.read) {
				expected.truncate(50_000);
				let real = self.real.pread(fd, 50_000, 0);
				self.check(format!("compare {fd}"), real, Ok(expected));
			}
		}
	}

	/// Removes all and closes all.
	pub fn clean(&mut self) {
		for fd in self.model.fds.keys().copied().collect::<Vec<u32>>() {
			if fd != ROOT {
				self.real.close(fd).unwrap();
			}
		}
		self.model.fds.retain(|fd, _| *fd == ROOT);
		let mut folders = vec![String::from(".")];
		let mut emptied = Vec::new();
		while let Some(path) = folders.pop() {
			for name in self.real.names(&path).unwrap() {
				let path = format!("{path}/{name}");
				if self.real.lstat(&path).unwrap().kind == 3 {
					folders.push(path);
				} else {
					self.real.unlink(&path).unwrap();
				}
			}
			emptied.push(path);
		}
		for path in emptied.iter().skip(1).rev() {
			self.real.rmdir(path).unwrap();
		}
	}
}
