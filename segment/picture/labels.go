package picture

import "dicomnode/internal/raster"

// Labels chooses the most probable class of every pixel of the field (nil: of the
// image), row by row, Ignore outside it, and keeps the winning probability.
func (u *Upsampler) Labels(field Mask) (label []uint8, probability []float32) {
	cols := u.g.Columns
	label, probability = make([]uint8, u.g.Rows*cols), make([]float32, u.g.Rows*cols)
	raster.Parallel(u.g.Rows, func(r int) {
		p := NewRow(cols)
		u.Row(r, p)
		for k := range cols {
			i := r*cols + k
			if field != nil && !field[i] {
				label[i] = Ignore
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

// NewRow is room for the probabilities of a row of cols pixels.
func NewRow(cols int) (p [Classes][]float32) {
	buffer := make([]float32, Classes*cols)
	for c := range p {
		p[c] = buffer[c*cols:][:cols]
	}
	return p
}

// RemoveIslands gives 4-connected regions of fewer than least pixels the class with
// the longest border to them, smallest class on a tie; regions of Ignore stay, and so
// do islands that touch nothing else. It returns the pixels that changed class.
func RemoveIslands(label []uint8, rows, cols, least int) (changed int) {
	if least < 2 {
		return 0
	}
	runs := raster.Connect(label, rows, cols)
	area := runs.Areas()
	border := make(map[int]*[Classes]int)
	small := func(i int) bool { return area[i] < least && label[runs.First(i)] != Ignore }
	for i, r := range runs.Runs {
		if k := runs.Root(i); small(k) {
			if border[k] == nil {
				border[k] = new([Classes]int)
			}
			touch(label, rows, cols, r, border[k])
		}
	}
	for i, r := range runs.Runs { // classes are chosen before any pixel changes
		b := border[runs.Root(i)]
		if b == nil {
			continue
		}
		if c, ok := longest(b); ok {
			line := label[int(r.Row)*cols:]
			for x := r.From; x < r.To; x++ {
				line[x] = c
			}
			changed += int(r.To - r.From)
		}
	}
	return changed
}

// touch counts the other classes around a run.
func touch(label []uint8, rows, cols int, r raster.Run, border *[Classes]int) {
	own := label[int(r.Row)*cols+int(r.From)]
	count := func(row, col int) {
		if row < 0 || row >= rows || col < 0 || col >= cols {
			return
		}
		if c := label[row*cols+col]; c != own && c < Classes {
			border[c]++
		}
	}
	count(int(r.Row), int(r.From)-1)
	count(int(r.Row), int(r.To))
	for x := r.From; x < r.To; x++ {
		count(int(r.Row)-1, int(x))
		count(int(r.Row)+1, int(x))
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

// Reclassify replaces the probability of pixels whose class changed by that of the
// class they have now.
func (u *Upsampler) Reclassify(before, label []uint8, probability []float32) {
	raster.Parallel(u.g.Rows, func(r int) {
		var p [Classes][]float32
		for k := range u.g.Columns {
			i := r*u.g.Columns + k
			if label[i] == before[i] {
				continue
			}
			if p[0] == nil {
				p = NewRow(u.g.Columns)
				u.Row(r, p)
			}
			probability[i] = p[label[i]][k]
		}
	})
}
