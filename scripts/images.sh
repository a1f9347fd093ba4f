#!/usr/bin/env bash
# scripts/images.sh: builds the image of each service as monlight/SERVICE:TAG (latest) and fails if one is over 18 MB.
# BUILDER is the builder image, TARGETARCH the architecture (amd64).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"
have docker || die 'docker is needed: apt-get install docker.io'

limit=$((18 * 1024 * 1024))
tag=${TAG:-latest}
too_large=0
for s in error-tracker log-viewer metrics-collector browser-relay; do
  docker build -q -f deploy/Dockerfile --target "$s" ${BUILDER:+--build-arg "BUILDER=$BUILDER"} \
    --build-arg "TARGETARCH=${TARGETARCH:-amd64}" --build-arg "VERSION=$(cat "$s/VERSION")" \
    --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" -t "${IMAGE_PREFIX:-monlight}/$s:$tag" . >/dev/null
  size=$(docker image inspect -f '{{.Size}}' "${IMAGE_PREFIX:-monlight}/$s:$tag")
  printf '%-20s %5.1f MB\n' "$s" "$(awk "BEGIN{print $size/1048576}")"
  [ "$size" -le $limit ] || too_large=1
done
[ $too_large = 0 ] || die "an image is over 18 MB"
