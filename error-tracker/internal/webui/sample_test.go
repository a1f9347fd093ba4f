package webui

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// noon is when the tests run.
var noon = time.Date(2026, 7, 27, 12, 3, 11, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// sample is a tracker with n issues of all kinds.
func sample(n int) *fakeTracker {
	kinds := []struct{ kind, message, culprit, project string }{
		{"ValueError", "cannot ship order 42: no address", "ship in app/orders.py", "shop"},
		{"TypeError", "Cannot read properties of undefined (reading 'total')", "renderCart in src/cart/Cart.tsx", "storefront"},
		{"ConnectionError", "HTTPSConnectionPool(host='payments.internal', port=443): Max retries exceeded", "charge in app/payments/client.py", "shop"},
		{"IntegrityError", "duplicate key value violates unique constraint \"users_email_key\"", "create_user in app/users/service.py", "accounts"},
		{"context.DeadlineExceeded", "load invoice 2026-00172: context deadline exceeded", "(*Store).Invoice in internal/billing/store.go", "billing"},
		{"KeyError", "'customer_id'", "parse in app/webhooks/stripe.py", "shop"},
		{"java.lang.NullPointerException", "Cannot invoke \"Order.getLines()\" because \"order\" is null", "total in com/acme/orders/Totals.java", "erp"},
		{"UnhandledRejection", "Network request failed while saving the draft of the article", "saveDraft in src/editor/autosave.ts", "editor"},
	}
	f := &fakeTracker{
		events: map[int64][]tracker.Occurrence{}, groups: map[int64][]tracker.Group{}, similar: map[int64][]int64{}, counts: map[int64][]int64{},
		shares: []tracker.Share{{Value: "production", Count: 8123}, {Value: "staging", Count: 411}, {Value: "dev", Count: 12}},
	}
	for k := range n {
		id := int64(n - k)
		kind := kinds[k%len(kinds)]
		i := tracker.Issue{
			ID: id, Project: kind.project, Type: kind.kind, Message: kind.message, Culprit: kind.culprit, Platform: "python",
			Level: "error", Environment: "production", Source: tracker.Server, Count: int64(3 + 137*k*k%20011), Users: int64(k * 7 % 431),
			FirstSeen: noon.Add(-time.Duration(k*k+2) * 3 * time.Hour), LastSeen: noon.Add(-time.Duration(k*k*k+40) * time.Second),
			FirstRelease: "shop@4.11.0", LastRelease: "shop@4.12.1",
		}
		switch {
		case k%8 == 1, k%8 == 7:
			i.Source, i.Handled = tracker.Browser, ptr(false)
		case k%8 == 3:
			i.RegressedAt = noon.Add(-2 * time.Hour)
		case k%8 == 5:
			i.Level = "warning"
		case k%16 == 6:
			i.Muted, i.MutedUntil = true, noon.Add(5*time.Hour)
		case k%16 == 12:
			i.Resolved, i.ResolvedAt = true, noon.Add(-time.Hour)
		}
		f.issues = append(f.issues, i)
		counts := make([]int64, 24)
		for h := range counts {
			counts[h] = int64((k*31 + h*h*7) % (11 + k%5*9))
			if k%4 == 0 && h < 17 {
				counts[h] /= 6
			}
		}
		f.counts[id] = counts
		h := tracker.Hash{byte(id), 7, 4}
		f.groups[id] = []tracker.Group{{Hash: h, Count: i.Count, LastSeen: i.LastSeen, Title: i.Type + ": " + i.Message, Primary: true,
			Why: []tracker.Reason{{Kind: "type", Value: i.Type}, {Kind: "frame", Value: i.Culprit}, {Kind: "statement", Value: "raise ValueError(f\"cannot ship order {order.id}: no address\")"}}}}
	}
	if n == 0 {
		return f
	}
	first := f.issues[0].ID
	for k := range 12 {
		e := sampleEvent()
		e.ReceivedAt = noon.Add(-time.Duration(12-k) * 7 * time.Minute)
		e.OccurredAt = e.ReceivedAt.Add(-2 * time.Second)
		f.events[first] = append(f.events[first], tracker.Occurrence{ID: int64(100 + k), IssueID: first, First: k == 0, Event: e})
	}
	second := f.groups[first][0]
	second.Hash, second.Primary, second.Count = tracker.Hash{0xab, 0xcd}, false, 31
	f.groups[first] = append(f.groups[first], second)
	for k := 1; k < min(n, 3); k++ {
		f.issues[k*8%n].Project = f.issues[0].Project
		f.similar[first] = append(f.similar[first], f.issues[k*8%n].ID)
	}
	f.mails = []tracker.Mail{
		{ID: 3, Kind: "created", IssueID: first, Recipient: "ann@example.com", Subject: "[shop] ValueError: cannot ship order 42 (#8)", CreatedAt: noon.Add(-time.Hour), Attempts: 1, SentAt: noon.Add(-time.Hour)},
		{ID: 2, Kind: "regressed", IssueID: first, Recipient: "ops@example.com", Subject: "[shop] ValueError came back (#8)", CreatedAt: noon.Add(-26 * time.Hour), Attempts: 8, FailedAt: noon.Add(-20 * time.Hour), LastError: "dial tcp 192.0.2.7:587: connect: connection refused"},
		{ID: 1, Kind: "digest", Recipient: "bo@example.com", Subject: "7 new issues in shop", CreatedAt: noon.Add(-27 * time.Hour), Attempts: 2, NextAttempt: noon.Add(time.Minute), LastError: "421 4.7.0 try again later"},
	}
	return f
}

// sampleEvent is an event with something in every part.
func sampleEvent() event.Event {
	libs := func(module, file string, lines ...int) []event.Frame {
		var out []event.Frame
		for _, l := range lines {
			out = append(out, event.Frame{Function: "__call__", Module: module, Filename: file, AbsPath: "/usr/lib/python3/site-packages/" + file, Line: l, InApp: ptr(false)})
		}
		return out
	}
	ship := event.Frame{
		Function: "ship", Module: "app.orders", Filename: "app/orders.py", AbsPath: "/srv/shop/app/orders.py", Line: 214, InApp: ptr(true),
		PreContext:  []string{"    def ship(self, order: Order) -> Shipment:", "        \"\"\"Hand the order to the carrier.\"\"\"", "        address = order.customer.address", "        if address is None:", "            # Pick-up orders never come here."},
		ContextLine: "            raise ValueError(f\"cannot ship order {order.id}: no address\")",
		PostContext: []string{"        carrier = self.carriers.for_country(address.country)", "        label = carrier.label(order, address)", "        return Shipment(order, label)", "", "    def cancel(self, order: Order) -> None:"},
		Vars:        []event.Var{{Name: "order", Value: json.RawMessage(`{"id": 42, "lines": 3, "total": "119.00", "customer": {"id": 7, "name": "Ann"}}`)}, {Name: "address", Value: json.RawMessage(`null`)}, {Name: "self", Value: json.RawMessage(`"<app.orders.Shipping object at 0x7f1c>"`)}},
	}
	handler := event.Frame{Function: "post_order", Module: "app.api", Filename: "app/api.py", AbsPath: "/srv/shop/app/api.py", Line: 88, InApp: ptr(true),
		PreContext: []string{"@router.post(\"/orders/{order_id}/ship\")", "async def post_order(order_id: int, shipping: Shipping = Depends()):", "    order = await orders.get(order_id)"}, ContextLine: "    shipment = shipping.ship(order)", PostContext: []string{"    return {\"shipment\": shipment.id}"}}
	frames := append(libs("starlette.routing", "starlette/routing.py", 758, 778, 299, 79), libs("fastapi.routing", "fastapi/routing.py", 294, 212)...)
	frames = append(frames, handler, ship)
	return event.Event{
		ID: event.ID{0x9f, 0x3c, 0x21, 0x77, 0xaa, 0x10, 0x42, 0x99}, Project: "shop", Platform: "python", Level: "error", Environment: "production", Release: "shop@4.12.1",
		Transaction: "POST /orders/{order_id}/ship", ServerName: "web-3", Logger: "app.api",
		Exceptions: []event.Exception{
			{Type: "KeyError", Value: "'address'", Mechanism: event.Mechanism{Type: "chained", Source: "__context__"}, Frames: []event.Frame{
				{Function: "address", Module: "app.customers", Filename: "app/customers.py", Line: 51, InApp: ptr(true), ContextLine: "        return self.data[\"address\"]"}}},
			{Type: "ValueError", Value: "cannot ship order 42: no address", Module: "builtins", Mechanism: event.Mechanism{Type: "starlette", Handled: ptr(false)}, Frames: frames},
		},
		Traceback: "Traceback (most recent call last):\n  File \"/srv/shop/app/api.py\", line 88, in post_order\n    shipment = shipping.ship(order)\n  File \"/srv/shop/app/orders.py\", line 214, in ship\n    raise ValueError(f\"cannot ship order {order.id}: no address\")\nValueError: cannot ship order 42: no address",
		Breadcrumbs: []event.Breadcrumb{
			{At: noon.Add(-9 * time.Second), Category: "http", Level: "info", Message: "GET /orders/42"},
			{At: noon.Add(-5 * time.Second), Category: "query", Level: "info", Message: "SELECT * FROM orders WHERE id = %s", Data: json.RawMessage(`{"duration_ms": 3.1, "rows": 1}`)},
			{At: noon.Add(-4 * time.Second), Category: "app.orders", Level: "warning", Message: "customer 7 has no address"},
		},
		User:     event.User{ID: "7", Email: "ann@example.com", IP: "203.0.113.9"},
		Tags:     []event.Tag{{Name: "country", Value: "DE"}, {Name: "plan", Value: "business"}, {Name: "carrier", Value: "none"}},
		Contexts: []event.Context{{Name: "runtime", Data: json.RawMessage(`{"name":"CPython","version":"3.13.1"}`)}, {Name: "trace", Data: json.RawMessage(`{"trace_id":"5b8aa5a2d2c872e8321cf37308d69df2","op":"http.server"}`)}},
		Request: event.Request{Method: "POST", URL: "https://shop.example.com/orders/42/ship", Headers: json.RawMessage(`{"Accept":"application/json","User-Agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0","Content-Type":"application/json"}`),
			Body: json.RawMessage(`{"express": true, "note": "please ring twice"}`)},
		Extra: json.RawMessage(`{"session_id":"s-1","cart":{"items":[{"sku":"A-1","n":2},{"sku":"B-9","n":1}],"coupon":null},"retries":3}`),
		SDK:   event.SDK{Name: "monlight-python", Version: "1.0.0"},
		Modules: func() (m []event.Tag) {
			for k := range 30 {
				m = append(m, event.Tag{Name: fmt.Sprintf("package-%d", k), Value: "1.2.3"})
			}
			return m
		}(),
	}
}
