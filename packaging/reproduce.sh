#!/bin/sh
# Builds the committed state of the sources twice, as two people would who know
# nothing of each other, and compares all bytes of what they get. Prints how many
# differ, and fails if any does.
#
# MAKE_ARGS are for make: ARCHES=amd64 compares less. With CACHE=shared the first
# build takes what was compiled before, and only the second one starts from nothing.
set -eu
: "${GO:=go}" "${CACHE:=own}" "${MAKE_ARGS:=}"
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
# The module cache is read-only to its owner, too.
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
proxy="file://$($GO env GOMODCACHE)/cache/download"

one=$tmp/a
two=$tmp/another/place/with-a-longer-name
git clone -q --no-hardlinks . "$one"
git clone -q --no-hardlinks . "$two"

[ "$CACHE" = shared ] || export GOCACHE="$tmp/cache"
# MAKE_ARGS is a list.
# shellcheck disable=SC2086
make -s -C "$one" release GO="$GO" $MAKE_ARGS

# Another user, home, time zone, language and mask; settings that would
# change the binaries if anybody listened to them; modules from a cache that has just
# been filled, without any network.
# shellcheck disable=SC2086
(umask 077; env GOCACHE="$tmp/cache2" GOMODCACHE="$tmp/modules" GOPROXY="$proxy,off" GOFLAGS='-race -tags=faults' GOAMD64=v3 GOARM64=v9.0 \
	CGO_ENABLED=1 HOME="$tmp" USER=somebody TZ=Asia/Kathmandu LC_ALL=C LANG=tr_TR.UTF-8 SOURCE_DATE_EPOCH=1 \
	make -s -C "$two" release GO="$GO" $MAKE_ARGS)

files=0
differ=0
for file in $(cd "$one/dist" && find . -type f | LC_ALL=C sort); do
	files=$((files + 1))
	test -f "$two/dist/$file" || { echo "only one build has $file"; exit 1; }
	n=$(cmp -l "$one/dist/$file" "$two/dist/$file" 2>/dev/null | wc -l)
	[ "$n" = 0 ] && ! cmp -s "$one/dist/$file" "$two/dist/$file" && n=1 # one is longer
	[ "$n" = 0 ] || echo "$file: $n bytes differ"
	differ=$((differ + n))
done
[ "$(cd "$two/dist" && find . -type f | wc -l)" = "$files" ] || { echo 'the second build has files that the first one has not'; exit 1; }
echo "$files files, $(cd "$one/dist" && find . -type f -exec cat {} + | wc -c) bytes, bytes that differ: $differ"
[ "$differ" = 0 ]
