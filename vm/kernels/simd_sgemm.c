#include "kernel.h"
#include <wasm_simd128.h>
#define N 512
static float a[N][N], b[N][N], c[N][N];

// Tiles of 4 by 8, their sums in registers.
static void multiply(void) {
	for (int i = 0; i < N; i += 4)
		for (int k = 0; k < N; k += 8) {
			v128_t sums[4][2];
			for (int r = 0; r < 4; r++)
				sums[r][0] = sums[r][1] = wasm_f32x4_splat(0);
			for (int j = 0; j < N; j++) {
				v128_t left = wasm_v128_load(&b[j][k]), right = wasm_v128_load(&b[j][k + 4]);
				for (int r = 0; r < 4; r++) {
					v128_t x = wasm_v128_load32_splat(&a[i + r][j]);
					sums[r][0] = wasm_f32x4_add(sums[r][0], wasm_f32x4_mul(x, left));
					sums[r][1] = wasm_f32x4_add(sums[r][1], wasm_f32x4_mul(x, right));
				}
			}
			for (int r = 0; r < 4; r++)
				for (int half = 0; half < 2; half++) {
					float *to = &c[i + r][k + 4 * half];
					wasm_v128_store(to, wasm_f32x4_add(wasm_v128_load(to), sums[r][half]));
				}
		}
}

void _start(void) {
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			a[i][k] = next() / 4294967296.0f, b[i][k] = next() / 4294967296.0f;
	for (int round = 0; round < 12; round++)
		multiply();
	double sum = 0;
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			sum += c[i][k];
	report((u64)sum);
}
