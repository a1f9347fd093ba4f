#!/usr/bin/env bash
# Starts everything and lets real programs crash into it, some of them often. Its data is in DEMO_DATA, .run/demo unless
# said otherwise, and not among that of "make run".
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/demo_logs.sh"

have curl || die 'curl is needed: apt-get install curl'
load_env
mkdir -p "$root/.run"
choose_log_source
trap 'stop_log_programs; stop_services' EXIT
trap 'exit 0' INT TERM
start_services "${DEMO_DATA:-$root/.run/demo}"

export ERROR_TRACKER_URL=${service_url[error-tracker]} ERROR_TRACKER_API_KEY

# crash COMMAND...: the program is meant to fail; it is odd if it does not.
crash() {
  if "$@" >>"$root/.run/demo.log" 2>&1; then die "this did not crash: $*"; fi
  crashed=$((crashed + 1))
}

[ -z "${service_url[log-viewer]:-}" ] || start_log_programs "${service_url[log-viewer]}" "$LOG_VIEWER_API_KEY"
crashed=0
for i in 1 2 3 4 5 6; do
  if have python3; then
    crash python3 "$root/demo/python/orders.py" price $((4000 + i))
    crash env APP_ENV=staging python3 "$root/demo/python/orders.py" ship $((4100 + i))
    [ $((i % 2)) = 1 ] || crash python3 "$root/demo/python/orders.py" pay $((4200 + i))
    [ $((i % 3)) != 0 ] || crash python3 "$root/demo/python/orders.py" import $((4300 + i))
  fi
  if have node; then
    crash node "$root/demo/node/checkout.js" cart $((5000 + i))
    [ $((i % 2)) = 1 ] || crash env APP_ENV=staging node "$root/demo/node/checkout.js" coupon $((5100 + i))
    [ $((i % 3)) != 0 ] || crash node "$root/demo/node/checkout.js" stock $((5200 + i))
  fi
done
have python3 || say '!!! no python3 here: its program did not run'
have node || say '!!! no node here: its program did not run'

if [ -n "${service_url[metrics-collector]:-}" ]; then
  say 'Writing 30 days of made-up history, then measuring a real local server under a small load for a while …'
  (cd "$root/metrics-collector" && METRICS_API_KEY=$METRICS_COLLECTOR_API_KEY \
    go run ./demo -url "${service_url[metrics-collector]}" -load "${DEMO_LOAD:-1m}")
fi

say "$crashed crashes of real programs were reported; what they printed is in .run/demo.log."
print_services
if [ -n "${DEMO_ONCE:-}" ]; then exit 0; fi
say 'Stop with Ctrl-C.'
wait
