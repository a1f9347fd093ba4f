#!/usr/bin/env bash
# Asks the stack of docker-compose.test.yml everything that its users ask of it, from outside. Start it first:
#
#   docker compose -p monlight-e2e -f deploy/docker-compose.test.yml up -d --build && deploy/smoke-test.sh
#
# --keep leaves out the last step, which stops the four containers to see that they stop well.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

key=test_api_key_e2e_12345 admin=test_admin_key_e2e_12345
et=http://127.0.0.1:15010 lv=http://127.0.0.1:15011 mc=http://127.0.0.1:15012 br=http://127.0.0.1:15013
have curl || die 'curl is needed'
passed=0 failed=0
body='' status='' head=''

# ask METHOD URL [curl options] sets status, body and head.
ask() {
  local method=$1 url=$2 out
  shift 2
  out=$(mktemp)
  status=$(curl -sS -m 20 -o "$out" -D "$out.head" -w '%{http_code}' -X "$method" "$@" "$url" 2>/dev/null || true)
  body=$(cat "$out")
  head=$(tr -d '\r' <"$out.head" | tr '[:upper:]' '[:lower:]')
  rm -f "$out" "$out.head"
}

# check WHAT STATUS [TEXT …]: the last answer has one of the statuses (a|b) and contains each text.
check() {
  local what=$1 want=$2 text missing=''
  shift 2
  for text in "$@"; do grep -qF -- "$text" <<<"$body$head" || missing="$missing, no $text"; done
  if [[ "|$want|" == *"|$status|"* ]] && [ -z "$missing" ]; then
    passed=$((passed + 1))
    echo "ok    $what"
  else
    failed=$((failed + 1))
    echo "FAIL  $what: status $status, want $want$missing: $(printf '%.300s' "$body")"
  fi
}

for url in $et $lv $mc $br; do
  for _ in $(seq 60); do curl -fsS -m 2 "$url/health" >/dev/null 2>&1 && break; sleep 1; done
  ask GET "$url/health"
  check "health of $url" 200 '"status"' '"ok"'
done

report='{"project":"e2e-test","environment":"test","exception_type":"TestError","message":"smoke","traceback":"Traceback (most recent call last):\n  File \"/app/test.py\", line 42, in test\n    raise TestError(\"smoke\")\nTestError: smoke"}'
ask POST $et/api/errors -d "$report"
check 'no key' 401 '"detail":"Invalid API key"'
ask POST $et/api/errors -H "X-API-Key: $key" -H 'Content-Type: application/json' -d "$report"
if [ "$status" = 200 ]; then die 'the stack is not fresh: docker compose … down -v, and start it again'; fi
check 'a first report' 201 '"status"' '"created"' '"fingerprint"'
ask POST $et/api/errors -H "X-API-Key: $key" -H 'Content-Type: application/json' -d "$report"
check 'the same again' 200 '"incremented"'
ask GET "$et/api/errors?project=e2e-test" -H "X-API-Key: $key"
check 'the list has it' 200 '"TestError"'

for path in /health /api/stats /api/containers /api/logs; do
  ask GET "$lv$path" -H "X-API-Key: $key"
  check "log-viewer $path without logs" 200
done

ask POST $mc/api/metrics -H "X-API-Key: $key" -H 'Content-Type: application/json' -d '{"metrics":[
  {"name":"e2e_requests","type":"counter","value":1,"labels":{"method":"GET"}},
  {"name":"e2e_duration","type":"histogram","value":0.25,"labels":{"method":"GET"}},
  {"name":"e2e_queue","type":"gauge","value":3,"labels":{}}]}'
check 'three metrics' 202 '"accepted"' '"count"'
ask GET $mc/api/metrics/names -H "X-API-Key: $key"
check 'their names' 200 e2e_requests

for url in $et $lv $mc; do
  ask GET "$url/"
  check "the page of $url" 200 '<html' 'class='
done

ask POST $br/api/dsn-keys -H "X-API-Key: $admin" -H 'Content-Type: application/json' -d '{"project":"e2e-test"}'
dsn=$(grep -o '"public_key":"[0-9a-f]\{32\}"' <<<"$body" | cut -d'"' -f4 || true)
check 'a key for browsers' 201 "\"public_key\":\"${dsn:-missing}\""
ask GET $br/api/dsn-keys -H "X-API-Key: $admin"
check 'the list of keys has it' 200 "${dsn:-missing}"

error='{"type":"TypeError","message":"x is undefined","stack":"TypeError: x is undefined\n    at onClick (app.min.js:1:2345)","environment":"test"}'
origin=(-H 'Origin: http://localhost:3000' -H "X-Monlight-Key: $dsn" -H 'Content-Type: application/json')
ask POST $br/api/browser/errors "${origin[@]}" -d "$error"
check 'an error of a browser' 201 'access-control-allow-origin: http://localhost:3000'
ask POST $br/api/browser/metrics "${origin[@]}" -d '{"session_id":"s1","url":"http://localhost:3000/cart?id=1","metrics":[
  {"name":"web_vitals_lcp","type":"histogram","value":1234.5},{"name":"web_vitals_inp","type":"histogram","value":80},
  {"name":"web_vitals_cls","type":"histogram","value":0.02}]}'
check 'metrics of a browser' 202 '"accepted"'
sleep 1
ask GET "$et/api/errors?project=e2e-test&source=browser" -H "X-API-Key: $key"
check 'error-tracker has the error' 200 '"TypeError"'
for _ in 1 2 3 4 5; do
  ask GET $mc/api/metrics/names -H "X-API-Key: $key"
  grep -q web_vitals_lcp <<<"$body" && break
  sleep 1
done
check 'metrics-collector has the metrics' 200 web_vitals_lcp

ask POST $br/api/source-maps -H "X-API-Key: $admin" -H 'Content-Type: application/json' -d '{"project":"e2e-test","release":"1.0.0",
  "file_url":"/static/app.min.js","map_content":"{\"version\":3,\"sources\":[\"src/app.ts\"],\"names\":[\"handleClick\"],\"mappings\":\"AAAAA\"}"}'
check 'a source map' 201 '"uploaded"'
ask OPTIONS $br/api/browser/errors -H 'Origin: http://localhost:3000' -H 'Access-Control-Request-Method: POST'
check 'a preflight' 204 access-control-allow-origin access-control-allow-methods

# One curl for all of them: the limit counts a minute.
answers=$(curl -sS -m 120 -X POST "${origin[@]}" -d "$error" "$br/api/browser/errors?n=[1-301]" 2>/dev/null || true)
body=$(grep -o '{"[^{}]*"retry_after":[0-9]*[^{}]*}' <<<"$answers" | head -n 1 || true)
status=$([ -n "$body" ] && echo 429 || echo 'never 429')
check 'a flood is limited' 429 '"retry_after"'

if [ "${1:-}" != --keep ]; then
  for c in e2e_browser_relay e2e_log_viewer e2e_metrics_collector e2e_error_tracker; do
    docker kill --signal=SIGTERM $c >/dev/null
    status=running body='' head=''
    for _ in $(seq 100); do
      running $c || { status="exit $(of_container '{{.State.ExitCode}}' $c)"; break; }
      sleep 0.1
    done
    check "$c stops on SIGTERM within 10 s" 'exit 0'
  done
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
