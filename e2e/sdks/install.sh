#!/usr/bin/env bash
# e2e/sdks/install.sh: puts Sentry's SDKs into e2e/sdks/.cache, at the versions
# that are named beside it. What is there already is not fetched again.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p .cache

for age in old new; do
  if ! cmp -s "python/$age.txt" ".cache/$age/installed.txt"; then
    rm -rf ".cache/$age"
    python3 -m venv ".cache/$age"
    ".cache/$age/bin/pip" install -q --disable-pip-version-check --no-compile -r "python/$age.txt"
    cp "python/$age.txt" ".cache/$age/installed.txt"
  fi
done

if ! cmp -s node/package-lock.json node/node_modules/installed.json; then
  (cd node && npm ci --no-audit --no-fund --silent)
  cp node/package-lock.json node/node_modules/installed.json
fi
node/node_modules/.bin/esbuild node/page.js --bundle --minify --format=iife --log-level=error --outfile=.cache/page.js

(cd go && GOWORK=off CGO_ENABLED=0 go build -o ../.cache/shop-go .)

# The SDK for Java needs a JDK and Maven, and Maven what it fetches; without them its row is not tried, and said to be missing.
if ! command -v javac >/dev/null; then
  echo '!!! NOT TRIED: the SDK for Java: no JDK (apt-get install default-jdk-headless)'
  rm -rf .cache/java
elif ! cmp -s java/artifact.txt .cache/java/installed.txt; then
  rm -rf .cache/java
  if ! command -v mvn >/dev/null; then
    echo '!!! NOT TRIED: the SDK for Java: no Maven (apt-get install maven)'
  elif timeout 240 mvn -q -B dependency:copy -Dartifact="$(cat java/artifact.txt)" -DoutputDirectory="$PWD/.cache/java"; then
    cp java/artifact.txt .cache/java/installed.txt
  else
    echo '!!! NOT TRIED: the SDK for Java: Maven could not fetch it'
    rm -rf .cache/java
  fi
fi
if [ -d .cache/java ]; then
  javac -cp '.cache/java/*' -d .cache/java java/Shop.java
fi
