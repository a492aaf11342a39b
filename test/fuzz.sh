#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME each and fails on the first
# finding. A package is compiled once for all of its targets.
set -eu
: "${GO:=go}" "${FUZZTIME:=5s}"
n=0
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do
	dir=$(dirname "$file")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		echo "fuzz $dir $target"
		$GO test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -parallel 2
		n=$((n + 1))
	done
done
echo "$n fuzz targets, $FUZZTIME each, nothing found"
test "$n" -gt 0
