package classical

// RowFluctuation follows Kazeminia, Karimi, Soroushmehr, Samavi, Derksen and
// Najarian, "Bone extraction in X-ray images by analysis of line fluctuations"
// (ICIP 2015). Theirs, by the abstract: noise is taken away, edges are found, and the
// fluctuations of the grey value in all rows tell the bones; by the paper behind XNet
// the edges are Sobel's and Canny's, and the outlines lose continuity.
//
// Ours is how: falls and rises at the edges tell where bones begin and end. Noise is
// taken away by a median of 3×3 and a Gaussian of Smooth pixels, and edges are Canny's,
// of which EdgeShare of the pixels exceed the upper threshold and LowRatio of that is
// the lower. Along a row inside the body (what MultiOtsu
// does not call open beam) a fall enters a bone, and so does a later one that is
// deeper than all since; a rise leaves it when the grey value after it has come back
// by Recover of the depth since the bone was entered, so that a pale marrow cavity
// does not end it. Edges that run nearly along the
// row, and the skin's own, within Skin pixels of the open beam, do not count. A
// bone that is never left is none, unless it reaches the border of the picture.
// Rows are judged one by one, columns never, as published: horizontal bones suffer
// and outlines fray.
type RowFluctuation struct {
	Smooth    float64 `json:"smooth"`     // Gaussian, in pixels; 1
	EdgeShare float64 `json:"edge_share"` // of the pixels above the upper edge threshold; 0.3
	LowRatio  float64 `json:"low_ratio"`  // lower edge threshold / upper one; 0.4
	Recover   float64 `json:"recover"`    // share of the depth; 0.5
	Skin      int     `json:"skin"`       // pixels; 3
}

// DefaultRowFluctuation returns the defaults; those of edges are the customary
// ones of Canny's detector.
func DefaultRowFluctuation() RowFluctuation {
	return RowFluctuation{Smooth: 1, EdgeShare: 0.3, LowRatio: 0.4, Recover: 0.5, Skin: 3}
}

// Name implements Method.
func (RowFluctuation) Name() string { return "row-fluctuation" }

// Check implements Method.
func (m RowFluctuation) Check() error {
	return within(limit{"smooth", m.Smooth, 0, 10}, limit{"edge_share", m.EdgeShare, 0, 1}, limit{"low_ratio", m.LowRatio, 0, 1},
		limit{"recover", m.Recover, 0, 1}, limit{"skin", float64(m.Skin), 0, Side})
}

// Segment implements Method.
func (m RowFluctuation) Segment(p Picture) []uint8 {
	h, w := p.Height, p.Width
	air := openBeam(p)
	v := gaussian(median3(p.V, h, w), h, w, m.Smooth)
	gx, gy := sobel(v, h, w)
	edges := canny(gx, gy, h, w, m.EdgeShare, m.LowRatio)
	out := make([]uint8, len(v))
	for y := range h {
		row := fluctuations{v: v[y*w:][:w], gx: gx[y*w:][:w], gy: gy[y*w:][:w], edges: edges[y*w:][:w]}
		for a := 0; a < w; {
			if air[y*w+a] {
				out[y*w+a] = open
				a++
				continue
			}
			b := a
			for b < w && !air[y*w+b] {
				out[y*w+b] = soft
				b++
			}
			m.bones(row, a, b, out[y*w:][:w])
			a = b
		}
	}
	return out
}

// fluctuations is one row: grey values, gradient and edge marks.
type fluctuations struct {
	v, gx, gy []float64
	edges     []bool
}

// turn is an edge of a row; rise is towards the bright side.
type turn struct {
	x    int
	rise bool
}

// turns lists the edges in columns a to b−1 that cross the row.
func (f fluctuations) turns(a, b int) []turn {
	var out []turn
	for x := a; x < b; x++ {
		const steep = 0.4 // more than 22° off the row
		if f.edges[x] && f.gx[x]*f.gx[x] >= steep*steep*(f.gx[x]*f.gx[x]+f.gy[x]*f.gy[x]) {
			out = append(out, turn{x, f.gx[x] > 0})
		}
	}
	return out
}

// level is the mean grey value of columns a to b−1, or that of a when there are none.
func (f fluctuations) level(a, b int) float64 {
	if a >= b {
		return f.v[min(a, len(f.v)-1)]
	}
	var sum float64
	for _, v := range f.v[a:b] {
		sum += v
	}
	return sum / float64(b-a)
}

// bones marks the bones of the body from columns a to b−1.
func (m RowFluctuation) bones(row fluctuations, a, b int, classes []uint8) {
	turns := m.withoutSkin(row.turns(a, b), a, b, len(row.v))
	mark := func(from, to int) {
		for x := from; x < to; x++ {
			classes[x] = bone
		}
	}
	if a == 0 && len(turns) > 0 && turns[0].rise { // the picture begins inside a bone
		mark(0, turns[0].x+1)
	}
	enter, before, deepest := -1, 0.0, 0.0
	last := row.level(a, firstOf(turns, b)) // of the stretch before the turn
	for k, t := range turns {
		level := row.level(t.x+1, firstOf(turns[k+1:], b))
		switch {
		case !t.rise && (enter < 0 || last-level > before-deepest): // a fall, or one that dwarfs what was taken for it
			enter, before, deepest = t.x, last, level
		case enter >= 0 && t.rise && level >= deepest+m.Recover*(before-deepest):
			mark(enter, t.x+1)
			enter = -1
		case enter >= 0:
			deepest = min(deepest, level)
		}
		last = level
	}
	if enter >= 0 && b == len(row.v) { // the picture ends inside a bone
		mark(enter, b)
	}
}

// firstOf is the column of the first turn, otherwise when there is none.
func firstOf(turns []turn, otherwise int) int {
	if len(turns) == 0 {
		return otherwise
	}
	return turns[0].x
}

// withoutSkin drops the fall into the body and the rise out of it.
func (m RowFluctuation) withoutSkin(turns []turn, a, b, w int) []turn {
	for len(turns) > 0 && a > 0 && !turns[0].rise && turns[0].x < a+m.Skin {
		turns = turns[1:]
	}
	for n := len(turns); n > 0 && b < w && turns[n-1].rise && turns[n-1].x >= b-m.Skin; n = len(turns) {
		turns = turns[:n-1]
	}
	return turns
}
