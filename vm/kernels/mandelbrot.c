#include "kernel.h"
#define SIDE 700

void _start(void) {
	u64 sum = 0;
	for (int i = 0; i < SIDE; i++)
		for (int k = 0; k < SIDE; k++) {
			double a = -2.2 + 3.2 * i / SIDE, b = -1.6 + 3.2 * k / SIDE, x = 0, y = 0;
			u32 turns = 0;
			while (turns < 400 && x * x + y * y < 4) {
				double t = x * x - y * y + a;
				y = 2 * x * y + b;
				x = t;
				turns++;
			}
			sum += turns;
		}
	report(sum);
}
