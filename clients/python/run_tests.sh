#!/bin/sh
# Runs the suite of the Python client with the oldest and with the newest
# supported releases of its optional dependencies, each in a virtual environment
# of its own below this folder, and checks style and types.
#
#   ./run_tests.sh [oldest|newest|lint|all] [arguments for pytest]
#
# PYTHON_OLDEST and PYTHON_NEWEST name the interpreters; by default the oldest
# and the newest supported ones that are installed. The integration tests run
# if MONLIGHT_ERROR_TRACKER_BIN and MONLIGHT_METRICS_COLLECTOR_BIN name the
# services; with MONLIGHT_REQUIRE_INTEGRATION=1 it is a failure if they do not.
set -eu
cd "$(dirname "$0")"
what=${1:-all}
[ $# -gt 0 ] && shift

# usable prints the path of an interpreter that runs and can make environments.
usable() {
    "$1" -c 'import sys, venv, ssl; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || return 1
    "$1" -c 'import sys; print(sys.executable)'
}

# find_python prints the first usable interpreter of the versions given.
find_python() {
    for version in "$@"; do
        for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
            usable "$candidate" && return 0
        done
    done
    usable python3 && return 0
    echo "run_tests.sh: no Python 3.10 or newer with the venv module was found" >&2
    return 1
}

# environment makes .venv-$1 by interpreter $2 unless it is up to date.
environment() {
    stamp="$("$2" -VV) $(cat "requirements/$1.txt" pyproject.toml) $(date +%G-%V)"
    if [ "$(cat ".venv-$1/stamp" 2>/dev/null || true)" != "$stamp" ]; then
        rm -rf ".venv-$1"
        "$2" -m venv ".venv-$1"
        ".venv-$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "requirements/$1.txt"
        # Nothing is installed with it: the client has no required dependency.
        echo "$PWD" >"$(".venv-$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/monlight-source.pth"
        printf '%s\n' "$stamp" >".venv-$1/stamp"
    fi
    echo
    echo "== $1: $(".venv-$1/bin/python" -V)"
    ".venv-$1/bin/python" - <<'PYTHON'
from importlib.metadata import version
names = "fastapi starlette flask django celery httpx uvicorn gunicorn pytest"
print("   " + ", ".join(f"{name} {version(name)}" for name in names.split()))
PYTHON
}

run_suite() {
    environment "$1" "$2"
    name=$1
    shift 2
    ".venv-$name/bin/python" -m pytest -q -rfEs "$@"
}

oldest() {
    # pytest-asyncio 0.21 leaves its own event loops to the garbage collector.
    run_suite oldest "${PYTHON_OLDEST:-$(find_python 3.10 3.11 3.12)}" \
        -W ignore::pytest.PytestUnraisableExceptionWarning "$@"
}

newest() {
    python=${PYTHON_NEWEST:-$(find_python 3.14 3.13 3.12 3.11 3.10)}
    run_suite newest "$python" "$@"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' ||
        echo "   note: the newest Django needs Python 3.12; the newest for $("$python" -V) was tested"
}

lint() {
    environment newest "${PYTHON_NEWEST:-$(find_python 3.14 3.13 3.12 3.11 3.10)}"
    .venv-newest/bin/ruff check .
    .venv-newest/bin/ruff format --check .
    .venv-newest/bin/mypy
    # The package must be understood by the oldest Python, whichever runs this.
    .venv-newest/bin/mypy --python-version 3.10 monlight
}

case $what in
oldest | newest | lint) "$what" "$@" ;;
all)
    lint
    oldest "$@"
    newest "$@"
    ;;
*)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
