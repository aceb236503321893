#!/usr/bin/env bash
# Rebuilds the binary fixtures of this folder, and what disassemblers say about
# them. The tests read the committed files; this script is needed only to
# change one.
#
# Debian 12 packages: binutils-aarch64-linux-gnu binutils-powerpc64le-linux-gnu
# binutils-riscv64-linux-gnu binutils-s390x-linux-gnu clang-19 lld-19 llvm-19.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"

LLVM=${LLVM:-/usr/lib/llvm-19/bin}
LDFLAGS="-static -q --no-relax -z noexecstack -z max-page-size=4096 -z noseparate-code"
elf=../../testdata/elf

# One compiled program, linked with its relocations kept.
ld $LDFLAGS -o x86_64.exec $elf/x86_64.o
for m in aarch64 riscv64 s390x powerpc64le; do
	$m-linux-gnu-ld $LDFLAGS -o $m.exec $elf/$m.o
done
$LLVM/ld.lld $LDFLAGS -o loongarch64.exec $elf/loongarch64.o

# Every form of a reference, from assembly.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for m in riscv64 s390x powerpc64le; do
	flags=
	[ $m = s390x ] && flags=-march=z15
	[ $m = riscv64 ] && flags=-march=rv64gc
	$m-linux-gnu-as $flags -o "$tmp/$m.o" forms/$m.s
	$m-linux-gnu-ld $LDFLAGS -o forms/$m.exec "$tmp/$m.o"
	$m-linux-gnu-objdump -d --no-show-raw-insn forms/$m.exec >forms/$m.txt
done
$LLVM/clang --target=loongarch64-linux-gnu -mlasx -c -o "$tmp/loongarch64.o" forms/loongarch64.s
$LLVM/ld.lld $LDFLAGS -o forms/loongarch64.exec "$tmp/loongarch64.o"
$LLVM/llvm-objdump -d --no-show-raw-insn forms/loongarch64.exec >forms/loongarch64.txt
chmod 644 ./*.exec forms/*.exec
