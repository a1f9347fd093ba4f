package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monlight/monlight/e2e/harness"
)

// places are events with a secret, @S, where secrets are found in real events.
// @Q is the secret as it stands in a URL.
var places = []string{
	// Headers, cookies, queries and bodies of requests.
	`{"request":{"headers":{"Authorization":"Bearer @S"}}}`,
	`{"request":{"headers":{"X-Api-Key":"@S","Accept":"*/*"}}}`,
	`{"request":{"headers":[["Cookie","theme=dark; sessionid=@S"]]}}`,
	`{"request":{"headers":{"Referer":"https://shop.example/in?token=@Q&x=1"}}}`,
	`{"request":{"headers":{"Proxy-Authorization":"Token @S"}}}`,
	`{"request":{"cookies":{"sid":"@S"}}}`,
	`{"request":{"cookies":"a=b; remember=@S"}}`,
	`{"request":{"url":"https://shop.example/reset?reset_token=@Q"}}`,
	`{"request":{"url":"https://user:@Q@shop.example/"}}`,
	`{"request":{"query_string":"page=1&api_key=@Q"}}`,
	`{"request":{"query_string":[["access_token","@S"]]}}`,
	`{"request":{"data":{"user":"bob","password":"@S"}}}`,
	`{"request":{"data":"user=bob&password=@Q&go=1"}}`,
	`{"request":{"data":"{\"login\":{\"passwd\":\"@S\"}}"}}`,
	`{"request":{"env":{"HTTP_AUTHORIZATION":"@S","SERVER_NAME":"x"}}}`,
	// Extra, contexts, tags, users.
	`{"extra":{"settings":{"DATABASES":{"default":{"PASSWORD":"@S"}}}}}`,
	`{"extra":{"sys.argv":["run","--db-password","@S"]}}`,
	`{"extra":{"argv":["run","--token=@S"]}}`,
	`{"extra":{"dsn":"postgres://app:@Q@db:5432/x"}}`,
	`{"extra":{"list":[{"name":"client_secret","value":"@S"}]}}`,
	`{"extra":{"env":{"AWS_SECRET_ACCESS_KEY":"@S"}}}`,
	`{"contexts":{"service":{"apiToken":"@S"}}}`,
	`{"contexts":{"response":{"headers":{"Set-Cookie":"sid=@S; Path=/; HttpOnly"}}}}`,
	`{"contexts":{"trace":{"data":{"http.query":"?secret=@Q"}}}}`,
	`{"tags":{"auth_token":"@S"}}`,
	`{"user":{"id":"7","password":"@S"}}`,
	// Breadcrumbs.
	`{"breadcrumbs":[{"message":"login with password='@S'"}]}`,
	`{"breadcrumbs":{"values":[{"category":"http","data":{"url":"https://a.example/?auth_token=@Q"}}]}}`,
	`{"breadcrumbs":[{"type":"http","data":{"request_headers":{"authorization":"Basic @S"}}}]}`,
	`{"breadcrumbs":[{"category":"console","message":"config {\"apiKey\": \"@S\"}"}]}`,
	// Messages, exceptions, stacks.
	`{"logentry":{"message":"token=%s was refused","params":["x"],"formatted":"token=@S was refused"}}`,
	`{"message":"Authorization: Bearer @S"}`,
	`{"exception":[{"type":"E","value":"connect redis://:@Q@cache:6379/0 failed"}]}`,
	`{"exception":[{"type":"E","value":"no","mechanism":{"type":"x","data":{"password":"@S"}}}]}`,
	`{"exception":[{"type":"E","value":"{'api_key': '@S'}"}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","lineno":1,"vars":{"password":"'@S'"}}]}}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","lineno":1,"vars":{"config":{"smtp":{"pass":"@S"}}}}]}}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","lineno":1,"vars":{"self":"<Client(url='x', token='@S')>"}}]}}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","lineno":1,"context_line":"    login('bob', password='@S')"}]}}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","lineno":1,"pre_context":["API_KEY = \"@S\""],"context_line":"x"}]}}]}`,
	`{"exception":[{"type":"E","value":"no","stacktrace":{"frames":[{"function":"f","filename":"https://a.example/app.js?access_token=@Q","lineno":1}]}}]}`,
	`{"threads":[{"id":1,"stacktrace":{"frames":[{"function":"f","vars":{"secret_key":"@S"}}]}}],"message":"thread"}`,
	// The same value elsewhere: found once, it goes everywhere.
	`{"request":{"headers":{"Authorization":"Bearer @S"}},"message":"sent @S","extra":{"x":["@S"],"y":"a @S b"}}`,
	`{"extra":{"password":"@S"},"exception":[{"type":"E","value":"@S","stacktrace":{"frames":[{"function":"f","vars":{"x":"'@S'","@S":1}}]}}],"breadcrumbs":[{"message":"@S","data":{"@S":"@S"}}],"tags":{"x":"@S"},"user":{"username":"@S"},"transaction":"/u/@S","server_name":"@S"}`,
	`{"request":{"url":"https://a.example/?token=@Q","headers":{"Referer":"https://a.example/@Q"},"data":"@Q"},"logentry":{"formatted":"value @S"}}`,
}

// secrets of the kinds that people have. Those of the last kinds are known by
// their look, whatever they are called.
var secrets = []func(r *rand.Rand) string{
	func(r *rand.Rand) string { return characters(r, 24) },
	func(r *rand.Rand) string { return "p%" + characters(r, 6) + "+/ " + characters(r, 6) + "=é" },
	func(r *rand.Rand) string { return characters(r, 8) + "-" + characters(r, 8) },
	func(r *rand.Rand) string { return "sk_live_" + characters(r, 24) },
	func(r *rand.Rand) string {
		return "eyJ" + characters(r, 20) + "." + characters(r, 30) + "." + characters(r, 30)
	},
}

func characters(r *rand.Rand, n int) string {
	const all = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = all[r.IntN(len(all))]
	}
	b[n/2] = byte('2' + r.IntN(8)) // always a digit
	return string(b)
}

// Of 300 secrets in all places of events none reaches the disk, a page, the API,
// a mail or the log.
func TestNoneOf300SecretsIsKept(t *testing.T) {
	box := harness.NewMailbox(t, "127.0.0.1:0")
	s := harness.Start(t, "error-tracker", append(withMail(box), "LOG_LEVEL=debug", "ALERT_BUDGET=100", "KEEP_OCCURRENCES=400")...)
	door := sdkDoor(t, s, "shop")
	r := rand.New(rand.NewPCG(7, 26))
	planted := map[string]string{} // and where
	plant := func(place string, secret string) string {
		planted[secret] = place
		quoted, _ := json.Marshal(secret)
		return strings.NewReplacer("@Q", url.QueryEscape(secret), "@S", string(quoted[1:len(quoted)-1])).Replace(place)
	}
	send := func(n int, event string) {
		id := fmt.Sprintf("%032x", n+1)
		path, body := door("store"), strings.Replace(event, "{", `{"event_id":"`+id+`",`, 1)
		if n%2 == 0 {
			path, body = door("envelope"), "{}\n{\"type\":\"event\"}\n"+body+"\n"
		}
		if res := s.Do(harness.Request{Method: "POST", Path: path, NoKey: true, Body: body}); res.Status != 200 || !strings.Contains(res.Body, id) {
			t.Errorf("%d %s for %s", res.Status, res.Body, body)
		}
	}
	n := 0
	for n < 290 {
		place := places[n%len(places)]
		event := plant(place, secrets[n/len(places)%len(secrets)](r))
		send(n, event)
		n++
	}
	for _, kind := range []string{
		`{"message":"paid with 4242 4242 4242 4242 today"}`, `{"extra":{"x":"5555-5555-5555-4444"}}`, `{"extra":{"n":378282246310005}}`,
		`{"message":"from DE89 3704 0044 0532 0130 00"}`, `{"breadcrumbs":[{"message":"GB29NWBK60161331926819"}]}`,
	} {
		send(n, kind)
		n++
	}
	for _, literal := range []string{"4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005", "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"} {
		planted[literal] = "by its look"
	}
	// An attachment, and our own protocol.
	for i, secret := range []string{characters(r, 20), characters(r, 20), characters(r, 20), characters(r, 20), characters(r, 20)} {
		planted[secret] = fmt.Sprint("attachment or report ", i)
		if i < 2 {
			file := "DEBUG login password=" + secret + "\n"
			body := fmt.Sprintf("{}\n{\"type\":\"event\"}\n{\"message\":\"file %d\"}\n{\"type\":\"attachment\",\"filename\":\"a.log\",\"length\":%d}\n%s\n", i, len(file), file)
			if res := s.Do(harness.Request{Method: "POST", Path: door("envelope"), NoKey: true, Body: body}); res.Status != 200 {
				t.Errorf("attachment: %d %s", res.Status, res.Body)
			}
			continue
		}
		report(t, s, with(smokeReport, map[string]any{
			"message": fmt.Sprintf("own %d: token=%s", i, secret), "exception_type": fmt.Sprint("Own", i),
			"request_headers": map[string]any{"Authorization": "Bearer " + secret}, "extra": map[string]any{"db": map[string]any{"password": secret}},
			"traceback": "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    login(password=\"" + secret + "\")\nOwn: token=" + secret,
		}), 201)
	}
	if len(planted) != 300 {
		t.Fatalf("%d secrets were planted, want 300", len(planted))
	}

	var told strings.Builder
	issues := readEverything(t, s, &told)
	if issues < 15 {
		t.Errorf("only %d issues", issues)
	}
	mails := box.Wait(2*min(issues, 40), 20*time.Second)
	for _, m := range mails {
		_, subject, parts, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&told, m.Raw, subject, parts)
	}
	s.Stop()
	told.WriteString(s.Log())
	files, _ := filepath.Glob(filepath.Join(s.Dir, "*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		told.Write(data)
	}
	text := told.String()
	for secret, place := range planted {
		quoted, _ := json.Marshal(secret)
		for _, form := range []string{secret, string(quoted[1 : len(quoted)-1]), url.QueryEscape(secret), strings.ReplaceAll(secret, "+", "&#43;")} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%q is still there: …%q, planted in %s", secret, text[max(0, i-80):min(len(text), i+80)], place)
				break
			}
		}
	}
	if c := strings.Count(text, "[removed"); c < 600 {
		t.Errorf("only %d marks are shown", c)
	}
	t.Logf("%d secrets, %d issues, %d mails, %d bytes looked through", len(planted), issues, len(mails), len(text))
}

// sdkDoor makes a project and returns the paths of its doors.
func sdkDoor(t *testing.T, s *harness.Service, project string) func(door string) string {
	t.Helper()
	res := s.Post("/api/projects", map[string]any{"name": project})
	var p struct {
		ID   int64
		Keys []struct {
			PublicKey string `json:"public_key"`
		}
	}
	if err := res.JSON(&p); res.Status != 201 || err != nil || len(p.Keys) != 1 {
		t.Fatalf("new project: %d %s", res.Status, res.Body)
	}
	return func(door string) string {
		return fmt.Sprintf("/api/%d/%s/?sentry_key=%s", p.ID, door, p.Keys[0].PublicKey)
	}
}

// readEverything writes down all pages and answers about all issues.
func readEverything(t *testing.T, s *harness.Service, told *strings.Builder) (issues int) {
	t.Helper()
	note := func(path string) string {
		res := s.Get(path)
		if res.Status != 200 {
			t.Errorf("GET %s: %d", path, res.Status)
		}
		told.WriteString(res.Body)
		return res.Body
	}
	note("/")
	note("/metrics")
	cursor := ""
	for {
		var list struct {
			Errors []struct{ ID int64 }
			Next   string `json:"next_cursor"`
		}
		body := note("/api/errors?limit=100" + cursor)
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Errors {
			issues++
			note(fmt.Sprintf("/errors/%d", e.ID))
			note(fmt.Sprintf("/errors/%d.md", e.ID))
			note(fmt.Sprintf("/api/errors/%d/groups", e.ID))
			var kept struct {
				Occurrences []struct {
					ID int64
				}
			}
			if err := json.Unmarshal([]byte(note(fmt.Sprintf("/api/errors/%d/occurrences?limit=100", e.ID))), &kept); err != nil {
				t.Fatal(err)
			}
			for _, o := range kept.Occurrences {
				full := note(fmt.Sprintf("/api/errors/%d/occurrences/%d", e.ID, o.ID))
				note(fmt.Sprintf("/errors/%d?event=%d", e.ID, o.ID))
				if strings.Contains(full, `"attachments"`) {
					note(fmt.Sprintf("/api/errors/%d/occurrences/%d/attachments/0", e.ID, o.ID))
				}
			}
		}
		if list.Next == "" {
			return issues
		}
		cursor = "&cursor=" + list.Next
	}
}
