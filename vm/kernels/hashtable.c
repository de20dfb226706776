#include "kernel.h"
#define SLOTS (1 << 16)
static u32 keys[SLOTS], counts[SLOTS];

static u32 *find(u32 key) {
	u32 at = (key * 2654435769u) >> 16;
	while (keys[at] != key && keys[at] != 0)
		at = (at + 1) & (SLOTS - 1);
	keys[at] = key;
	return &counts[at];
}

void _start(void) {
	u64 sum = 0;
	for (u32 i = 0; i < 20000000; i++) {
		u32 key = next() % 40000 + 1;
		sum += ++*find(key);
	}
	report(sum);
}
