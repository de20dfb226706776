#include "kernel.h"

void _start(void) {
	u32 longest = 0, at = 0;
	for (u32 i = 1; i < 700000; i++) {
		u32 steps = 0;
		for (u64 n = i; n != 1; steps++)
			n = n & 1 ? 3 * n + 1 : n / 2;
		if (steps > longest)
			longest = steps, at = i;
	}
	report((u64)longest << 32 | at);
}
