package inbound

import (
	"encoding/json"
	"strings"
)

// userAgent is that header out of a JSON object of headers, or of a list of
// pairs, "" where there is none.
func userAgent(headers json.RawMessage) string {
	if len(headers) == 0 {
		return ""
	}
	if headers[0] == '{' {
		var members map[string]json.RawMessage
		if json.Unmarshal(headers, &members) != nil {
			return ""
		}
		for name, value := range members {
			if strings.EqualFold(name, "user-agent") {
				return first(value)
			}
		}
		return ""
	}
	var pairs [][]json.RawMessage
	if json.Unmarshal(headers, &pairs) != nil {
		return ""
	}
	for _, p := range pairs {
		if len(p) == 2 && strings.EqualFold(first(p[0]), "user-agent") {
			return first(p[1])
		}
	}
	return ""
}

// first is a JSON string, or the first one of a list.
func first(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	var list []string
	if json.Unmarshal(value, &list) == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}

// crawlers are parts of user agents of programs that read sites by themselves,
// beside those that say "bot".
var crawlers = []string{
	"crawler", "spider", "slurp", "facebookexternalhit", "facebookcatalog", "meta-externalagent", "mediapartners-google", "adsbot-google", "apis-google", "feedfetcher",
	"google-read-aloud", "google-safety", "googleother", "google-inspectiontool", "chrome-lighthouse", "bingpreview", "ia_archiver", "embedly", "quora link preview",
	"outbrain", "pinterest/0.", "developers.google.com/+/web/snippet", "whatsapp/", "skypeuripreview", "vkshare", "w3c_validator", "baidu.com/search", "yandex.com/bots",
	"archive.org", "scrapy", "httrack", "nutch", "heritrix", "semrush", "dataforseo", "statuscake", "pingdom", "uptimerobot", "site24x7", "prerender",
}

// isCrawler tells user agents of crawlers. Those that look at a site for a
// person, such as a headless browser in a test, are none.
func isCrawler(agent string) bool {
	agent = strings.ToLower(agent[:min(len(agent), maxText)])
	for _, c := range crawlers {
		if strings.Contains(agent, c) {
			return true
		}
	}
	for rest := agent; ; {
		i := strings.Index(rest, "bot")
		if i < 0 {
			return false
		}
		after := rest[i+len("bot"):]
		// "Googlebot/2.1" and "robot;", but not "bottle"; Cubot makes telephones.
		if (after == "" || after[0] < 'a' || after[0] > 'z') && !strings.HasSuffix(rest[:i], "cu") {
			return true
		}
		rest = after
	}
}
