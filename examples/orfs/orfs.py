"""Open reading frames of a circular genome: where could genes be, and what proteins would they make?

    orfs.py FRAME ...     1, 2, 3 forwards, -1, -2, -3 on the other strand

A task is one frame. The genome, /data/phix174.fasta, is in the job's image beside Python's library. For each stop codon the
longest reading that starts with ATG and has at least 30 codons: its place as GenBank counts, its protein, that protein's mass,
and how it uses codons for leucine. Written to standard output as JSON.
"""
import argparse
import collections
import json
import pathlib
import re
import statistics
import textwrap

BASES = "TCAG"
# The bacterial code, number 11 of NCBI, in the order TTT, TTC, TTA, TTG, TCT, ...
ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
CODE = dict(zip((a + b + c for a in BASES for b in BASES for c in BASES), ACIDS))
# Average masses of residues in Da, and of the water at the ends.
MASS = {
    "A": 71.0788, "C": 103.1388, "D": 115.0886, "E": 129.1155, "F": 147.1766, "G": 57.0519, "H": 137.1411,
    "I": 113.1594, "K": 128.1741, "L": 113.1594, "M": 131.1926, "N": 114.1038, "P": 97.1167, "Q": 128.1307,
    "R": 156.1875, "S": 87.0782, "T": 101.1051, "V": 99.1326, "W": 186.2132, "Y": 163.1760,
}  # fmt: skip
WATER = 18.0153
SHORTEST = 30


def genome(path):
    header, *lines = path.read_text().splitlines()
    sequence = "".join(lines).upper()
    if not header.startswith(">") or not re.fullmatch("[ACGT]+", sequence):
        raise SystemExit(f"{path}: not a genome in FASTA")
    return header[1:], sequence


def complement(sequence):
    return sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def readings(sequence, frame):
    """For each stop codon of a frame of a circle: the place and the codons of the longest reading that ends there."""
    size = len(sequence)
    around = sequence * 2

    def codon(at):
        return around[at % size : at % size + 3]

    for stop in range(frame - 1, size, 3):
        if CODE[codon(stop)] != "*":
            continue
        codons, longest = [], 0
        # Backwards to the stop before, or once around.
        for at in range(stop - 3, stop - size, -3):
            if CODE[codon(at)] == "*":
                break
            codons.append(codon(at))
            if codons[-1] == "ATG":
                longest = len(codons)
        if longest >= SHORTEST:
            yield (stop - 3 * longest) % size, codons[:longest][::-1]


def describe(size, frame, start, codons):
    """A reading as GenBank would place it: both ends from 1, the stop codon within, high to low on the other strand."""
    protein = "".join(CODE[codon] for codon in codons)
    ends = [start, start + 3 * len(codons) + 2]
    first, last = ((end if frame > 0 else size - 1 - end) % size + 1 for end in ends)
    leucine = collections.Counter(codon for codon in codons if CODE[codon] == "L")
    return {
        "first": first,
        "last": last,
        "acids": len(protein),
        "mass": round(WATER + sum(MASS[acid] for acid in protein), 1),
        "leucine": dict(sorted(leucine.items())),
        "protein": textwrap.wrap(protein, 60),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", nargs="+", type=int, choices=[1, 2, 3, -1, -2, -3], metavar="FRAME")
    parser.add_argument("--genome", type=pathlib.Path, default="/data/phix174.fasta")
    options = parser.parse_args()
    name, forwards = genome(options.genome)
    report = []
    for frame in options.frames:
        strand = forwards if frame > 0 else complement(forwards)
        found = [describe(len(strand), frame, *reading) for reading in readings(strand, abs(frame))]
        found.sort(key=lambda reading: -reading["acids"])
        lengths = [reading["acids"] for reading in found]
        report.append({"frame": frame, "median": statistics.median(lengths) if lengths else None, "readings": found})
    print(json.dumps({"genome": name, "length": len(forwards), "frames": report}, indent=1))


if __name__ == "__main__":
    main()
