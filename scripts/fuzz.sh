#!/usr/bin/env bash
# scripts/fuzz.sh [PATTERN]: runs every fuzz target of the Go modules for
# FUZZ_SECONDS (30) with FUZZ_PROCS (1) workers and prints a table of what ran.
# Inputs that fail stay in the package's testdata/fuzz, and the run fails.
set -uo pipefail
. "$(dirname "$0")/common.sh"
cd "$root" || exit

seconds=${FUZZ_SECONDS:-30}
pattern=${1:-.}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0 targets=0 execs=0

say "| package | target | inputs tried | new kinds | end |"
say "|---|---|--:|--:|---|"
while IFS=: read -r file line; do
  target=$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*/\1/p' <<<"$line")
  package=$(dirname "$file")
  [[ "$package $target" =~ $pattern ]] || continue
  end=ok
  (cd "$package" && CGO_ENABLED=0 go test -run '^$' -fuzz "^$target\$" -fuzztime "${seconds}s" -parallel "${FUZZ_PROCS:-1}" .) >"$log" 2>&1 || {
    end=FAILED failed=$((failed + 1))
    cat "$log" >&2
  }
  last=$(grep -o 'execs: [0-9]* .*new interesting: [0-9]*' "$log" | tail -n 1)
  tried=$(sed -n 's/execs: \([0-9]*\).*/\1/p' <<<"$last")
  new=$(sed -n 's/.*new interesting: \([0-9]*\)/\1/p' <<<"$last")
  targets=$((targets + 1)) execs=$((execs + ${tried:-0}))
  say "| ${package#./} | $target | ${tried:-?} | ${new:-?} | $end |"
done < <(grep -rnE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(f \*testing\.F\)' . | sed 's/:[0-9]*:/:/' | sort)
[ "$targets" -gt 0 ] || die "no fuzz target matches $pattern"
say ''
say "$targets targets of ${seconds} s each: $execs inputs, $failed failed"
[ "$failed" -eq 0 ]
