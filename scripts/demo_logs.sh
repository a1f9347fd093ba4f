# shellcheck shell=bash
# Real programs whose logs log-viewer follows, for demo.sh: in containers, or without them where there is no engine that
# can be used. Sourced, never run.

demo_compose=''
demo_image=monlight-demo:local

# choose_log_source sets LOG_SOURCES to where the logs of the programs will be.
choose_log_source() {
  local docker_root
  if have docker && docker info >/dev/null 2>&1; then
    docker_root=$(docker info -f '{{.DockerRootDir}}')
    if docker compose version >/dev/null 2>&1; then
      demo_compose='docker compose'
    elif have docker-compose; then
      demo_compose=docker-compose
    fi
    [ -r "$docker_root/containers" ] || demo_compose=''
  fi
  if [ -n "$demo_compose" ] && demo_build; then
    export LOG_SOURCES=$docker_root/containers
  else
    demo_compose=''
    export LOG_SOURCES=$root/.run/containers
    rm -rf "$LOG_SOURCES"
    mkdir -p "$LOG_SOURCES"
  fi
}

# demo_build makes the image of the programs, from Debian's or, without a registry, from Debian's packages.
demo_build() {
  local base=debian:12-slim
  say 'Building the image of the programs whose logs are shown …'
  if docker image inspect monlight-demo-base:local >/dev/null 2>&1; then
    base=monlight-demo-base:local
  elif ! timeout 120 docker pull -q "$base" >/dev/null 2>&1; then
    base=monlight-demo-base:local
    "$root/demo/containers/base.sh" || return 1
  fi
  docker build -q --build-arg "BASE=$base" -t "$demo_image" "$root/demo/containers" >/dev/null
}

# start_log_programs starts them and waits until log-viewer at $1 with the key $2 has lines of the first ones.
start_log_programs() {
  local n
  if [ -n "$demo_compose" ]; then
    $demo_compose -p monlight-demo -f "$root/demo/containers/compose.yml" up -d >>"$root/.run/demo.log" 2>&1 || die 'the containers do not start; see .run/demo.log'
    say 'Five containers write logs: a shop in Flask, nginx, PostgreSQL, visitors, and jobs that crash.'
  else
    say '!!! no container engine whose folder can be read (it takes root): the programs run without containers'
    (cd "$root/log-viewer" && go build -o "$root/.run/json-file" ./demo)
    if have python3; then
      log_program jobs python3 -u "$root/demo/containers/jobs.py"
      if python3 -c 'import flask' 2>/dev/null; then
        log_program shop flask --app "$root/demo/containers/shop.py" run --port 18080
        log_program visitors env SHOP=http://127.0.0.1:18080 python3 -u "$root/demo/containers/visitors.py"
      else
        say '!!! no Flask here: the shop does not run (apt-get install python3-flask)'
      fi
    fi
  fi
  for _ in $(seq 100); do
    n=$(curl -fsS -m 5 -H "X-API-Key: $2" "$1/api/stats" | sed -n 's/.*"total_logs":\([0-9]*\).*/\1/p')
    [ "${n:-0}" -lt 10 ] || break
    sleep 0.2
  done
  say "log-viewer has ${n:-0} entries so far."
}

log_programs=()

# log_program NAME COMMAND... runs a program that writes its log as a container would.
log_program() {
  local name=$1
  shift
  "$root/.run/json-file" -folder "$LOG_SOURCES" -name "$name" "$@" &
  log_programs+=($!)
}

stop_log_programs() {
  local p
  for p in "${log_programs[@]}"; do kill "$p" 2>/dev/null || true; done
  for p in "${log_programs[@]}"; do wait "$p" 2>/dev/null || true; done
  log_programs=()
  [ -z "$demo_compose" ] || $demo_compose -p monlight-demo -f "$root/demo/containers/compose.yml" down >/dev/null 2>&1 || true
}
