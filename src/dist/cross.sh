#!/bin/bash
# Builds everything for another processor with Debian's cross compilers and tests it under qemu.
#
#   src/dist/cross.sh arm64|armhf PACKAGE...
#
# The PACKAGEs, which are the libraries' headers, are unpacked with all they depend on in
# build/cross/ARCH/root, from Debian's archive; nothing of them is run or installed. JOBS are options
# of make. LONG=1 adds the accuracy of beats, which takes an hour.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
arch=${1-}
case $arch in
arm64) triplet=aarch64-linux-gnu emulator=qemu-aarch64-static ;;
armhf) triplet=arm-linux-gnueabihf emulator=qemu-arm-static ;;
*)
    echo "cross: ARCH=$arch: must be arm64 or armhf" >&2
    exit 1
    ;;
esac
shift
home=$PWD/build/cross/$arch
root=$home/root
src/dist/packages.sh mmdebstrap "g++-$triplet" qemu-user-static python3

wanted=$(IFS=, && echo "$*")
if [ "$(cat "$home/packages" 2>/dev/null)" != "$wanted" ]; then
    echo "Fetching the libraries for $arch"
    rm -rf "$home"
    mkdir -p "$home"
    mmdebstrap --quiet --variant=extract --arch="$arch" --include="$wanted" bookworm "$root" \
        "${MIRROR:-http://deb.debian.org/debian}"
    echo "$wanted" >"$home/packages"
fi

echo "Building for $arch"
export PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig:$root/usr/share/pkgconfig
# shellcheck disable=SC2086 # options of make
make -s ${JOBS-} BUILD="build/cross/$arch/plain" AR="$triplet-ar" \
    CC="$triplet-gcc --sysroot=$root" CXX="$triplet-g++ --sysroot=$root -Wno-psabi" all unit tools

# In emulated/, every program once more, under the same name, as something that this machine runs.
cat >"$home/emulate" <<END
#!/bin/sh
exec $emulator -L "$root" "$home/plain/\${0#*/emulated/}" "\$@"
END
chmod +x "$home/emulate"
rm -rf "$home/emulated"
(cd "$home/plain" && find . -type f -perm /111 ! -name '*.so') | while read -r program; do
    mkdir -p "$home/emulated/$(dirname "$program")"
    ln -s "$home/emulate" "$home/emulated/$program"
done
# One test needs what qemu does not know; a crash still shows as results that are missing.
rm "$home/emulated/test/unit/test_outlet"
cat >"$home/emulated/test/unit/test_outlet" <<END
#!/bin/sh
$emulator -L "$root" "$home/plain/test/unit/test_outlet" |
    sed 's/^not ok .* - sends_datagrams\$/& # SKIP qemu has no IP_MULTICAST_IF/'
END
chmod +x "$home/emulated/test/unit/test_outlet"

echo "Testing"
export BUILD=build/cross/$arch/emulated SLOWNESS=${SLOWNESS:-20}
suites="test/golden/program.py test/bench/same_events.py"
[ -z "${LONG-}" ] || suites="$suites $(echo test/accuracy/*.py)"
# shellcheck disable=SC2086 # a list
exec test/run "$BUILD"/test/unit/* "$BUILD"/test/signals/* $suites
