package scrub_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
	"github.com/monlight/monlight/error-tracker/internal/tracker/scrub"
)

// message scrubs a text that was logged.
func message(text string) string {
	e := event.Event{Message: event.Message{Formatted: text}}
	scrub.New(scrub.Rules{}).Event(&e)
	return e.Message.Formatted
}

func TestTexts(t *testing.T) {
	for text, want := range map[string]string{
		"GET /reset?token=abc123&user=7 failed":                                        "GET /reset?token=[removed]&user=7 failed",
		"https://x.example/cb?code=1&access_token=abc#state":                           "https://x.example/cb?code=1&access_token=[removed]#state",
		"user=bob&password=hunter2%21&next=/":                                          "user=bob&password=[removed]&next=/",
		`{"user":"bob","password":"hun\"ter","n":1}`:                                   `{"user":"bob","password":"[removed]","n":1}`,
		`body was {\"api_key\": \"k-1234\", \"n\": 1}`:                                 `body was {\"api_key\": \"[removed]\", \"n\": 1}`,
		"{'password': 'hunter2', 'email': 'a@b.c'}":                                    "{'password': '[removed]', 'email': 'a@b.c'}",
		"{'secret': b'abc', 'x': 1}":                                                   "{'secret': b'[removed]', 'x': 1}",
		`{:password=>"hunter2", "api_token" => "t1"}`:                                  `{:password=>"[removed]", "api_token" => "[removed]"}`,
		"Account(name='x', api_key='k-123', n=3)":                                      "Account(name='x', api_key='[removed]', n=3)",
		"connect postgres://app:s3cret@db:5432/shop":                                   "connect postgres://app:[removed]@db:5432/shop",
		"redis://:p4ss@cache:6379/0":                                                   "redis://:[removed]@cache:6379/0",
		"Authorization: Bearer abcdef123456":                                           "Authorization: [removed]",
		"sent 'Bearer abcdef123456' to x":                                              "sent 'Bearer [removed]' to x",
		"Cookie: sid=1; theme=dark":                                                    "Cookie: [removed]",
		"card 4242 4242 4242 4242 was declined":                                        "card [removed] was declined",
		"card 4242424242424242.":                                                       "card [removed].",
		"pay from DE89 3704 0044 0532 0130 00 today":                                   "pay from [removed] today",
		"pay from GB29NWBK60161331926819":                                              "pay from [removed]",
		"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N.": "jwt [removed].",
		"key AKIAIOSFODNN7EXAMPLE used":                                                "key [removed] used",
		"ghp_16C7e42F292c6912E7710c838347Ae178B4a":                                     "[removed: token]",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest":   "[removed]\nrest",
		"password: hunter2":                                                            "password: [removed]",
		"SELECT * FROM users WHERE password = 'hunter2' AND id = 1":                    "SELECT * FROM users WHERE password = '[removed]' AND id = 1",
		"curl -u x --password=hunter2 y":                                               "curl -u x --password=[removed] y",
		"user[password]=hunter2&user[name]=x":                                          "user[password]=[removed]&user[name]=x",

		// What must stay.
		"Unexpected token: } in JSON at position 12":                "=",
		"Unexpected token < in JSON":                                "=",
		"password: must have at least 8 characters":                 "=",
		"order 1234567812345678 was not found":                      "=",
		"took 1764081600000 ms, id 4242424242424241":                "=",
		"if token == expected: raise":                               "=",
		"author=bob&token_type=bearer&max_tokens=100":               "=",
		"https://user@x.example/a:b@c":                              "=",
		"https://0123456789abcdef0123456789abcdef@errors.example/1": "=",
		"password=None token=null secret=[Filtered] pwd=********":   "=",
		"trace 4bf92f3577b34da6a3ce929d0e0e4736":                    "=",
		"KeyError: 'api_key'":                                       "=",
		"US12 is no account, and AB12CDEF34 neither":                "=",
		"passport office, secretary, cookie_count=3, authors: 5":    "=",
	} {
		if want == "=" {
			want = text
		}
		if got := message(text); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{
		"password", "Password", "db_password", "newPassword", "PGPASSWORD", "mysql_pwd", "api_key", "apiKey", "X-API-Key", "APIKEY", "secret", "client_secret",
		"clientSecret", "access_token", "accessToken", "csrfmiddlewaretoken", "X-CSRF-Token", "authorization", "Proxy-Authorization", "X-Auth-Token", "basic_auth",
		"private_key", "aws_secret_access_key", "stripe_secret_key", "jwt", "otp", "two_factor", "card_number", "creditCard", "cvv", "ssn", "iban", "passphrase",
		"sessionid", "JSESSIONID", "PHPSESSID", "credentials", "SMTP_PASS", "DJANGO_SECRET_KEY", "AWS_ACCESS_KEY_ID", "refreshToken", "id_token", "pin",
	} {
		e := event.Event{Extra: json.RawMessage(`{"a":{"` + name + `":"v-1"}}`)}
		scrub.New(scrub.Rules{}).Event(&e)
		if strings.Contains(string(e.Extra), "v-1") || len(e.Marks) != 1 || e.Marks[0].Path != "extra.a."+name {
			t.Errorf("%s: %s, marks %v", name, e.Extra, e.Marks)
		}
	}
	for _, name := range []string{
		"author", "authority", "tokens", "token_type", "max_tokens", "token_count", "keyboard", "key", "monkey", "pass_count", "passenger", "compass", "cookie_policy",
		"session", "opinion", "spinner", "shipping", "description", "secretary", "user_id", "panel", "cardinality", "hash", "compassion", "bypass_at", "password_length",
	} {
		e := event.Event{Extra: json.RawMessage(`{"` + name + `":"v-1"}`)}
		scrub.New(scrub.Rules{}).Event(&e)
		if !strings.Contains(string(e.Extra), "v-1") || len(e.Marks) != 0 {
			t.Errorf("%s: %s, marks %v", name, e.Extra, e.Marks)
		}
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"password":"x1","n":[1,{"token":"t"}],"s":"a"}`:                   `{"password":"[removed: password]","n":[1,{"token":"[removed: token]"}],"s":"a"}`,
		`{"auth":{"user":"bob","pass":["p1",true,null]}}`:                   `{"auth":{"user":"[removed: authorization]","pass":["[removed: authorization]",true,null]}}`,
		`[["Authorization","Bearer abc"],["Accept","*/*"]]`:                 `[["Authorization","[removed: authorization]"],["Accept","*/*"]]`,
		`[{"name":"X-Api-Key","value":"k1"},{"name":"Accept","value":"y"}]`: `[{"name":"X-Api-Key","value":"[removed: key]"},{"name":"Accept","value":"y"}]`,
		`["run","--password","hunter2","--port","80"]`:                      `["run","--password","[removed: password]","--port","80"]`,
		`["password","email"]`:                                              `=`,
		`{"pin":1234,"pass":3,"token":null,"secret":true,"otp":12}`:         `{"pin":"[removed: password]","pass":3,"token":null,"secret":true,"otp":"[removed: token]"}`,
		`{"card":4242424242424242}`:                                         `{"card":"[removed: card]"}`,
		`{"a":"é\"\u00e9","password":"\u00e9\\"}`:                           `{"a":"é\"\u00e9","password":"[removed: password]"}`,
		`{"a":"x=1&password=\"b\"&c"}`:                                      `{"a":"x=1&password=\"[removed]\"&c"}`,
		`"just a text"`:                                                     `=`,
		`{}`:                                                                `=`,
		`[]`:                                                                `=`,
		`{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N":1}`: `{"[removed: token]":1}`,
	} {
		if want == "=" {
			want = text
		}
		e := event.Event{Extra: json.RawMessage(text)}
		scrub.New(scrub.Rules{}).Event(&e)
		if string(e.Extra) != want || !json.Valid(e.Extra) {
			t.Errorf("%s\n got %s\nwant %s", text, e.Extra, want)
		}
	}
}

func TestTheSameValueGoesEverywhere(t *testing.T) {
	const value = "hunter2-and-more"
	e := event.Event{
		Environment: "production",
		Message:     event.Message{Formatted: "login with " + value + " failed"},
		Exceptions: []event.Exception{{
			Type: "E", Value: "bad: " + value,
			Frames: []event.Frame{{
				ContextLine: "x = y", Vars: []event.Var{{Name: "x", Value: json.RawMessage(`"'` + value + `'"`)}, {Name: "url", Value: json.RawMessage(`["/` + value + `"]`)}},
			}},
		}},
		Threads:     []event.Thread{{Frames: []event.Frame{{Vars: []event.Var{{Name: "y", Value: json.RawMessage(`"` + value + `"`)}}}}}},
		Traceback:   "E: " + value,
		Breadcrumbs: []event.Breadcrumb{{Message: value, Data: json.RawMessage(`{"x":"` + value + `"}`)}},
		Tags:        []event.Tag{{Name: "a", Value: value}},
		Contexts:    []event.Context{{Name: "c", Data: json.RawMessage(`{"x":"` + value + `","` + value + `":1}`)}},
		Request:     event.Request{URL: "https://x/" + value, Headers: json.RawMessage(`{"Authorization":"Bearer ` + value + `","X":"production"}`)},
		Extra:       json.RawMessage(`{"auth":"production","deep":[["` + value + `"]]}`),
		User:        event.User{Username: value},
	}
	scrub.New(scrub.Rules{}).Event(&e)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), value) {
		t.Errorf("it is still there: %s", text)
	}
	if e.Environment != "production" || !strings.Contains(string(e.Request.Headers), `"X":"production"`) {
		t.Errorf("a word that is a value elsewhere went: %s", text)
	}
	if len(e.Marks) < 14 {
		t.Errorf("only %d marks: %v", len(e.Marks), e.Marks)
	}
}

func TestCodeStays(t *testing.T) {
	e := event.Event{Exceptions: []event.Exception{{Frames: []event.Frame{{
		PreContext:  []string{"    token = request.headers['x']", "    password = get(user, 'password')"},
		ContextLine: "    client = Client(api_key=settings.API_KEY, secret='sk-12345')",
		PostContext: []string{`    if password == "": return`, "    pass"},
	}}}}}
	scrub.New(scrub.Rules{}).Event(&e)
	f := e.Exceptions[0].Frames[0]
	want := event.Frame{
		PreContext:  []string{"    token = request.headers['x']", "    password = get(user, 'password')"},
		ContextLine: "    client = Client(api_key=settings.API_KEY, secret='[removed]')",
		PostContext: []string{`    if password == "": return`, "    pass"},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}

func TestRules(t *testing.T) {
	extra := `{"password":"p1","customerRef":"c-1","session_id":"s-1","x":{"session_id":"s-2"}}`
	for name, test := range map[string]struct {
		rules scrub.Rules
		want  string
		ip    string
	}{
		"none": {scrub.Rules{}, `{"password":"[removed: password]","customerRef":"c-1","session_id":"s-1","x":{"session_id":"[removed: session]"}}`, "10.0.0.7"},
		"more": {scrub.Rules{Remove: []string{"Customer-Ref"}, DropIP: true},
			`{"password":"[removed: password]","customerRef":"[removed: rule of the project]","session_id":"s-1","x":{"session_id":"[removed: session]"}}`, ""},
		"less": {scrub.Rules{Keep: []string{"password", "sessionId"}}, extra, "10.0.0.7"},
		"off":  {scrub.Rules{Off: true, Remove: []string{"x"}, DropIP: true}, extra, "10.0.0.7"},
	} {
		e := event.Event{Extra: json.RawMessage(extra), User: event.User{IP: "10.0.0.7"}}
		scrub.New(test.rules).Event(&e)
		if string(e.Extra) != test.want || e.User.IP != test.ip {
			t.Errorf("%s: %s, IP %q", name, e.Extra, e.User.IP)
		}
	}
}

// Scrubbing keeps JSON valid, is done once and for all, and does not hang.
func FuzzEvent(f *testing.F) {
	f.Add("password=abc123&x", `{"a":["--token","x",{"name":"pwd","value":"\u00e9"}]}`)
	f.Add("4242 4242-4242 4242 DE89 3704 0044 0532 0130 00 ://a:b@c", `[["cookie","a=b; c=dddddddddddddddddd"],[1]]`)
	f.Fuzz(func(t *testing.T, text, raw string) {
		if !json.Valid([]byte(raw)) {
			return
		}
		var compact strings.Builder
		d := json.NewEncoder(&compact)
		if d.Encode(json.RawMessage(raw)) != nil {
			return
		}
		e := event.Event{
			Message: event.Message{Formatted: text}, Extra: json.RawMessage(strings.TrimSpace(compact.String())), Traceback: text,
			Request: event.Request{Query: text, Cookies: json.RawMessage(strings.TrimSpace(compact.String()))},
		}
		s := scrub.New(scrub.Rules{})
		s.Event(&e)
		if !json.Valid(e.Extra) || !json.Valid(e.Request.Cookies) {
			t.Fatalf("%s %s", e.Extra, e.Request.Cookies)
		}
		once := e.Message.Formatted
		s.Event(&e)
		if !json.Valid(e.Extra) {
			t.Fatalf("second time: %q then %s", once, e.Extra)
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	frame := event.Frame{
		Function: "handle", Filename: "app/views.py", AbsPath: "/srv/app/views.py", ContextLine: "    return charge(order, card, amount)",
		PreContext: []string{"def handle(request):", "    order = Order.load(request.id)", "    if not order.ready:", "        return", "    amount = order.total()"},
		Vars:       []event.Var{{Name: "order", Value: json.RawMessage(`"<Order 1234: 3 lines, 42.50 EUR>"`)}, {Name: "request", Value: json.RawMessage(`{"id":1234,"path":"/checkout"}`)}},
	}
	size := 0
	for b.Loop() {
		e := event.Event{
			Exceptions: []event.Exception{{Type: "ValueError", Value: "no card", Frames: make([]event.Frame, 20)}},
			Request:    event.Request{URL: "https://shop.example/checkout?step=2", Headers: json.RawMessage(`{"Accept":"*/*","User-Agent":"Mozilla/5.0 (X11; Linux x86_64)","Host":"shop.example"}`)},
		}
		for i := range e.Exceptions[0].Frames {
			e.Exceptions[0].Frames[i] = frame
		}
		scrub.New(scrub.Rules{}).Event(&e)
		size = 20*(len(frame.ContextLine)+140+90) + 200
	}
	b.SetBytes(int64(size))
}
