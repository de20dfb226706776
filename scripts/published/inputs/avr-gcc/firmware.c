/* Firmware for a small controller: a checksum, a ring buffer and a fixed-point filter. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE 32
struct ring { uint8_t data[SIZE]; uint8_t head, tail; };
static volatile uint8_t *const port = (volatile uint8_t *)0x25;
static struct ring in;

uint16_t crc16(const uint8_t *data, size_t length)
{
	uint16_t crc = 0xffff;
	while (length--) {
		crc ^= *data++;
		for (uint8_t bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
	}
	return crc;
}

bool ring_put(struct ring *ring, uint8_t byte)
{
	uint8_t next = (ring->head + 1) % SIZE;
	if (next == ring->tail)
		return false;
	ring->data[ring->head] = byte;
	ring->head = next;
	return true;
}

int16_t filter(const int16_t *samples, const int16_t *taps, uint8_t count)
{
	int32_t sum = 0;
	for (uint8_t i = 0; i < count; i++)
		sum += (int32_t)samples[i] * taps[i];
	return (int16_t)(sum >> 15);
}

static inline float scale(float value) { return value * 0.5f + 1.25f; }

void __attribute__((signal, used, externally_visible)) __vector_18(void)
{
	ring_put(&in, *port);
}

int main(void)
{
	static int16_t samples[8], taps[8] = { 512, 1024, 4096, 9216, 9216, 4096, 1024, 512 };
	float level = 0;
	for (;;) {
		for (uint8_t i = 0; i < 8; i++) {
			samples[i] = *port;
			taps[i] ^= (int16_t)crc16(in.data, SIZE);
		}
		level = scale(level + filter(samples, taps, 8));
		switch ((uint8_t)level & 7) {
		case 0: *port = 1; break;
		case 1: *port = 4; break;
		case 2: *port = 9; break;
		case 5: *port = 25; break;
		default: *port = crc16((const uint8_t *)samples, sizeof samples) >> 8;
		}
	}
}
