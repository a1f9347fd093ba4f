package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/klauspost/compress/s2"
)

// point is one measurement in a form that every target's encoder takes.
type point struct {
	series int
	ms     int64
	value  float64
}

// The points: two fifths counters, two fifths observations of a histogram, one
// fifth gauges, with four labels each.
func kindOf(series int) (name, typ string) {
	switch series % 5 {
	case 0, 1:
		return "http_requests_total", "counter"
	case 2, 3:
		return "http_request_duration_seconds", "histogram"
	}
	return "queue_depth", "gauge"
}

var methods = []string{"GET", "POST", "PUT", "DELETE"}

func valueOf(r *rand.Rand, series int) float64 {
	switch series % 5 {
	case 0, 1:
		return 1
	case 2, 3:
		return math.Round(math.Exp(r.NormFloat64()*0.8-3)*1e6) / 1e6
	}
	return math.Round(r.Float64()*10000) / 100
}

func appendLabels(b []byte, series int, equals, comma string) []byte {
	b = append(b, `"method"`+equals+`"`...)
	b = append(b, methods[series/5%4]...)
	b = append(b, `"`+comma+`"endpoint"`+equals+`"/api/v1/resource/`...)
	b = strconv.AppendInt(b, int64(series/20%50), 10)
	b = append(b, `"`+comma+`"status"`+equals+`"200"`+comma+`"instance"`+equals+`"10.0.`...)
	b = strconv.AppendInt(b, int64(series/1000), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(series), 10)
	return append(b, '"')
}

// encodeJSON is the format of the metrics-collector.
func encodeJSON(b []byte, points []point) []byte {
	b = append(b, '[')
	for i, p := range points {
		if i > 0 {
			b = append(b, ',')
		}
		name, typ := kindOf(p.series)
		b = append(b, `{"name":"`+name+`","type":"`+typ+`","value":`...)
		b = strconv.AppendFloat(b, p.value, 'f', -1, 64)
		b = append(b, `,"labels":{`...)
		b = appendLabels(b, p.series, ":", ",")
		b = append(b, `},"timestamp":"`...)
		b = time.UnixMilli(p.ms).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		b = append(b, `"}`...)
	}
	return append(b, ']')
}

// encodeImport is the JSON format of VictoriaMetrics: a line for each point.
func encodeImport(b []byte, points []point) []byte {
	for _, p := range points {
		name, _ := kindOf(p.series)
		b = append(b, `{"metric":{"__name__":"`+name+`",`...)
		b = appendLabels(b, p.series, ":", ",")
		b = append(b, `},"values":[`...)
		b = strconv.AppendFloat(b, p.value, 'f', -1, 64)
		b = append(b, `],"timestamps":[`...)
		b = strconv.AppendInt(b, p.ms, 10)
		b = append(b, "]}\n"...)
	}
	return b
}

// encodeRemoteWrite is Prometheus' remote write 1.0: a WriteRequest in
// protobuf's wire format, in a snappy block.
func encodeRemoteWrite(b []byte, points []point) []byte {
	var request, series, one []byte
	for _, p := range points {
		series = series[:0]
		name, _ := kindOf(p.series)
		for _, l := range [][2]string{
			{"__name__", name},
			{"endpoint", "/api/v1/resource/" + strconv.Itoa(p.series/20%50)},
			{"instance", "10.0." + strconv.Itoa(p.series/1000) + "." + strconv.Itoa(p.series)},
			{"method", methods[p.series/5%4]},
			{"status", "200"},
		} {
			one = appendBytes(one[:0], 1, l[0])
			one = appendBytes(one, 2, l[1])
			series = appendBytes(series, 1, string(one))
		}
		one = append(one[:0], 1<<3|1)
		one = binary.LittleEndian.AppendUint64(one, math.Float64bits(p.value))
		one = append(one, 2<<3)
		one = binary.AppendUvarint(one, uint64(p.ms))
		series = appendBytes(series, 2, string(one))
		request = appendBytes(request, 1, string(series))
	}
	return append(b, s2.EncodeSnappy(nil, request)...)
}

func appendBytes(b []byte, field byte, v string) []byte {
	b = append(b, field<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}
