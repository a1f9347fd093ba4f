#!/usr/bin/env bash
# e2e/openapi_fuzz.sh BIN [SECONDS]: starts the four built services of the folder BIN, fills them with data, and compares
# what they answer with their OpenAPI documents. First by openapi_answers.py: good requests with real data, so that every
# documented answer of 2xx and every property of it is seen. Then by schemathesis, which sends what the documents allow,
# and what they do not. Fails for an answer of 500 or more that is no 502 or 503, and for an answer, a header or a body
# that is not as documented. With SECONDS each service gets so long, with a seed; without, each operation gets all its
# cases. Two checks of schemathesis are left out because they do not hold, as is wanted: old clients may send parameters
# that are passed over (negative_data_rejection), and the rules for names, times and expressions are narrower than a schema
# can say (positive_data_acceptance). SERVICES names those to fuzz, FIGURES a file for the number of cases.
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
docs=$here/../docs/api

# A container of Docker that has ended, with what it is labelled with.
container=$dir/containers/$(printf 'c%.0s' $(seq 64))
mkdir -p "$container"
at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
cat >"$container/config.v2.json" <<CONFIG
{"ID":"${container##*/}","Name":"/web","LogPath":"$container/${container##*/}-json.log","RestartCount":3,
 "State":{"Running":false,"OOMKilled":true,"ExitCode":137,"StartedAt":"$at","FinishedAt":"$at"},
 "Config":{"Image":"shop:1","Labels":{"com.docker.compose.service":"web","com.docker.compose.project":"shop"}}}
CONFIG
printf '{"log":"GET /orders 200\\n","stream":"stdout","time":"%s"}\n' "$at" >"$container/${container##*/}-json.log"

urls=()
for s in $services; do urls+=("$s=http://127.0.0.1:${port_of[$s]}"); done
peers=$(printf '%s,' "${urls[@]}")
nowhere=http://127.0.0.1:1

# start SERVICE NAME PORT ERROR_TRACKER METRICS_COLLECTOR: alerts go to where nobody listens, so that a mistake is seen in
# the status; a metric may have few series, so that the limit is seen.
start() {
  env -i PATH="$PATH" API_KEY="$key" ADMIN_API_KEY="$key" ADDR="127.0.0.1:$3" DATABASE_PATH="$dir/$2.db" LOG_SOURCES="$dir/containers" CONTAINERS='*' \
    RATE_LIMIT=1000000 DSN_KEYS="shop:$key" CORS_ORIGINS='*' DROP_OPTED_OUT=true MAX_SERIES_PER_METRIC=1500 AGGREGATION_INTERVAL=1s \
    ERROR_TRACKER_API_KEY="$key" METRICS_COLLECTOR_API_KEY="$key" ERROR_TRACKER_URL="$4" METRICS_COLLECTOR_URL="$5" \
    LOG_VIEWER_URL="http://127.0.0.1:${port_of[log-viewer]}" BROWSER_RELAY_URL="http://127.0.0.1:${port_of[browser-relay]}" \
    ERROR_TRACKER_BASE_URL="$4" METRICS_COLLECTOR_BASE_URL="$5" LOG_VIEWER_BASE_URL="http://127.0.0.1:${port_of[log-viewer]}" \
    PEERS="${peers%,}" SMTP_HOST=127.0.0.1 SMTP_PORT=1 ALERT_EMAILS=nobody@example.com ALERT_WEBHOOK_PRIVATE=true \
    "$bin/$1" >"$dir/$2.log" 2>&1 &
  pids+=($!)
}
for s in $services; do
  start "$s" "$s" "${port_of[$s]}" "http://127.0.0.1:${port_of[error-tracker]}" "http://127.0.0.1:${port_of[metrics-collector]}"
done
# A relay behind which there is nobody.
alone=$(port)
start browser-relay relay-alone "$alone" "$nowhere" "$nowhere"
urls+=("relay-alone=http://127.0.0.1:$alone")
for u in "${urls[@]}"; do
  for _ in $(seq 200); do
    curl -sf "${u#*=}/health" >/dev/null && continue 2
    sleep 0.05
  done
  cat "$dir/${u%%=*}.log"
  exit 1
done

failed=0
"$venv/bin/python" "$here/openapi_answers.py" "$docs" "$key" "${urls[@]}" || failed=1

for s in ${SERVICES-$services}; do
  more=()
  [ "$s" != log-viewer ] || more+=(--exclude-path /api/logs/tail) # a stream has no end
  [ -z "$seconds" ] || more+=(--max-examples 15 --seed 1 --phases "examples,coverage,fuzzing" --max-time "$seconds")
  "$venv/bin/schemathesis" run "$docs/$s.openapi.json" --url "http://127.0.0.1:${port_of[$s]}" --header "X-API-Key: $key" --header "X-Monlight-Key: $key" \
    --checks "${CHECKS:-not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,allow_header_conformance}" \
    --request-timeout 10 --no-color --workers 1 --warnings off --continue-on-failure \
    "${more[@]}" >"$dir/$s.out" 2>&1 || failed=1
  grep -vE '^ *(✅|❌|🚫|⏭|Loaded|$)' "$dir/$s.out" | tail -n "${LINES_SHOWN:-60}"
  [ -z "${FIGURES:-}" ] || { echo "== $s"; grep -A12 'SUMMARY' "$dir/$s.out"; } >>"$FIGURES"
  if grep '"route failed"\|"panic\|"msg":"request failed","service"' "$dir/$s.log" | grep -v '"level":"warn"' | head -5 | grep .; then
    echo "$s has logged mistakes of its own"
    failed=1
  fi
done
exit $failed
