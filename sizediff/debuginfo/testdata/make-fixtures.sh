#!/usr/bin/env bash
# Rebuilds the programs in this folder from src and ../../testdata/src, and for each executable NAME.truth: what llvm-symbolizer says
# of every byte of its code. The tests read the committed files; this script is needed only to change one.
#
# Debian 12 packages: gcc gcc-riscv64-linux-gnu gcc-arm-linux-gnueabi gcc-s390x-linux-gnu lld-19 llvm-19 rustc-web (1.96.0)
# rust-web-src python3; rustc 1.95.0 from rustup. The core that is inlined is built here from that source.
set -euo pipefail
export LC_ALL=C SOURCE_DATE_EPOCH=0

RUSTC=${RUSTC:-/usr/bin/rustc}
RUST_SRC=${RUST_SRC:-/usr/src/rustc-1.96.0/library}
SYMBOLIZER=${SYMBOLIZER:-llvm-symbolizer-19}
RUSTC_LTO=${RUSTC_LTO:-$(rustup which --toolchain stable rustc)} # 1.95.0, with a core that can be linked
LLD=${LLD:-ld.lld-19}

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here"/../../testdata/src/*.{rs,c} "$here"/{src,truth.py} "$work"
cd "$work" # relative names only, so that no path gets into a binary

RUSTFLAGS="-Copt-level=2 -Cpanic=abort -Cforce-unwind-tables=n -Csymbol-mangling-version=v0 -Crelocation-model=static
	--remap-path-prefix=$work=. --cap-lints=allow"
LDFLAGS="-static -z noexecstack -z max-page-size=4096 -z noseparate-code"

# toolchain TARGET PREFIX: sets what the functions below use, and builds core.
toolchain() {
	target=$1 prefix=$2
	RUSTC_BOOTSTRAP=1 "$RUSTC" $RUSTFLAGS --edition=2024 --crate-type=rlib --crate-name=core --target "$target" --emit=metadata \
		--out-dir "core-$target" -Zalways-encode-mir --cfg no_fp_fmt_parse \
		--remap-path-prefix="$RUST_SRC=/usr/lib/rustlib/src/rust/library" "$RUST_SRC/core/src/lib.rs"
	crate "core-$target" compiler_builtins
}

# crate DIR NAME [FLAG...]: one crate of src to DIR/NAME.o, which may use the crates that DIR has already.
crate() {
	local dir=$1 name=$2 used
	shift 2
	mkdir -p "$dir"
	used=$(cd "$dir" && ls lib*.rmeta 2>/dev/null | sed 's/^lib\(.*\)\.rmeta$/--extern \1/' || true)
	RUSTC_BOOTSTRAP=1 "$RUSTC" $RUSTFLAGS --edition=2021 --crate-type=rlib --crate-name="$name" --target "$target" --sysroot=/dev/null \
		-L "core-$target" -L "$dir" $used --emit=metadata,obj --out-dir "$dir" -Ccodegen-units=1 -Zunstable-options "$@" "$name.rs"
}

# program NAME [FLAG...]: alpha, beta and main.c as NAME.o, and NAME.exec.
program() {
	local name=$1
	shift
	crate "$name.d" alpha "$@"
	crate "$name.d" beta "$@"
	${prefix}gcc -O2 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -gdwarf-4 -fdebug-prefix-map=$work=. -c main.c -o "$name.d/main.o"
	${prefix}ld -r -o "$name.o" "$name.d/"{main,alpha,beta}.o
	${prefix}ld $LDFLAGS ${ldflags:-} -o "$name.exec" "$name.o"
	truth "$name.exec"
}

truth() { python3 truth.py "$SYMBOLIZER" "$1" >"$1.truth"; }

install_all() { install -m 644 "$@" "$here"; }

toolchain x86_64-unknown-none ''
program x86_64 -Cdebuginfo=1 -Zdwarf-version=4
install_all x86_64.{o,exec,exec.truth}
program lines-only -Cdebuginfo=line-tables-only
install_all lines-only.exec lines-only.exec.truth

# Functions that nobody calls are dropped by the linker. What is left to say of them differs by linker.
ldflags='--gc-sections -e beta_push' program dropped -Cdebuginfo=1 -Zdwarf-version=5 -Zfunction-sections=yes
$LLD $LDFLAGS --gc-sections -e beta_push -o dropped-lld.exec dropped.d/{main,alpha,beta}.o
truth dropped-lld.exec
install_all dropped.exec dropped.exec.truth dropped-lld.exec dropped-lld.exec.truth

program v5 -Cdebuginfo=1 -Zdwarf-version=5
for how in zlib zstd; do
	objcopy --compress-debug-sections=$how v5.o v5-$how.o
done
install_all v5.exec v5.exec.truth v5-zlib.o v5-zstd.o

# Link-time optimization inlines from one unit into another: their entries refer to each other.
lto() {
	RUSTC_BOOTSTRAP=1 "$RUSTC_LTO" $RUSTFLAGS --edition=2021 -Ccodegen-units=1 -Cdebuginfo=1 -Zcross-crate-inline-threshold=never -L . "$@"
}
lto --crate-type=rlib --crate-name=far src/far.rs
lto --crate-type=cdylib --crate-name=near --extern far -Clto=fat -Clinker="$LLD" -Clinker-flavor=ld.lld -Clink-arg=--no-dynamic-linker src/near.rs
mv libnear.so cross.so
truth cross.so
install_all cross.so cross.so.truth

toolchain riscv64gc-unknown-none-elf riscv64-linux-gnu-
ldflags=--no-relax program riscv64 -Cdebuginfo=1 -Zdwarf-version=5
install_all riscv64.{o,exec,exec.truth}
toolchain s390x-unknown-linux-gnu s390x-linux-gnu-
program s390x -Cdebuginfo=1 -Zdwarf-version=4
install_all s390x.{o,exec,exec.truth}
toolchain armv7a-none-eabi arm-linux-gnueabi-
program arm -Cdebuginfo=1 -Zdwarf-version=5
install_all arm.{o,exec,exec.truth}

if find "$here" -maxdepth 1 -type f ! -name '*.sh' -exec strings -a -f {} + | grep -E "$work|/root|/home|/tmp/|rustup"; then
	echo 'a path of this machine is in a fixture (above): remap it' >&2
	exit 1
fi
