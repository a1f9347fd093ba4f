#!/usr/bin/env bash
# Upgrades running services one after the other, and takes back by itself what does not work:
#
#   upgrade.sh [error-tracker|log-viewer|metrics-collector|browser-relay …] [options]      all without arguments
#
#   --no-pull     leave the source as it is (or, with IMAGE_PREFIX, the images that are here)
#   --no-backup   make no backup first; a database that the new version changed can then not be taken back
#   --force       go on after a failed backup or a failed service
#   --dry-run     say what would be done, and change nothing
#
# For each service: build (with IMAGE_PREFIX: pull) the new image, start it, wait until it answers. If it does not, the old
# image comes back, and the old database too if the new version had changed its schema.
#
#   COMPOSE_FILE      default: docker-compose.monitoring.yml beside this script
#   HEALTH_TIMEOUT    seconds a service may take to answer, default 60
#   HEALTH_INTERVAL   seconds between two looks, default 5
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

file=${COMPOSE_FILE:-$here/docker-compose.monitoring.yml}
pull=1 backup=1 force='' dry='' services=()
while [ $# -gt 0 ]; do
  case $1 in
    --no-pull) pull='' ;;
    --no-backup) backup='' ;;
    --force) force=1 ;;
    --dry-run) dry=1 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown option: $1 (--help lists them)" ;;
    *)
      name_of "$1" >/dev/null || die "unknown service: $1 (known: $all_services)"
      services+=("$1")
      ;;
  esac
  shift
done
[ ${#services[@]} -gt 0 ] || read -ra services <<<"$all_services"
docker_works || die 'docker does not answer. Services that install.sh made are upgraded by backup.sh, and then install.sh of the new version'
[ -f "$file" ] || die "$file: there is no such file"

compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose -f "$file" "$@"
  elif have docker-compose; then
    docker-compose -f "$file" "$@"
  else
    die 'docker compose is needed'
  fi
}

# The images to come back to: by number, and with the tag "rollback" so that they are not pruned.
declare -A old_image=() image_name=()
present=()
for s in "${services[@]}"; do
  cid=$(container "$s")
  if [ -z "$cid" ]; then
    log "$s: SKIP, it has no container"
    continue
  fi
  present+=("$s")
  old_image[$s]=$(of_container '{{.Image}}' "$cid")
  image_name[$s]=$(of_container '{{.Config.Image}}' "$cid")
done
[ ${#present[@]} -gt 0 ] || die 'none of these services has a container'
source=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
log "from source $source, with $file"

if [ -n "$dry" ]; then
  [ -z "$backup" ] || log "would back up: $(for s in "${present[@]}"; do name_of "$s"; done | tr '\n' ' ')"
  for s in "${present[@]}"; do
    how=${IMAGE_PREFIX:+pull}
    log "$s: would keep ${image_name[$s]} (${old_image[$s]:7:12}) as ${image_name[$s]%:*}:rollback, ${how:-build} the new one, start it, and wait up to ${HEALTH_TIMEOUT:-60} s"
  done
  exit 0
fi

for s in "${present[@]}"; do docker tag "${old_image[$s]}" "${image_name[$s]%:*}:rollback"; done

if [ -n "$backup" ]; then
  mapfile -t names < <(for s in "${present[@]}"; do name_of "$s"; done)
  "$here/backup.sh" "${names[@]}" || [ -n "$force" ] || die 'the backup failed; nothing was changed (--force goes on, --no-backup leaves it out)'
fi
if [ -n "$pull" ] && [ -z "${IMAGE_PREFIX:-}" ] && git -C "$here" rev-parse --git-dir >/dev/null 2>&1; then
  git -C "$here" pull --ff-only || [ -n "$force" ] || die 'git pull failed; nothing was changed (--no-pull leaves it out)'
fi

# schema IMAGE SERVICE prints the number of the newest migration in an image; 0 for one that cannot say.
schema() { docker run --rm --network none --cap-drop ALL "$1" "/app/$2" --schema-version 2>/dev/null | grep -E '^[0-9]+$' || echo 0; }

# keep SERVICE CID FILE stops the service and copies its database, so that nothing comes in between the copy and the new
# version.
keep() {
  docker stop -t 15 "$2" >/dev/null
  docker run --rm --network none --cap-drop ALL --volumes-from "$2" --user "$(of_container '{{.Config.User}}' "$2")" \
    "${old_image[$1]}" "/app/$1" --backup - >"$3"
}

# put_back SERVICE KEPT returns to the old image, and to the database in KEPT if that is not "".
put_back() {
  local s=$1 cid
  log "$s: going back to ${old_image[$s]:7:12}"
  docker tag "${old_image[$s]}" "${image_name[$s]}"
  cid=$(container "$s")
  if [ -n "$2" ] && [ -n "$cid" ]; then
    docker stop -t 15 "$cid" >/dev/null
    docker run --rm -i --network none --cap-drop ALL --volumes-from "$cid" --user "$(of_container '{{.Config.User}}' "$cid")" \
      "${old_image[$s]}" "/app/$s" --restore - <"$2" || { log "$s: the database could NOT be put back; it is in $2"; return 1; }
  fi
  compose up -d --no-deps --no-build "$s" && healthy "$(container "$s")" "$s"
}

# upgrade SERVICE returns 1 when the old version runs again, 2 when nothing does.
upgrade() {
  local s=$1 kept='' cid began=$SECONDS
  if [ -n "${IMAGE_PREFIX:-}" ]; then
    if [ -n "$pull" ]; then compose pull "$s" || return 1; fi
  else
    compose build "$s" || { docker tag "${old_image[$s]}" "${image_name[$s]}"; return 1; }
  fi
  cid=$(container "$s")
  if [ -n "$backup" ] && [ "$(schema "${image_name[$s]}" "$s")" != "$(schema "${old_image[$s]}" "$s")" ]; then
    mkdir -p "$work"
    kept=$work/$s.db
    log "$s: the database gets a new schema; keeping the old one until the new version answers"
    keep "$s" "$cid" "$kept" || { docker start "$cid" >/dev/null; docker tag "${old_image[$s]}" "${image_name[$s]}"; return 1; }
  fi
  if compose up -d --no-deps --no-build "$s" && healthy "$(container "$s")" "$s"; then
    log "$s: upgraded in $((SECONDS - began)) s"
    rm -f "$kept"
    return 0
  fi
  log "$s: the new version does not answer"
  docker logs --tail 5 "$(container "$s")" 2>&1 | sed 's/^/    /' || true
  put_back "$s" "$kept" || return 2
  log "$s: the old version runs again"
  return 1
}

umask 077
work=$here/.upgrade
upgraded=() failed=() down=()
for s in "${present[@]}"; do
  status=0
  upgrade "$s" || status=$?
  case $status in
    0) upgraded+=("$s") ;;
    1) failed+=("$s") ;;
    *) down+=("$s") ;;
  esac
  [ $status = 0 ] || [ -n "$force" ] || break
done
rmdir "$work" 2>/dev/null || true
log "upgraded: ${upgraded[*]:-none}; rolled back: ${failed[*]:-none}; DOWN: ${down[*]:-none}"
[ ${#failed[@]} -eq 0 ] && [ ${#down[@]} -eq 0 ]
