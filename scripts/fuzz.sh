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

fuzz() {
  (cd "$1" && CGO_ENABLED=0 go test -run '^$' -fuzz "^$2\$" -fuzztime "${seconds}s" -fuzzminimizetime 100x -parallel "${FUZZ_PROCS:-1}" .) >"$log" 2>&1
}

say "| package | target | inputs tried | new kinds | end |"
say "|---|---|--:|--:|---|"
while IFS=: read -r file line; do
  target=$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*/\1/p' <<<"$line")
  package=$(dirname "$file")
  [[ "$package $target" =~ $pattern ]] || continue
  end=ok
  # On a busy machine Go reports its own deadline at the end of the time as a failure, with no input.
  if ! fuzz "$package" "$target" && ! { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" && fuzz "$package" "$target"; }; then
    end=FAILED failed=$((failed + 1))
    cat "$log" >&2
  fi
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
