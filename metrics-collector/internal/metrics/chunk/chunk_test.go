package chunk

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/monlight/monlight/metrics-collector/internal/metrics/sketch"
)

const spanMS = int64(1_795_000_000_000) / 3_600_000 * 3_600_000

// sameCell wants all the same but sums, which are stored tidied.
var sameCell = cmp.Options{cmp.AllowUnexported(sketch.Sketch{}), cmpopts.EquateEmpty(),
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Sum" }, cmpopts.EquateApprox(2*sumError, 0))}

// randomCell has values of a service, or odd ones.
func randomCell(r *rand.Rand, bucket int) Cell {
	var c Cell
	histogram := r.IntN(2) == 0
	odd := r.IntN(4) == 0
	for range 1 + r.IntN(1+r.IntN(20)) {
		v := math.Floor(r.ExpFloat64()*1000) / 100
		if odd {
			v = (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(300)-150))
		}
		c.Numbers.Add(v, spanMS+int64(bucket)*60_000+r.Int64N(60_000))
		if histogram {
			c.Sketch.Add(v)
		}
	}
	return c
}

func randomCells(r *rand.Rand, buckets int) []Cell {
	cells := make([]Cell, buckets)
	density := r.Float64()
	for i := range cells {
		if r.Float64() < density {
			cells[i] = randomCell(r, i)
		}
	}
	cells[r.IntN(buckets)] = randomCell(r, 0)
	return cells
}

func TestGroupsGiveBackWhatWasPutIn(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var w GroupWriter
	var g GroupReader
	for _, buckets := range []int{60, 24} {
		bucketMS := 3_600_000 / int64(buckets)
		for range 60 {
			w.Reset(spanMS, bucketMS)
			want := map[int][]Cell{}
			for offset := range GroupSize {
				if r.IntN(2) == 0 {
					want[offset] = randomCells(r, buckets)
					w.Add(offset, want[offset])
				}
			}
			sums, rest := w.Bytes()
			if err := g.Open(sums, rest, spanMS, bucketMS); err != nil {
				t.Fatal(err)
			}
			for offset := range GroupSize {
				if g.Has(offset) != (want[offset] != nil) {
					t.Fatalf("Has(%d) = %v", offset, g.Has(offset))
				}
				if want[offset] == nil {
					continue
				}
				if err := g.Read(offset, AllColumns); err != nil {
					t.Fatal(err)
				}
				got := make([]Cell, buckets)
				if _, err := g.MergeInto(got, nil); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[offset], got, sameCell); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
			}
			// Without the rest the sums are the same, and the others are missed.
			if err := g.Open(sums, nil, spanMS, bucketMS); err != nil {
				t.Fatal(err)
			}
			for offset := range want {
				if err := g.Read(offset, Min); err == nil {
					t.Fatal("the smallest values were read without the blob that has them")
				}
				if err := g.Read(offset, Sum); err != nil {
					t.Fatal(err)
				}
				for i, b := range g.Chunk.Buckets {
					if c := want[offset][b]; math.Abs(g.Chunk.Sum[i]-c.Sum) > math.Abs(c.Sum)*sumError || uint64(g.Chunk.Count[i]) != c.Count {
						t.Fatalf("bucket %d: sum %v count %d, want %v", b, g.Chunk.Sum[i], g.Chunk.Count[i], c)
					}
				}
			}
		}
	}
}

type keyed struct {
	series uint32
	bucket int
	cell   Cell
}

func TestPagesGiveBackWhatWasPutIn(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		w := NewPageWriter(spanMS)
		var want []keyed
		series := uint32(0)
		for range r.IntN(400) {
			series += 1 + uint32(r.IntN(50))
			for bucket := r.IntN(60); bucket < 60; bucket += 1 + r.IntN(40) {
				k := keyed{series, bucket, randomCell(r, bucket)}
				want = append(want, k)
				w.Add(k.series, k.bucket, &k.cell.Numbers, &k.cell.Sketch)
			}
		}
		var got []keyed
		for _, page := range w.Pages() {
			first := len(got)
			p, err := OpenPage(page.Data, spanMS)
			if err != nil {
				t.Fatal(err)
			}
			for p.Next() {
				c := Cell{Numbers: p.Cell}
				bins, err := p.Bins(nil)
				if err != nil {
					t.Fatal(err)
				}
				c.Sketch.MergeBins(bins)
				got = append(got, keyed{p.Series, p.Bucket, c})
			}
			if p.Err() != nil {
				t.Fatal(p.Err())
			}
			checkBetween(t, r, page, got[first:])
			if got[first].series != page.Lo || got[len(got)-1].series != page.Hi {
				t.Fatalf("page of %d to %d says %d to %d", got[first].series, got[len(got)-1].series, page.Lo, page.Hi)
			}
		}
		if diff := cmp.Diff(want, got, sameCell, cmp.AllowUnexported(keyed{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

// checkBetween reads a part of a page, and wants the same cells.
func checkBetween(t *testing.T, r *rand.Rand, page Page, all []keyed) {
	t.Helper()
	lo := page.Lo + uint32(r.IntN(int(page.Hi-page.Lo)+1))
	hi := lo + uint32(r.IntN(int(page.Hi-lo)+2))
	every := uint32(1 + r.IntN(3))
	wanted := func(series uint32) bool { return series%every == 0 }
	var want, got []uint32
	sum, wantSum := 0.0, 0.0
	for _, k := range all {
		if k.series >= lo && k.series <= hi && wanted(k.series) {
			want = append(want, k.series)
			wantSum += k.cell.Sum
		}
	}
	p, err := OpenPage(page.Data, spanMS)
	if err != nil {
		t.Fatal(err)
	}
	p.Between(lo, hi, wanted)
	for p.Next() {
		got = append(got, p.Series)
		sum += p.Cell.Sum
	}
	if p.Err() != nil || !slices.Equal(got, want) || sum != wantSum {
		t.Fatalf("series from %d to %d: %v with sum %v, error %v, want %v with sum %v", lo, hi, got, sum, p.Err(), want, wantSum)
	}
}

func TestSumsAreStoredAsTheDecimalsTheyAreMeantToBe(t *testing.T) {
	t.Parallel()
	noisy := 0.0
	for range 3001 {
		noisy += 0.1
	}
	for sum, want := range map[float64]float64{
		0.1 + 0.7: 0.8, noisy: 300.1, 720000916.0899999: 720000916.09, -1e-9 * 3: -3e-9, 1 << 52: 1 << 52, 5: 5, 0: 0,
		1.0 / 3: 1.0 / 3, 300.1000001: 300.1000001, 1e300: 1e300, 5e-324: 5e-324, math.Pi: math.Pi,
	} {
		if got := tidy(sum); got != want {
			t.Errorf("%v is stored as %v, want %v", sum, got, want)
		}
	}
	// One such sum must not cost a column its short form.
	w, cells := GroupWriter{}, make([]Cell, 60)
	for i := range cells {
		for range 10 + i {
			cells[i].Numbers.Add(0.123, spanMS+int64(i)*60_000)
		}
	}
	w.Reset(spanMS, 60_000)
	w.Add(0, cells)
	if sums, _ := w.Bytes(); len(sums) > 300 {
		t.Errorf("60 sums take %d bytes", len(sums))
	}
}

func TestBatchesAndSamplePagesGiveBackWhatWasPutIn(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var w BatchWriter
		w.Reset(nil, spanMS)
		var want []Sample
		for range r.IntN(3000) {
			v := math.Floor(r.NormFloat64()*1e4) / 100
			if r.IntN(5) == 0 {
				v = r.NormFloat64()
			}
			s := Sample{uint32(r.IntN(300)), spanMS + r.Int64N(100_000) - 50_000, v + 0}
			want = append(want, s)
			w.Add(s.Series, s.MS, s.Value, 0, 255)
		}
		got, err := DecodeBatch(nil, w.Bytes())
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("batch of %d: got %d, %v", len(want), len(got), err)
		}
		slices.SortFunc(want, func(a, b Sample) int {
			if a.Series != b.Series {
				return int(a.Series) - int(b.Series)
			}
			return int(a.MS - b.MS)
		})
		got = got[:0]
		for _, page := range SamplePages(want) {
			if got, err = DecodeSamples(got, page.Data, func(uint32) bool { return true }); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("pages of %d: got %d", len(want), len(got))
		}
		odd := func(s uint32) bool { return s%2 == 1 }
		got = got[:0]
		for _, page := range SamplePages(want) {
			if got, err = DecodeSamples(got, page.Data, odd); err != nil {
				t.Fatal(err)
			}
		}
		want = slices.DeleteFunc(want, func(s Sample) bool { return !odd(s.Series) })
		if !slices.Equal(got, want) {
			t.Fatalf("odd series of the pages: %d, want %d", len(got), len(want))
		}
	}
}

func TestMergedCellsEqualTheCellOfAllValues(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 300 {
		var whole Cell
		parts := make([]Cell, 1+r.IntN(5))
		for i := range r.IntN(50) {
			v, ms := math.Floor(r.NormFloat64()*50), int64(i) // whole numbers: sums are exact in any order
			part := &parts[r.IntN(len(parts))]
			for _, c := range []*Cell{&whole, part} {
				c.Numbers.Add(v, ms)
				c.Sketch.Add(v)
			}
		}
		var merged Cell
		for _, i := range r.Perm(len(parts)) {
			merged.Merge(&parts[i])
		}
		if diff := cmp.Diff(whole, merged, sameCell); diff != "" {
			t.Fatalf("(-whole +merged):\n%s", diff)
		}
	}
}

// samples of every stored form, for the tests of damage.
func blobs() map[string][]byte {
	r := rand.New(rand.NewPCG(9, 9))
	sums, rest := goodGroup()
	p := NewPageWriter(spanMS)
	for series := range uint32(5) {
		c := randomCell(r, 3)
		p.Add(series*7, 3, &c.Numbers, &c.Sketch)
	}
	var b BatchWriter
	b.Reset(nil, spanMS)
	b.Add(1, spanMS, 1.5, 0, 255)
	b.Add(2, spanMS, math.Pi, 0, 255)
	s := SamplePages([]Sample{{1, spanMS, 1}, {1, spanMS + 5, 2}, {9, spanMS, math.E}})
	return map[string][]byte{"sums": sums, "rest": rest, "page": p.Pages()[0].Data, "batch": b.Bytes(), "samples": s[0].Data}
}

// goodGroup are the blobs of the group in blobs.
func goodGroup() (sums, rest []byte) {
	r := rand.New(rand.NewPCG(9, 9))
	var w GroupWriter
	w.Reset(spanMS, 60_000)
	for offset := range 3 {
		w.Add(offset, randomCells(r, 60))
	}
	return w.Bytes()
}

func readGroup(sums, rest []byte) error {
	var g GroupReader
	if err := g.Open(sums, rest, spanMS, 60_000); err != nil {
		return err
	}
	cells := make([]Cell, maxBuckets)
	for offset := range GroupSize {
		if !g.Has(offset) {
			continue
		}
		if err := g.Read(offset, AllColumns); err != nil {
			return err
		}
		if _, err := g.MergeInto(cells, nil); err != nil {
			return err
		}
	}
	return nil
}

// decodeAll reads data as each stored form and returns how many accepted it.
func decodeAll(data []byte) (accepted int) {
	if _, err := DecodeBatch(nil, data); err == nil {
		accepted++
	}
	if _, err := DecodeSamples(nil, data, func(uint32) bool { return true }); err == nil {
		accepted++
	}
	if p, err := OpenPage(data, spanMS); err == nil {
		for p.Next() {
			if _, err := p.Bins(nil); err != nil {
				break
			}
		}
		if p.Err() == nil {
			accepted++
		}
	}
	// A group is two blobs. Each is tried with a good one as the other.
	sums, rest := goodGroup()
	for _, group := range [][2][]byte{{data, rest}, {sums, data}} {
		if readGroup(group[0], group[1]) == nil {
			accepted++
		}
	}
	return accepted
}

func TestEveryFlippedBitAndCutIsNoticed(t *testing.T) {
	for name, data := range blobs() {
		if got := decodeAll(data); got != 1 {
			t.Fatalf("%s: %d decoders accept it, want 1", name, got)
		}
		for i := range data {
			bit := i % 8
			damaged := slices.Clone(data)
			damaged[i] ^= 1 << bit
			if decodeAll(damaged) != 0 {
				t.Fatalf("%s: bit %d of byte %d flipped and not noticed", name, bit, i)
			}
			if decodeAll(data[:i]) != 0 {
				t.Fatalf("%s: cut after %d bytes and not noticed", name, i)
			}
		}
	}
}

// FuzzDamage repairs the checksum, so that the bounds of the decoders are
// tested and not the CRC.
func FuzzDamage(f *testing.F) {
	for _, data := range blobs() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < headerBytes {
			return
		}
		for _, kind := range []byte{kindBatch, kindPage, kindSums, kindRest, kindSample} {
			blob := slices.Clone(data)
			blob[0] = kind
			decodeAll(seal(blob, 0))
		}
	})
}

func FuzzFloat(f *testing.F) {
	f.Add(0.1, 720000916.0899999)
	f.Add(1e300, -5e-324)
	f.Fuzz(func(t *testing.T, a, b float64) {
		for _, v := range []float64{a, b} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return
			}
		}
		a, b = a+0, b+0
		r := reader{b: appendFloat(appendFloat(nil, a), b)}
		if x, y := r.float(), r.float(); x != a || y != b || r.bad || len(r.b) != 0 {
			t.Errorf("floats %v %v came back as %v %v", a, b, x, y)
		}
		r = reader{b: appendFloats(nil, []float64{a, b, a})}
		col := make([]float64, 3)
		if r.floats(col); !slices.Equal(col, []float64{a, b, a}) || r.bad || len(r.b) != 0 {
			t.Errorf("column %v %v came back as %v", a, b, col)
		}
	})
}

func BenchmarkReadGroup(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var w GroupWriter
	w.Reset(spanMS, 60_000)
	for offset := range GroupSize {
		cells := make([]Cell, 60)
		for i := range cells {
			for range 10 {
				cells[i].Numbers.Add(math.Floor(r.Float64()*10000)/100, spanMS+int64(i)*60_000)
			}
		}
		w.Add(offset, cells)
	}
	data, _ := w.Bytes()
	var g GroupReader
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Open(data, nil, spanMS, 60_000); err != nil {
			b.Fatal(err)
		}
		for offset := range GroupSize {
			if err := g.Read(offset, Sum); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/GroupSize/60, "ns/cell")
	b.ReportMetric(float64(len(data))/GroupSize/60, "B/cell")
}
