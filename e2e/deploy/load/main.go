// Command load sends mixed requests to the stack of deploy/docker-compose.test.yml: to each service so many, three of four
// writing and one reading. It fails when an answer is not a success.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const workers = 4 // for each service

var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: workers}}

// target is one service and what is asked of it.
type target struct {
	name  string
	write func(i int) *http.Request
	read  func(i int) *http.Request
}

func request(method, url, header, key, body string) *http.Request {
	r, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		fail(err)
	}
	r.Header.Set(header, key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(1)
}

// send returns the answer's body; an answer that is no success is an error.
func send(r *http.Request) ([]byte, error) {
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %.200s", r.Method, r.URL.Path, res.Status, body)
	}
	return body, err
}

// dsnKeys makes n keys for browsers: each may send only so much in a minute.
func dsnKeys(relay, admin string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		body, err := send(request("POST", relay+"/api/dsn-keys", "X-API-Key", admin, fmt.Sprintf(`{"project":"load-%d"}`, i%10)))
		var made struct {
			PublicKey string `json:"public_key"`
		}
		if err == nil {
			err = json.Unmarshal(body, &made)
		}
		if err != nil {
			fail(err)
		}
		keys[i] = made.PublicKey
	}
	return keys
}

func main() {
	n := flag.Int("n", 20_000, "requests to each service")
	key := flag.String("key", "", "key of the three services")
	admin := flag.String("admin", "", "key of browser-relay")
	host := flag.String("host", "http://127.0.0.1", "where the ports 15010 to 15013 are")
	flag.Parse()
	et, lv, mc, br := *host+":15010", *host+":15011", *host+":15012", *host+":15013"
	keys := dsnKeys(br, *admin, *n/200+1)
	api := func(method, url, body string) *http.Request { return request(method, url, "X-API-Key", *key, body) }
	targets := []target{
		{"error-tracker",
			func(i int) *http.Request {
				return api("POST", et+"/api/errors", fmt.Sprintf(`{"project":"load-%d","exception_type":"LoadError","message":"order %d","traceback":"Traceback (most recent call last):\n  File \"/app/m%d.py\", line %d, in f%d\n    raise LoadError(x)\nLoadError: order %d"}`, i%5, i, i%50, i%300, i%50, i))
			},
			func(i int) *http.Request { return api("GET", et+"/api/errors?limit=100", "") }},
		{"log-viewer",
			func(i int) *http.Request {
				return api("POST", lv+"/api/logs", fmt.Sprintf(`[{"container":"load-%d","message":"GET /orders/%d 200 %d ms"},{"container":"load-%d","level":"error","message":"order %d failed"}]`, i%5, i, i%90, i%5, i))
			},
			func(i int) *http.Request { return api("GET", lv+"/api/logs?search=failed&limit=100", "") }},
		{"metrics-collector",
			func(i int) *http.Request {
				return api("POST", mc+"/api/metrics", fmt.Sprintf(`[{"name":"load_requests","type":"counter","value":1,"labels":{"route":"/r%d"}},{"name":"load_seconds","type":"histogram","value":0.%03d,"labels":{"route":"/r%d"}}]`, i%100, i%1000, i%100))
			},
			func(i int) *http.Request { return api("GET", mc+"/api/metrics?name=load_requests&period=1h", "") }},
		{"browser-relay",
			func(i int) *http.Request {
				return request("POST", br+"/api/browser/metrics", "X-Monlight-Key", keys[i%len(keys)], fmt.Sprintf(`{"metrics":[{"name":"web_vitals_lcp","type":"histogram","value":%d,"labels":{"page":"/p%d"}}]}`, 500+i%3000, i%20))
			},
			func(i int) *http.Request { return request("GET", br+"/api/source-maps", "X-API-Key", *admin, "") }},
	}
	start := time.Now()
	var failed atomic.Int64
	var all sync.WaitGroup
	for _, t := range targets {
		var next atomic.Int64
		for range workers {
			all.Go(func() {
				for i := int(next.Add(1)); i <= *n; i = int(next.Add(1)) {
					make := t.write
					if i%4 == 0 {
						make = t.read
					}
					if _, err := send(make(i)); err != nil && failed.Add(1) <= 5 {
						fmt.Fprintf(os.Stderr, "load: %s: %v\n", t.name, err)
					}
				}
			})
		}
	}
	all.Wait()
	took := time.Since(start)
	fmt.Printf("%d requests in %.1f s, %.0f/s, %d failed\n", 4**n, took.Seconds(), float64(4**n)/took.Seconds(), failed.Load())
	if failed.Load() > 0 {
		os.Exit(1)
	}
}
