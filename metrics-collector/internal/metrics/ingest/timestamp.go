package ingest

import "time"

// ParseTimestamp reads RFC 3339, to the millisecond and rounded down. It takes
// what clients send in its place too: a space or "t" for the "T", a comma
// before the fraction, no seconds, an offset without colon or minutes, and no
// offset at all, which means UTC. A leap second counts as the second before it.
// Years are 1970 to 9999.
func ParseTimestamp(text []byte) (unixMS int64, ok bool) {
	// 2006-01-02T15:04
	const shortest = 16
	if len(text) < shortest || len(text) > 64 || text[4] != '-' || text[7] != '-' || text[13] != ':' {
		return 0, false
	}
	if sep := text[10]; sep != 'T' && sep != 't' && sep != ' ' {
		return 0, false
	}
	y1, ok1 := two(text[0:])
	y2, ok2 := two(text[2:])
	month, ok3 := two(text[5:])
	day, ok4 := two(text[8:])
	hour, ok5 := two(text[11:])
	minute, ok6 := two(text[14:])
	year := y1*100 + y2
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || year < 1970 ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 {
		return 0, false
	}
	rest := text[shortest:]
	second, ms := 0, 0
	if len(rest) > 0 && rest[0] == ':' {
		if len(rest) < 3 {
			return 0, false
		}
		if second, ok = two(rest[1:]); !ok || second > 60 {
			return 0, false
		}
		rest = rest[3:]
		if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
			if ms, rest, ok = fraction(rest[1:]); !ok {
				return 0, false
			}
		}
	}
	if second == 60 {
		second, ms = 59, 999
	}
	offset, ok := offsetMinutes(rest)
	if !ok {
		return 0, false
	}
	unixMS = daysSinceEpoch(year, month, day)*86_400_000 +
		int64(hour)*3_600_000 + int64(minute-offset)*60_000 + int64(second)*1000 + int64(ms)
	return unixMS, unixMS >= 0
}

func two(b []byte) (int, bool) {
	hi, lo := b[0]-'0', b[1]-'0'
	return int(hi)*10 + int(lo), hi < 10 && lo < 10
}

// fraction reads digits as milliseconds and returns what follows them.
func fraction(b []byte) (ms int, rest []byte, ok bool) {
	scale, i := 100, 0
	for ; i < len(b) && b[i]-'0' < 10; i++ {
		ms += int(b[i]-'0') * scale
		scale /= 10
	}
	return ms, b[i:], i > 0
}

func offsetMinutes(b []byte) (minutes int, ok bool) {
	switch {
	case len(b) == 0:
		return 0, true
	case len(b) == 1:
		return 0, b[0] == 'Z' || b[0] == 'z'
	case b[0] != '+' && b[0] != '-':
		return 0, false
	}
	negative := b[0] == '-'
	b = b[1:]
	if len(b) < 2 {
		return 0, false
	}
	h, ok := two(b)
	if !ok || h > 23 {
		return 0, false
	}
	b = b[2:]
	if len(b) > 0 && b[0] == ':' {
		if b = b[1:]; len(b) == 0 {
			return 0, false
		}
	}
	m := 0
	if len(b) > 0 {
		if len(b) != 2 {
			return 0, false
		}
		if m, ok = two(b); !ok || m > 59 {
			return 0, false
		}
	}
	minutes = h*60 + m
	if negative {
		minutes = -minutes
	}
	return minutes, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts from 1970-01-01. Years begin in March here, so that the
// leap day comes last and a month's first day is a linear function of its
// number (Richards, "Mapping time", 1998).
func daysSinceEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era, yearOfEra := year/400, year%400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era)*146_097 + int64(dayOfEra) - 719_468
}

// FormatSecond is RFC 3339 in UTC, to the second.
func FormatSecond(unixMS int64) string {
	return time.UnixMilli(unixMS).UTC().Format("2006-01-02T15:04:05Z")
}

// SecondFormatter is FormatSecond for many times of a few days: it works out
// the date once for each day. The zero value is ready.
type SecondFormatter struct {
	day  int64 // since 1970, plus one
	text [len("2006-01-02T")]byte
}

// Append adds the text for a time to b.
func (f *SecondFormatter) Append(b []byte, unixMS int64) []byte {
	const secondsPerDay = 24 * 60 * 60
	second := unixMS / 1000
	if unixMS < 0 || second >= 200*366*secondsPerDay {
		return append(b, FormatSecond(unixMS)...)
	}
	if day := second/secondsPerDay + 1; day != f.day {
		f.day = day
		time.Unix(second, 0).UTC().AppendFormat(f.text[:0], "2006-01-02T")
	}
	b = append(b, f.text[:]...)
	s := second % secondsPerDay
	b = append(appendTwo(b, s/3600), ':')
	b = append(appendTwo(b, s/60%60), ':')
	return append(appendTwo(b, s%60), 'Z')
}

func appendTwo(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
