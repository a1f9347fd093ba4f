#!/usr/bin/env bash
# Tries out the deploy kit with a real container engine: images, the test stack and its smoke test, memory, the stack with
# folders, backup under load, restore, damaged backups, upgrade, rollback, archives, releases. Works on a copy of the source.
# With DOCKERD=1 it starts an engine of its own if none answers. BUILDER names the builder image (default: a local stand-in).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
export COMPOSE_PROJECT_NAME='' BUILDER=${BUILDER:-monlight-builder:local} TAG=local DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
engine='' pids=() passed=0 since=0

say()  { printf '%s\n' "$*"; }
fail() { printf 'FAIL  %s\n' "$*" >&2; exit 1; }
ok()   { passed=$((passed + 1)); printf 'ok    %s  (%s s)\n' "$*" $((SECONDS - since)); since=$SECONDS; }

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}
test_stack() { compose -p monlight-test -f "$work/src/deploy/docker-compose.test.yml" "$@"; }
stack() { compose -p monlight-folders -f "$work/src/deploy/docker-compose.monitoring.yml" "$@"; }

finish() {
  local status=$?
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  if [ -d "$work/src" ] && docker info >/dev/null 2>&1; then
    if [ $status != 0 ]; then docker ps -a; fi
    test_stack down -v >/dev/null 2>&1 || true
    stack down -v >/dev/null 2>&1 || true
  fi
  [ -z "$engine" ] || { kill "$engine" && wait "$engine"; } 2>/dev/null || true
  rm -rf "$work"
  exit $status
}
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
  [ -n "${DOCKERD:-}" ] || fail 'no container engine answers (DOCKERD=1 starts one)'
  dockerd >"$work/dockerd.log" 2>&1 &
  engine=$!
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
  docker info >/dev/null 2>&1 || { tail "$work/dockerd.log"; fail 'dockerd does not start'; }
fi
[ -z "$(docker ps -aq --filter name=e2e_error_tracker --filter name=error_tracker)" ] || fail 'containers with the names of the test are there already (left by a run that was killed? docker rm -f them)'

# A copy of what git knows, so that nothing appears in the checkout.
mkdir "$work/src"
(cd "$top" && git ls-files -z --cached --others --exclude-standard | xargs -0 tar -cf - --ignore-failed-read 2>/dev/null) | tar -C "$work/src" -xf -
cd "$work/src"
case $BUILDER in
  monlight-builder:local)
    deploy/local-builder.sh >/dev/null
    go work vendor
    ;;
esac
scripts/images.sh
ok 'images are built and at most 18 MB each'

export TEST_RATE_LIMIT=1000000
test_stack up -d >/dev/null 2>&1 || fail 'the test stack does not start'
deploy/smoke-test.sh --keep
ok 'smoke test'

# memory PREFIX sets rss and line to the resident memory of the four containers, as the kernel counts it for their processes,
# and own to the part of it that is not pages of the program files, which the kernel may drop.
memory() {
  local c pid kb sum=0 anon=0
  line=''
  for c in error_tracker log_viewer metrics_collector browser_relay; do
    pid=$(docker inspect -f '{{.State.Pid}}' "$1$c")
    kb=$(awk '/^VmRSS/ {print $2}' "/proc/$pid/status")
    sum=$((sum + kb))
    anon=$((anon + $(awk '/^RssAnon/ {print $2}' "/proc/$pid/status")))
    line="$line $c $((kb / 1024)) MB,"
  done
  rss=$((sum / 1024)) own=$((anon / 1024))
}
go run ./e2e/deploy/load -n 20000 -key test_api_key_e2e_12345 -admin test_admin_key_e2e_12345
memory e2e_
say "memory right after 20,000 mixed requests to each (VmRSS):$line together $rss MB, of which $own MB their own (RssAnon)"
sleep 25
memory e2e_
say "memory half a minute later (VmRSS):$line together $rss MB, of which $own MB their own"
docker stats --no-stream --format '    {{.Name}} {{.MemUsage}}' | grep e2e_
for c in e2e_browser_relay e2e_log_viewer e2e_metrics_collector e2e_error_tracker; do
  docker kill --signal=SIGTERM $c >/dev/null
  for _ in $(seq 100); do [ "$(docker inspect -f '{{.State.Running}}' $c)" = false ] && break; sleep 0.1; done
  [ "$(docker inspect -f '{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}' $c)" = 'false 0 false' ] || fail "$c does not stop well"
done
ok 'all stop on SIGTERM with exit 0'
test_stack down -v >/dev/null 2>&1

# The stack as the documentation starts it.
if stack config -q 2>"$work/refused"; then fail 'empty keys are not refused'; fi
grep -q 'deploy/secrets.env' "$work/refused" || fail "the refusal of empty keys does not say what to do: $(cat "$work/refused")"
ok 'empty keys are refused with what to do'
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
sed "s/_API_KEY=\$/_API_KEY=$key/" deploy/secrets.env.example >deploy/secrets.env
stack up -d >/dev/null 2>&1 || { stack up -d || true; fail 'the stack does not start'; }
healthy() { for _ in $(seq 120); do curl -fsS -m 2 "http://127.0.0.1:$1/health" >/dev/null 2>&1 && return; sleep 0.5; done; fail "port $1 does not answer"; }
for port in 5010 5011 5012 5013; do healthy $port; done
export COMPOSE_PROJECT_NAME=monlight-folders
for c in error_tracker metrics_collector browser_relay; do
  [ "$(docker inspect -f '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}' $c)" = '65532:65532 true [ALL]' ] || fail "$c is not confined"
done
[ "$(docker inspect -f '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}' log_viewer)" = '0:0 true [ALL] []' ] || fail 'log_viewer is not confined'
! docker inspect log_viewer | grep -q docker.sock || fail 'log_viewer has the socket'
ok 'containers are confined'
# Nothing to do but answering the health check every 30 s and reading the others' few lines: the middle one of nine looks.
sleep 10
for _ in 1 2 3 4 5 6 7 8 9; do
  sleep 3.5
  memory ''
  echo "$rss $line together $rss MB, of which $own MB their own"
done | sort -n >"$work/looks"
idle=$(sed -n 5p "$work/looks")
say "memory idle (VmRSS, middle of nine looks in half a minute):${idle#* }"
[ "${idle%% *}" -le 50 ] || fail "idle, the four take ${idle%% *} MB together, more than 50"
ok 'at most 50 MB idle together'
api() { curl -fsS -m 20 -H "X-API-Key: $key" "$@"; }
for _ in $(seq 40); do api http://127.0.0.1:5011/api/containers | grep -q error_tracker && break; sleep 0.5; done
api http://127.0.0.1:5011/api/containers | grep -q '"error_tracker"' || fail 'log-viewer does not show the lines of the other containers'
ok 'log-viewer shows the lines of the other containers'

api -X POST http://127.0.0.1:5012/api/metrics -H 'Content-Type: application/json' -d '[{"name":"kept","type":"counter","value":7}]' >/dev/null
api -X POST http://127.0.0.1:5013/api/dsn-keys -d '{"project":"kept"}' >/dev/null
api -X POST http://127.0.0.1:5011/api/logs -H 'Content-Type: application/json' -d '{"container":"kept","message":"a line that is kept"}' >/dev/null
# reports posts one report after the other and counts those that were acknowledged.
reports() {
  local n=0
  while :; do
    api -X POST http://127.0.0.1:5010/api/errors -d '{"project":"kept","exception_type":"E","message":"m","traceback":"t"}' >/dev/null 2>&1 && n=$((n + 1))
    echo $n >"$work/acknowledged.new" && mv "$work/acknowledged.new" "$work/acknowledged"
  done
}
reports &
pids+=($!)
sleep 2
before=$(cat "$work/acknowledged")
export BACKUP_DIR=$work/backups HEALTH_INTERVAL=1
deploy/backup.sh
if DATA_DIR=$work/nothing deploy/backup.sh; then fail "a backup of nothing succeeds"; fi
[ "$(cat "$work/acknowledged")" -gt "$before" ] || fail 'nothing was acknowledged during the backup'
kill "${pids[0]}" && wait "${pids[0]}" 2>/dev/null || true
pids=()
after=$(cat "$work/acknowledged")
errors=$(ls "$work"/backups/errors/*.db)
for n in errors logs metrics browser-relay; do
  deploy/restore.sh --verify $n "$work"/backups/$n/*.db >"$work/verify" 2>&1 || { cat "$work/verify"; fail "the backup of $n is not good"; }
  grep -q 'the backup is good' "$work/verify" || fail "$n: not verified"
done
ok 'backup under load, read back through the API of a copy'
# into a fresh stack
stack down -v >/dev/null 2>&1
rm -rf deploy/data
stack up -d >/dev/null 2>&1
for port in 5010 5011 5012 5013; do healthy $port; done
for n in errors logs metrics browser-relay; do deploy/restore.sh --no-backup $n "$work"/backups/$n/*.db >"$work/restore" 2>&1 || { cat "$work/restore"; fail "$n is not restored"; }; done
count() { api 'http://127.0.0.1:5010/api/errors?project=kept' | sed -n 's/.*"count":\([0-9]*\).*/\1/p'; }
restored=$(count)
{ [ "$restored" -ge "$before" ] && [ "$restored" -le "$after" ]; } || fail "$restored reports restored, $before were acknowledged before the backup and $after in all"
api http://127.0.0.1:5012/api/metrics/names | grep -q '"kept"' || fail 'the metric is not restored'
api http://127.0.0.1:5013/api/dsn-keys | grep -q '"kept"' || fail 'the DSN key is not restored'
api 'http://127.0.0.1:5011/api/logs?container=kept' | grep -q 'a line that is kept' || fail 'the log lines are not restored'
ok "restored into a fresh stack: $restored reports ($before acknowledged before the backup began)"
cp "$errors" "$work/damaged.db"
dd if=/dev/zero of="$work/damaged.db" bs=4096 seek=10 count=4 conv=notrunc 2>/dev/null
if deploy/restore.sh --no-backup errors "$work/damaged.db" >"$work/restore" 2>&1; then fail 'a damaged backup was restored'; fi
[ "$(count)" = "$restored" ] || fail 'a damaged backup changed something'
ok 'a damaged backup is refused'

# changed VERSION [PATCH]: an image of error-tracker that differs.
changed() {
  rm -rf "$work/changed" && mkdir "$work/changed"
  cp -r "$work"/src/{go.work,go.work.sum,shared,error-tracker,log-viewer,metrics-collector,browser-relay,e2e} "$work/changed/"
  (cd "$work/changed/error-tracker" && eval "${2:-true}" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -trimpath -tags nethttpomithttp2 -ldflags "-s -w -X main.version=$1" -o "$work/changed/error-tracker.bin" .)
  printf 'FROM monlight/error-tracker:kept\nCOPY error-tracker.bin /app/error-tracker\n' >"$work/changed/Dockerfile"
  docker build -q -t monlight/error-tracker:local -f "$work/changed/Dockerfile" "$work/changed" >/dev/null
}
version() { docker exec error_tracker /app/error-tracker --version; }
docker tag monlight/error-tracker:local monlight/error-tracker:kept
export IMAGE_PREFIX=monlight COMPOSE_FILE=$work/src/deploy/docker-compose.monitoring.yml HEALTH_TIMEOUT=12
changed 9.9.9 'n=$(ls internal/sqlite/migrations | sed "s/_.*//" | sort | tail -1); echo "CREATE TABLE of_the_upgrade (id INTEGER PRIMARY KEY) STRICT;" >internal/sqlite/migrations/$(printf "%04d" $((10#$n + 1)))_upgrade.sql'
deploy/upgrade.sh error-tracker --no-pull --dry-run | grep -q 'would keep' || fail 'no dry run'
[ "$(version)" != 'error-tracker 9.9.9' ] || fail 'the dry run upgraded'
deploy/upgrade.sh error-tracker --no-pull || fail 'the upgrade fails'
[ "$(version)" = 'error-tracker 9.9.9' ] || fail "after the upgrade: $(version)"
[ "$(count)" = "$restored" ] || fail 'the upgrade lost reports'
ok 'upgraded to a build with a newer schema, data kept'

docker tag monlight/error-tracker:local monlight/error-tracker:kept
printf 'FROM monlight/error-tracker:kept\nCMD ["/app/error-tracker", "--version"]\n' | docker build -q -t monlight/error-tracker:local - >/dev/null
if deploy/upgrade.sh error-tracker --no-pull; then fail 'an upgrade to an image that ends at once succeeds'; fi
[ "$(version)" = 'error-tracker 9.9.9' ] && [ "$(count)" = "$restored" ] || fail 'not rolled back from an image that ends at once'
ok 'rolled back from an image that ends at once'

changed 10.0.0 'n=$(ls internal/sqlite/migrations | sed "s/_.*//" | sort | tail -1)
  echo "CREATE TABLE of_the_upgrade (id INTEGER PRIMARY KEY) STRICT;" >internal/sqlite/migrations/$(printf "%04d" $((10#$n + 1)))_upgrade.sql
  echo "CREATE TABLE of_another (id INTEGER PRIMARY KEY) STRICT;" >internal/sqlite/migrations/$(printf "%04d" $((10#$n + 2)))_another.sql
  sed -i "s/^func health(db \*sqlitedb.DB) server.HealthFunc {/&\n\treturn func(context.Context) (map[string]any, error) { return nil, fmt.Errorf(\"broken\") }/" main.go'
if deploy/upgrade.sh error-tracker --no-pull; then fail 'an upgrade to an image that is never healthy succeeds'; fi
[ "$(version)" = 'error-tracker 9.9.9' ] && [ "$(count)" = "$restored" ] || fail 'not rolled back from an image that had changed the schema'
ok 'rolled back with its database from an image that had changed the schema'
unset IMAGE_PREFIX COMPOSE_FILE
stack down -v >/dev/null 2>&1

# Archives, installation below another folder, releases.
cd "$work" && git -c init.defaultBranch=main init -q --bare remote.git
(cd src && rm -rf vendor deploy/data deploy/secrets.env && git -c init.defaultBranch=main init -q && git add -A &&
  git -c user.name=test -c user.email=test@example.com commit -qm start && git remote add origin "$work/remote.git" && git push -q origin main)
cd src
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example.com GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example.com
ARCHES=amd64 scripts/dist.sh >"$work/sums.1"
tar -C "$work" -xzf dist/monlight_*_linux_amd64.tar.gz
mv "$work"/monlight_*/ "$work/archive"
DESTDIR=$work/root "$work/archive/deploy/install.sh" >/dev/null
[ "$(stat -c %a "$work/root/etc/monlight/error-tracker.env")" = 600 ] || fail 'installed settings are not private'
cp "$work/root/etc/monlight/error-tracker.env" "$work/settings"
DESTDIR=$work/root "$work/archive/deploy/install.sh" >/dev/null
cmp -s "$work/settings" "$work/root/etc/monlight/error-tracker.env" || fail 'a second installation changes settings'
for s in error-tracker log-viewer metrics-collector browser-relay; do
  # shellcheck disable=SC1090
  (set -a && . "$work/root/etc/monlight/$s.env" && set +a && "$work/root/opt/monlight/bin/$s" --check-config >/dev/null) || fail "the settings of $s are refused"
done
ok 'archive and installation, twice'
ARCHES=amd64 scripts/dist.sh >"$work/sums.2"
cmp -s "$work/sums.1" "$work/sums.2" || fail 'a second build gives other bytes'
ok 'reproducible: a second build gives the same bytes'
if make -s release-error-tracker V=1.0 >/dev/null 2>&1; then fail 'a release of version 1.0'; fi
make -s release-error-tracker V=1.2.3 >/dev/null || fail 'no release'
[ "$(git -C "$work/remote.git" show error-tracker-v1.2.3:error-tracker/VERSION)" = 1.2.3 ] || fail 'the release is not pushed'
git -C "$work/remote.git" show error-tracker-v1.2.3:CHANGELOG.md | grep -q '^## error-tracker 1.2.3' || fail 'the changelog has no section of the release'
if make -s release-error-tracker V=1.2.4 >/dev/null 2>&1; then fail 'a release without anything in the changelog'; fi
ok 'release'

say "$passed passed, 0 failed"
