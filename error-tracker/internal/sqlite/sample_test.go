package sqlite

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/grouping"
)

// words make texts that compress about as well as people's.
var words = strings.Fields(`account address amount booking cache cart client code connection content
customer database delivery device document email entry error event failed field file filter format
handler header index input invoice item job key language limit line list lock login message method
missing model network number object offer order owner page parser password payment permission phone
price product profile queue quote record reference refund region report request resource response
result retry role route rule sample schedule schema score search secret section server service session
shop signal source stage state status stock storage stream string subject table tag task template
tenant ticket time timeout token total track transfer type unit update user value vendor version view
wallet warehouse webhook weight worker zone`)

// sampleEvent makes an event of a web application whose JSON is about size
// bytes: a stack with source lines and variables, and breadcrumbs. Events of
// one kind have the same stack, and differ in ids, times and values.
func sampleEvent(rng *rand.Rand, kind, size int, at time.Time) *event.Event {
	stack := rand.New(rand.NewPCG(uint64(kind), 7)) // the same for a kind
	word := func(r *rand.Rand) string { return words[r.IntN(len(words))] }
	inApp, lib := true, false
	e := &event.Event{
		ID: event.NewID(), Project: "shop", ReceivedAt: at, OccurredAt: at.Add(-time.Second),
		Platform: "python", Level: "error", Logger: "shop.web", Transaction: "/api/" + word(stack) + "/{id}",
		ServerName: fmt.Sprintf("web-%d", rng.IntN(4)), Environment: "prod", Release: fmt.Sprintf("shop@2.%d.0", at.Day()),
		User: event.User{ID: fmt.Sprint(rng.IntN(5000))},
		Tags: []event.Tag{{Name: "region", Value: "eu-central-1"}, {Name: "tenant", Value: word(rng)}},
		Contexts: []event.Context{
			{Name: "runtime", Data: json.RawMessage(`{"name":"CPython","version":"3.12.4","build":"3.12.4 (main, Jun  8 2024, 18:29:57) [GCC 12.2.0]"}`)},
			{Name: "trace", Data: json.RawMessage(fmt.Sprintf(`{"trace_id":"%016x%016x","span_id":"%016x","op":"http.server"}`, rng.Uint64(), rng.Uint64(), rng.Uint64()))},
		},
		Request: event.Request{Method: "POST", URL: fmt.Sprintf("https://shop.example.com/api/%s/%d", word(stack), rng.IntN(100000)),
			Headers: json.RawMessage(`{"Accept":"application/json","Content-Type":"application/json","Host":"shop.example.com","User-Agent":"Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"}`)},
		SDK: event.SDK{Name: "sentry.python.fastapi", Version: "2.68.0"},
	}
	x := event.Exception{Type: "ValueError", Value: fmt.Sprintf("%s %d has no %s", word(stack), rng.IntN(1e6), word(stack)), Module: "builtins",
		Mechanism: event.Mechanism{Type: "fastapi", Handled: &lib}}
	e.Exceptions = []event.Exception{x}
	for n := 0; ; n++ {
		file, fn := word(stack), word(stack)
		f := event.Frame{Function: fn + "_" + word(stack), Module: "shop." + file + "." + fn, Filename: "shop/" + file + "/" + fn + ".py",
			AbsPath: "/srv/app/shop/" + file + "/" + fn + ".py", Line: 10 + stack.IntN(500), InApp: &inApp,
			ContextLine: "    return " + word(stack) + "." + fn + "(" + word(stack) + ", " + word(stack) + ")"}
		if n%3 == 1 {
			f.InApp, f.Filename, f.Module = &lib, "starlette/"+file+".py", "starlette."+file
		}
		for range 5 {
			f.PreContext = append(f.PreContext, "    "+word(stack)+" = "+word(stack)+"["+word(stack)+"]")
			f.PostContext = append(f.PostContext, "    if "+word(stack)+" is None:")
		}
		for range 4 {
			f.Vars = append(f.Vars, event.Var{Name: word(stack), Value: json.RawMessage(fmt.Sprintf(`"<%s object at 0x%012x>"`, word(stack), rng.Uint64()>>16))})
		}
		e.Exceptions[0].Frames = append([]event.Frame{f}, e.Exceptions[0].Frames...)
		if size < 4000 {
			e.Exceptions[0].Frames[0].PreContext, e.Exceptions[0].Frames[0].PostContext, e.Exceptions[0].Frames[0].Vars = nil, nil, nil
		}
		for range 2 {
			if size < 4000 && n > 0 {
				break
			}
			e.Breadcrumbs = append(e.Breadcrumbs, event.Breadcrumb{At: at.Add(-time.Duration(rng.IntN(60000)) * time.Millisecond), Type: "http", Category: "httplib", Level: "info",
				Data: json.RawMessage(fmt.Sprintf(`{"url":"https://%s.example.com/%s/%d","method":"GET","status_code":%d,"reason":"OK"}`, word(stack), word(rng), rng.IntN(1e6), 200+rng.IntN(4)*100))})
		}
		if jsonSize(e) >= size {
			return e
		}
	}
}

func jsonSize(e *event.Event) int {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return len(b)
}

func sampleKey(kind int) grouping.Key {
	var k grouping.Key
	k.Hash[0], k.Hash[1], k.Hash[2], k.Hash[3] = byte(kind), byte(kind>>8), byte(kind>>16), 1
	k.Title, k.Message, k.Culprit = "ValueError", fmt.Sprintf("order %d has no price", kind), fmt.Sprintf("load_%d in app/orders.py", kind)
	k.Reasons = []grouping.Reason{{Kind: "type", Value: "ValueError"}, {Kind: "frame", Value: k.Culprit}}
	return k
}
