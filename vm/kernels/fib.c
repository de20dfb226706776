#include "kernel.h"

__attribute__((noinline)) static u32 fib(u32 n) {
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

void _start(void) {
	report(fib(38));
}
