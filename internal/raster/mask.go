package raster

// Eight pixels of a mask at once.
var (
	allOf  = [8]bool{true, true, true, true, true, true, true, true}
	noneOf [8]bool
)

// Count is the number of pixels that are set.
func Count(m []bool) int {
	counts := make([]int, (len(m)+block-1)/block)
	Blocks(len(m), func(from, to int) { counts[from/block] = count(m[from:to]) })
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

func count(m []bool) int {
	var n uint64
	for ; len(m) >= 8; m = m[8:] {
		e := (*[8]bool)(m)
		n += bit(e[0]) + bit(e[1]) + bit(e[2]) + bit(e[3]) + bit(e[4]) + bit(e[5]) + bit(e[6]) + bit(e[7])
	}
	for _, in := range m {
		n += bit(in)
	}
	return int(n)
}

// NextSet is the first pixel of a row that is set, from pixel i on; len(row) without one.
func NextSet(row []bool, i int) int { return next(row, i, true, &noneOf) }

// NextClear is the first pixel of a row that is not set, from pixel i on; len(row) without
// one.
func NextClear(row []bool, i int) int { return next(row, i, false, &allOf) }

// next is the first pixel from i on that is want, where others are eight others.
func next(row []bool, i int, want bool, others *[8]bool) int {
	for ; i+8 <= len(row) && *(*[8]bool)(row[i:]) == *others; i += 8 {
	}
	for ; i < len(row) && row[i] != want; i++ {
	}
	return i
}

// Same reports whether two rows of the same length are equal.
func Same(a, b []bool) bool {
	b = b[:len(a)]
	for ; len(a) >= 8; a, b = a[8:], b[8:] {
		if *(*[8]bool)(a) != *(*[8]bool)(b) {
			return false
		}
	}
	for i, in := range a {
		if in != b[i] {
			return false
		}
	}
	return true
}

// ones are pixels to copy from.
var ones = func() (m [1 << 12]bool) {
	for i := range m {
		m[i] = true
	}
	return m
}()

// Set sets all pixels of a row.
func Set(row []bool) {
	for len(row) > 0 {
		row = row[copy(row, ones[:]):]
	}
}

// Fill sets all values of a row.
func Fill(row []uint8, v uint8) {
	if len(row) == 0 {
		return
	}
	row[0] = v
	for n := 1; n < len(row); n *= 2 {
		copy(row[n:], row[:n])
	}
}

// Stretch are pixels From to To−1 of a row; none where To is not after From.
type Stretch struct{ From, To int }

// Stretches are the longest stretch of a row that is set, and the shortest that holds all that
// is set.
func Stretches(row []bool) (longest, all Stretch) {
	all.From = len(row)
	for from := NextSet(row, 0); from < len(row); {
		to := NextClear(row, from)
		all = Stretch{min(all.From, from), to}
		if to-from > longest.To-longest.From {
			longest = Stretch{from, to}
		}
		from = NextSet(row, to)
	}
	return longest, all
}
