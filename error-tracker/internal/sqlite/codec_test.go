package sqlite

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/monlight/monlight/error-tracker/internal/tracker/event"
)

// randomise fills any value with values of its type, empty ones among them.
func randomise(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		b := make([]byte, rng.IntN(4)*rng.IntN(100))
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		v.SetString(string(b))
	case reflect.Int:
		v.SetInt(int64(rng.Uint64()) >> rng.IntN(64))
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Uint8:
		v.SetUint(uint64(rng.IntN(256)))
	case reflect.Array:
		for i := range v.Len() {
			randomise(rng, v.Index(i))
		}
	case reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomise(rng, v.Elem())
		}
	case reflect.Slice:
		n := rng.IntN(4) * rng.IntN(2)
		if n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				randomise(rng, v.Index(i))
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			if rng.IntN(3) > 0 {
				v.Set(reflect.ValueOf(time.Unix(rng.Int64N(1<<40)-1<<39, rng.Int64N(1e9)).UTC()))
			}
			return
		}
		for i := range v.NumField() {
			randomise(rng, v.Field(i))
		}
	default:
		panic("an event has a " + v.Kind().String() + ": teach this test and the codec about it")
	}
}

// Every field of an event, also one that is added to it later, has to survive.
func TestEveryFieldOfAnEventIsStored(t *testing.T) {
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range 2000 {
		var e event.Event
		randomise(rng, reflect.ValueOf(&e).Elem())
		got, err := decodeEvent(encodeEvent(nil, &e))
		if err != nil {
			t.Fatalf("decodeEvent = %v", err)
		}
		if d := cmp.Diff(e, got); d != "" {
			t.Fatalf("event after a round trip (-want +got):\n%s", d)
		}
	}
}

func TestAReaderSkipsWhatItDoesNotKnow(t *testing.T) {
	e := event.Event{Project: "shop", Exceptions: []event.Exception{{Type: "E"}}, Fingerprint: []string{"x"}}
	enc := encoder{encodeEvent(nil, &e)}
	n := 7
	enc.text(900, "a text of the future")
	enc.optionalNumber(901, &n)
	m := enc.open(902)
	enc.text(1, "inside")
	enc.close(m)
	got, err := decodeEvent(enc.b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(e, got); d != "" {
		t.Errorf("event (-want +got):\n%s", d)
	}
	if _, err := decodeEvent([]byte{99}); err == nil {
		t.Error("a form of the future was read")
	}
}

func FuzzDecodeEvent(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 4 {
		f.Add(encodeEvent(nil, sampleEvent(rng, i, 2000, time.Unix(1_700_000_000, 0))))
	}
	f.Add([]byte{codecVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEvent(b)
		if err != nil {
			return
		}
		again, err := decodeEvent(encodeEvent(nil, &e))
		if err != nil {
			t.Fatalf("an event that was read cannot be stored: %v", err)
		}
		if d := cmp.Diff(e, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("event (-first +second):\n%s", d)
		}
	})
}

func FuzzDelta(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), []byte("the quick brown cat jumps over the lazy dogs"))
	f.Add([]byte(""), []byte("x"))
	f.Add(bytes.Repeat([]byte("ab"), 100), bytes.Repeat([]byte("ba"), 90))
	f.Fuzz(func(t *testing.T, base, target []byte) {
		var table deltaTable
		delta := appendDelta(nil, base, target, &table)
		got, err := applyDelta(base, delta)
		if err != nil || !bytes.Equal(got, target) {
			t.Fatalf("applyDelta = %q, %v, want %q", got, err, target)
		}
		// Whatever else comes, it is an error or a target, never a crash.
		if got, err := applyDelta(base, target); err == nil && len(got) > maxPayload {
			t.Fatalf("a delta made %d bytes", len(got))
		}
	})
}

func TestDamagedPayloadsAreErrors(t *testing.T) {
	p, err := newPayloads()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	first := sampleEvent(rng, 1, 8000, time.Unix(1_700_000_000, 0))
	e := sampleEvent(rng, 1, 8000, time.Unix(1_700_000_060, 0))
	base := encodeEvent(nil, first)
	for form, payload := range map[string][]byte{"whole": p.pack(e), "delta": p.packDelta(e, base)} {
		got, err := p.unpack(payload, base)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if d := cmp.Diff(*e, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", form, d)
		}
		for n := range payload { // cut, and one bit turned
			if _, err := p.unpack(payload[:n], base); err == nil {
				t.Fatalf("%s: cut to %d of %d bytes it is still an event", form, n, len(payload))
			}
			bad := bytes.Clone(payload)
			bad[n] ^= 1 << rng.IntN(8)
			if got, err := p.unpack(bad, base); err == nil && !cmp.Equal(got, *e) {
				t.Errorf("%s: with a bit of byte %d turned it is another event", form, n)
			}
		}
	}
	if _, err := p.unpack(p.packDelta(e, base), base[:len(base)-1]); err == nil {
		t.Error("a delta was applied to another base")
	}
}

// BenchmarkCodec compares the stored form with JSON.
func BenchmarkCodec(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, kb := range []int{2, 8, 50} {
		at := time.Unix(1_700_000_000, 0).UTC()
		e, first := sampleEvent(rng, 1, kb<<10, at), sampleEvent(rng, 1, kb<<10, at.Add(time.Minute))
		p, err := newPayloads()
		if err != nil {
			b.Fatal(err)
		}
		base := encodeEvent(nil, first)
		size := map[int]string{2: "2KB/", 8: "8KB/", 50: "50KB/"}[kb]
		run := func(name string, f func() int) {
			b.Run(size+name, func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					n = f()
				}
				b.ReportMetric(float64(n), "bytes")
			})
		}
		buf := make([]byte, 0, 1<<20)
		run("encode", func() int { return len(encodeEvent(buf[:0], e)) })
		run("encode JSON", func() int { j, _ := json.Marshal(e); return len(j) })
		run("pack", func() int { return len(p.pack(e)) })
		run("pack delta", func() int { return len(p.packDelta(e, base)) })
		plain, j, packed, delta := encodeEvent(nil, e), must(json.Marshal(e)), p.pack(e), p.packDelta(e, base)
		run("decode", func() int { got, _ := decodeEvent(plain); return len(got.Project) })
		run("decode JSON", func() int { var got event.Event; json.Unmarshal(j, &got); return len(got.Project) })
		run("unpack", func() int { got, _ := p.unpack(packed, nil); return len(got.Project) })
		run("unpack delta", func() int { got, _ := p.unpack(delta, base); return len(got.Project) })
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
