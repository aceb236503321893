#!/bin/sh
# Makes the measurements in builds/ again, after their format has changed. The kernels lie in $OXIDOMETER_KERNELS, or in
# ../shared/kernels beside the checkout. small-base and small-head are copies of sizediff/testdata.
set -eu
cd "$(dirname "$0")/../.."
kernels=${OXIDOMETER_KERNELS:-../shared/kernels}
for name in base fmtgrowth binder; do
	go run ./cmd/oxidometer measure "$kernels/$name.zip" -o "bot/demo/builds/$name/kernel.oxm"
done
for name in small-base small-head; do
	rm -rf "bot/demo/builds/$name"
	cp -R "sizediff/testdata/$name" "bot/demo/builds/$name"
done
