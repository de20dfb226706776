#include "kernel.h"
#include <wasm_simd128.h>
#define N 65536
static u8 front[N], back[N];

// Pixels of eight bits, one over the other.
static void blend(u8 alpha) {
	v128_t f = wasm_i16x8_splat(alpha), b = wasm_i16x8_splat(256 - alpha);
	for (int i = 0; i < N; i += 16) {
		v128_t x = wasm_v128_load(&front[i]), y = wasm_v128_load(&back[i]);
		v128_t low = wasm_i16x8_add(wasm_i16x8_mul(wasm_u16x8_extend_low_u8x16(x), f),
		                            wasm_i16x8_mul(wasm_u16x8_extend_low_u8x16(y), b));
		v128_t high = wasm_i16x8_add(wasm_i16x8_mul(wasm_u16x8_extend_high_u8x16(x), f),
		                             wasm_i16x8_mul(wasm_u16x8_extend_high_u8x16(y), b));
		low = wasm_u16x8_shr(low, 8), high = wasm_u16x8_shr(high, 8);
		wasm_v128_store(&back[i], wasm_u8x16_narrow_i16x8(low, high));
	}
}

void _start(void) {
	for (int i = 0; i < N; i++)
		front[i] = next(), back[i] = next();
	for (int round = 0; round < 20000; round++)
		blend(round % 255);
	u64 sum = 0;
	for (int i = 0; i < N; i++)
		sum += back[i];
	report(sum);
}
