package segment

// labels chooses the most probable class of every pixel of the field (nil: of the
// image), row by row, Ignore outside it, and keeps the winning probability.
func (u *Upsampler) labels(field Mask) (label []uint8, probability []float32) {
	cols := u.g.Columns
	label, probability = make([]uint8, u.g.Rows*cols), make([]float32, u.g.Rows*cols)
	parallel(u.g.Rows, func(r int) {
		p := newRow(cols)
		u.Row(r, p)
		for k := range cols {
			i := r*cols + k
			if field != nil && !field[i] {
				label[i] = uint8(Ignore)
				continue
			}
			best := 0
			for c := 1; c < Classes; c++ {
				if p[c][k] > p[best][k] {
					best = c
				}
			}
			label[i], probability[i] = uint8(best), p[best][k]
		}
	})
	return label, probability
}

// newRow is room for the probabilities of a row of cols pixels.
func newRow(cols int) (p [Classes][]float32) {
	buffer := make([]float32, Classes*cols)
	for c := range p {
		p[c] = buffer[c*cols:][:cols]
	}
	return p
}

// run is a stretch of one class in one row.
type run struct {
	row, from, to int32
	parent        int32
}

// removeIslands gives 4-connected regions of fewer than least pixels the class with
// the longest border to them, smallest class on a tie; regions of Ignore stay, and so
// do islands that touch nothing else. It returns the pixels that changed class.
func removeIslands(label []uint8, rows, cols, least int) (changed int) {
	if least < 2 {
		return 0
	}
	runs, first := connectedRuns(label, rows, cols)
	area := make([]int, len(runs))
	for i := range runs {
		area[root(runs, int32(i))] += int(runs[i].to - runs[i].from)
	}
	border := make(map[int32]*[Classes]int)
	small := func(i int32) bool {
		return area[i] < least && label[int(runs[i].row)*cols+int(runs[i].from)] != uint8(Ignore)
	}
	for i := range runs {
		if k := root(runs, int32(i)); small(k) {
			if border[k] == nil {
				border[k] = new([Classes]int)
			}
			touch(label, rows, cols, runs[i], border[k])
		}
	}
	for i := 0; i < len(first); i++ { // classes are chosen before any pixel changes
		for _, r := range runs[first[i]:endOf(first, i, len(runs))] {
			k := root(runs, r.parent)
			b := border[k]
			if b == nil {
				continue
			}
			if c, ok := longest(b); ok {
				line := label[int(r.row)*cols:]
				for x := r.from; x < r.to; x++ {
					line[x] = c
				}
				changed += int(r.to - r.from)
			}
		}
	}
	return changed
}

func endOf(first []int, i, n int) int {
	if i+1 < len(first) {
		return first[i+1]
	}
	return n
}

// connectedRuns splits the rows into runs of one class and joins those that touch
// vertically; first is the index of each row's first run.
func connectedRuns(label []uint8, rows, cols int) (runs []run, first []int) {
	first = make([]int, rows)
	for r := range rows {
		first[r] = len(runs)
		line := label[r*cols:][:cols]
		for from := 0; from < cols; {
			to := from + 1
			for to < cols && line[to] == line[from] {
				to++
			}
			runs = append(runs, run{int32(r), int32(from), int32(to), int32(len(runs))})
			from = to
		}
		if r > 0 {
			joinRows(label, cols, runs, first[r-1], first[r])
		}
	}
	return runs, first
}

// joinRows unites touching runs of one class in two consecutive rows.
func joinRows(label []uint8, cols int, runs []run, above, below int) {
	a, b := above, below
	for a < below && b < len(runs) {
		ra, rb := runs[a], runs[b]
		if ra.from < rb.to && rb.from < ra.to &&
			label[int(ra.row)*cols+int(ra.from)] == label[int(rb.row)*cols+int(rb.from)] {
			i, j := root(runs, int32(a)), root(runs, int32(b))
			runs[max(i, j)].parent = min(i, j)
		}
		if ra.to <= rb.to {
			a++
		} else {
			b++
		}
	}
}

// root finds the representative of run i's region, halving the path.
func root(runs []run, i int32) int32 {
	for runs[i].parent != i {
		runs[i].parent = runs[runs[i].parent].parent
		i = runs[i].parent
	}
	return i
}

// touch counts the other classes around a run.
func touch(label []uint8, rows, cols int, r run, border *[Classes]int) {
	own := label[int(r.row)*cols+int(r.from)]
	count := func(row, col int) {
		if row < 0 || row >= rows || col < 0 || col >= cols {
			return
		}
		if c := label[row*cols+col]; c != own && c < Classes {
			border[c]++
		}
	}
	count(int(r.row), int(r.from)-1)
	count(int(r.row), int(r.to))
	for x := r.from; x < r.to; x++ {
		count(int(r.row)-1, int(x))
		count(int(r.row)+1, int(x))
	}
}

func longest(b *[Classes]int) (uint8, bool) {
	best := 0
	for c := range b {
		if b[c] > b[best] {
			best = c
		}
	}
	return uint8(best), b[best] > 0
}
