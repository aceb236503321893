# Prints what a symbolizer says of each byte of code: runs of addresses, then the functions and lines from the innermost to
# the function that holds it, as tab-separated "function file:line". Bytes that it knows nothing of are left out.
import re, subprocess, sys

symbolizer, path = sys.argv[1:]
sections = []
for line in subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout.splitlines():
    f = line.replace("[ ", "[").split()
    if len(f) > 8 and f[0].startswith("[") and "X" in f[7]:
        sections.append((int(f[3], 16), int(f[5], 16)))
addresses = [a for start, size in sections for a in range(start, start + size)]
out = subprocess.run(
    [symbolizer, "-a", "-i", "--no-demangle", "--functions=linkage", "--output-style=GNU", "-e", path],
    input="".join("0x%x\n" % a for a in addresses), capture_output=True, text=True, check=True).stdout

said = {}
lines = out.splitlines()
at = None
i = 0
while i < len(lines):
    if lines[i].startswith("0x"):
        at = int(lines[i], 16)
        said[at] = []
        i += 1
    elif not lines[i]:
        i += 1
    else:
        place = lines[i + 1].split(" (")[0]
        name, number = place.rsplit(":", 1)
        name = re.sub(r"^(/usr/lib/rustlib/src/rust/|/rustc/[0-9a-f]+/|\./)", "", name)
        number = number.replace("?", "0")
        said[at].append("%s %s:%s" % (lines[i], "?" if number == "0" or name == "??" else name, number))
        i += 2

runs = []
for a in addresses:
    what = said[a]
    if all(w.startswith("??") for w in what):
        continue
    if runs and runs[-1][1] == a and runs[-1][2] == what:
        runs[-1][1] = a + 1
    else:
        runs.append([a, a + 1, what])
for start, end, what in runs:
    print("%x\t%x\t%s" % (start, end, "\t".join(what)))
