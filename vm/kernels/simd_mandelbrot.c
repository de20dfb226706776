#include "kernel.h"
#include <wasm_simd128.h>
#define SIDE 1000

void _start(void) {
	u64 sum = 0;
	for (int i = 0; i < SIDE; i++)
		for (int k = 0; k < SIDE; k += 2) {
			v128_t a = wasm_f64x2_splat(-2.2 + 3.2 * i / SIDE);
			v128_t b = wasm_f64x2_make(-1.6 + 3.2 * k / SIDE, -1.6 + 3.2 * (k + 1) / SIDE);
			v128_t x = wasm_f64x2_splat(0), y = x, turns = wasm_i64x2_splat(0);
			for (int turn = 0; turn < 400; turn++) {
				v128_t xx = wasm_f64x2_mul(x, x), yy = wasm_f64x2_mul(y, y);
				v128_t inside = wasm_f64x2_lt(wasm_f64x2_add(xx, yy), wasm_f64x2_splat(4));
				if (!wasm_v128_any_true(inside))
					break;
				turns = wasm_i64x2_sub(turns, inside);
				y = wasm_f64x2_add(wasm_f64x2_mul(wasm_f64x2_add(x, x), y), b);
				x = wasm_f64x2_add(wasm_f64x2_sub(xx, yy), a);
			}
			sum += wasm_i64x2_extract_lane(turns, 0) + wasm_i64x2_extract_lane(turns, 1);
		}
	report(sum);
}
