#!/usr/bin/env python3
"""Trains the network of digits.c and writes what the example needs (needs scikit-learn, which brings numpy):

network.h             weights and biases, fixed point
data/images.txt       the images the network never saw: 64 pixels, each one character of 0-9 and a-g (0 to 16)
data/labels.txt       what they show
data/sklearn.txt      what scikit-learn's own floating-point inference says they show

The first half of the data set trains, the second half is the job. Training is seeded, but another version of
scikit-learn or another machine may find slightly different weights: the committed files belong together.
"""

import pathlib

import numpy
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

HERE = pathlib.Path(__file__).parent
HIDDEN = 64
SCALE = 4096  # weights are stored in 4096ths; digits.c knows this number too
TASKS, IMAGES_PER_TASK = 64, 14

digits = load_digits()
pixels, labels = digits.data.astype(int), digits.target
half = len(labels) // 2
train_images, train_labels = digits.images[:half], labels[:half]


def moved(images, down, right):
    padded = numpy.pad(images, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 9 - down, 1 - right : 9 - right]


moves = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
x = numpy.concatenate([moved(train_images, *move).reshape(half, 64) for move in moves]) / 16
y = numpy.concatenate([train_labels] * len(moves))
network = MLPClassifier((HIDDEN,), alpha=1e-2, max_iter=300, random_state=1).fit(x, y)

job = slice(half, half + TASKS * IMAGES_PER_TASK)
predicted = network.predict(pixels[job] / 16)
print("accuracy on", len(predicted), "images:", numpy.mean(predicted == labels[job]))


def fixed(values):
    rounded = numpy.rint(values * SCALE).astype(int)
    assert abs(rounded).max() < 32768
    return rounded


def array(name, shape, values):
    text = ", ".join(map(str, values.ravel()))
    lines, line = [], ""
    for word in text.split(" "):
        if len(line) + 1 + len(word) > 116:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    lines.append(line)
    return f"static const int16_t {name}{shape} = {{\n\t" + "\n\t".join(lines) + "\n};\n"


(w1, w2), (b1, b2) = network.coefs_, network.intercepts_
HERE.joinpath("network.h").write_text(
    "/* Written by train.py: a network of 64 inputs, one hidden layer (ReLU) and ten outputs, in 4096ths. */\n"
    "#include <stdint.h>\n\n"
    f"#define HIDDEN {HIDDEN}\n\n"
    + array("hidden_bias", "[HIDDEN]", fixed(b1))
    + array("hidden_weight", "[HIDDEN * 64]", fixed(w1.T))
    + array("output_bias", "[10]", fixed(b2))
    + array("output_weight", "[10 * HIDDEN]", fixed(w2.T))
)
symbols = "0123456789abcdefg"
HERE.joinpath("data/images.txt").write_text(
    "".join("".join(symbols[value] for value in image) + "\n" for image in pixels[job])
)
for name, values in (("labels", labels[job]), ("sklearn", predicted)):
    text = "".join(map(str, values))
    HERE.joinpath(f"data/{name}.txt").write_text("".join(text[at : at + 14] + "\n" for at in range(0, len(text), 14)))
