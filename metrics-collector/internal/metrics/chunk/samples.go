package chunk

import "encoding/binary"

// SamplePages packs samples, sorted by series and then time, into pages.
func SamplePages(samples []Sample) []Page {
	var pages []Page
	b := make([]byte, 0, pageBytes+1024)
	for i := 0; i < len(samples); {
		b = begin(b[:0], kindSample)
		lo := samples[i].Series
		prev, ms := uint32(0), int64(0)
		for i < len(samples) && len(b) < pageBytes {
			// A run of one series, or as much of it as fits.
			series, end := samples[i].Series, i+1
			for end < len(samples) && samples[end].Series == series && end-i < 512 {
				end++
			}
			b = binary.AppendUvarint(b, uint64(series-prev))
			b = binary.AppendUvarint(b, uint64(end-i))
			prev = series
			for ; i < end; i++ {
				b = binary.AppendUvarint(b, zigzag(samples[i].MS-ms))
				ms = samples[i].MS
				b = appendFloat(b, samples[i].Value)
			}
		}
		data := append(make([]byte, 0, len(b)), b...)
		pages = append(pages, Page{Lo: lo, Hi: prev, Data: seal(data, 0)})
	}
	return pages
}

// DecodeSamples appends those samples of a page to dst whose series wanted
// accepts.
func DecodeSamples(dst []Sample, data []byte, wanted func(series uint32) bool) ([]Sample, error) {
	r, err := open(data, kindSample)
	if err != nil {
		return dst, err
	}
	series, ms := uint64(0), int64(0)
	for len(r.b) > 0 {
		series += r.uvarint()
		n := r.uvarint()
		if n > uint64(len(r.b)) || series > 1<<32-1 {
			return dst, ErrDamaged
		}
		keep := wanted(uint32(series))
		for range n {
			ms += r.zigzag()
			v := r.float()
			if keep && !r.bad {
				dst = append(dst, Sample{uint32(series), ms, v})
			}
		}
	}
	return dst, r.err()
}
