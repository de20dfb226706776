// A radix-2 Fourier transform, there and back. Factors come from their recurrence, so that nothing of libm is needed.
#include "kernel.h"
#define BITS 14
#define N (1 << BITS)
static double re[N], im[N];
// The cosine and sine of pi / 2^n.
static double cosines[BITS], sines[BITS];

static void transform(double direction) {
	for (u32 i = 0, k = 0; i < N; i++) {
		if (i < k) {
			double t = re[i];
			re[i] = re[k], re[k] = t;
			t = im[i];
			im[i] = im[k], im[k] = t;
		}
		u32 bit = N >> 1;
		for (; k & bit; bit >>= 1)
			k ^= bit;
		k ^= bit;
	}
	for (int level = 0; level < BITS; level++) {
		u32 half = 1 << level;
		double wr = 1, wi = 0;
		for (u32 j = 0; j < half; j++) {
			for (u32 i = j; i < N; i += 2 * half) {
				u32 k = i + half;
				double tr = wr * re[k] - wi * im[k], ti = wr * im[k] + wi * re[k];
				re[k] = re[i] - tr, im[k] = im[i] - ti;
				re[i] += tr, im[i] += ti;
			}
			double t = wr * cosines[level] - direction * wi * sines[level];
			wi = wi * cosines[level] + direction * wr * sines[level];
			wr = t;
		}
	}
}

void _start(void) {
	cosines[0] = -1, sines[0] = 0, cosines[1] = 0, sines[1] = 1;
	for (int level = 2; level < BITS; level++) {
		cosines[level] = __builtin_sqrt((1 + cosines[level - 1]) / 2);
		sines[level] = __builtin_sqrt((1 - cosines[level - 1]) / 2);
	}
	for (u32 i = 0; i < N; i++)
		re[i] = next() / 4294967296.0, im[i] = 0;
	for (int round = 0; round < 30; round++) {
		transform(-1);
		transform(1);
		for (u32 i = 0; i < N; i++)
			re[i] /= N, im[i] /= N;
	}
	double sum = 0;
	for (u32 i = 0; i < N; i++)
		sum += re[i];
	report((u64)(sum * 1000));
}
