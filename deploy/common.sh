# shellcheck shell=bash
# What the scripts of this folder share. Sourced, never run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all_names='errors logs metrics browser-relay'
all_services='error-tracker log-viewer metrics-collector browser-relay'

log()  { printf '%s %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$*"; }
die()  { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# service_of prints the service that keeps the data called $1, or fails.
service_of() {
  case $1 in
    errors) echo error-tracker ;;
    logs) echo log-viewer ;;
    metrics) echo metrics-collector ;;
    browser-relay) echo browser-relay ;;
    *) return 1 ;;
  esac
}

# name_of is the other way round.
name_of() {
  case $1 in
    error-tracker) echo errors ;;
    log-viewer) echo logs ;;
    metrics-collector) echo metrics ;;
    browser-relay) echo browser-relay ;;
    *) return 1 ;;
  esac
}

docker_works() { have docker && docker info >/dev/null 2>&1; }

# container prints the ID of the container of service $1, running or not: the one of COMPOSE_PROJECT_NAME, or the only one
# there is. Nothing if there is none.
container() {
  local found
  found=$(docker ps -aq --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False \
    ${COMPOSE_PROJECT_NAME:+--filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"})
  [ "$(printf '%s' "$found" | grep -c .)" -le 1 ] || die "there are several containers of $1: set COMPOSE_PROJECT_NAME"
  printf '%s' "$found"
}

running() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# of_container FORMAT ID prints a fact about a container.
of_container() { docker inspect -f "$1" "$2"; }

# binary prints the path of service $1 as a program on this machine, or fails.
binary() {
  local dir
  for dir in "${MONLIGHT_BIN:-}" "$here/../bin" /opt/monlight/bin; do
    [ -n "$dir" ] && [ -x "$dir/$1" ] && { printf '%s' "$dir/$1"; return 0; }
  done
  return 1
}

# image prints an image of service $1 that is on this machine, or fails.
image() {
  local cid found
  cid=$(container "$1")
  if [ -n "$cid" ]; then of_container '{{.Image}}' "$cid"; return; fi
  found=$(docker images -q "${IMAGE_PREFIX:-monlight}/$1" | head -n 1)
  [ -n "$found" ] && printf '%s' "$found"
}

# folder prints where the database called $1 is when it is not in a container: below DATA_DIR if that is set, where install.sh
# put it, or in data beside the scripts.
folder() {
  local installed
  installed=/var/lib/monlight/$(service_of "$1")
  if [ -z "${DATA_DIR:-}" ] && [ -d "$installed" ]; then echo "$installed"; else echo "${DATA_DIR:-$here/data}/$1"; fi
}

# verify SERVICE FILE reads a backup as a whole, by the program or by the image.
verify() {
  local program found
  if program=$(binary "$1"); then
    "$program" --verify-backup "$2"
    return
  fi
  docker_works || { echo "neither bin/$1 nor docker is here" >&2; return 1; }
  found=$(image "$1") || { echo "there is no image of $1 here" >&2; return 1; }
  docker run --rm --network none --read-only --cap-drop ALL --user 0:0 --security-opt no-new-privileges:true \
    -v "$(cd "$(dirname "$2")" && pwd)":/backup:ro "$found" "/app/$1" --verify-backup "/backup/$(basename "$2")"
}

# healthy ID SERVICE waits until the service in a container answers, HEALTH_TIMEOUT seconds at the most.
healthy() {
  local waited=0
  until docker exec "$1" "/app/$2" --healthcheck >/dev/null 2>&1; do
    [ "$waited" -lt "${HEALTH_TIMEOUT:-60}" ] || return 1
    sleep "${HEALTH_INTERVAL:-5}"
    waited=$((waited + ${HEALTH_INTERVAL:-5}))
  done
}
