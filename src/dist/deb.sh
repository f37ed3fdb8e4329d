#!/bin/bash
# Builds the Debian package of this source in build/deb and lets lintian look at it.
#
#   src/dist/deb.sh VERSION BUILD-DEPENDENCY...
#
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
cd "$(dirname "$0")/../.."
version=$1
shift
maintainer="${DEBFULLNAME:-jack-analyzer} <${DEBEMAIL:-maintainers@jack-analyzer.invalid}>"
tree=build/deb/jack-analyzer-$version

rm -rf build/deb
mkdir -p "$tree"
cp -a include presets src test Makefile LICENSE README.md jack-analyzer.conf "$tree"
cp -a src/dist/debian "$tree/debian"
depends=$(printf '%s, ' "$@")
sed -i "s|@MAINTAINER@|$maintainer|; s|@BUILD_DEPENDS@|${depends%, }|; s|@VERSION@|$version|
    s|@DATE@|$(date -R)|" "$tree/debian/control" "$tree/debian/changelog"

(cd "$tree" && dpkg-buildpackage -us -uc -b -j"$(nproc)" >../build.log 2>&1) || {
    tail -n 40 build/deb/build.log >&2
    exit 1
}
lintian --fail-on error,warning --info "build/deb/jack-analyzer_${version}"_*.changes
ls build/deb/*.deb
