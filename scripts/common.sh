# shellcheck shell=bash
# Helpers of the other scripts. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say()  { printf '%s\n' "$*"; }
die()  { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# random_key prints 32 random hex digits.
random_key() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# services prints the name, the port and the name of the key of each service that is built.
services() {
  local line
  while read -r line; do
    [ -x "$root/bin/${line%% *}" ] && printf '%s\n' "$line"
  done <<'LIST'
error-tracker 5010 ERROR_TRACKER_API_KEY
log-viewer 5011 LOG_VIEWER_API_KEY
metrics-collector 5012 METRICS_COLLECTOR_API_KEY
browser-relay 5013 BROWSER_RELAY_ADMIN_API_KEY
LIST
  return 0
}

# load_env reads the local env file, making it with fresh keys if there is none.
load_env() {
  env_file=${MONLIGHT_ENV:-$root/.env}
  if [ ! -e "$env_file" ]; then
    (
      umask 077
      {
        echo '# Made by "make run" on its first start. Keep it: changing a key signs everyone out.'
        echo '# Any other variable of the services (see "bin/error-tracker --help") can be set here,'
        echo '# but not ADDR, BASE_URL and DATABASE_PATH, which the start scripts choose.'
        echo "ERROR_TRACKER_API_KEY=$(random_key)"
        echo "LOG_VIEWER_API_KEY=$(random_key)"
        echo "METRICS_COLLECTOR_API_KEY=$(random_key)"
        echo "BROWSER_RELAY_ADMIN_API_KEY=$(random_key)"
      } >"$env_file"
    )
  fi
  set -a
  # shellcheck disable=SC1090
  . "$env_file"
  set +a
}

# free_port prints the first port from $1 on that nobody listens on.
free_port() {
  local p=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do p=$((p + 1)); done
  printf '%s' "$p"
}

pids=()

# start_services starts each built service, with its data below $1, on 127.0.0.1 or HOST.
start_services() {
  local data=$1 host=${HOST:-127.0.0.1} name port key url
  mkdir -p "$data"
  declare -gA service_url=()
  while read -r name port key; do
    service_url[$name]="http://${host/0.0.0.0/127.0.0.1}:$(free_port "$port")"
  done < <(services)
  while read -r name port key; do
    url=${service_url[$name]}
    env API_KEY="${!key}" \
      ADDR="$host:${url##*:}" \
      DATABASE_PATH="$data/$name.db" \
      BASE_URL="$url" \
      ERROR_TRACKER_URL="${service_url[error-tracker]:-}" \
      LOG_VIEWER_URL="${service_url[log-viewer]:-}" \
      METRICS_COLLECTOR_URL="${service_url[metrics-collector]:-}" \
      BROWSER_RELAY_URL="${service_url[browser-relay]:-}" \
      ADMIN_API_KEY="${!key}" \
      ERROR_TRACKER_BASE_URL="${service_url[error-tracker]:-}" \
      LOG_VIEWER_BASE_URL="${service_url[log-viewer]:-}" \
      METRICS_COLLECTOR_BASE_URL="${service_url[metrics-collector]:-}" \
      "$root/bin/$name" >>"$data/$name.log" 2>&1 &
    pids+=($!)
  done < <(services)
  while read -r name port key; do
    wait_healthy "$name" "${service_url[$name]}" "$data/$name.log"
  done < <(services)
}

wait_healthy() {
  local i
  for i in $(seq 100); do
    if curl -fsS -m 2 "$2/health" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  tail -n 5 "$3" >&2
  die "$1 did not start; the lines above are the end of $3"
}

# stop_services ends what start_services started and waits for it.
stop_services() {
  local p
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
  pids=()
}

print_services() {
  local name port key
  say ''
  while read -r name port key; do
    printf '  %-18s %s   sign in with  %s\n' "$name" "${service_url[$name]}" "${!key}"
  done < <(services)
  say ''
}
