package webui

import (
	"net/url"
	"strings"

	"github.com/monlight/monlight/browser-relay/internal/relay"
)

// snippet is text to be copied into somebody's files.
type snippet struct {
	ID, Title, Text, Code string
}

// query writes parameters of a URL, names and values in turn.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// shellQuote returns text as one word of a shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// snippets are the ways to use a key.
func snippets(publicURL string, script Script, k *relay.Key) []snippet {
	origin := publicURL
	if u, err := url.Parse(publicURL); err == nil {
		origin = u.Scheme + "://" + u.Host
	}
	fill := strings.NewReplacer("{url}", publicURL, "{key}", k.PublicKey, "{origin}", origin,
		"{script}", script.Path, "{integrity}", script.Integrity, "{project}", shellQuote(k.Project)).Replace
	return []snippet{
		{"npm", "With a bundler", "Install the package (its README says how without the registry) and begin as early as you can.", fill(`npm install @monlight/browser

import { init } from '@monlight/browser';

init({
  dsn: '{key}',
  endpoint: '{url}',
  release: '1.0.0', // the name that you upload source maps under
});`)},
		{"script", "Without a bundler", "The relay serves the script; browsers run it only if it is byte for byte the one that the integrity value names. The file of a release never changes. If blockers are a worry, serve a copy of it from your own site.", fill(`<script>
  window.MonlightConfig = { dsn: '{key}', endpoint: '{url}', release: '1.0.0' };
</script>
<script src="{url}{script}" integrity="{integrity}" crossorigin="anonymous"></script>`)},
		{"csp", "Content-Security-Policy", "If your pages have a policy, let them send to the relay, and load the script if it comes from there.", fill(`connect-src 'self' {origin}; script-src 'self' {origin};`)},
		{"maps", "Source maps", "In the build, after bundling: the stacks of this release are then shown with their sources.", fill(`npx -p @monlight/browser monlight-sourcemaps inject ./dist
npx -p @monlight/browser monlight-sourcemaps upload ./dist --url {url} --project {project} --release 1.0.0
# MONLIGHT_UPLOAD_TOKEN is the relay's UPLOAD_TOKEN, or MONLIGHT_ADMIN_KEY the key that you signed in with`)},
		{"nginx", "Through your own site: nginx", "Requests to your own host are not blocked by lists and need no CORS. Set endpoint to https://your-site.example/monlight.", fill(`location /monlight/api/browser/ {
    proxy_pass {url}/api/browser/;
    proxy_set_header X-Forwarded-For $remote_addr;
}`)},
		{"caddy", "Through your own site: Caddy", "The same for Caddy. Name the proxy in TRUSTED_PROXIES, so that limits count real clients.", fill(`handle_path /monlight/* {
    @browser path /api/browser/*
    reverse_proxy @browser {origin}
}`)},
		{"curl", "By hand", "One event, to see that it arrives.", fill(`curl -X POST '{url}/api/browser/errors?key={key}' \
  -d '{"type":"Error","message":"hello","stack":"Error: hello\n    at greet (https://shop.example/app.js:1:1)"}'`)},
	}
}
