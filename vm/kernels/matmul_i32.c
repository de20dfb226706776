#include "kernel.h"
#define N 300
static u32 a[N][N], b[N][N], c[N][N];

void _start(void) {
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			a[i][k] = next(), b[i][k] = next();
	for (int round = 0; round < 8; round++)
		for (int i = 0; i < N; i++)
			for (int k = 0; k < N; k++) {
				u32 sum = 0;
				for (int j = 0; j < N; j++)
					sum += a[i][j] * b[j][k];
				c[i][k] += sum;
			}
	u32 sum = 0;
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			sum = sum * 31 + c[i][k];
	report(sum);
}
