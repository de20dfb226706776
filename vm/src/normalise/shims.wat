;; WASI preview 1 over the four intrinsics: standard input, standard output, a clock that stands still and random bytes.
;; A pointer outside the memory gives FAULT (21), an unknown file BADF (8); both before anything is written.
(module
  (import "millrace" "in_len" (func $in_len (result i32)))
  (import "millrace" "in_load64" (func $in_load64 (param i32) (result i64)))
  (import "millrace" "out_store64" (func $out_store64 (param i64)))
  (import "millrace" "exit" (func $exit (param i32 i32)))
  (import "millrace" "memory" (memory 0))

  ;; Bytes of input that were read, bytes of output that were written.
  (global $read (mut i32) (i32.const 0))
  (global $written (mut i32) (i32.const 0))
  ;; The last bytes of output, fewer than eight.
  (global $word (mut i64) (i64.const 0))
  ;; The state of the random numbers; all zero before the first.
  (global $s0 (mut i64) (i64.const 0))
  (global $s1 (mut i64) (i64.const 0))
  (global $s2 (mut i64) (i64.const 0))
  (global $s3 (mut i64) (i64.const 0))

  ;; Whether so many bytes are inside the memory.
  (func $inside (param $at i32) (param $len i64) (result i32)
    (i64.le_u
      (i64.add (i64.extend_i32_u (local.get $at)) (local.get $len))
      (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))

  ;; The bytes of a list of buffers; -1 if the list or one of them is not inside the memory.
  (func $total (param $list i32) (param $count i32) (result i64)
    (local $sum i64)
    (if (i32.eqz (call $inside (local.get $list) (i64.shl (i64.extend_i32_u (local.get $count)) (i64.const 3))))
      (then (return (i64.const -1))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (if (i32.eqz (call $inside (i32.load align=1 (local.get $list)) (i64.load32_u offset=4 align=1 (local.get $list))))
          (then (return (i64.const -1))))
        (local.set $sum (i64.add (local.get $sum) (i64.load32_u offset=4 align=1 (local.get $list))))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (local.get $sum))

  ;; Takes so many bytes of input, which are there, to a place inside the memory.
  (func $take (param $at i32) (param $len i32)
    (local $read i32) (local $word i64)
    (local.set $read (global.get $read))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $len)))
        (if (i32.and (i32.eqz (i32.and (local.get $read) (i32.const 7))) (i32.ge_u (local.get $len) (i32.const 8)))
          (then
            (loop $words
              (i64.store align=1 (local.get $at) (call $in_load64 (i32.shr_u (local.get $read) (i32.const 3))))
              (local.set $at (i32.add (local.get $at) (i32.const 8)))
              (local.set $read (i32.add (local.get $read) (i32.const 8)))
              (local.set $len (i32.sub (local.get $len) (i32.const 8)))
              (br_if $words (i32.ge_u (local.get $len) (i32.const 8)))))
          (else
            (local.set $word
              (i64.shr_u
                (call $in_load64 (i32.shr_u (local.get $read) (i32.const 3)))
                (i64.extend_i32_u (i32.shl (local.get $read) (i32.const 3)))))
            (loop $bytes
              (i64.store8 (local.get $at) (local.get $word))
              (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (local.set $read (i32.add (local.get $read) (i32.const 1)))
              (local.set $len (i32.sub (local.get $len) (i32.const 1)))
              (br_if $done (i32.eqz (local.get $len)))
              (br_if $bytes (i32.and (local.get $read) (i32.const 7))))))
        (br $more)))
    (global.set $read (local.get $read)))

  ;; Writes so many bytes, which are inside the memory, to the output.
  (func $put (param $at i32) (param $len i32)
    (local $word i64) (local $bits i64) (local $next i64)
    (local.set $word (global.get $word))
    (local.set $bits (i64.extend_i32_u (i32.shl (i32.and (global.get $written) (i32.const 7)) (i32.const 3))))
    (global.set $written (i32.add (global.get $written) (local.get $len)))
    (block $words
      (loop $more
        (br_if $words (i32.lt_u (local.get $len) (i32.const 8)))
        (local.set $next (i64.load align=1 (local.get $at)))
        (call $out_store64 (i64.or (local.get $word) (i64.shl (local.get $next) (local.get $bits))))
        ;; In two parts, since a shift by 64 would be none.
        (local.set $word
          (i64.shr_u (i64.shr_u (local.get $next) (i64.const 8)) (i64.sub (i64.const 56) (local.get $bits))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (br $more)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eqz (local.get $len)))
        (local.set $word (i64.or (local.get $word) (i64.shl (i64.load8_u (local.get $at)) (local.get $bits))))
        (local.set $bits (i64.and (i64.add (local.get $bits) (i64.const 8)) (i64.const 63)))
        (if (i64.eqz (local.get $bits))
          (then
            (call $out_store64 (local.get $word))
            (local.set $word (i64.const 0))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $bytes)))
    (global.set $word (local.get $word)))

  ;; Ends the program.
  (func $end (export "proc_exit") (param $code i32)
    (if (i32.eqz (local.get $code))
      (then
        (if (i32.and (global.get $written) (i32.const 7))
          (then (call $out_store64 (global.get $word))))))
    (call $exit (local.get $code) (global.get $written))
    unreachable)

  (func (export "fd_read") (param $fd i32) (param $list i32) (param $count i32) (param $done_at i32) (result i32)
    (local $left i64) (local $moved i64) (local $at i32) (local $len i64)
    (if (local.get $fd) (then (return (i32.const 8))))
    (local.set $left (call $total (local.get $list) (local.get $count)))
    (if (i64.lt_s (local.get $left) (i64.const 0)) (then (return (i32.const 21))))
    (if (i32.eqz (call $inside (local.get $done_at) (i64.const 4))) (then (return (i32.const 21))))
    (local.set $len (i64.extend_i32_u (i32.sub (call $in_len) (global.get $read))))
    (if (i64.gt_u (local.get $left) (local.get $len)) (then (local.set $left (local.get $len))))
    (local.set $moved (local.get $left))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        ;; Read anew each time, since the program may have laid its buffers over the list.
        (local.set $at (i32.load align=1 (local.get $list)))
        (local.set $len (i64.load32_u offset=4 align=1 (local.get $list)))
        (if (i64.gt_u (local.get $len) (local.get $left)) (then (local.set $len (local.get $left))))
        (if (i32.eqz (call $inside (local.get $at) (local.get $len))) (then (return (i32.const 21))))
        (call $take (local.get $at) (i32.wrap_i64 (local.get $len)))
        (local.set $left (i64.sub (local.get $left) (local.get $len)))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br_if $next (local.get $count))))
    (i32.store align=1 (local.get $done_at) (i32.wrap_i64 (i64.sub (local.get $moved) (local.get $left))))
    (i32.const 0))

  (func (export "fd_write") (param $fd i32) (param $list i32) (param $count i32) (param $done_at i32) (result i32)
    (local $total i64)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (local.set $total (call $total (local.get $list) (local.get $count)))
    (if (i64.lt_s (local.get $total) (i64.const 0)) (then (return (i32.const 21))))
    (if (i32.eqz (call $inside (local.get $done_at) (i64.const 4))) (then (return (i32.const 21))))
    (if (i64.gt_u (local.get $total) (i64.const 0xffffffff)) (then (return (i32.const 28))))
    ;; What goes to standard error goes nowhere.
    (block $done
      (br_if $done (i32.ne (local.get $fd) (i32.const 1)))
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (call $put (i32.load align=1 (local.get $list)) (i32.load offset=4 align=1 (local.get $list)))
        (local.set $list (i32.add (local.get $list) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store align=1 (local.get $done_at) (i32.wrap_i64 (local.get $total)))
    (i32.const 0))

  ;; The next of xoshiro256** (Blackman, Vigna), seeded by the task.
  (func $random (result i64)
    (local $result i64) (local $t i64)
    (if (i64.eqz (i64.or (i64.or (global.get $s0) (global.get $s1)) (i64.or (global.get $s2) (global.get $s3))))
      (then
        (global.set $s0 (call $in_load64 (i32.const 0xfffffffc)))
        (global.set $s1 (call $in_load64 (i32.const 0xfffffffd)))
        (global.set $s2 (call $in_load64 (i32.const 0xfffffffe)))
        (global.set $s3 (call $in_load64 (i32.const 0xffffffff)))
        (if (i64.eqz (i64.or (i64.or (global.get $s0) (global.get $s1)) (i64.or (global.get $s2) (global.get $s3))))
          (then
            ;; The generator would stay at zero: the first words of splitmix64 from 0 instead.
            (global.set $s0 (i64.const 0xe220a8397b1dcdaf))
            (global.set $s1 (i64.const 0x6e789e6aa1b965f4))
            (global.set $s2 (i64.const 0x06c45d188009454f))
            (global.set $s3 (i64.const 0xf88bb8a8724c81ec))))))
    (local.set $result
      (i64.mul (i64.rotl (i64.mul (global.get $s1) (i64.const 5)) (i64.const 7)) (i64.const 9)))
    (local.set $t (i64.shl (global.get $s1) (i64.const 17)))
    (global.set $s2 (i64.xor (global.get $s2) (global.get $s0)))
    (global.set $s3 (i64.xor (global.get $s3) (global.get $s1)))
    (global.set $s1 (i64.xor (global.get $s1) (global.get $s2)))
    (global.set $s0 (i64.xor (global.get $s0) (global.get $s3)))
    (global.set $s2 (i64.xor (global.get $s2) (local.get $t)))
    (global.set $s3 (i64.rotl (global.get $s3) (i64.const 45)))
    (local.get $result))

  ;; Every eight bytes, and what is left at the end, take one number, from its lowest byte on.
  (func (export "random_get") (param $at i32) (param $len i32) (result i32)
    (local $word i64)
    (if (i32.eqz (call $inside (local.get $at) (i64.extend_i32_u (local.get $len)))) (then (return (i32.const 21))))
    (block $words
      (loop $more
        (br_if $words (i32.lt_u (local.get $len) (i32.const 8)))
        (i64.store align=1 (local.get $at) (call $random))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (br $more)))
    (if (local.get $len)
      (then
        (local.set $word (call $random))
        (loop $bytes
          (i64.store8 (local.get $at) (local.get $word))
          (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (local.set $len (i32.sub (local.get $len) (i32.const 1)))
          (br_if $bytes (local.get $len)))))
    (i32.const 0))

  ;; No arguments and no environment: zero entries, zero bytes.
  (func $sizes (export "args_sizes_get") (export "environ_sizes_get") (param $count_at i32) (param $size_at i32)
    (result i32)
    (if
      (i32.eqz
        (i32.and
          (call $inside (local.get $count_at) (i64.const 4))
          (call $inside (local.get $size_at) (i64.const 4))))
      (then (return (i32.const 21))))
    (i32.store align=1 (local.get $count_at) (i32.const 0))
    (i32.store align=1 (local.get $size_at) (i32.const 0))
    (i32.const 0))

  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32)
    (i32.const 0))

  ;; Stores a time of one of the four clocks.
  (func $clock (param $id i32) (param $time i64) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $id) (i32.const 3)) (then (return (i32.const 28))))
    (if (i32.eqz (call $inside (local.get $at) (i64.const 8))) (then (return (i32.const 21))))
    (i64.store align=1 (local.get $at) (local.get $time))
    (i32.const 0))

  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $at i32) (result i32)
    (call $clock (local.get $id) (i64.const 0) (local.get $at)))

  (func (export "clock_res_get") (param $id i32) (param $at i32) (result i32)
    (call $clock (local.get $id) (i64.const 1) (local.get $at)))

  (func (export "fd_close") (param $fd i32) (result i32)
    (select (i32.const 0) (i32.const 8) (i32.le_u (local.get $fd) (i32.const 2))))

  (func (export "fd_seek") (param $fd i32) (param $offset i64) (param $whence i32) (param $at i32) (result i32)
    (select (i32.const 70) (i32.const 8) (i32.le_u (local.get $fd) (i32.const 2))))

  ;; File type 0, unknown, since what is no terminal is buffered by C libraries; the right to read or to write.
  (func (export "fd_fdstat_get") (param $fd i32) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (if (i32.eqz (call $inside (local.get $at) (i64.const 24))) (then (return (i32.const 21))))
    (i64.store align=1 (local.get $at) (i64.const 0))
    (i64.store offset=8 align=1 (local.get $at) (select (i64.const 0x40) (i64.const 0x2) (local.get $fd)))
    (i64.store offset=16 align=1 (local.get $at) (i64.const 0))
    (i32.const 0))

  (func (export "fd_prestat_get") (param i32 i32) (result i32)
    (i32.const 8))

  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32)
    (i32.const 8))

  (func (export "sched_yield") (result i32)
    (i32.const 0)))
