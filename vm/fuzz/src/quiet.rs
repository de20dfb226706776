//! Functions that end a task do so by a panic that is caught, which libFuzzer's hook would take for a crash.

use std::{
	panic::{catch_unwind, resume_unwind, set_hook, AssertUnwindSafe},
	sync::{Mutex, Once},
};

/// Runs it; a panic that nothing catches is a crash, with its message and place.
pub fn run(what: impl FnOnce()) {
	static HOOK: Once = Once::new();
	static LAST: Mutex<String> = Mutex::new(String::new());
	HOOK.call_once(|| {
		set_hook(Box::new(|panic| {
			*LAST.lock().expect("nothing panics with it") = panic.to_string()
		}))
	});
	if let Err(panic) = catch_unwind(AssertUnwindSafe(what)) {
		eprintln!("{}", LAST.lock().expect("nothing panics with it"));
		// libFuzzer aborts then, and keeps the input.
		resume_unwind(panic);
	}
}
