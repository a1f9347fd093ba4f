package main

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// route is a route of the made-up history, and of the real server.
type route struct {
	method, path string
	share        float64 // of the requests
	median       float64 // seconds
	failing      float64 // part of the requests
}

var routes = []route{
	{"GET", "/", 0.30, 0.012, 0.001},
	{"GET", "/api/products", 0.28, 0.035, 0.002},
	{"GET", "/api/products/{id}", 0.22, 0.018, 0.004},
	{"POST", "/api/cart", 0.10, 0.060, 0.008},
	{"POST", "/api/checkout", 0.04, 0.240, 0.02},
	{"GET", "/api/search", 0.06, 0.110, 0.006},
}

// backfill writes a point each five minutes and series.
func backfill(ctx context.Context, s *sender, days int) (int, error) {
	r := rand.New(rand.NewPCG(1, 2))
	const every = 5 * time.Minute
	end := time.Now().Truncate(every)
	for at := end.Add(-time.Duration(days)*24*time.Hour + time.Hour); at.Before(end); at = at.Add(every) {
		busy := load(at)
		for _, rt := range routes {
			requests := math.Round(busy * rt.share * 300 * 20 * (0.9 + 0.2*r.Float64()))
			failed := math.Min(requests, math.Round(requests*rt.failing*trouble(at)*2*r.Float64()))
			labels := func(status string) map[string]string {
				return map[string]string{"method": rt.method, "endpoint": rt.path, "status": status}
			}
			s.add("http_requests_total", "counter", at, requests-failed, labels("200"))
			if failed > 0 {
				s.add("http_requests_total", "counter", at, failed, labels("500"))
			}
			for range 4 {
				took := rt.median * math.Exp(r.NormFloat64()*0.5) * (0.7 + 0.6*busy) * math.Sqrt(trouble(at))
				s.add("http_request_duration_seconds", "histogram", at.Add(time.Duration(r.Int64N(int64(every)))), round(took, 6), map[string]string{"method": rt.method, "endpoint": rt.path})
			}
		}
		for i := range 3 {
			s.add("queue_depth", "gauge", at, math.Round(busy*40*r.Float64()*trouble(at)), map[string]string{"worker": strconv.Itoa(i + 1)})
		}
		for _, page := range []string{"/", "/products", "/checkout"} {
			vital := func(name string, value float64, digits int) {
				s.add(name, "histogram", at, round(value, digits), map[string]string{"source": "browser", "page": page})
			}
			vital("web_vitals_lcp", 1700*math.Exp(r.NormFloat64()*0.35)*(0.8+0.4*busy), 0)
			vital("web_vitals_inp", 110*math.Exp(r.NormFloat64()*0.6), 0)
			vital("web_vitals_cls", 0.05*math.Exp(r.NormFloat64()*0.9), 4)
			vital("web_vitals_fcp", 1100*math.Exp(r.NormFloat64()*0.3), 0)
			vital("web_vitals_ttfb", 320*math.Exp(r.NormFloat64()*0.4), 0)
		}
		if err := s.flush(ctx, false); err != nil {
			return s.sent, err
		}
	}
	err := s.flush(ctx, true)
	return s.sent, err
}

// load is how busy the made-up shop is, 0 to 1: days, nights and weekends.
func load(at time.Time) float64 {
	hour := float64(at.Hour()) + float64(at.Minute())/60
	day := 0.35 + 0.65*math.Pow(math.Sin(math.Pi*math.Mod(hour+20, 24)/24), 2)
	if wd := at.Weekday(); wd == time.Saturday || wd == time.Sunday {
		day *= 0.6
	}
	return day
}

// trouble is 1, and more during an incident a week.
func trouble(at time.Time) float64 {
	if at.Weekday() == time.Wednesday && at.Hour() == 14 {
		return 6
	}
	return 1
}

func round(v float64, digits int) float64 {
	p := math.Pow(10, float64(digits))
	return math.Round(v*p) / p
}
