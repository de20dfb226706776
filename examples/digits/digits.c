/* Reads handwritten digits: a small trained network (train.py), and how sure it is when the paper moves a little.
 *
 * Input: a line `NUMBER PIXELS` an image, 64 pixels as characters 0-9 and a-g (0 to 16), row by row.
 * Output: a line `NUMBER DIGIT STEADY S0 ... S9` an image: the digit with the highest score, how many of 289
 * copies, moved by up to half a pixel, are read as the same digit, and the ten scores in thousandths.
 *
 * Everything is integer arithmetic, so every machine agrees on every bit. An ordinary C program: standard input,
 * standard output, exit code 1 and a reason on standard error for an input it cannot read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, DIGITS = 10, MOST = 8 };

/* Pixels, weights and biases have 12 binary places, hidden values 24, scores 36. */
#define PIXEL_UNIT (4096 / 16)
#define SCORE_UNIT (INT64_C(1) << 36)

static void fail(long line, const char *reason)
{
	fprintf(stderr, "line %ld: %s\n", line, reason);
	exit(1);
}

/* 0 to 16, or -1. */
static int shade(char symbol)
{
	if (symbol >= '0' && symbol <= '9')
		return symbol - '0';
	return symbol >= 'a' && symbol <= 'g' ? symbol - 'a' + 10 : -1;
}

/* Moves an image right and down by 16ths of a pixel, from -16 to 16; what comes from outside is paper. Between pixels
 * the shade is a mean weighted by area. */
static void move(const int image[PIXELS], int right, int down, int32_t moved[PIXELS])
{
	int to_x = right < 0, to_y = down < 0; /* whole pixels to the other side first */
	int part_x = right + 16 * to_x, part_y = down + 16 * to_y;

	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++) {
			int32_t sum = 0;
			for (int corner = 0; corner < 4; corner++) {
				int from_x = x + to_x - (corner & 1), from_y = y + to_y - (corner >> 1);
				int area = (corner & 1 ? part_x : 16 - part_x) * (corner >> 1 ? part_y : 16 - part_y);
				if (from_x >= 0 && from_x < SIDE && from_y >= 0 && from_y < SIDE)
					sum += area * image[from_y * SIDE + from_x];
			}
			moved[y * SIDE + x] = sum * PIXEL_UNIT / 256;
		}
}

/* The scores of an image, and the digit with the highest one (the smaller digit if two are equal). */
static int read_digit(const int32_t image[PIXELS], int64_t scores[DIGITS])
{
	int64_t hidden[HIDDEN];
	int best = 0;

	for (int unit = 0; unit < HIDDEN; unit++) {
		int64_t sum = (int64_t)hidden_bias[unit] * 4096;
		for (int pixel = 0; pixel < PIXELS; pixel++)
			sum += (int64_t)hidden_weight[unit * PIXELS + pixel] * image[pixel];
		hidden[unit] = sum > 0 ? sum : 0;
	}
	for (int digit = 0; digit < DIGITS; digit++) {
		int64_t sum = (int64_t)output_bias[digit] * (1 << 24);
		for (int unit = 0; unit < HIDDEN; unit++)
			sum += output_weight[digit * HIDDEN + unit] * hidden[unit];
		scores[digit] = sum;
		if (sum > scores[best])
			best = digit;
	}
	return best;
}

int main(void)
{
	static char line[256];

	for (long count = 1; fgets(line, sizeof line, stdin); count++) {
		char *end;
		unsigned long number = strtoul(line, &end, 10);
		int image[PIXELS], steady = 0;
		int32_t moved[PIXELS];
		int64_t scores[DIGITS], ignored[DIGITS];

		if (end == line || *end != ' ')
			fail(count, "no number in front of the image");
		end++;
		if (strcspn(end, "\r\n") != PIXELS)
			fail(count, "an image has 64 pixels");
		for (int pixel = 0; pixel < PIXELS; pixel++)
			if ((image[pixel] = shade(end[pixel])) < 0)
				fail(count, "a pixel is not one of 0-9 and a-g");

		move(image, 0, 0, moved);
		int digit = read_digit(moved, scores);
		for (int down = -MOST; down <= MOST; down++)
			for (int right = -MOST; right <= MOST; right++) {
				move(image, right, down, moved);
				steady += read_digit(moved, ignored) == digit;
			}

		printf("%lu %d %d", number, digit, steady);
		for (int other = 0; other < DIGITS; other++)
			printf(" %ld", (long)(scores[other] * 1000 / SCORE_UNIT));
		putchar('\n');
	}
	if (ferror(stdin) || fflush(stdout) != 0)
		fail(0, "cannot read or write");
	return 0;
}
