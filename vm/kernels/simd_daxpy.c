#include "kernel.h"
#include <wasm_simd128.h>
#define N 8192
static double x[N], y[N];

static void daxpy(double a) {
	v128_t factor = wasm_f64x2_splat(a);
	for (int i = 0; i < N; i += 2) {
		v128_t sum = wasm_f64x2_add(wasm_v128_load(&y[i]), wasm_f64x2_mul(factor, wasm_v128_load(&x[i])));
		wasm_v128_store(&y[i], sum);
	}
}

void _start(void) {
	for (int i = 0; i < N; i++)
		x[i] = next() / 4294967296.0, y[i] = next() / 4294967296.0;
	for (int round = 0; round < 60000; round++)
		daxpy(1.0 / (round + 1));
	double sum = 0;
	for (int i = 0; i < N; i++)
		sum += y[i];
	report((u64)sum);
}
