#!/bin/sh
# Runs every fuzz target of the module for FUZZTIME each and fails on the first
# finding, which Go leaves in testdata/fuzz.
set -eu
: "${GO:=go}" "${FUZZTIME:=5s}"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
n=0
for file in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do
	dir=$(dirname "$file")
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
		n=$((n + 1))
		if $GO test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 1s -parallel 2 >"$out" 2>&1; then
			echo "fuzz $dir $target: $(grep -o 'execs: [0-9]*' "$out" | tail -n 1)"
		elif grep -q 'context deadline exceeded' "$out" && ! grep -q -E 'Failing input|panic|_test\.go:' "$out"; then
			# Go's fuzzer sometimes reports the end of its own time as a failure
			# when a worker is busy at that moment. Nothing was found then.
			echo "fuzz $dir $target: $(grep -o 'execs: [0-9]*' "$out" | tail -n 1), ended by its deadline"
		else
			cat "$out"
			exit 1
		fi
	done
done
echo "$n fuzz targets, $FUZZTIME each, nothing found"
test "$n" -gt 0
