#!/usr/bin/env bash
# Makes the image monlight-builder:local from this machine's Go, a static busybox and the CA certificates: a stand-in for
# the builder image where none can be pulled. Then: BUILDER=monlight-builder:local, and "go work vendor" if the build has
# no network.
set -euo pipefail

die() { printf '%s\n' "$*" >&2; exit 1; }
command -v docker >/dev/null || die 'docker is needed'
command -v go >/dev/null || die 'go is needed'
busybox=$(command -v busybox) || die 'busybox is needed: apt-get install busybox-static'
certificates=/etc/ssl/certs/ca-certificates.crt
[ -e $certificates ] || die "$certificates is needed: apt-get install ca-certificates"
go=$(go env GOROOT)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,tmp,etc/ssl/certs,usr/local,root}
chmod 1777 "$root/tmp"
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
done
cp $certificates "$root/etc/ssl/certs/"
tar -C "$root" -cf "$root.tar" .
tar -rf "$root.tar" --transform "s,^\.,usr/local/go," -C "$go" --exclude=./test --exclude=./api --exclude=./doc --exclude=./misc .
trap 'rm -rf "$root" "$root.tar"' EXIT
docker import --change 'ENV PATH=/usr/local/go/bin:/bin' --change 'ENV GOTOOLCHAIN=local' "$root.tar" monlight-builder:local >/dev/null
echo 'monlight-builder:local is ready'
