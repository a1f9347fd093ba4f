#!/usr/bin/env bash
# scripts/dist.sh: archives for machines without Docker and without Go, in dist/: the programs of all services with
# deploy/install.sh, for each architecture, and their checksums. The same commit gives the same bytes.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

version=$(git describe --tags --always --dirty 2>/dev/null || echo dev)
stamp=$(git log -1 --format=%ct 2>/dev/null || echo 0)
rm -rf dist
for arch in ${ARCHES:-amd64 arm64}; do
  name=monlight_${version}_linux_$arch
  mkdir -p "dist/$name/bin"
  for main in */main.go; do
    s=${main%/main.go}
    GOOS=linux GOARCH=$arch scripts/compile.sh "$s" "dist/$name/bin/$s"
  done
  cp -r deploy docs LICENSE README.md CHANGELOG.md "dist/$name/"
  rm -rf "dist/$name/deploy"/{data,backups,secrets.env,.env,.upgrade} "dist/$name/docs/screenshots"
  tar -C dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" -cf - "$name" | gzip -9n >"dist/$name.tar.gz"
  rm -rf "dist/$name"
done
(cd dist && sha256sum ./*.tar.gz | tee SHA256SUMS)
