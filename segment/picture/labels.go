package picture

import "dicomnode/internal/raster"

// Labels returns the most probable class of every pixel of the field (nil: of the image), row
// by row, and Ignore outside it. If seen is not nil, Labels calls it with each row: its classes
// and their probabilities, 0 outside the field. It calls seen from several goroutines and
// reuses the slices afterwards.
func (u *Upsampler) Labels(field Mask, seen func(r int, label []uint8, probability []float32)) (label []uint8) {
	cols := u.g.Columns
	label = make([]uint8, u.g.Rows*cols)
	certain := u.certain()
	raster.ParallelWith(u.g.Rows, u.rowAcross, func(r int, own rowAcross) {
		line := label[r*cols:][:cols]
		u.likeliest(r, certain, own, line)
		if field != nil {
			outside(field[r*cols:][:cols], line, own.probability)
		}
		if seen != nil {
			seen(r, line, own.probability)
		}
	})
	return label
}

// rowAcross are buffers for a row of cells and a row of pixels.
type rowAcross struct {
	cells       []cell
	class       []uint8 // of each cell, see likeliest
	probability []float32
}

func (u *Upsampler) rowAcross() rowAcross {
	return rowAcross{u.row(), make([]uint8, u.g.Width), make([]float32, u.g.Columns)}
}

// uncertain is the class of a cell in which none is clearly the most probable.
const uncertain = Ignore

// certain returns the class of each cell that is the most probable one by more than rounding
// errors. Between neighbouring cells that have the same it is the most probable everywhere.
func (u *Upsampler) certain() []uint8 {
	n := u.g.Height * u.g.Width
	class := make([]uint8, n)
	raster.Blocks(n, func(from, to int) {
		for i := from; i < to; i++ {
			a, b, c := u.p[i], u.p[n+i], u.p[2*n+i]
			switch {
			case a > max(b, c)+rounding:
				class[i] = 0
			case b > max(a, c)+rounding:
				class[i] = 1
			case c > max(a, b)+rounding:
				class[i] = 2
			default:
				class[i] = uncertain
			}
		}
	})
	return class
}

// likeliest sets the most probable classes of row r and their probabilities, the lower class on
// a tie. certain is that of Upsampler.certain.
func (u *Upsampler) likeliest(r int, certain []uint8, own rowAcross, label []uint8) {
	i, _ := raster.Neighbour(r, u.g.Rows, u.g.Height)
	w := u.g.Width
	low := certain[min(i+1, u.g.Height-1)*w:][:w]
	for x, class := range certain[i*w:][:w] {
		if own.class[x] = class; class != low[x] {
			own.class[x] = uncertain
		}
	}
	for from := 0; from < w; {
		class, to := u.together(own.class, from)
		first, last := u.first[from], u.first[to]
		line, probability := label[first:last], own.probability[first:last]
		if class == uncertain {
			for c := range Classes {
				u.classBetween(r, c, from, to, own.cells)
			}
			u.choose(own.cells, first, line, probability)
		} else {
			u.classBetween(r, int(class), from, to, own.cells)
			raster.Fill(line, class)
			u.across(own.cells, int(class), first, probability)
		}
		from = to
	}
}

// together returns the end of the cells from a cell on, between each of which and the next one
// the same class is certain, or none is.
func (u *Upsampler) together(class []uint8, from int) (of uint8, to int) {
	last := len(class) - 1
	at := func(x int) uint8 { // between cell x and the next one
		if class[x] != class[min(x+1, last)] {
			return uncertain
		}
		return class[x]
	}
	of = at(from)
	for to = from + 1; to <= last && at(to) == of; to++ {
	}
	return of, to
}

// choose sets the most probable classes of pixels from column first on, by comparing all.
func (u *Upsampler) choose(cells []cell, first int, label []uint8, probability []float32) {
	probability, right := probability[:len(label)], u.right[first:][:len(label)]
	for k, x := range u.col[first:][:len(label)] {
		c, f := &cells[x], right[k]
		best, p := uint8(0), c.at[0]+c.step[0]*f
		if q := c.at[1] + c.step[1]*f; q > p {
			best, p = 1, q
		}
		if q := c.at[2] + c.step[2]*f; q > p {
			best, p = 2, q
		}
		label[k], probability[k] = best, p
	}
}

// outside sets pixels outside the field to Ignore, with probability 0.
func outside(field []bool, label []uint8, probability []float32) {
	for from := raster.NextClear(field, 0); from < len(field); {
		to := raster.NextSet(field, from)
		clear(probability[from:to])
		raster.Fill(label[from:to], Ignore)
		from = raster.NextClear(field, to)
	}
}

// Again calls seen as Labels does, for some rows whose classes have changed since.
func (u *Upsampler) Again(rows []int, label []uint8, seen func(r int, label []uint8, probability []float32)) {
	cols := u.g.Columns
	raster.ParallelWith(len(rows), u.rowAcross, func(i int, own rowAcross) {
		r := rows[i]
		line := label[r*cols:][:cols]
		u.between(r, own.cells)
		for k, x := range u.col {
			own.probability[k] = 0
			if class := line[k]; class < Classes {
				c := &own.cells[x]
				own.probability[k] = c.at[class] + c.step[class]*u.right[k]
			}
		}
		seen(r, line, own.probability)
	})
}

// NewRow returns buffers for the probabilities of a row of cols pixels.
func NewRow(cols int) (p [Classes][]float32) {
	buffer := make([]float32, Classes*cols)
	for c := range p {
		p[c] = buffer[c*cols:][:cols]
	}
	return p
}

// RemoveIslands gives each 4-connected region of fewer than least pixels the class with the
// longest border to it, the smallest class on a tie. Regions of Ignore stay, and so do regions
// that border on nothing else. RemoveIslands returns the number of pixels that changed class
// and the rows that contain them.
func RemoveIslands(label []uint8, rows, cols, least int) (changed int, lines []int) {
	if least < 2 {
		return 0, nil
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
	for i, r := range runs.Runs { // all classes are chosen before any pixel changes
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
			if len(lines) == 0 || lines[len(lines)-1] != int(r.Row) {
				lines = append(lines, int(r.Row))
			}
		}
	}
	return changed, lines
}

// touch counts the neighbouring pixels of other classes around a run.
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
