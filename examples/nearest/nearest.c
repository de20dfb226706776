/*
 * Which digits do these images show? By the three nearest among known images.
 *
 * Files, as on any machine: /digits/images.txt and /digits/labels.txt are the known images (64 pixels of 17 shades, one image
 * a line) and what they show; they are the job's image. /batch.txt is the task's: lines of a number and an image, the number
 * being the image's own line among the known ones, which is left out, or -1. /answers.txt is written: for each line its
 * number, the answer, and the square of the distance to the nearest. What is wrong with the files is said on standard
 * error, with exit code 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 64, SHADES = 17, NEAREST = 3, LONGEST = 128 };

struct image {
	unsigned char pixels[PIXELS];
};

struct known {
	struct image *images;
	char *labels;
	size_t count;
};

static void give_up(const char *what, const char *file, long line) {
	if (line > 0)
		fprintf(stderr, "%s, line %ld: %s\n", file, line, what);
	else
		fprintf(stderr, "%s: %s\n", file, what);
	exit(1);
}

static FILE *open_file(const char *path, const char *mode) {
	FILE *file = fopen(path, mode);
	if (!file)
		give_up(strerror(errno), path, 0);
	return file;
}

static void *more(void *memory, size_t size) {
	void *larger = realloc(memory, size);
	if (!larger) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return larger;
}

static struct image read_image(const char *text, const char *file, long line) {
	struct image image;
	for (int at = 0; at < PIXELS; at++) {
		int shade = SHADES;
		if (text[at] >= '0' && text[at] <= '9')
			shade = text[at] - '0';
		else if (text[at] >= 'a' && text[at] <= 'g')
			shade = text[at] - 'a' + 10;
		if (shade == SHADES)
			give_up("not 64 shades of 0 to g", file, line);
		image.pixels[at] = (unsigned char)shade;
	}
	if (text[PIXELS] != '\n' && text[PIXELS] != '\0')
		give_up("more than 64 shades", file, line);
	return image;
}

static struct known read_known(const char *images, const char *labels) {
	struct known known = {NULL, NULL, 0};
	size_t room = 0, named = 0;
	char text[LONGEST];
	FILE *file = open_file(images, "r");
	while (fgets(text, sizeof text, file)) {
		if (known.count == room) {
			room = room ? 2 * room : 256;
			known.images = more(known.images, room * sizeof *known.images);
		}
		known.images[known.count] = read_image(text, images, (long)known.count + 1);
		known.count++;
	}
	fclose(file);
	known.labels = more(NULL, known.count + 1);
	file = open_file(labels, "r");
	for (int letter; (letter = fgetc(file)) != EOF;) {
		if (letter < '0' || letter > '9')
			continue;
		if (named == known.count)
			give_up("more labels than images", labels, 0);
		known.labels[named++] = (char)letter;
	}
	fclose(file);
	if (named != known.count || named < NEAREST)
		give_up("fewer labels than images, or than three", labels, 0);
	return known;
}

static int distance(const struct image *one, const struct image *other) {
	int sum = 0;
	for (int at = 0; at < PIXELS; at++) {
		int difference = one->pixels[at] - other->pixels[at];
		sum += difference * difference;
	}
	return sum;
}

/* The label that most of the nearest have; of several such, that of the nearest. */
static char answer(const struct known *known, const struct image *image, long itself, int *nearest) {
	int best[NEAREST], votes[256] = {0};
	size_t who[NEAREST];
	int found = 0;
	for (size_t index = 0; index < known->count; index++) {
		if ((long)index == itself)
			continue;
		int far = distance(&known->images[index], image), place = found;
		if (found == NEAREST && far >= best[NEAREST - 1])
			continue;
		if (found < NEAREST)
			found++;
		else
			place = NEAREST - 1;
		for (; place > 0 && best[place - 1] > far; place--) {
			best[place] = best[place - 1];
			who[place] = who[place - 1];
		}
		best[place] = far;
		who[place] = index;
	}
	char label = known->labels[who[0]];
	for (int place = 0; place < found; place++)
		votes[(int)known->labels[who[place]]]++;
	for (int place = 0; place < found; place++)
		if (votes[(int)known->labels[who[place]]] > votes[(int)label])
			label = known->labels[who[place]];
	*nearest = best[0];
	return label;
}

int main(int count, char **arguments) {
	/* Other paths may be given, to try it elsewhere. */
	const char *images = count > 1 ? arguments[1] : "/digits/images.txt";
	const char *labels = count > 2 ? arguments[2] : "/digits/labels.txt";
	const char *batch = count > 3 ? arguments[3] : "/batch.txt";
	const char *answers = count > 4 ? arguments[4] : "/answers.txt";
	struct known known = read_known(images, labels);
	FILE *in = open_file(batch, "r"), *out = open_file(answers, "w");
	char text[LONGEST];
	for (long line = 1; fgets(text, sizeof text, in); line++) {
		char *end;
		long itself = strtol(text, &end, 10);
		if (end == text || *end != ' ')
			give_up("no number and image", batch, line);
		struct image image = read_image(end + 1, batch, line);
		int nearest;
		char label = answer(&known, &image, itself, &nearest);
		fprintf(out, "%ld %c %d\n", itself, label, nearest);
	}
	if (ferror(in) || fclose(in) || ferror(out) || fclose(out))
		give_up(strerror(errno), answers, 0);
	free(known.images);
	free(known.labels);
	return 0;
}
