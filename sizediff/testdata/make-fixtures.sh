#!/usr/bin/env bash
# Rebuilds every binary fixture in this folder from src/, and expect.json from
# what readelf and nm say about them. The tests read the committed files; this
# script is needed only to change one.
#
# Debian 12 packages: gcc gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu
# gcc-arm-linux-gnueabi gcc-powerpc64-linux-gnu gcc-powerpc64le-linux-gnu
# gcc-s390x-linux-gnu clang-19
# lld-19 xz-utils zstd rustc-web (1.96.0) rust-web-src python3. rustc-web comes with the
# source of core, which is built here the way the kernel builds it. The
# toolchain pair also needs rustc 1.95.0 and a nightly 1.97.0 from rustup.
set -euo pipefail
export LC_ALL=C SOURCE_DATE_EPOCH=0

RUSTC=${RUSTC:-/usr/bin/rustc}
RUST_SRC=${RUST_SRC:-/usr/src/rustc-1.96.0/library}
RUSTC_OLD=${RUSTC_OLD:-$(rustup which --toolchain stable rustc)}
RUSTC_NEW=${RUSTC_NEW:-$(rustup which --toolchain nightly rustc)}
CLANG=${CLANG:-clang-19}
LLD=${LLD:-ld.lld-19}

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/src/." "$work"
cd "$work" # relative names only, so that no path gets into a binary

CFLAGS="-O2 -fPIC -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -ffile-prefix-map=$work=."
RUSTFLAGS="-Copt-level=2 -Cpanic=abort -Ccodegen-units=1 -Cforce-unwind-tables=n
	--remap-path-prefix=$work=. --cap-lints=allow"
LDFLAGS="-z noexecstack -z max-page-size=4096 -z noseparate-code --build-id=sha1"

# toolchain ARCH: sets what the functions below use.
toolchain() {
	arch=$1
	case $arch in
	x86_64)      target=x86_64-unknown-none           cc="gcc -fcf-protection=none" ld=ld ;;
	aarch64)     target=aarch64-unknown-none          cc=aarch64-linux-gnu-gcc      ld=aarch64-linux-gnu-ld ;;
	riscv64)     target=riscv64gc-unknown-none-elf    cc=riscv64-linux-gnu-gcc      ld=riscv64-linux-gnu-ld ;;
	loongarch64) target=loongarch64-unknown-none      cc="$CLANG --target=loongarch64-linux-gnu" ld=$LLD ;;
	arm)         target=armv7a-none-eabi              cc=arm-linux-gnueabi-gcc      ld=arm-linux-gnueabi-ld ;;
	powerpc)     target=powerpc-unknown-linux-gnu     cc="$CLANG --target=powerpc-linux-gnu" ld=$LLD ;;
	powerpc64)   target=powerpc64-unknown-linux-gnu   cc=powerpc64-linux-gnu-gcc    ld=powerpc64-linux-gnu-ld ;;
	powerpc64le) target=powerpc64le-unknown-linux-gnu cc=powerpc64le-linux-gnu-gcc  ld=powerpc64le-linux-gnu-ld ;;
	s390x)       target=s390x-unknown-linux-gnu       cc=s390x-linux-gnu-gcc        ld=s390x-linux-gnu-ld ;;
	esac
}

# core EMIT DIR: core from its source, as v0 symbols.
core() {
	mkdir -p "$2"
	RUSTC_BOOTSTRAP=1 "$RUSTC" $RUSTFLAGS --edition=2024 --crate-type=rlib --crate-name=core \
		--target "$target" --emit="$1" --out-dir "$2" -Zalways-encode-mir -Zfunction-sections=yes \
		-Csymbol-mangling-version=v0 --cfg no_fp_fmt_parse ${core_flags:-} \
		--remap-path-prefix="$RUST_SRC=/usr/lib/rustlib/src/rust/library" "$RUST_SRC/core/src/lib.rs"
}

# crate DIR NAME [FLAG...]: one crate of src/ to DIR/NAME.o, which may use the
# crates that DIR has already.
crate() {
	local dir=$1 name=$2 used
	shift 2
	mkdir -p "$dir"
	used=$(cd "$dir" && ls lib*.rmeta 2>/dev/null | sed 's/^lib\(.*\)\.rmeta$/--extern \1/' || true)
	RUSTC_BOOTSTRAP=1 "$RUSTC" $RUSTFLAGS --edition=2021 --crate-type=rlib --crate-name="$name" --target "$target" \
		--sysroot=/dev/null -L "core-$arch" -L "$dir" $used --emit=metadata,obj --out-dir "$dir" \
		-Crelocation-model=pic -Zunstable-options -Csymbol-mangling-version=v0 "$@" "$name.rs"
}

# program OUT [FLAG...]: alpha, beta and main.c as OUT.o.
program() {
	local out=$1
	shift
	crate "$out.d" alpha "$@"
	crate "$out.d" beta "$@"
	$cc $CFLAGS ${cflags:-} -c main.c -o "$out.d/main.o"
	$ld -r -o "$out.o" "$out.d/main.o" "$out.d/alpha.o" "$out.d/beta.o"
}

# install_to DIR FILE...: the results, not executable.
install_to() {
	mkdir -p "$here/$1"
	install -m 644 "${@:2}" "$here/$1"
}

# Every architecture: relocatable, executable and shared.
architectures() {
	for a in ${ARCHES:-x86_64 aarch64 riscv64 loongarch64 arm powerpc powerpc64 powerpc64le s390x}; do
		toolchain $a
		core metadata core-$a
		crate core-$a compiler_builtins
		program $a
		$ld $LDFLAGS -static -o $a.exec $a.o
		$ld $LDFLAGS -shared -Bsymbolic -o $a.so $a.o
		install_to elf $a.o $a.exec $a.so
	done
	toolchain x86_64
	program x86_64-legacy -Csymbol-mangling-version=legacy
	toolchain s390x
	program s390x-legacy -Csymbol-mangling-version=legacy
	install_to elf x86_64-legacy.o s390x-legacy.o
}

# Pairs of one program with a known difference.
pairs() {
	toolchain x86_64
	program grow-base
	program grow-head --cfg head
	for f in grow-base grow-head; do
		$ld $LDFLAGS -static -o $f.exec $f.o
	done
	for m in v0 legacy; do
		program hash-$m-base -Csymbol-mangling-version=$m -Cmetadata=base
		program hash-$m-head -Csymbol-mangling-version=$m -Cmetadata=head
	done
	install_to pairs grow-base.exec grow-head.exec hash-{v0,legacy}-{base,head}.o

	# Another compiler: names, hashes and code generation all move.
	local side rustc
	for side in base head; do
		[ $side = base ] && rustc=$RUSTC_OLD || rustc=$RUSTC_NEW
		mkdir -p tool-$side
		for name in alpha beta; do
			[ $name = beta ] && extern="--extern alpha" || extern=
			"$rustc" $RUSTFLAGS --edition=2021 --crate-type=rlib --crate-name=$name --target x86_64-unknown-linux-gnu \
				-L tool-$side ${extern:-} --emit=metadata,obj --out-dir tool-$side -Csymbol-mangling-version=v0 $name.rs
		done
		$cc $CFLAGS -c main.c -o tool-$side/main.o
		ld -r -o toolchain-$side.ko tool-$side/{main,alpha,beta}.o
	done
	install_to pairs toolchain-base.ko toolchain-head.ko
}

# One program with debug information, and what strip leaves of it.
debug() {
	toolchain x86_64
	cflags=-gdwarf-5 program full -Cdebuginfo=2 -Zdwarf-version=5
	$ld $LDFLAGS -static -o full.exec full.o
	objcopy --strip-debug full.exec strip-debug.exec
	objcopy --strip-all full.exec strip-all.exec
	objcopy --only-keep-debug full.exec only-debug.exec
	objcopy --compress-debug-sections=zlib full.exec compressed.exec
	objcopy --strip-debug full.o strip-debug.o
	$ld $LDFLAGS -shared -Bsymbolic -o full.so full.o
	objcopy --strip-all full.so strip-all.so
	install_to debug strip-all.so {full,strip-debug,strip-all,only-debug,compressed}.exec full.o strip-debug.o
}

# What assembly does, and the kernel's tables.
assembly() {
	toolchain x86_64
	as -o layout.o layout.S
	as -L -o layout-locals.o layout.S
	ld $LDFLAGS -static -e outer -o layout.exec layout.o
	as -o tables.o tables.S
	ld -r -T module.lds -o tables.ko tables.o
	gcc $CFLAGS -fcf-protection=none -fcommon -c special.c
	ld $LDFLAGS -shared -o special.so special.o
	toolchain aarch64
	aarch64-linux-gnu-as -o mapping.o mapping.S
	gzip -9nk tables.ko
	xz -k --check=crc32 --lzma2=dict=1MiB tables.ko
	zstd -q -19 tables.ko
	install_to asm tables.ko.{gz,xz,zst} layout.o layout-locals.o layout.exec tables.ko special.o special.so mapping.o
}

# exports FILE...: what the modules import and vmlinux has in Rust, as the C
# source that exports it.
exports() {
	echo '#include "small/kernel.h"'
	nm --undefined-only --format=just-symbols "$@" | grep '^_R' | sort -u |
		sed 's/.*/extern int &; EXPORT_SYMBOL_GPL(&);/'
}

# small SIDE [FLAG...]: a kernel in miniature.
small() {
	local side=$1 out=small-$1
	shift
	local kcflags="--target=x86_64-linux-gnu -O2 -mcmodel=kernel -mno-red-zone -fno-pic -ffreestanding
		-fno-stack-protector -fno-asynchronous-unwind-tables -ffunction-sections -fno-builtin -mno-sse -mno-mmx -mno-80387"
	local krust="-Crelocation-model=static -Ccode-model=kernel -Cmetadata=small"
	mkdir -p $out/drivers $out.d
	for name in main printk helpers c_sample; do
		$CLANG $kcflags -c small/$name.c -o $out.d/$name.o
	done
	arch=small
	cp small/*.rs .
	for name in compiler_builtins kernel; do
		crate $out.d $name $krust -Zfunction-sections=yes
	done
	crate $out.d mydriver $krust -Zfunction-sections=yes "$@"
	crate $out.d rust_sample $krust "$@"

	exports $out.d/rust_sample.o >exports.c
	$CLANG $kcflags -c exports.c -o $out.d/exports.o
	(cd $out.d && $LLD -T ../small/vmlinux.lds -z max-page-size=4096 -z noexecstack --gc-sections \
		--build-id=sha1 -o ../$out/vmlinux main.o printk.o ../core-small/core.o compiler_builtins.o \
		helpers.o exports.o kernel.o mydriver.o)
	for name in rust_sample c_sample; do
		ld -r -T module.lds --build-id=sha1 -o $out/drivers/$name.ko $out.d/$name.o
	done
	cp small/config $out/.config
	install_to small-$side $out/vmlinux $out/.config
	install_to small-$side/drivers $out/drivers/*.ko
}

kernels() {
	toolchain x86_64
	core_flags="-Crelocation-model=static -Ccode-model=kernel" core metadata,obj core-small
	small base
	small head --cfg head
}

rm -rf "$here"/{elf,pairs,debug,asm,small-base,small-head}
architectures
pairs
debug
assembly
kernels
python3 "$here/expect.py" "$here" >"$here/expect.json.new"
mv "$here/expect.json.new" "$here/expect.json"

if find "$here" -type f ! -path '*/src/*' ! -name '*.sh' -exec strings -a -f {} + |
	grep -E "$work|/root|/home|/tmp/|rustup|/usr/src"; then
	echo 'a path of this machine is in a fixture (above): remap it' >&2
	exit 1
fi
