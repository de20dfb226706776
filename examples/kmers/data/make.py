#!/usr/bin/env python3
"""Writes phix174.fasta from the GenBank record that Biopython's source package ships.

    pip download --no-deps --no-binary biopython biopython==1.88 && tar xzf biopython-1.88.tar.gz
    python3 make.py biopython-1.88/Tests/GFF/NC_001422.gbk
"""

import pathlib
import re
import sys

record = pathlib.Path(sys.argv[1]).read_text()
version = re.search(r"^VERSION +(\S+)", record, re.M).group(1)
definition = re.search(r"^DEFINITION +(.+)\.$", record, re.M).group(1)
length = int(re.search(r"^LOCUS +\S+ +(\d+) bp", record, re.M).group(1))
sequence = re.sub(r"[^acgt]", "", record.split("\nORIGIN", 1)[1].split("//", 1)[0]).upper()
assert len(sequence) == length, (len(sequence), length)

lines = [f">{version} {definition}"] + [sequence[at : at + 70] for at in range(0, length, 70)]
pathlib.Path(__file__).with_name("phix174.fasta").write_text("\n".join(lines) + "\n")
