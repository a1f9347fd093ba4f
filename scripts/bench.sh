#!/usr/bin/env bash
# Measures the built services one after the other: Markdown tables for each, and at the end one table for all of them, with
# what is installed beside them. BENCH names those to measure, as "log-viewer/bench"; what follows goes to each.
# BENCH_QUICK=1 makes it short, about 50 s of processor time for all: without source maps, queries of metrics and memory at rest.
# That shows that everything runs; its figures are no measurements.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
say "machine: $(nproc) cores, $(uname -sr), $(go version | cut -d' ' -f3), $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD 2>/dev/null || echo none), load $(cut -d' ' -f1-3 /proc/loadavg)"
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
declare -A quick=(
  [e2e/bench]='-seconds 2 -sizes 8 -doors reports,pages -events 20000'
  [log-viewer/bench]='-lines 100000 -baseline-lines 20000 -large=false -rest 2s -run writers'
  [metrics-collector/bench]='-points 200000 -series 10000 -idle=false -flushes 5 -queries=false -quick'
  [browser-relay/bench]='-time 2s -what traffic'
)
for b in ${BENCH:-e2e/bench log-viewer/bench metrics-collector/bench browser-relay/bench}; do
  [ -d "$b" ] || continue
  say ''
  say "## $b"
  # shellcheck disable=SC2086 # several words
  (cd "$b" && go run . -bin "$root/bin" -figures "$figures" ${BENCH_QUICK:+${quick[$b]}} "$@")
done
say ''
say "## All services${BENCH_QUICK:+, quick: no measurements}"
say ''
say "load $(cut -d' ' -f1-3 /proc/loadavg) at the end; figures beside ours are of the same run, \"0.50 of it\" is ours over theirs, losses are bold"
say ''
(cd e2e && go run ./figures -headlines "$figures")
