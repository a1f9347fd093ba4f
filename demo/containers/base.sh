#!/bin/sh
# Makes the image monlight-demo-base:local, Debian 12 with the programs of the demonstration, for machines without an image
# registry. It needs debootstrap, root, and a mirror of Debian.
set -eu
command -v debootstrap >/dev/null || { echo 'debootstrap is needed: apt-get install debootstrap' >&2; exit 1; }
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3-flask,python3-psycopg2,nginx-light,postgresql bookworm "$tree/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >/dev/null
rm -rf "$tree/root/var/cache/apt/archives" "$tree/root/var/lib/apt/lists" "$tree/root/usr/share/doc" "$tree/root/usr/share/locale"
tar -C "$tree/root" -c . | docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - monlight-demo-base:local >/dev/null
