#!/usr/bin/env bash
# e2e/openapi_fuzz.sh BIN [SECONDS]: starts the four built services of the folder BIN and sends them what their OpenAPI
# documents allow, and what they do not (schemathesis, in a virtual environment of its own). Fails for an answer of 500 or
# more that is no 502 or 503, and for an answer that is not documented. With SECONDS each service gets so long, with a seed;
# without, each operation gets all its cases.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
seconds=${2:-}
version=4.32.5

venv=$here/.venv-openapi
if [ "$(cat "$venv/version" 2>/dev/null)" != "$version" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
  echo "$version" >"$venv/version"
fi

dir=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # the trap calls it
stop() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$dir"
}
trap stop EXIT
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
declare -A port_of
services='error-tracker log-viewer metrics-collector browser-relay'
for s in $services; do port_of[$s]=$(port); done
for s in $services; do
  env -i PATH="$PATH" API_KEY="$key" ADMIN_API_KEY="$key" ADDR="127.0.0.1:${port_of[$s]}" DATABASE_PATH="$dir/$s.db" LOG_SOURCES=/nonexistent \
    RATE_LIMIT=1000000 DSN_KEYS="shop:$key" CORS_ORIGINS='*' ERROR_TRACKER_API_KEY="$key" METRICS_COLLECTOR_API_KEY="$key" \
    ERROR_TRACKER_URL="http://127.0.0.1:${port_of[error-tracker]}" METRICS_COLLECTOR_URL="http://127.0.0.1:${port_of[metrics-collector]}" \
    "$bin/$s" >"$dir/$s.log" 2>&1 &
  pids+=($!)
done
for s in $services; do
  for _ in $(seq 200); do
    curl -sf "http://127.0.0.1:${port_of[$s]}/health" >/dev/null && continue 2
    sleep 0.05
  done
  cat "$dir/$s.log"
  exit 1
done

failed=0
for s in $services; do
  url=http://127.0.0.1:${port_of[$s]}
  # Something to find, and ids that exist.
  case $s in
  error-tracker)
    curl -sSf -o /dev/null -X POST "$url/api/errors" -H "X-API-Key: $key" -d '{"project":"shop","exception_type":"E","message":"m","traceback":"E: m"}'
    ;;
  log-viewer) curl -sSf -o /dev/null -X POST "$url/api/logs" -H "X-API-Key: $key" -d '[{"container":"web","message":"hello"}]' ;;
  metrics-collector) curl -sSf -o /dev/null -X POST "$url/api/metrics" -H "X-API-Key: $key" -d '[{"name":"a","type":"counter","value":1}]' ;;
  esac
  more=()
  [ "$s" != log-viewer ] || more+=(--exclude-path /api/logs/tail) # a stream has no end
  [ -z "$seconds" ] || more+=(--max-examples 15 --seed 1 --phases "examples,coverage,fuzzing" --max-time "$seconds")
  "$venv/bin/schemathesis" run "$here/../docs/api/$s.openapi.json" --url "$url" --header "X-API-Key: $key" --header "X-Monlight-Key: $key" \
    --checks status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance \
    --request-timeout 10 --no-color --workers 1 --warnings off --continue-on-failure \
    "${more[@]}" >"$dir/$s.out" 2>&1 || failed=1
  grep -vE '^ *(✅|❌|🚫|⏭|Loaded|$)' "$dir/$s.out" | tail -n "${LINES_SHOWN:-60}"
  if grep '"route failed"\|"panic\|"msg":"request failed","service"' "$dir/$s.log" | grep -v '"level":"warn"' | head -5 | grep .; then
    echo "$s has logged mistakes of its own"
    failed=1
  fi
done
exit $failed
