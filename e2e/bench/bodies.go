package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"

	"github.com/monlight/monlight/e2e/harness"
)

const stopSignal = syscall.SIGTERM

// issues is over how many issues the reports are spread.
const issues = 200

// reports are n requests to our own door, of about size bytes each.
func reports(size, n int) []request {
	out := make([]request, n)
	for i, b := range bodies(size, n) {
		out[i] = request{"/api/errors", map[string]string{"X-API-Key": harness.Key, "Content-Type": "application/json"}, b}
	}
	return out
}

// bodies makes n reports of about size bytes each. They look like what a web
// application sends: a traceback through library and application code, request
// headers, extra data with ids that differ from report to report. The seed is
// fixed, so that every run posts the same.
func bodies(size, n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([][]byte, n)
	for i := range out {
		report := report(random, i%issues, i)
		// Longer tracebacks first, then more extra data, as in real reports.
		short := len(encode(report))
		report["traceback"] = traceback(random, i%issues, 2+max(0, (size-short))/3/90)
		items := []map[string]any{}
		for len(encode(report)) < size {
			for range max(1, (size-len(encode(report)))/150) {
				items = append(items, item(random))
			}
			report["extra"].(map[string]any)["items"] = items
		}
		out[i] = encode(report)
	}
	return out
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return b
}

func report(random *rand.Rand, issue, n int) map[string]any {
	return map[string]any{
		"project":        fmt.Sprintf("service-%d", issue%7),
		"exception_type": []string{"ValueError", "KeyError", "TimeoutError", "app.errors.OutOfStock", "IntegrityError"}[issue%5],
		"message":        fmt.Sprintf("order %d of customer %s cannot be stored", random.IntN(1e9), id(random)),
		"traceback":      traceback(random, issue, 2),
		"environment":    []string{"prod", "prod", "staging"}[n%3],
		"release":        "shop@1.4." + fmt.Sprint(n%3),
		"request_method": "POST",
		"request_url":    fmt.Sprintf("https://shop.example/api/v2/orders/%d/items?trace=%s", random.IntN(1e9), id(random)),
		"request_headers": map[string]any{
			"user-agent":      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
			"accept":          "application/json, text/plain, */*",
			"accept-language": "de-DE,de;q=0.9,en;q=0.8",
			"x-request-id":    id(random),
			"x-forwarded-for": fmt.Sprintf("203.0.113.%d", random.IntN(256)),
		},
		"user_id": fmt.Sprint("u-", random.IntN(5000)),
		"extra":   map[string]any{"order": random.IntN(1e9), "region": "eu-central-1", "session_id": id(random)},
	}
}

func item(random *rand.Rand) map[string]any {
	return map[string]any{"sku": fmt.Sprintf("SKU-%06d", random.IntN(1e6)), "pieces": random.IntN(9) + 1, "price": float64(random.IntN(1e5)) / 100,
		"title": words[random.IntN(len(words))] + " " + words[random.IntN(len(words))], "reservation": id(random)}
}

var words = strings.Fields("apple bread cheese table lamp garden winter summer wooden green heavy light garden chair window paper silver cotton leather kitchen bottle")

func traceback(random *rand.Rand, issue, frames int) string {
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	for i := range frames {
		// Enough library frames to make the text realistic; the last ones are the application's and name the issue.
		module := words[(issue*7+i*3)%len(words)]
		fmt.Fprintf(&b, "  File \"/usr/lib/python3.11/site-packages/%s/%s.py\", line %d, in %s\n    return self.%s(request, *args, **kwargs)\n",
			module, words[(issue+i)%len(words)], 10+random.IntN(900), words[(issue*3+i)%len(words)], words[i%len(words)])
	}
	fmt.Fprintf(&b, "  File \"/srv/app/views/%s.py\", line %d, in post\n    order = self.store.save_%s(order)\n", words[issue%len(words)], 40+issue, word(issue))
	fmt.Fprintf(&b, "  File \"/srv/app/store/%s.py\", line %d, in save_%s\n    raise error(f\"order {order.id} cannot be stored\")\n", words[issue%len(words)], 90+issue, word(issue))
	b.WriteString("ValueError: order cannot be stored")
	return b.String()
}

// word names an issue in letters, so that it stays apart from the others.
func word(n int) string {
	return words[n%len(words)] + "_" + string(rune('a'+n/26%26)) + string(rune('a'+n%26))
}

func id(random *rand.Rand) string {
	return fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
}
