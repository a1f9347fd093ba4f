package relay

import "strings"

// botWords are parts of the names of programs that visit pages by themselves, in lower case.
var botWords = []string{
	"bot", "crawl", "spider", "slurp", "headless", "phantomjs", "lighthouse", "pagespeed", "gtmetrix", "pingdom", "statuscake",
	"facebookexternalhit", "mediapartners", "feedfetcher", "prerender", "python-requests", "go-http-client", "curl/", "wget/",
}

// notBots are names with a word of botWords in them that people use.
var notBots = strings.NewReplacer("cubot", "") // makes telephones

// IsBot tells whether a User-Agent says that it is a program and nobody's browser. Those
// that pretend to be one are not known.
func IsBot(userAgent string) bool {
	name := notBots.Replace(strings.ToLower(userAgent))
	for _, word := range botWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
