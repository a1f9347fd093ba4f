#!/usr/bin/env bash
# Puts a backup back, or tries one out:
#
#   restore.sh errors BACKUP             stops the service, replaces its database, starts it and waits until it answers.
#                                        What is there now is backed up first (--no-backup leaves that out).
#   restore.sh --verify errors BACKUP    changes nothing: reads the backup as a whole, starts the service on a copy of it,
#                                        and reads through its API.
#
# The service is found in its container, as the systemd unit monlight@SERVICE, or by its files below DATA_DIR (stop it first).
# HEALTH_TIMEOUT is the longest wait in seconds, default 60. COMPOSE_PROJECT_NAME says which stack.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
try='' first=1
while [ $# -gt 0 ]; do
  case $1 in
    --verify) try=1 ;;
    --no-backup) first='' ;;
    -h | --help) usage; exit 0 ;;
    -*) die "unknown option: $1" ;;
    *) break ;;
  esac
  shift
done
[ $# = 2 ] || { usage >&2; exit 1; }
name=$1 file=$2
service=$(service_of "$name") || die "unknown database: $name (known: $all_names)"
[ -f "$file" ] || die "$file: there is no such file"
file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
database=$name.db
HEALTH_INTERVAL=${HEALTH_INTERVAL:-1}

log "$name: reading $file"
verify "$service" "$file" || die "$name: $file cannot be used; nothing was changed"

# question prints a path whose answer shows that the data is there.
question() {
  case $name in
    errors) echo '/api/errors?resolved=all&limit=1' ;;
    logs) echo '/api/stats' ;;
    metrics) echo '/api/metrics/names' ;;
    browser-relay) echo '/api/dsn-keys' ;;
  esac
}

pid='' cid='' work='' key=''
# cleanup ends what try_out started.
# shellcheck disable=SC2317
cleanup() {
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; } || true
  [ -z "$cid" ] || docker rm -f "$cid" >/dev/null
  rm -rf "$work"
}

# get HOST:PORT PATH prints the body of a 200 answer, or fails. Written out because a small machine may not have curl.
get() {
  local status
  exec 3<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\nX-API-Key: %s\r\n\r\n' "$2" "$1" "$key" >&3
  read -r -t 30 status <&3 || status=''
  case $status in *' 200 '*) timeout 30 sed '1,/^\r*$/d' <&3 ;; *) status='' ;; esac
  exec 3>&-
  [ -n "$status" ]
}

# try_out starts the service on a copy and asks it.
try_out() {
  local program found url answer port
  key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  work=$(mktemp -d)
  trap cleanup EXIT
  cp "$file" "$work/$database"
  local settings=(API_KEY="$key" ADMIN_API_KEY="$key" ERROR_TRACKER_URL=http://127.0.0.1:9 ERROR_TRACKER_API_KEY="$key"
    METRICS_COLLECTOR_URL=http://127.0.0.1:9 METRICS_COLLECTOR_API_KEY="$key" LOG_SOURCES=/nonexistent)
  if program=$(binary "$service"); then
    port=$((20000 + RANDOM % 20000))
    env "${settings[@]}" ADDR="127.0.0.1:$port" DATABASE_PATH="$work/$database" "$program" >"$work/log" 2>&1 &
    pid=$!
    url=127.0.0.1:$port
  else
    found=$(image "$service") || die "neither bin/$service nor an image of it is here"
    chmod 777 "$work" && chmod 666 "$work/$database"
    cid=$(docker run -d -p 127.0.0.1::8000 --cap-drop ALL --user "$(id -u):$(id -g)" -v "$work":/app/data \
      "${settings[@]/#/--env=}" -e DATABASE_PATH="/app/data/$database" "$found")
    url=$(docker port "$cid" 8000 | head -n 1)
  fi
  local waited=0
  until (get "$url" /health) >/dev/null 2>&1; do
    [ $waited -lt "${HEALTH_TIMEOUT:-60}" ] || { cat "$work/log" 2>/dev/null; die "$name: the restored copy does not answer"; }
    sleep 1
    waited=$((waited + 1))
  done
  answer=$(get "$url" "$(question)") || die "$name: the restored copy cannot be read through the API"
  log "$name: the restored copy answers $(question): $(printf '%.200s' "$answer")"
  log "$name: the backup is good"
}

# to_container replaces the database in the container's volume, as the user that the service runs as.
to_container() {
  local cid=$1
  docker stop -t 15 "$cid" >/dev/null
  docker run --rm -i --network none --cap-drop ALL --security-opt no-new-privileges:true --volumes-from "$cid" \
    --user "$(of_container '{{.Config.User}}' "$cid")" "$(of_container '{{.Image}}' "$cid")" "/app/$service" --restore - <"$file" ||
    { docker start "$cid" >/dev/null; die "$name: not restored, the service runs on what it had"; }
  docker start "$cid" >/dev/null
  healthy "$cid" "$service" || die "$name: the service does not answer; look at: docker logs $cid"
}

# to_files replaces the database of a service without a container, as the owner of its folder.
to_files() {
  local unit="monlight@$service" dir owner program active=''
  dir=$(folder "$name")
  if [ -z "${DATA_DIR:-}" ] && have systemctl && systemctl is-active -q "$unit"; then
    active=1
    systemctl stop "$unit"
  fi
  [ -d "$dir" ] || die "there is no container of $service, no unit $unit and no folder $dir"
  program=$(binary "$service") || die "bin/$service is not here"
  owner=$(stat -c %u:%g "$dir")
  DATABASE_PATH=$dir/$database "$program" --restore "$file"
  chown "$owner" "$dir/$database" "$dir/$database.lock"
  if [ -z "$active" ]; then log "$name: start the service now"; return; fi
  systemctl start "$unit"
  local waited=0 addr
  addr=$(sed -n 's/^ADDR=//p' "/etc/monlight/$service.env")
  until ADDR=${addr:-127.0.0.1:8000} "$program" --healthcheck >/dev/null 2>&1; do
    [ $waited -lt "${HEALTH_TIMEOUT:-60}" ] || die "$name: the service does not answer; look at: journalctl -u $unit"
    sleep 1
    waited=$((waited + 1))
  done
}

if [ -n "$try" ]; then try_out; exit 0; fi

if [ -n "$first" ]; then
  "$here/backup.sh" "$name" || die "$name: what is there now could not be backed up (--no-backup goes on without); nothing was changed"
fi
cid=''
if [ -z "${DATA_DIR:-}" ] && docker_works; then cid=$(container "$service"); fi
if [ -n "$cid" ]; then to_container "$cid"; else to_files; fi
log "$name: restored from $file"
