#include "kernel.h"
#define N (3 << 18)
static u8 plain[N], coded[N / 3 * 4], again[N], values[256];
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void _start(void) {
	for (u32 i = 0; i < N; i++)
		plain[i] = next();
	for (u32 i = 0; i < 64; i++)
		values[(u8)letters[i]] = i;
	u32 sum = 0;
	for (int round = 0; round < 40; round++) {
		for (u32 i = 0, k = 0; i < N; i += 3, k += 4) {
			u32 bits = plain[i] << 16 | plain[i + 1] << 8 | plain[i + 2];
			coded[k] = letters[bits >> 18];
			coded[k + 1] = letters[bits >> 12 & 63];
			coded[k + 2] = letters[bits >> 6 & 63];
			coded[k + 3] = letters[bits & 63];
		}
		for (u32 i = 0, k = 0; i < N; i += 3, k += 4) {
			u32 bits = values[coded[k]] << 18 | values[coded[k + 1]] << 12 | values[coded[k + 2]] << 6 | values[coded[k + 3]];
			again[i] = bits >> 16;
			again[i + 1] = bits >> 8;
			again[i + 2] = bits;
		}
		sum = sum * 31 + again[round * 1000];
		plain[round] ^= sum;
	}
	report(sum);
}
