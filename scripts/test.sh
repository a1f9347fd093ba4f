#!/usr/bin/env bash
# scripts/test.sh [SUITE...]: runs the suites and prints a table. A suite that
# cannot run here is named with the reason; with REQUIRE_ALL=1 that is a failure,
# unless a registry does not give out what it needs.
set -uo pipefail
. "$(dirname "$0")/common.sh"
cd "$root" || exit

names=() results=() seconds=() notes=()
failed=0 not_run=0 not_had=0

# asked NAME: whether the suite is to run: by its name, or by what stands before the colon.
asked() {
  [ ${#wanted[@]} -eq 0 ] || [[ " ${wanted[*]} " == *" $1 "* || " ${wanted[*]} " == *" ${1%%:*} "* ]]
}

# suite NAME COMMAND...: runs it unless other suites were asked for.
suite() {
  local name=$1 start=$SECONDS status note=''
  shift
  asked "$name" || return
  [ "$1" != joined ] || start=$beside_start
  say ''
  say "=== $name"
  "$@"
  status=$?
  case $status in
    0) status=ok ;;
    77) status='NOT RUN' note=$why not_run=$((not_run + 1)) ;;
    78) status='NOT RUN' note=$why not_had=$((not_had + 1)) ;;
    *) status=FAILED failed=$((failed + 1)) ;;
  esac
  names+=("$name") results+=("$status") seconds+=($((SECONDS - start))) notes+=("$note")
}

# beside NAME COMMAND...: starts a suite that waits more than it works, so that the
# next ones run meanwhile. 'suite NAME joined' waits for it and shows what it wrote.
beside() {
  asked "$1" || return
  say ''
  say "=== $1 begins, and is shown when it has ended"
  shift
  make --no-print-directory build >/dev/null || true # two builds at once would write the same files; the suite says what fails
  beside_start=$SECONDS beside_dir=$(mktemp -d)
  trap 'kill "$beside_pid" 2>/dev/null; rm -rf "$beside_dir"' EXIT
  {
    "$@"
    status=$?
    printf '%s' "$why" >"$beside_dir/why"
    exit $status
  } >"$beside_dir/out" 2>&1 &
  beside_pid=$!
}

joined() {
  local status
  wait "$beside_pid"
  status=$?
  cat "$beside_dir/out"
  why=$(cat "$beside_dir/why")
  return $status
}

# cannot REASON: what a suite returns when it cannot run here.
cannot() { why=$1; return 77; }

go_module() {
  local race=() cgo=0
  if have gcc || have cc || have clang; then
    race=(-race) cgo=1
  else
    say 'no C compiler: the race detector is left out'
    race_missing=1
  fi
  (cd "$1" && CGO_ENABLED=$cgo go test "${race[@]}" -timeout 20m ./...)
}

race_detector() {
  [ -z "${race_missing:-}" ] || { cannot 'no C compiler (apt-get install gcc libc6-dev)'; return; }
}

e2e() {
  make --no-print-directory build || return 1
  rm -f e2e/out/figures.jsonl
  (cd e2e && E2E_BIN="$root/bin" CGO_ENABLED=0 go test -count=1 -timeout 20m ./... && go run ./figures)
}

docs_site() {
  make --no-print-directory build || return 1
  (cd tools/docs && MONLIGHT_BIN="$root/bin" GOWORK=off CGO_ENABLED=0 go test -count=1 ./...)
}

openapi() {
  have python3 || { cannot 'no Python 3'; return; }
  python3 -c 'import ensurepip' 2>/dev/null || { cannot 'no venv for Python (apt-get install python3-venv)'; return; }
  have curl || { cannot 'no curl'; return; }
  make --no-print-directory build || return 1
  LINES_SHOWN=40 e2e/openapi_fuzz.sh bin 8
}

chromium_path() {
  local c
  for c in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$c" ] && have "$c" && { command -v "$c"; return 0; }
  done
  return 1
}

browser() {
  have node || { cannot 'no Node.js (20 or newer)'; return; }
  have python3 || { cannot 'no Python 3'; return; }
  local chromium
  chromium=$(chromium_path) || { cannot 'no Chromium (apt-get install chromium, or set CHROMIUM)'; return; }
  make --no-print-directory build || return 1
  asked e2e || rm -f e2e/out/figures.jsonl # those of an older run
  (
    cd e2e/browser || exit 1
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund || exit 1
    export CHROMIUM=$chromium MONLIGHT_BIN="$root/bin" ERROR_TRACKER_BIN="$root/bin/error-tracker"
    if [ "${UPDATE_SCREENSHOTS:-}" = 1 ]; then
      node --test --test-concurrency=2 tests/*quality.test.mjs
      exit
    fi
    # Two files at once, but those that measure time alone.
    GLOBIGNORE='tests/*speed.test.mjs'
    node --test --test-concurrency=2 tests/*.test.mjs || exit
    unset GLOBIGNORE
    node --test --test-concurrency=1 tests/*speed.test.mjs
  ) && (cd e2e && go run ./figures)
}

sdks() {
  have python3 || { cannot 'no Python 3'; return; }
  have npm || { cannot 'no Node.js (20 or newer) with npm'; return; }
  local chromium
  chromium=$(chromium_path) || { cannot 'no Chromium (apt-get install chromium, or set CHROMIUM)'; return; }
  make --no-print-directory build && e2e/sdks/install.sh || return 1
  (cd e2e && CHROMIUM=$chromium E2E_BIN="$root/bin" CGO_ENABLED=0 go test -tags sdks -count=1 -timeout 5m ./sdks)
}

# sdks_java: the row of the SDK for Java is one of the suite before it, where install.sh could make it.
sdks_java() {
  [ ! -e e2e/sdks/.cache/java/Shop.class ] || return 0
  have javac || { cannot 'no JDK (apt-get install default-jdk-headless)'; return; }
  have mvn || { cannot 'no Maven (apt-get install maven)'; return; }
  why='Maven could not fetch the SDK'
  return 78
}

python_client() {
  have python3 || { cannot 'no Python 3'; return; }
  make --no-print-directory build || return 1
  (
    cd clients/python &&
      MONLIGHT_ERROR_TRACKER_BIN="$root/bin/error-tracker" MONLIGHT_METRICS_COLLECTOR_BIN="$root/bin/metrics-collector" \
        MONLIGHT_REQUIRE_INTEGRATION=1 ./run_tests.sh
  )
}

js_ready() {
  have npm || { cannot 'no Node.js (20 or newer) with npm'; return; }
  [ clients/js/node_modules/.package-lock.json -nt clients/js/package-lock.json ] || (cd clients/js && npm ci --no-audit --no-fund)
}

js_client() {
  js_ready || return
  (cd clients/js && npm run --silent typecheck && npm test --silent)
}

js_chromium() {
  js_ready || return
  local chromium
  chromium=$(chromium_path) || { cannot 'no Chromium (apt-get install chromium, or set CHROMIUM)'; return; }
  (cd clients/js && npm run --silent build && CHROMIUM=$chromium node --test e2e/chromium.test.mjs)
}

js_stack() {
  js_ready || return
  local chromium
  chromium=$(chromium_path) || { cannot 'no Chromium (apt-get install chromium, or set CHROMIUM)'; return; }
  make --no-print-directory build || return 1
  (cd clients/js && npm run --silent build && CHROMIUM=$chromium node --test e2e/stack.test.mjs)
}

js_firefox() {
  js_ready || return
  have firefox-esr || have firefox || { cannot 'no Firefox (apt-get install firefox-esr)'; return; }
  make --no-print-directory build || return 1
  (cd clients/js && npm run --silent build && node --test --test-concurrency=1 e2e/firefox.test.mjs e2e/firefox-stack.test.mjs)
}

deploy_proxy() {
  have nginx || { cannot 'no nginx (apt-get install nginx-light)'; return; }
  have curl || { cannot 'no curl'; return; }
  make --no-print-directory build || return 1
  e2e/deploy/proxy.sh
}

deploy_containers() {
  docker info >/dev/null 2>&1 || { have dockerd && [ "$(id -u)" = 0 ]; } ||
    { cannot 'no container engine (apt-get install docker.io), or not root to start it'; return; }
  docker compose version >/dev/null 2>&1 || have docker-compose || { cannot 'no docker compose (apt-get install docker-compose)'; return; }
  have busybox || { cannot 'no busybox for the builder image (apt-get install busybox-static)'; return; }
  make --no-print-directory build || return 1
  DOCKERD=1 e2e/deploy/run.sh
}

wanted=("$@")
why=''
for m in shared error-tracker log-viewer metrics-collector browser-relay; do
  [ -n "$(find "$m" -name '*.go' -print -quit)" ] && suite "go:$m" go_module "$m"
done
suite go:race race_detector
suite e2e e2e
suite docs docs_site
suite openapi openapi
[ -e e2e/browser/package.json ] && suite browser browser
beside deploy:containers deploy_containers
suite sdks sdks
suite sdks:java sdks_java
[ -e clients/python/pyproject.toml ] && suite python python_client
suite js js_client
suite js:chromium js_chromium
suite js:firefox js_firefox
suite js:stack js_stack
suite deploy:proxy deploy_proxy
suite deploy:containers joined

say ''
say 'Suite                    Result     Seconds'
for i in "${!names[@]}"; do
  printf '%-24s %-10s %7s  %s\n' "${names[$i]}" "${results[$i]}" "${seconds[$i]}" "${notes[$i]}"
done
for w in "${wanted[@]}"; do
  [[ " ${names[*]} " == *" $w "* || " ${names[*]} " == *" $w:"* ]] || die "no such suite: $w"
done
say ''
if [ $failed -gt 0 ]; then die "suites that failed: $failed"; fi
if [ $((not_run + not_had)) -gt 0 ]; then
  say "!!! suites that were NOT RUN, for the reasons above: $((not_run + not_had))"
  [ -z "${REQUIRE_ALL:-}" ] || [ $not_run -eq 0 ] || exit 1
fi
say "$((${#names[@]} - not_run - not_had)) passed, $failed failed, $((not_run + not_had)) skipped"
