#include "kernel.h"
#include <wasm_simd128.h>
#define N 4096
static float x[N], y[N];

static float dot(void) {
	v128_t sums[4] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0)};
	for (int i = 0; i < N; i += 16)
		for (int part = 0; part < 4; part++) {
			v128_t a = wasm_v128_load(&x[i + 4 * part]), b = wasm_v128_load(&y[i + 4 * part]);
			sums[part] = wasm_f32x4_add(sums[part], wasm_f32x4_mul(a, b));
		}
	v128_t sum = wasm_f32x4_add(wasm_f32x4_add(sums[0], sums[1]), wasm_f32x4_add(sums[2], sums[3]));
	return wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) + wasm_f32x4_extract_lane(sum, 2) +
	       wasm_f32x4_extract_lane(sum, 3);
}

void _start(void) {
	for (int i = 0; i < N; i++)
		x[i] = next() / 4294967296.0f, y[i] = next() / 4294967296.0f;
	double sum = 0;
	for (int round = 0; round < 200000; round++) {
		x[round % N] += 0.25f;
		sum += dot();
	}
	report((u64)sum);
}
