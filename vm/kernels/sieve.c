#include "kernel.h"
#define N 2000000
static u8 composite[N + 1];

void _start(void) {
	u32 primes = 0;
	for (u32 round = 0; round < 20; round++) {
		for (u32 i = 0; i <= N; i++)
			composite[i] = 0;
		for (u32 i = 2; i * i <= N; i++)
			if (!composite[i])
				for (u32 k = i * i; k <= N; k += i)
					composite[k] = 1;
		for (u32 i = 2; i <= N; i++)
			primes += !composite[i];
	}
	report(primes);
}
