package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Request is what a test sends.
type Request struct {
	Method string // empty is GET
	Path   string // with its query
	// Body is a string, bytes, an io.Reader, or anything else as JSON; nil is
	// none. A reader other than *strings.Reader and *bytes.Reader goes out
	// chunked, without a length.
	Body   any
	Header map[string]string
	NoKey  bool // leaves out the API key
}

// Response is what came back.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// JSON reads the body into v.
func (r Response) JSON(v any) error {
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		return fmt.Errorf("body of a %d is not what was expected: %w: %.300s", r.Status, err, r.Body)
	}
	return nil
}

// Detail is the member "detail" of the body, "" if there is none.
func (r Response) Detail() string {
	var body struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal([]byte(r.Body), &body) // not JSON: no detail
	return body.Detail
}

// Do sends a request and fails the test if there is no answer.
func (s *Service) Do(r Request) Response {
	s.t.Helper()
	response, err := s.Try(r)
	if err != nil {
		s.t.Fatalf("%s %.100s: %v", r.Method, r.Path, err)
	}
	return response
}

// Get is a GET with the API key.
func (s *Service) Get(path string) Response {
	s.t.Helper()
	return s.Do(Request{Path: path})
}

// Post is a POST with the API key.
func (s *Service) Post(path string, body any) Response {
	s.t.Helper()
	return s.Do(Request{Method: http.MethodPost, Path: path, Body: body})
}

// Try is Do for requests that may stay without an answer.
func (s *Service) Try(r Request) (Response, error) {
	body, err := r.Reader()
	if err != nil {
		return Response{}, err
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequest(method, s.URL, body) //nolint:noctx // the client has a time limit
	if err != nil {
		return Response{}, err
	}
	// As it is: tests send paths that net/url would repair or refuse.
	path, query, _ := strings.Cut(r.Path, "?")
	request.URL.Opaque = path
	request.URL.RawQuery = query
	if !r.NoKey {
		request.Header.Set("X-Api-Key", Key)
	}
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	res, err := s.client.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return Response{Status: res.StatusCode, Header: res.Header, Body: string(text)}, err
}

// Reader is the body; an error is that it is no JSON.
func (r Request) Reader() (io.Reader, error) {
	switch b := r.Body.(type) {
	case nil:
		return nil, nil
	case string:
		return strings.NewReader(b), nil
	case []byte:
		return bytes.NewReader(b), nil
	case io.Reader:
		return b, nil
	}
	text, err := json.Marshal(r.Body)
	return bytes.NewReader(text), err
}
