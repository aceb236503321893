#!/usr/bin/env bash
# Rebuilds the objects and images in this folder from src/, and icf.txt: what lld really saves by identical code folding.
# The tests read the committed files; this script is needed only to change one.
#
# Debian 12 packages: clang-14 lld-14 clang-19 binutils python3; rustc 1.95.0 from rustup.
set -euo pipefail
export LC_ALL=C

CLANG=${CLANG:-clang-14}
LLD=${LLD:-ld.lld-14}
NEW_CLANG=${NEW_CLANG:-clang-19} # has all of RISC-V and LoongArch
RUSTC=${RUSTC:-rustc}

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/src/* "$work"
cd "$work" # relative names only, so that no path gets into a binary

# Jump tables are left out, as in the kernel: lld also folds data that belongs to one function.
CFLAGS="-O2 -ffunction-sections -fno-jump-tables -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -ffile-prefix-map=$work=."

# code FILE: bytes of functions, each address once.
code() {
	nm -S --defined-only "$1" | python3 -c 'import sys
rows = [l.split() for l in sys.stdin]
print(sum({r[0]: int(r[1], 16) for r in rows if len(r) == 4 and r[2] in "tTwW"}.values()))'
}

# truth NAME OBJECT...: links the objects with and without folding, and prints what it saves.
truth() {
	local name=$1 none
	shift
	for icf in none safe all; do
		$LLD -static -e 0 --icf=$icf --unresolved-symbols=ignore-all -z max-page-size=4096 -o "$name.$icf" "$@"
	done
	none=$(code "$name.none")
	echo "$name $((none - $(code "$name.all"))) $((none - $(code "$name.safe")))"
}

: >icf.txt
for arch in x86_64 aarch64; do
	for side in a b; do
		$CLANG --target=$arch-linux-gnu $CFLAGS -fno-pic -DPREFIX=${side}_ -c twins.c -o $arch-$side.o
	done
	$CLANG --target=$arch-linux-gnu $CFLAGS -fno-pic -c main.c -o $arch-main.o
	truth $arch-a.o $arch-a.o >>icf.txt
	truth $arch.exec $arch-main.o $arch-a.o $arch-b.o >>icf.txt
	mv $arch.exec.none $arch.exec
	install -m 644 $arch-a.o $arch.exec "$here"
done
# rust NAME [FLAG...]: the Rust object, alone and linked.
rust() {
	local name=$1
	shift
	RUSTC_BOOTSTRAP=1 "$RUSTC" -Zmerge-functions=disabled -Copt-level=2 -Cpanic=abort -Ccodegen-units=1 \
		-Cforce-unwind-tables=n -Csymbol-mangling-version=v0 -Crelocation-model=static --remap-path-prefix="$work=." \
		--edition=2021 --crate-type=rlib --emit=obj --target x86_64-unknown-linux-gnu "$@" -o $name.o generic.rs
	truth $name.o $name.o >>icf.txt
	install -m 644 $name.o "$here"
}

# rustc writes an address-significance table only when told to; without one lld takes every address for significant.
rust x86_64-rust
rust x86_64-rust-addrsig -Cllvm-args=-addrsig
truth x86_64-rust.exec x86_64-rust-addrsig.o >>icf.txt
mv x86_64-rust.exec.none x86_64-rust.exec
install -m 644 x86_64-rust.exec "$here"
install -m 644 icf.txt "$here"
cat icf.txt

# local-NAME.o: references that the assembler resolves.
for arch in x86_64 aarch64 riscv64 loongarch64 powerpc64le s390x; do
	flags=
	[ $arch = riscv64 ] && flags="-mcmodel=medany -mno-relax"
	$NEW_CLANG --target=$arch-linux-gnu -O2 $flags -fno-pic -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables \
		-ffile-prefix-map="$work=." -c local.c -o local-$arch.o
	install -m 644 local-$arch.o "$here"
done

if find "$here" -maxdepth 1 -type f ! -name '*.sh' -exec strings -a -f {} + | grep -E "$work|/root|/home|/tmp/|rustup"; then
	echo 'a path of this machine is in a fixture (above): remap it' >&2
	exit 1
fi
