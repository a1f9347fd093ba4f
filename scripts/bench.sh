#!/usr/bin/env bash
# Measures the built services one after the other; Markdown tables for each.
# BENCH names those to measure, as "log-viewer/bench"; what follows goes to each.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
say "machine: $(nproc) cores, $(uname -sr), $(go version | cut -d' ' -f3), $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD 2>/dev/null || echo none)"
for b in ${BENCH:-e2e/bench log-viewer/bench metrics-collector/bench browser-relay/bench}; do
  [ -d "$b" ] || continue
  say ''
  say "## $b"
  (cd "$b" && go run . -bin "$root/bin" "$@")
done
