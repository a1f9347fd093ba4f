#!/usr/bin/env bash
# Tries out deploy/nginx.conf.example with a real nginx: all services below paths of one host, live tails included.
# Needs the programs in bin/.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
pids=() passed=0
fail() { printf 'FAIL  %s\n' "$*" >&2; tail -n 5 "$work"/*.log >&2 || true; exit 1; }
ok()   { passed=$((passed + 1)); printf 'ok    %s\n' "$*"; }
finish() {
  local status=$?
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
  rm -rf "$work"
  exit $status
}
trap finish EXIT
port() {
  local p=$((20000 + RANDOM % 20000))
  while (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do p=$((p + 1)); done
  echo $p
}

key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') front=$(port)
host=http://127.0.0.1:$front
declare -A ports=()
for s in error-tracker log-viewer metrics-collector browser-relay; do ports[$s]=$(port); done
for s in error-tracker log-viewer metrics-collector browser-relay; do
  settings=(API_KEY="$key")
  [ $s != browser-relay ] || settings=(ADMIN_API_KEY="$key" ERROR_TRACKER_API_KEY="$key" METRICS_COLLECTOR_API_KEY="$key"
    ERROR_TRACKER_URL="http://127.0.0.1:${ports[error-tracker]}" METRICS_COLLECTOR_URL="http://127.0.0.1:${ports[metrics-collector]}" CORS_ORIGINS=https://shop.example)
  env "${settings[@]}" ADDR="127.0.0.1:${ports[$s]}" BASE_URL="$host/$s" TRUSTED_PROXIES=127.0.0.1 LOG_SOURCES="$work/none" \
    DATABASE_PATH="$work/$s.db" "$top/bin/$s" >"$work/$s.log" 2>&1 &
  pids+=($!)
done
{
  printf 'daemon off; pid %s/pid; error_log %s/nginx.log; events {} http { access_log off;\n' "$work" "$work"
  for t in client_body proxy fastcgi uwsgi scgi; do printf '%s_temp_path %s/%s;\n' $t "$work" $t; done
  sed -e "s/listen 443 ssl;/listen 127.0.0.1:$front;/" -e '/ssl_/d' \
    -e "s/127.0.0.1:5010/127.0.0.1:${ports[error-tracker]}/" -e "s/127.0.0.1:5011/127.0.0.1:${ports[log-viewer]}/" \
    -e "s/127.0.0.1:5012/127.0.0.1:${ports[metrics-collector]}/" -e "s/127.0.0.1:5013/127.0.0.1:${ports[browser-relay]}/" \
    "$top/deploy/nginx.conf.example"
  echo '}'
} >"$work/nginx.conf"
nginx -p "$work" -c "$work/nginx.conf" 2>>"$work/nginx.log" &
pids+=($!)
for s in "${!ports[@]}"; do
  for _ in $(seq 100); do curl -fsS -m 2 "$host/$s/health" >/dev/null 2>&1 && break; sleep 0.1; done
  curl -fsS -m 2 "$host/$s/health" >/dev/null || fail "$s does not answer behind nginx"
done
ok 'all services answer below their paths'

for s in "${!ports[@]}"; do
  curl -fsS -m 5 -o "$work/page" "$host/$s/" || fail "$s has no page"
  asset=$(grep -o "/$s/assets/[^\"]*\.css" "$work/page" | head -n 1)
  [ -n "$asset" ] || fail "the page of $s has no style sheet below its path"
  curl -fsS -m 5 -o /dev/null "$host$asset" || fail "$s: $asset is not there"
  # Signing in gives a cookie for this path, and the page behind it.
  # A form from another site is refused, so the browser's headers are needed.
  curl -sS -m 5 -c "$work/cookies-$s" -o /dev/null -w '%{http_code} %{redirect_url}' -H "Origin: $host" -H 'Sec-Fetch-Site: same-origin' \
    --data-urlencode "key=$key" "$host/$s/sign-in" >"$work/signed" || fail "$s: no sign-in"
  grep -q "^303 $host/$s/" "$work/signed" || fail "$s: sign-in answers $(cat "$work/signed")"
  curl -fsS -m 5 -b "$work/cookies-$s" -o "$work/page" "$host/$s/" || fail "$s: no page after sign-in"
  grep -q 'Sign out' "$work/page" || fail "$s: the session does not hold"
done
ok 'pages, assets and sessions work below the paths'

api() { curl -fsS -m 10 -H "X-API-Key: $key" "$@"; }
api -X POST "$host/error-tracker/api/errors" -d '{"project":"p","exception_type":"E","message":"m","traceback":"t"}' | grep -q created || fail 'no report'
api -X POST "$host/metrics-collector/api/metrics" -d '[{"name":"n","type":"counter","value":1}]' | grep -q accepted || fail 'no metric'
dsn=$(api -X POST "$host/browser-relay/api/dsn-keys" -d '{"project":"p"}' | sed -n 's/.*"public_key":"\([0-9a-f]*\)".*/\1/p')
curl -fsS -m 10 -D "$work/head" -o /dev/null -X POST "$host/browser-relay/api/browser/errors?key=$dsn" -H 'Origin: https://shop.example' \
  -d '{"type":"TypeError","message":"m","stack":"TypeError: m\n    at f (a.js:1:1)"}' || fail 'no error of a browser'
grep -qi '^access-control-allow-origin: https://shop.example' "$work/head" || fail 'no CORS header'
ok 'reports, metrics and errors of browsers arrive'

curl -sS -m 20 -N -H "X-API-Key: $key" "$host/log-viewer/api/logs/tail" >"$work/tail" &
pids+=($!)
for _ in $(seq 50); do [ "$(curl -fsS "http://127.0.0.1:${ports[log-viewer]}/metrics" -H "X-API-Key: $key" | awk '/^[a-z_]*tail[a-z_]* [1-9]/' | wc -l)" -gt 0 ] && break; sleep 0.1; done
api -X POST "$host/log-viewer/api/logs" -d '[{"container":"web","message":"streamed through the proxy"}]' >/dev/null || fail 'no log line'
for _ in $(seq 30); do grep -q 'streamed through the proxy' "$work/tail" && break; sleep 0.1; done
grep -q 'streamed through the proxy' "$work/tail" || fail 'the live tail does not come through within 3 s'
ok 'the live tail streams through nginx'
printf '%s passed, 0 failed\n' $passed
