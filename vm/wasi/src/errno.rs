//! What went wrong, by the numbers of WASI.

/// An error of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Errno {
	/// Not a file descriptor, or not one for this.
	BadF = 8,
	/// In use: the root is not to be renamed or removed.
	Busy = 10,
	Exist = 20,
	/// A pointer leads out of the program's memory.
	Fault = 21,
	/// A file would have more than 2^32 - 1 bytes.
	FBig = 22,
	/// Not UTF-8.
	IlSeq = 25,
	Inval = 28,
	/// An archive says something that cannot be.
	Io = 29,
	IsDir = 31,
	/// More than 40 symbolic links on the way, or one where none is to be followed.
	Loop = 32,
	/// All 1,024 file descriptors are taken.
	MFile = 33,
	NameTooLong = 37,
	NoEnt = 44,
	/// The job's memory is used up.
	NoSpc = 51,
	NoSys = 52,
	NotDir = 54,
	NotEmpty = 55,
	NotSock = 57,
	Perm = 63,
	/// Standard streams cannot seek.
	SPipe = 70,
}

/// What most functions return.
pub type Result<T> = core::result::Result<T, Errno>;
