#include "kernel.h"
static u32 table[256];
static u8 data[1 << 20];

void _start(void) {
	for (u32 i = 0; i < 256; i++) {
		u32 c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
		table[i] = c;
	}
	for (u32 i = 0; i < sizeof data; i++)
		data[i] = next();
	u32 crc = 0xffffffff;
	for (int round = 0; round < 64; round++)
		for (u32 i = 0; i < sizeof data; i++)
			crc = table[(crc ^ data[i]) & 255] ^ (crc >> 8);
	report(~crc);
}
