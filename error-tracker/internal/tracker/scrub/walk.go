package scrub

import (
	"encoding/json"
	"strings"

	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// walk goes through everything in an event that may hold a secret.
func (r *run) walk(e *event.Event) {
	r.set(&e.Message.Template, at("logentry").with("message"))
	r.set(&e.Message.Formatted, at("logentry").with("formatted"))
	r.json(&e.Message.Params, at("logentry").with("params"), "")
	for i := range e.Exceptions {
		x := &e.Exceptions[i]
		path := atItem("exception", i)
		r.setName(&x.Type, path.with("type"))
		r.set(&x.Value, path.with("value"))
		if x.Mechanism.Data != "" {
			data := json.RawMessage(x.Mechanism.Data)
			r.json(&data, path.with("mechanism"), "")
			x.Mechanism.Data = string(data)
		}
		r.frames(x.Frames, path)
	}
	for i := range e.Threads {
		r.setName(&e.Threads[i].Name, atItem("threads", i))
		r.frames(e.Threads[i].Frames, atItem("threads", i))
	}
	r.setText(&e.Traceback, at("traceback"), true)
	for i := range e.Breadcrumbs {
		b := &e.Breadcrumbs[i]
		path := atItem("breadcrumbs", i)
		r.set(&b.Message, path.with("message"))
		r.setName(&b.Category, path.with("category"))
		r.json(&b.Data, path.with("data"), "")
	}
	r.setName(&e.User.ID, at("user").with("id"))
	r.setName(&e.User.Email, at("user").with("email"))
	r.setName(&e.User.Username, at("user").with("username"))
	r.json(&e.User.Data, at("user"), "")
	for i := range e.Tags {
		r.named(&e.Tags[i].Value, e.Tags[i].Name, at("tags").named(e.Tags[i].Name))
		r.setName(&e.Tags[i].Name, at("tags"))
	}
	for i := range e.Contexts {
		c := &e.Contexts[i]
		r.json(&c.Data, at("contexts").named(c.Name), r.reason(c.Name))
		r.setName(&c.Name, at("contexts"))
	}
	r.request(&e.Request)
	r.json(&e.Extra, at("extra"), "")
	r.set(&e.Transaction, at("transaction"))
	r.setName(&e.Logger, at("logger"))
	r.setName(&e.ServerName, at("server_name"))
	r.setName(&e.Release, at("release"))
	r.setName(&e.Dist, at("dist"))
	for i := range e.Fingerprint {
		r.set(&e.Fingerprint[i], atItem("fingerprint", i))
	}
	for i := range e.Attachments {
		a := &e.Attachments[i]
		r.set(&a.Name, atItem("attachments", i))
		if !strings.HasPrefix(a.ContentType, "image/") && len(a.Data) > 0 {
			if clean, reason := r.text(string(a.Data), false); reason != "" {
				a.Data = []byte(clean)
				r.mark(atItem("attachments", i), nil, "removed: "+reason)
			}
		}
	}
}

func (r *run) request(q *event.Request) {
	r.set(&q.URL, at("request").with("url"))
	if q.Query != "" {
		query := "?" + q.Query // as a text in which the first name is one of a query, too
		r.set(&query, at("request").with("query_string"))
		q.Query = strings.TrimPrefix(query, "?")
	}
	r.json(&q.Headers, at("request").with("headers"), "")
	r.json(&q.Cookies, at("request").with("cookies"), cookie)
	r.json(&q.Body, at("request").with("data"), "")
	r.json(&q.Env, at("request").with("env"), "")
}

// named scrubs the value that goes by a name.
func (r *run) named(value *string, name string, path place) {
	if !r.again {
		if reason := r.reason(name); reason != "" && !nothing(*value) {
			r.remember(*value, reason)
			*value = removed(reason)
			r.mark(path, nil, "removed: "+reason)
			return
		}
	}
	r.set(value, path)
}

func (r *run) frames(frames []event.Frame, path place) {
	for i := range frames {
		f := &frames[i]
		at := path.frame(i)
		if r.again || strings.IndexByte(f.AbsPath, '?') >= 0 || strings.IndexByte(f.Filename, '?') >= 0 || strings.IndexByte(f.AbsPath, '@') >= 0 {
			r.set(&f.Filename, at.with("filename"))
			r.set(&f.AbsPath, at.with("abs_path"))
		}
		r.setName(&f.Function, at.with("function"))
		r.setName(&f.Module, at.with("module"))
		r.setText(&f.ContextLine, at.with("context_line"), true)
		for k := range f.PreContext {
			r.setText(&f.PreContext[k], at.with("pre_context"), true)
		}
		for k := range f.PostContext {
			r.setText(&f.PostContext[k], at.with("post_context"), true)
		}
		for k := range f.Vars {
			v := &f.Vars[k]
			r.json(&v.Value, at.with("vars").named(v.Name), r.reason(v.Name))
			r.setName(&v.Name, at.with("vars"))
		}
	}
}
