#include "kernel.h"
#define N 2000
static u8 a[N], b[N];
static u32 row[N + 1];

void _start(void) {
	u32 sum = 0;
	for (int round = 0; round < 12; round++) {
		for (u32 i = 0; i < N; i++)
			a[i] = next() & 3, b[i] = next() & 3;
		for (u32 k = 0; k <= N; k++)
			row[k] = k;
		for (u32 i = 1; i <= N; i++) {
			u32 diagonal = row[0];
			row[0] = i;
			for (u32 k = 1; k <= N; k++) {
				u32 best = diagonal + (a[i - 1] != b[k - 1]);
				diagonal = row[k];
				if (row[k] + 1 < best)
					best = row[k] + 1;
				if (row[k - 1] + 1 < best)
					best = row[k - 1] + 1;
				row[k] = best;
			}
		}
		sum = sum * 31 + row[N];
	}
	report(sum);
}
