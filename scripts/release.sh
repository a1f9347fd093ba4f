#!/usr/bin/env bash
# scripts/release.sh COMPONENT X.Y.Z: makes a release out of what CHANGELOG.md says of the component under "Unreleased":
# version file, changelog, commit, tag, push. COMPONENT is a service, python, js, services or all. Pushes to REMOTE (origin);
# the workflows of the public repository do the rest.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

services='error-tracker log-viewer metrics-collector browser-relay'
component=${1:-} version=${2:-}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "V=$version, want X.Y.Z"
case $component in
  error-tracker | log-viewer | metrics-collector | browser-relay | python | js) components=("$component") ;;
  services) read -ra components <<<"$services" ;;
  all) read -ra components <<<"$services python js" ;;
  *) die "unknown component: $component" ;;
esac
[ -z "$(git status --porcelain)" ] || die 'the working tree is not clean'
branch=$(git symbolic-ref --short HEAD)
[ "$branch" = main ] || die "on branch $branch, releases are made from main"

# title COMPONENT prints its name in the changelog.
title() {
  case $1 in python) echo 'Python client' ;; js) echo 'browser SDK' ;; *) echo "$1" ;; esac
}

# bump COMPONENT writes the version to its files.
bump() {
  case $1 in
    python)
      sed -i "0,/^version = .*/s//version = \"$version\"/" clients/python/pyproject.toml
      sed -i "s/^__version__ = .*/__version__ = \"$version\"/" "$(grep -l '^__version__ = ' -r clients/python/monlight | head -n 1)"
      ;;
    js)
      (cd clients/js && npm version --no-git-tag-version --allow-same-version "$version" >/dev/null && npm ci --silent && npm run --silent relay >/dev/null)
      git add browser-relay/internal/sdk
      ;;
    *) echo "$version" >"$1/VERSION" ;;
  esac
}

# changelog COMPONENT moves its entries from Unreleased to a section of their own, and fails if there are none. An entry of
# several components goes with the first that is released.
changelog() {
  awk -v name="$(title "$1")" -v heading="## $(title "$1") $version — $(date -u +%F)" '
    function flush() {
      if (entry == "") return
      if (index(entry, name) && match(entry, "\\]` " name "[ :,]")) mine = mine entry; else rest = rest entry
      entry = ""
    }
    /^## Unreleased/ { print; inside = 1; next }
    inside && /^## / { flush(); inside = 0; done = 1; printf "%s", rest; if (mine != "") printf "%s\n\n%s\n", heading, mine }
    !inside { print; next }
    /^- / { flush() }
    /^$/ { if (entry == "") { rest = rest "\n"; next } flush(); rest = rest "\n"; next }
    { entry = entry $0 "\n" }
    END {
      flush()
      if (!done) { printf "%s", rest; if (mine != "") printf "\n%s\n\n%s", heading, mine }
      exit mine == "" ? 3 : 0
    }' CHANGELOG.md >CHANGELOG.md.new || { rm -f CHANGELOG.md.new; die "CHANGELOG.md says nothing of $(title "$1") under Unreleased"; }
  mv CHANGELOG.md.new CHANGELOG.md
}

tags=()
for c in "${components[@]}"; do
  tag=$c-v$version
  ! git rev-parse -q --verify "refs/tags/$tag" >/dev/null || die "the tag $tag is there already"
  tags+=("$tag")
done
trap 'git checkout -q -- .' EXIT
for c in "${components[@]}"; do
  changelog "$c"
  bump "$c"
done
git commit -qam "release: ${components[*]} $version"
trap - EXIT
for tag in "${tags[@]}"; do git tag -a "$tag" -m "${tag%-v*} $version"; done
git push -q --atomic "${REMOTE:-origin}" main "${tags[@]}"
say "released: ${tags[*]}"
