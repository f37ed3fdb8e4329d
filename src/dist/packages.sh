#!/bin/sh
# Installs those of the Debian packages named that are not there yet; with all there it is quick
# and needs no network and no rights. With --quiet first, the services of what is installed are
# switched off again: it is for tests, which start their own.
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -u

quiet=
if [ "${1-}" = --quiet ]; then
    quiet=yes
    shift
fi
missing=
for package in "$@"; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
    *" installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "This is no Debian: please install what corresponds to:$missing" >&2
    exit 1
fi

root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Please install, as root: apt-get install$missing" >&2
        exit 1
    fi
    root=sudo
fi

# A fresh machine or container has no package lists yet, an old one outdated ones.
export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086 # the list is meant to be split
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
echo "Installing:$missing"
if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" ] || ! install; then
    $root apt-get update && install || exit
fi

if [ "$quiet" ] && [ -d /run/systemd/system ]; then
    # shellcheck disable=SC2086 # the list is meant to be split
    for unit in $(dpkg -L $missing | sed -n 's,.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\1,p'); do
        case $(systemctl is-enabled "$unit" 2>/dev/null) in
        enabled) $root systemctl --quiet disable --now "$unit" ;;
        esac
    done
fi
