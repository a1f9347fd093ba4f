#!/usr/bin/env bash
# Backs up databases while the services run: backup.sh [errors|logs|metrics|browser-relay …], all without arguments.
#
# Finds each in its container (named volumes and bind mounts alike), or below DATA_DIR. The copy is made by the service's own
# --backup, read as a whole by --verify-backup, and only then gets its name: BACKUP_DIR/errors/errors_2026-01-31_030000.db
#
#   BACKUP_DIR        where to, default: backups beside this script
#   DATA_DIR          folder with errors/errors.db and so on; set it to leave out the containers. Default: data beside this script
#   RETENTION_COUNT   newest backups kept of each, default 7
#   RETENTION_AGE     backups older than so many days are deleted, but never the newest; default: none is too old
#   S3_ENDPOINT, S3_BUCKET, S3_PREFIX, S3_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
#                     upload each backup to S3-compatible storage, when S3_BUCKET is set
#   COMPOSE_PROJECT_NAME  which stack, when there are several on this machine
#
# From cron, every night at three: 0 3 * * * /opt/monlight/deploy/backup.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;; esac

backup_dir=${BACKUP_DIR:-$here/backups}
keep=${RETENTION_COUNT:-7}
[[ $keep =~ ^[1-9][0-9]*$ ]] || die "RETENTION_COUNT=$keep, want a number from 1"
[[ ${RETENTION_AGE:-1} =~ ^[1-9][0-9]*$ ]] || die "RETENTION_AGE=$RETENTION_AGE, want a number from 1"
names=("$@")
[ $# -gt 0 ] || read -ra names <<<"$all_names"
for name in "${names[@]}"; do
  service_of "$name" >/dev/null || die "unknown database: $name (known: $all_names)"
done
umask 077

# copy NAME SERVICE FILE copies the database to FILE. It returns 2 if there is none.
copy() {
  local name=$1 service=$2 file=$3 dir cid='' database program found
  dir=$(folder "$name")
  database=$dir/$name.db
  if [ -z "${DATA_DIR:-}" ] && docker_works; then cid=$(container "$service"); fi
  if [ -n "$cid" ] && running "$cid"; then
    docker exec "$cid" "/app/$service" --backup - >"$file"
  elif [ -n "$cid" ]; then
    docker run --rm --network none --volumes-from "$cid" --user "$(of_container '{{.Config.User}}' "$cid")" \
      "$(of_container '{{.Image}}' "$cid")" "/app/$service" --backup - >"$file"
  elif [ ! -e "$database" ]; then
    return 2
  elif program=$(binary "$service"); then
    DATABASE_PATH=$database "$program" --backup "$file" >/dev/null
  elif docker_works && found=$(image "$service"); then
    docker run --rm --network none -v "$dir":/data --user "$(stat -c %u:%g "$database")" -e DATABASE_PATH="/data/$name.db" \
      "$found" "/app/$service" --backup - >"$file"
  else
    echo "neither bin/$service nor an image of it is here to copy $database" >&2
    return 1
  fi
}

# upload FILE sends a backup to S3-compatible storage.
upload() {
  have curl || { echo 'curl is needed for uploads' >&2; return 1; }
  curl -fsS --retry 3 --aws-sigv4 "aws:amz:${S3_REGION:-us-east-1}:s3" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    -T "$1" "${S3_ENDPOINT%/}/$S3_BUCKET/${S3_PREFIX:+${S3_PREFIX%/}/}$(basename "$1")" >/dev/null
}

# forget NAME deletes what is too old or too many, never the newest.
forget() {
  local files=() i
  mapfile -t files < <(find "$backup_dir/$1" -maxdepth 1 -name "$1_????-??-??_??????.db" | sort -r)
  for i in "${!files[@]}"; do
    [ "$i" -gt 0 ] || continue
    if [ "$i" -ge "$keep" ] || { [ -n "${RETENTION_AGE:-}" ] && [ -n "$(find "${files[$i]}" -mtime "+$RETENTION_AGE")" ]; }; then
      rm -f "${files[$i]}"
      log "$1: deleted $(basename "${files[$i]}")"
    fi
  done
}

failed=0 found_any=''
for name in "${names[@]}"; do
  service=$(service_of "$name")
  mkdir -p "$backup_dir/$name"
  file="$backup_dir/$name/${name}_$(date +%Y-%m-%d_%H%M%S).db"
  part="$file.part"
  status=0
  copy "$name" "$service" "$part" || status=$?
  if [ $status = 2 ] && [ ! -s "$part" ]; then
    rm -f "$part"
    log "$name: SKIP, there is no container of $service and no $(folder "$name")/$name.db"
    continue
  fi
  found_any=1
  if [ $status != 0 ] || ! found=$(verify "$service" "$part"); then
    rm -f "$part"
    log "$name: FAILED"
    failed=1
    continue
  fi
  mv "$part" "$file"
  log "$name: $file, $(du -k "$file" | cut -f1) KB, ${found#* is }"
  if [ -n "${S3_BUCKET:-}" ]; then
    if upload "$file"; then log "$name: uploaded to $S3_BUCKET"; else log "$name: UPLOAD FAILED, the backup is kept here"; failed=1; fi
  fi
  forget "$name"
done
if [ $# = 0 ] && [ -z "$found_any" ]; then
  die "nothing was backed up: no container and no database was found. DATA_DIR is the folder with errors/errors.db and so on"
fi
exit $failed
