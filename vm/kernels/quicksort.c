#include "kernel.h"
#define N 1000000
static u32 items[N];

static void sort(u32 *at, int len) {
	while (len > 16) {
		u32 pivot = at[len / 2];
		int i = 0, k = len - 1;
		for (;;) {
			while (at[i] < pivot)
				i++;
			while (at[k] > pivot)
				k--;
			if (i >= k)
				break;
			u32 t = at[i];
			at[i++] = at[k];
			at[k--] = t;
		}
		sort(at, i);
		at += i;
		len -= i;
	}
	for (int i = 1; i < len; i++) {
		u32 item = at[i];
		int k = i;
		for (; k > 0 && at[k - 1] > item; k--)
			at[k] = at[k - 1];
		at[k] = item;
	}
}

void _start(void) {
	u64 sum = 0;
	for (int round = 0; round < 3; round++) {
		for (u32 i = 0; i < N; i++)
			items[i] = next();
		sort(items, N);
		for (u32 i = 0; i < N; i += 1000)
			sum = sum * 31 + items[i];
	}
	report(sum);
}
