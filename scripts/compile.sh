#!/bin/sh
# scripts/compile.sh SERVICE OUTPUT: the one place that says how a service is compiled, for make, images and archives.
# The same commit gives the same bytes. Needs a plain shell and Go only; GOOS, GOARCH and GOFLAGS are the caller's.
set -eu
service=$1
case $2 in /*) output=$2 ;; *) output=$PWD/$2 ;; esac
cd "$(dirname "$0")/../$service"
command -v "${GO:-go}" >/dev/null || {
  echo 'Go 1.26 or newer is needed: https://go.dev/dl/' >&2
  exit 1
}

# Without the debugger's tables and without HTTP/2, which needs TLS: a proxy in front speaks it. And without inlined
# copies of functions in packages where requests spend little or no time: 0.8 MB of a program.
set -- -trimpath -buildvcs=false -tags nethttpomithttp2 -ldflags "-s -w -X main.version=$(cat VERSION)"
for seldom in crypto/... encoding/asn1 math/big mime/... net net/mail net/netip net/textproto net/url os regexp/syntax html/template text/template/... database/sql \
  golang.org/x/... google.golang.org/protobuf/... github.com/prometheus/... \
  github.com/monlight/monlight/shared/backup github.com/monlight/monlight/shared/config github.com/monlight/monlight/shared/outbound \
  github.com/monlight/monlight/shared/status github.com/monlight/monlight/shared/webui \
  github.com/monlight/monlight/error-tracker/internal/httpapi github.com/monlight/monlight/error-tracker/internal/postmark github.com/monlight/monlight/error-tracker/internal/smtp \
  github.com/monlight/monlight/error-tracker/internal/webhook github.com/monlight/monlight/error-tracker/internal/webui \
  github.com/monlight/monlight/error-tracker/internal/worker github.com/monlight/monlight/error-tracker/internal/tracker/alerting \
  github.com/monlight/monlight/error-tracker/internal/tracker github.com/monlight/monlight/error-tracker/internal/tracker/grouprules \
  github.com/monlight/monlight/error-tracker/internal/tracker/release github.com/monlight/monlight/error-tracker/internal/tracker/search \
  github.com/monlight/monlight/error-tracker/internal/tracker/sourcelink \
  github.com/monlight/monlight/shared/auth github.com/monlight/monlight/metrics-collector/internal/errortracker \
  github.com/monlight/monlight/metrics-collector/internal/webui github.com/monlight/monlight/metrics-collector/internal/worker html fmt log log/slog os/exec os/signal expvar path/filepath runtime/debug text/tabwriter; do
  set -- "$@" "-gcflags=$seldom=-l"
done
CGO_ENABLED=0 exec "${GO:-go}" build "$@" -o "$output" .
