#!/usr/bin/env python3
"""Prints what readelf says about every ELF fixture below a folder, as JSON.

The sums are made here from readelf's rows, apart from any code under test:

  sections  rows of `readelf -SW`; covered is the number of bytes that sized
            symbols of .symtab cover, every byte counted once and none behind
            the end of the section; named is the sum of the sizes of the same
            symbols, with aliases and overlaps counted again
  symbols   rows of .symtab without the first one, by kind
  comment   strings of .comment
"""

import json
import pathlib
import re
import subprocess
import sys


def readelf(flag, path):
    run = subprocess.run(["readelf", "-W", flag, path], capture_output=True, text=True, check=True)
    return run.stdout


def header(path):
    rows = dict(
        (k.strip(), v.strip())
        for k, v in (line.split(":", 1) for line in readelf("-h", path).splitlines() if ":" in line)
    )
    return {
        "class": 64 if rows["Class"] == "ELF64" else 32,
        "endian": "little" if "little" in rows["Data"] else "big",
        "type": rows["Type"].split()[0],
        "machine": rows["Machine"],
    }


ROW = re.compile(
    r"^  \[ *(\d+)\] (\S*) +([A-Z_0-9]+) +([0-9a-f]{8,16}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) +([A-Zop]*) "
)


def sections(path):
    found = {}
    for line in readelf("-S", path).splitlines():
        m = ROW.match(line)
        if m:
            found[int(m[1])] = {
                "name": m[2],
                "type": m[3],
                "addr": int(m[4], 16),
                "size": int(m[6], 16),
                "flags": m[8],
            }
    return found


def symbols(path):
    """Rows of .symtab only: value, size, type, bind, index, name."""
    table = None
    for line in readelf("-s", path).splitlines():
        m = re.match(r"Symbol table '(.+)' contains", line)
        if m:
            table = m[1]
        m = re.match(
            r" *\d+: ([0-9a-f]+) +(0x[0-9a-f]+|\d+) (\S+) +(\S+) +\S+ +(?:\[.*\] +)?(\S+) ?(.*)$", line
        )
        if m and table == ".symtab":
            yield int(m[1], 16), int(m[2], 0), m[3], m[4], m[5], m[6]


def tls_start(path):
    for line in readelf("-l", path).splitlines():
        fields = line.split()
        if fields[:1] == ["TLS"]:
            return int(fields[2], 16)
    return 0


def union(ranges):
    total, reach = 0, 0
    for start, end in sorted(ranges):
        total += max(0, end - max(start, reach))
        reach = max(reach, end)
    return total


def expect(path):
    out = header(path)
    rows = sections(path)
    relocatable = out["type"] == "REL"
    tls = tls_start(path)
    counts = dict.fromkeys(
        ["total", "undefined", "absolute", "common", "file", "section", "unsized", "sized", "rust_v0", "rust_legacy"], 0
    )
    ranges = {n: [] for n in rows}
    named = dict.fromkeys(rows, 0)
    for n, (value, size, kind, _, index, name) in enumerate(symbols(path)):
        if n == 0:
            continue
        counts["total"] += 1
        counts["rust_v0"] += bool(re.match(r"_R\d*[CMXYNIB]", name))
        counts["rust_legacy"] += bool(re.match(r"_ZN.*17h[0-9a-f]{16}E", name))
        if kind in ("FILE", "SECTION"):
            counts[kind.lower()] += 1
        elif index in ("UND", "ABS", "COM"):
            counts[{"UND": "undefined", "ABS": "absolute", "COM": "common"}[index]] += 1
        elif size == 0:
            counts["unsized"] += 1
        else:
            counts["sized"] += 1
            section = rows[int(index)]
            start = value if relocatable else value - section["addr"]
            if kind == "TLS" and not relocatable:
                start += tls
            named[int(index)] += size
            ranges[int(index)].append((max(start, 0), min(start + size, section["size"])))
    out["symbols"] = counts
    out["comment"] = comment(path, rows)
    out["sections"] = [
        {**row, "covered": union(ranges[n]), "named": named[n]} for n, row in sorted(rows.items()) if n
    ]
    check(path, sum(named.values()))
    return out


def comment(path, rows):
    if not any(row["name"] == ".comment" and row["type"] != "NOBITS" for row in rows.values()):
        return []
    run = subprocess.run(["readelf", "-p", ".comment", path], capture_output=True, text=True, check=True)
    return re.findall(r"^  \[ *[0-9a-f]+\]  (.*)$", run.stdout, re.M)


def check(path, total):
    """nm must come to the same sum."""
    run = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=False)
    sizes = 0
    for line in run.stdout.splitlines():
        m = re.match(r"[0-9a-f]+ ([0-9a-f]+) ([a-zA-Z?]) \S", line)
        if m and m[2] not in "AC":
            sizes += int(m[1], 16)
    if sizes != total:
        sys.exit(f"{path}: nm counts {sizes} bytes in symbols, readelf {total}")


def main(root):
    root = pathlib.Path(root)
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and "src" not in path.parts[len(root.parts):] and path.read_bytes()[:4] == b"\x7fELF":
            files[path.relative_to(root).as_posix()] = expect(path)
    text = json.dumps(files, indent=1)
    # One section, one row.
    print(re.sub(r"\{\s+(\"name\"[^{}]*?)\s+\}", lambda m: "{" + re.sub(r"\s*\n\s*", " ", m[1]) + "}", text))


if __name__ == "__main__":
    main(sys.argv[1])
