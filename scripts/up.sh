#!/usr/bin/env bash
# scripts/up.sh [down]: the stack in containers, built from this source, with its data in deploy/data. Keys are made on the
# first start. "down" stops it; the data stays.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

have docker || die 'docker is needed (without it: make run)'
docker info >/dev/null 2>&1 || die 'the docker engine does not answer'
file=deploy/docker-compose.monitoring.yml
compose() {
  if docker compose version >/dev/null 2>&1; then docker compose -f $file "$@"; else docker-compose -f $file "$@"; fi
}
docker compose version >/dev/null 2>&1 || have docker-compose || die 'docker compose is needed'
load_env

if [ "${1:-}" = down ]; then
  compose down
  exit 0
fi
compose up -d --build
for c in error_tracker log_viewer metrics_collector browser_relay; do
  for i in $(seq 60); do
    docker exec $c "/app/${c//_/-}" --healthcheck >/dev/null 2>&1 && break
    [ "$i" -lt 60 ] || { docker logs --tail 5 $c >&2; die "$c does not answer"; }
    sleep 1
  done
done
say 'Monlight is running in containers.'
say ''
say "  error-tracker      http://localhost:5010   sign in with  $ERROR_TRACKER_API_KEY"
say "  log-viewer         http://localhost:5011   sign in with  $LOG_VIEWER_API_KEY"
say "  metrics-collector  http://localhost:5012   sign in with  $METRICS_COLLECTOR_API_KEY"
say "  browser-relay      http://localhost:5013   sign in with  $BROWSER_RELAY_ADMIN_API_KEY"
say ''
say "Keys are in deploy/secrets.env, data in deploy/data. Stop with: make down"
