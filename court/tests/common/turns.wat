;; Reads a byte, turns around as often as it says, and writes it.
(module
	(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
	(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
	(memory (export "memory") 1)
	(data (i32.const 0) "\20\00\00\00\01\00\00\00")
	(func (export "_start") (local $n i32)
		(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
		(local.set $n (i32.load8_u (i32.const 32)))
		(loop $again
			(i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.extend_i32_u (local.get $n))))
			(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
		(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
