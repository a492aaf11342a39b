#!/usr/bin/env bash
# Builds, once, a User-Mode Linux kernel from Debian's kernel source and prints the
# path of it: the one of kernel.fragment, with Smack, or of another fragment that is
# named. What is built stays in the user's cache under a name that changes with this
# script and with the fragment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fragment=$(realpath "${1:-$here/kernel.fragment}")
release=6.1
tarball=/usr/src/linux-source-$release.tar.xz

key=$(cat "$here/kernel.sh" "$fragment" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/labelgate
kept=$cache/uml-$key
say() { echo "kernel.sh: $*" >&2; }

if [ -x "$kept/linux" ]; then
	echo "$kept/linux"
	exit 0
fi

# One package a line: whether what it brings is there.
missing() {
	[ -r "$tarball" ] || echo "linux-source-$release"
	for tool in flex bison bc make gcc; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
	[ -e /usr/include/stdio.h ] || echo libc6-dev
	command -v xz >/dev/null || echo xz-utils
}

packages=$(missing | xargs)
if [ -n "$packages" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	say "installing $packages"
	# shellcheck disable=SC2086 # a list of words
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $packages; } >&2
	packages=$(missing | xargs)
fi
if [ -n "$packages" ]; then
	say "missing, and not installed by this user: apt-get install $packages"
	exit 1
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -x "$kept/linux" ]; then
	echo "$kept/linux"
	exit 0
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/src" "$work/build"

say "unpacking $tarball"
# Most of the tree is drivers and machines that a process has not got; their
# Kconfig and Makefile are read all the same.
left_out=(--exclude='*/Documentation/*/*' --exclude='*/sound/*.[ch]' --exclude='*/tools/testing/*' --exclude='*/tools/perf/*')
for dir in gpu media infiniband staging scsi net/ethernet net/wireless iio usb video; do
	left_out+=(--exclude="*/drivers/$dir/*.[chS]")
done
tar -xf "$tarball" -C "$work/src" --strip-components=1 "${left_out[@]}"

say "building with $(nproc) processes; some minutes, and only this once"
log=$work/log
step() {
	if ! "$@" >>"$log" 2>&1; then
		tail -n 40 "$log" >&2
		say "this failed: $*"
		exit 1
	fi
}
step env KCONFIG_ALLCONFIG="$fragment" make -C "$work/src" ARCH=um O="$work/build" allnoconfig
# What the fragment asks for and this release has not got, or has only with
# something else, is left out without a word.
for want in $(grep -E '^CONFIG_.*=y$' "$fragment"); do
	grep -qx "$want" "$work/build/.config" || { say "this kernel has no $want" && exit 1; }
done
step nice make -C "$work/build" ARCH=um -j"$(nproc)" linux

mkdir "$work/done"
strip -s -o "$work/done/linux" "$work/build/linux"
cp "$work/build/.config" "$work/done/config"
mv "$work/done" "$kept"
say "built $kept/linux"
echo "$kept/linux"
