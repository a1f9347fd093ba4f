#!/usr/bin/env bash
# Installs services as systemd units on this machine, or brings them to this version; run it as often as you like:
#
#   install.sh [error-tracker|log-viewer|metrics-collector|browser-relay …]     all without arguments
#   install.sh --remove [service …]                                             stops and removes; data and settings stay
#
# It needs the programs in bin/ beside this folder (make build, or the release's archive) and root. Programs go to
# /opt/monlight, settings with fresh keys to /etc/monlight (0600, never overwritten), data to /var/lib/monlight.
# DESTDIR puts everything below another folder and starts nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

remove='' services=()
while [ $# -gt 0 ]; do
  case $1 in
    --remove) remove=1 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) die "unknown option: $1" ;;
    *) name_of "$1" >/dev/null || die "unknown service: $1 (known: $all_services)"; services+=("$1") ;;
  esac
  shift
done
[ ${#services[@]} -gt 0 ] || read -ra services <<<"$all_services"
root=${DESTDIR:-}
[ -n "$root" ] || [ "$(id -u)" = 0 ] || die 'run it as root'
systemd() { if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl "$@"; fi; }

if [ -n "$remove" ]; then
  for s in "${services[@]}"; do
    systemd disable --now "monlight@$s" || true
    rm -f "$root/opt/monlight/bin/$s"
    log "$s: removed; its data is in /var/lib/monlight/$s, its settings in /etc/monlight/$s.env"
  done
  exit 0
fi

for s in "${services[@]}"; do
  [ -x "$here/../bin/$s" ] || die "bin/$s is not here: make build"
  "$here/../bin/$s" --version >/dev/null || die "bin/$s does not run on this machine"
done
if [ -z "$root" ]; then
  getent passwd monlight >/dev/null || useradd --system --home-dir /var/lib/monlight --no-create-home --shell /usr/sbin/nologin monlight
fi
install -d -m 755 "$root/opt/monlight/bin" "$root/opt/monlight/deploy" "$root/etc/systemd/system"
install -d -m 700 "$root/etc/monlight"
install -m 755 "$here"/{common,backup,restore,install}.sh "$root/opt/monlight/deploy/"
install -m 644 "$here/systemd/monlight@.service" "$root/etc/systemd/system/"

random_key() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
# setting SERVICE NAME prints a setting that was made before.
setting() { sed -n "s/^$2=//p" "$root/etc/monlight/$1.env" 2>/dev/null | tail -n 1; }
port_of() {
  case $1 in error-tracker) echo 5010 ;; log-viewer) echo 5011 ;; metrics-collector) echo 5012 ;; browser-relay) echo 5013 ;; esac
}

# settings SERVICE prints the settings of a service that has none yet.
settings() {
  local s=$1 key=API_KEY
  [ "$s" != browser-relay ] || key=ADMIN_API_KEY
  echo "# Settings of $s; /opt/monlight/bin/$s --help lists them all. Afterwards: systemctl restart monlight@$s"
  echo "$key=$(random_key)"
  echo "ADDR=127.0.0.1:$(port_of "$s")"
  echo "BASE_URL=http://localhost:$(port_of "$s")"
  echo "DATABASE_PATH=/var/lib/monlight/$s/$(name_of "$s").db"
  echo "BACKUP_DIR=/var/lib/monlight/$s/backups"
  if [ "$s" = browser-relay ]; then
    echo "ERROR_TRACKER_URL=http://127.0.0.1:5010"
    echo "ERROR_TRACKER_API_KEY=$(setting error-tracker API_KEY)"
    echo "METRICS_COLLECTOR_URL=http://127.0.0.1:5012"
    echo "METRICS_COLLECTOR_API_KEY=$(setting metrics-collector API_KEY)"
  else
    local other name
    for other in $all_services; do
      [ "$other" != "$s" ] || continue
      name=${other//-/_}
      echo "${name^^}_URL=http://localhost:$(port_of "$other")"
    done
    [ "$s" != metrics-collector ] || echo "ERROR_TRACKER_API_KEY=$(setting error-tracker API_KEY)"
  fi
}

umask 077
for s in "${services[@]}"; do
  was=$("$root/opt/monlight/bin/$s" --version 2>/dev/null || true)
  # Written beside it and renamed: a program that runs cannot be written to.
  install -m 755 "$here/../bin/$s" "$root/opt/monlight/bin/$s.new"
  mv "$root/opt/monlight/bin/$s.new" "$root/opt/monlight/bin/$s"
  if [ ! -e "$root/etc/monlight/$s.env" ]; then settings "$s" >"$root/etc/monlight/$s.env"; fi
  if [ "$s" = log-viewer ]; then
    install -d -m 755 "$root/etc/systemd/system/monlight@log-viewer.service.d"
    install -m 644 "$here/systemd/monlight@log-viewer.service.d/docker-logs.conf" "$root/etc/systemd/system/monlight@log-viewer.service.d/"
  fi
  log "$s: ${was:-new} -> $("$root/opt/monlight/bin/$s" --version)"
done
systemd daemon-reload
for s in "${services[@]}"; do
  systemd enable -q "monlight@$s"
  systemd restart "monlight@$s"
done
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
  for s in "${services[@]}"; do
    addr=$(setting "$s" ADDR)
    for _ in $(seq 60); do ADDR=$addr "/opt/monlight/bin/$s" --healthcheck && break; sleep 1; done
    ADDR=$addr "/opt/monlight/bin/$s" --healthcheck || die "$s does not answer: journalctl -u monlight@$s"
    log "$s: http://$addr"
  done
fi
log "The keys are in /etc/monlight/*.env"
