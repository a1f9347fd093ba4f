#!/usr/bin/env bash
# Starts every built service with its data in .run/ and its keys from .env.
set -euo pipefail
. "$(dirname "$0")/common.sh"

have curl || die 'curl is needed: apt-get install curl'
load_env
trap stop_services EXIT
trap 'exit 0' INT TERM
start_services "$root/.run"

say 'Monlight is running.'
print_services
say "Report a first error:"
say ''
say "  curl -X POST ${service_url[error-tracker]}/api/errors -H 'X-API-Key: $ERROR_TRACKER_API_KEY' \\"
say "    -H 'Content-Type: application/json' \\"
say "    -d '{\"project\":\"shop\",\"exception_type\":\"ValueError\",\"message\":\"cannot ship order 42\",\"traceback\":\"Traceback (most recent call last):\\n  File \\\"/app/orders.py\\\", line 12, in ship\\n    raise ValueError(msg)\\nValueError: cannot ship order 42\"}'"
say ''
say "Keys are in ${env_file#"$root"/}, data and logs in .run/. Stop with Ctrl-C."
wait
