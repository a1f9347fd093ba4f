#!/usr/bin/env bash
# scripts/lint.sh LINTER MODULE...: formatting, vet, both ways to build, linter.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
linter=$1
shift

unformatted=$(gofmt -l "$@")
[ -z "$unformatted" ] || die "not formatted (make fmt):
$unformatted"

for m in "$@"; do
  say "lint $m"
  (
    cd "$m"
    # Tools are modules of their own, outside of the workspace.
    grep -q "^[[:space:]]*\./$m\$" "$root/go.work" || export GOWORK=off
    go vet ./...
    # As in an image build, where there is no workspace.
    GOWORK=off go build -o /dev/null ./...
    "$linter" run --config "$root/.golangci.yml" ./...
  )
done

if have shellcheck; then
  shellcheck -x -e SC1091,SC2154,SC2034,SC2155,SC2016,SC2015 scripts/*.sh deploy/*.sh e2e/*.sh e2e/deploy/*.sh e2e/sdks/*.sh .ci/run
fi
say 'lint: ok'
