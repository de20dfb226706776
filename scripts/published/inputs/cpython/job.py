"""Rivers: reads CSV files, computes with the standard library, writes a report, a JSON file and a zip."""
import csv
import decimal
import fractions
import hashlib
import heapq
import io
import json
import pathlib
import re
import statistics
import string
import sys
import zipfile
import zlib

rows = []
for path in sorted(pathlib.Path("/data").glob("*.csv")):
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            rows.append({"station": path.stem, "day": row["day"], "level": decimal.Decimal(row["level"]), "flow": float(row["flow"])})

out = pathlib.Path("/out")
out.mkdir(exist_ok=True)
report = []
for station in sorted({row["station"] for row in rows}):
    mine = [row for row in rows if row["station"] == station]
    flow = [row["flow"] for row in mine]
    trend = statistics.linear_regression(range(len(flow)), flow)
    report.append({
        "station": station,
        "days": len(mine),
        "level": str(sum(row["level"] for row in mine) / len(mine)),
        "mean": statistics.fmean(flow),
        "median": statistics.median(flow),
        "deviation": statistics.stdev(flow),
        "slope": round(trend.slope, 12),
        "highest": heapq.nlargest(3, ((row["flow"], row["day"]) for row in mine)),
    })
(out / "report.json").write_text(json.dumps(report, indent=1) + "\n")

with zipfile.ZipFile(out / "report.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    info = zipfile.ZipInfo("report.json", (2000, 1, 1, 0, 0, 0))
    archive.writestr(info, json.dumps(report), zipfile.ZIP_DEFLATED, 9)

template = string.Template("$station: $days days, mean $mean")
text = "\n".join(template.substitute(station=line["station"], days=line["days"], mean=f"{line['mean']:.3f}") for line in report)
(out / "report.txt").write_text(text + "\n")

# Work for the interpreter itself: primes, exact fractions, big numbers, regular expressions.
sieve = bytearray([1]) * 50_000
for i in range(2, 224):
    if sieve[i]:
        sieve[i * i :: i] = bytes(len(range(i * i, 50_000, i)))
harmonic = sum(fractions.Fraction(1, n) for n in range(1, 200))
words = re.findall(r"[a-z]{4,}", pathlib.Path(__file__).read_text().lower())
print(json.dumps({
    "version": list(sys.version_info[:2]),
    "primes": sum(sieve) - 2,
    "harmonic": hashlib.sha256(str(harmonic).encode()).hexdigest(),
    "power": hashlib.blake2b(str(3**20_000 % 10**3000).encode()).hexdigest()[:16],
    "words": sorted({word: words.count(word) for word in words}.items(), key=lambda item: (-item[1], item[0]))[:5],
    "zip": zlib.crc32((out / "report.zip").read_bytes()),
}))
print(text)
