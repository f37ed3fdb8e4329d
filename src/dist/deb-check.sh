#!/bin/bash
# Installs the package from build/deb in a fresh Debian, runs the program, and removes it again.
# Needs root, for chroot, and Debian's archive, for debootstrap; the bare system is kept in
# build/deb-check for the next time.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
home=build/deb-check
root=$home/root
fail() {
    echo "deb-check: $1" >&2
    exit 1
}
inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
# Every file but apt's and dpkg's own books, with what it is.
files() {
    (cd "$root" && find . -xdev -path ./proc -prune -o -path ./var/cache -prune -o \
        -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o -path ./var/log -prune -o \
        -printf '%p %y %m %l\n' | sort)
}

[ "$(id -u)" = 0 ] || fail "needs root"
deb=$(ls build/deb/jack-analyzer_*.deb) || fail "make deb comes first"
mkdir -p "$home"
if [ ! -f "$home/base.tar" ]; then
    echo "Fetching a bare Debian"
    debootstrap --variant=minbase bookworm "$home/base" "${MIRROR:-http://deb.debian.org/debian}" \
        >"$home/debootstrap.log"
    tar -C "$home/base" -cf "$home/base.tar.new" . && mv "$home/base.tar.new" "$home/base.tar"
    rm -rf "$home/base"
fi
rm -rf "$root"
mkdir "$root"
tar -C "$root" -xf "$home/base.tar"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service starts in there
chmod +x "$root/usr/sbin/policy-rc.d"
cp "$deb" "$root/tmp/package.deb"

echo "Installing"
inside apt-get -qq -o Dpkg::Use-Pty=0 update
# What it depends on comes first, and stays: only its own files are compared.
depends=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//')
# shellcheck disable=SC2086 # a list
inside apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $depends >"$home/apt.log"
files >"$home/before"
inside apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends /tmp/package.deb \
    >>"$home/apt.log"

echo "Running"
inside jack-analyzer --version
inside jack-analyzer -p genre/techno -p box/pi4 --check
inside jack-analyzer -f 'synth:click?bpm=120&seconds=10' -e - | grep -c '"type":"beat"' |
    xargs -I{} echo "{} beats in 10 s of clicks at 120 BPM"
inside getent passwd jack-analyzer >/dev/null || fail "the user is not there"
inside id -nG jack-analyzer | grep -qw audio || fail "the user is not in the group audio"

echo "Removing"
inside apt-get -qq -o Dpkg::Use-Pty=0 purge -y jack-analyzer >>"$home/apt.log"
files >"$home/after"
# The user stays, as Debian wants it: files may belong to it.
diff <(grep -v '^./etc/\(passwd\|group\|shadow\|gshadow\)' "$home/before") \
    <(grep -v '^./etc/\(passwd\|group\|shadow\|gshadow\)' "$home/after") ||
    fail "files were left behind, or changed"
rm -rf "$root"
echo "Nothing is left but the user"
