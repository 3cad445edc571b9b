package picture

import (
	"slices"

	"dicomnode/internal/raster"
)

// Exposed returns the share of each of Height×Width cells that is in the field; 1 if field is
// nil.
func (g Geometry) Exposed(field Mask) []float32 {
	out := make([]float32, g.Height*g.Width)
	if field == nil {
		for i := range out {
			out[i] = 1
		}
		return out
	}
	rows, cols := spans(g.Rows, g.Height), spans(g.Columns, g.Width)
	full := newFullRows(rows, cols)
	raster.Parallel(g.Height, func(y int) {
		line, span := out[y*g.Width:][:g.Width], rows[y]
		all, some := g.stretches(field, span)
		for x, s := range cols {
			switch {
			case s.first >= all.From && s.first+len(s.weights) <= all.To:
				line[x] = full.at(y, x)
			case s.first < some.To && s.first+len(s.weights) > some.From:
				line[x] = g.share(field, span, s)
			}
		}
	})
	return out
}

// stretches returns two ranges of columns: those that are in the field in every row of a span,
// and the smallest range outside which no pixel is in the field.
func (g Geometry) stretches(field Mask, rows span) (all, some raster.Stretch) {
	all, some = raster.Stretch{To: g.Columns}, raster.Stretch{From: g.Columns}
	for j := range rows.weights {
		longest, whole := raster.Stretches(field[(rows.first+j)*g.Columns:][:g.Columns])
		all = raster.Stretch{From: max(all.From, longest.From), To: min(all.To, longest.To)}
		some = raster.Stretch{From: min(some.From, whole.From), To: max(some.To, whole.To)}
	}
	return all, some
}

// share returns the share of a cell that is in the field.
func (g Geometry) share(field Mask, row, col span) (sum float32) {
	for j, wr := range row.weights {
		for k, in := range field[(row.first+j)*g.Columns+col.first:][:len(col.weights)] {
			if in {
				sum += wr * col.weights[k]
			}
		}
	}
	return sum
}

// fullRows are the results of share for cells that are entirely in the field: 1 up to rounding.
// They are the same for all rows of cells with the same weights.
type fullRows struct {
	kind []int // of each row of cells
	rows [][]float32
}

func newFullRows(rows, cols []span) fullRows {
	f := fullRows{kind: make([]int, len(rows))}
	var kinds [][]float32
	for y, row := range rows {
		k := slices.IndexFunc(kinds, func(w []float32) bool { return slices.Equal(w, row.weights) })
		if k < 0 {
			k, kinds = len(kinds), append(kinds, row.weights)
		}
		f.kind[y] = k
	}
	f.rows = make([][]float32, len(kinds))
	raster.Parallel(len(kinds), func(k int) {
		f.rows[k] = make([]float32, len(cols))
		for x, col := range cols {
			var sum float32
			for _, wr := range kinds[k] {
				for _, wc := range col.weights {
					sum += wr * wc
				}
			}
			f.rows[k][x] = sum
		}
	})
	return f
}

func (f fullRows) at(y, x int) float32 { return f.rows[f.kind[y]][x] }
