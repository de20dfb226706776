#include "kernel.h"
#define N 300
static double a[N][N], b[N][N], c[N][N];

void _start(void) {
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			a[i][k] = next() / 4294967296.0, b[i][k] = next() / 4294967296.0;
	for (int round = 0; round < 6; round++)
		for (int i = 0; i < N; i++)
			for (int k = 0; k < N; k++) {
				double sum = 0;
				for (int j = 0; j < N; j++)
					sum += a[i][j] * b[j][k];
				c[i][k] += sum;
			}
	double sum = 0;
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			sum += c[i][k];
	report((u64)sum);
}
