package evaluate

// distances computes squared Euclidean distances to the nearest marked pixel of a
// rows×cols picture, exactly, in integers (Meijster, Roerdink and Hesselink 2000).
// A distances is used again for pictures of one size.
type distances struct {
	rows, cols int
	column     []int32 // to the nearest mark in the same column
	apex, from []int   // parabolas of one row's lower envelope, and where each begins
}

func newDistances(rows, cols int) *distances {
	return &distances{rows: rows, cols: cols, column: make([]int32, rows*cols), apex: make([]int, cols), from: make([]int, cols)}
}

// mark measures along columns from the pixels where marked is true.
func (d *distances) mark(marked []bool) {
	far := int32(d.rows + d.cols) // its square is more than any true distance
	for i := range d.column {
		switch {
		case marked[i]:
			d.column[i] = 0
		case i < d.cols:
			d.column[i] = far
		default:
			d.column[i] = min(far, d.column[i-d.cols]+1)
		}
	}
	for i := len(d.column) - d.cols - 1; i >= 0; i-- {
		d.column[i] = min(d.column[i], d.column[i+d.cols]+1)
	}
}

// row calls each for every pixel of row r that wanted holds, with its squared
// distance to the nearest mark.
func (d *distances) row(r int, wanted []bool, each func(squared int)) {
	line := d.column[r*d.cols:][:d.cols]
	at := func(x, i int) int { return (x-i)*(x-i) + int(line[i])*int(line[i]) }
	q := 0
	d.apex[0], d.from[0] = 0, 0
	for u := 1; u < d.cols; u++ {
		for q >= 0 && at(d.from[q], d.apex[q]) > at(d.from[q], u) {
			q--
		}
		if q < 0 {
			q, d.apex[0] = 0, u
			continue
		}
		i := d.apex[q] // where u's parabola gets below i's
		if w := 1 + floorDiv(u*u-i*i+int(line[u])*int(line[u])-int(line[i])*int(line[i]), 2*(u-i)); w < d.cols {
			q++
			d.apex[q], d.from[q] = u, w
		}
	}
	for x := d.cols - 1; x >= 0; x-- {
		if wanted[r*d.cols+x] {
			each(at(x, d.apex[q]))
		}
		if x == d.from[q] {
			q--
		}
	}
}

func floorDiv(a, b int) int {
	if a < 0 && a%b != 0 {
		return a/b - 1
	}
	return a / b
}
