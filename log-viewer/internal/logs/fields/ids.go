package fields

import "strings"

// TraceID returns the identifier of the trace that the line belongs to, "" when
// it names none.
func TraceID(message string) string { return first(message, traceNames) }

// RequestID returns the identifier of the request that the line belongs to, ""
// when it names none.
func RequestID(message string) string { return first(message, requestNames) }

// IsTraceID tells whether fields of this name hold the identifier of a trace.
func IsTraceID(name string) bool { return among(name, traceNames) }

// IsRequestID tells whether fields of this name hold the identifier of a request.
func IsRequestID(name string) bool { return among(name, requestNames) }

// TraceNames and RequestNames return the usual names of the identifiers, the most usual
// first.
func TraceNames() []string   { return append([]string(nil), traceNames...) }
func RequestNames() []string { return append([]string(nil), requestNames...) }

// The usual names: OpenTelemetry, Elastic Common Schema, Datadog, Google Cloud,
// Micrometer, Serilog, and what web frameworks print.
var (
	traceNames = []string{"trace_id", "traceid", "trace.id", "trace-id", "otelTraceID", "dd.trace_id", "x-trace-id", "x-b3-traceid",
		"logging.googleapis.com/trace", "@tr"}
	requestNames = []string{"request_id", "requestid", "req_id", "reqid", "request.id", "http.request.id", "req.id", "request-id",
		"x-request-id", "x_request_id", "correlation_id", "correlationid", "x-correlation-id"}
)

func among(name string, names []string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// first returns the first value that is neither empty nor null nor all zeros.
func first(message string, names []string) string {
	value := ""
	Each(message, func(name, v string) bool {
		if v != "null" && v != "-" && strings.Trim(v, "0") != "" && len(v) <= MaxName && among(name, names) {
			value = v
		}
		return value == ""
	})
	return value
}
