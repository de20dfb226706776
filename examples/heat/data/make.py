#!/usr/bin/env python3
"""Writes elevation.png from matplotlib's sample data (needs matplotlib, which brings numpy)."""

import pathlib
import struct
import zlib

import matplotlib
import numpy

source = pathlib.Path(matplotlib.get_data_path()) / "sample_data" / "jacksboro_fault_dem.npz"
data = numpy.load(source)
heights = data["elevation"]
assert heights.shape == (344, 403) and heights.min() > 0
print({name: float(data[name]) for name in ("xmin", "xmax", "ymin", "ymax", "dx", "dy")})


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


# 16-bit greyscale, one unit a metre; every row as differences of bytes to the pixel on its left (filter 1).
pixels = heights.astype(">u2").view("u1").reshape(heights.shape[0], -1)
left = numpy.pad(pixels, ((0, 0), (2, 0)))[:, :-2]
rows = b"".join(b"\1" + row.tobytes() for row in pixels - left)
header = struct.pack(">IIBBBBB", heights.shape[1], heights.shape[0], 16, 0, 0, 0, 0)
picture = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
pathlib.Path(__file__).with_name("elevation.png").write_bytes(picture)
