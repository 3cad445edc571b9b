package evaluate

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"dicomnode/trainer/dataset"
)

// Case is an image for the report, downsampled to at most caseSide pixels.
type Case struct {
	Image
	Height, Width int
	Grey          []uint8 // Height×Width, open beam dark as radiographs are read
	Label         []uint8 // Height×Width classes
	Prediction    []uint8 // Height×Width classes, also where the label is Ignore
}

// caseSide is the longer side of a Case.
const caseSide = 320

// gallery keeps the worst cases, and as many drawn at random.
type gallery struct {
	size   int
	seen   int
	random *rand.Rand
	worst  []Case // ascending accuracy
	drawn  []Case
}

func newGallery(opt Options) *gallery {
	return &gallery{size: max(0, opt.Cases), random: rand.New(rand.NewPCG(opt.Seed, 0x63617365))} // "case"
}

// offer keeps the image if it is among the worst, or drawn (reservoir sampling).
func (g *gallery) offer(row Image, p *dataset.Picture, prediction []uint8) {
	if row.Pixels == 0 || g.size == 0 {
		return
	}
	g.seen++
	at := g.random.IntN(g.seen)
	bad := len(g.worst) < g.size || row.Accuracy < g.worst[len(g.worst)-1].Accuracy
	if !bad && len(g.drawn) == g.size && at >= g.size {
		return
	}
	c := newCase(row, p, prediction)
	switch {
	case len(g.drawn) < g.size:
		g.drawn = append(g.drawn, c)
	case at < g.size:
		g.drawn[at] = c
	}
	if bad {
		g.worst = append(g.worst, c)
		slices.SortStableFunc(g.worst, func(a, b Case) int { return cmp.Compare(a.Accuracy, b.Accuracy) })
		g.worst = g.worst[:min(len(g.worst), g.size)]
	}
}

// sample is what was drawn, by id.
func (g *gallery) sample() []Case {
	slices.SortFunc(g.drawn, func(a, b Case) int { return cmp.Compare(a.ID, b.ID) })
	return g.drawn
}

func newCase(row Image, p *dataset.Picture, prediction []uint8) Case {
	long := max(p.Rows, p.Cols)
	side := min(long, caseSide)
	c := Case{Image: row, Height: max(1, p.Rows*side/long), Width: max(1, p.Cols*side/long)}
	n := c.Height * c.Width
	c.Grey, c.Label, c.Prediction = make([]uint8, n), make([]uint8, n), make([]uint8, n)
	low, high := window(p.Pix)
	for y := range c.Height {
		y0, y1 := y*p.Rows/c.Height, (y+1)*p.Rows/c.Height
		for x := range c.Width {
			x0, x1 := x*p.Cols/c.Width, (x+1)*p.Cols/c.Width
			i, centre := y*c.Width+x, (y0+y1)/2*p.Cols+(x0+x1)/2
			c.Grey[i] = uint8(255 * (1 - min(max((mean(p, y0, y1, x0, x1)-low)/(high-low), 0), 1)))
			c.Label[i], c.Prediction[i] = p.Label[centre], prediction[centre]
		}
	}
	return c
}

func mean(p *dataset.Picture, y0, y1, x0, x1 int) float32 {
	var sum float32
	for y := y0; y < y1; y++ {
		for _, v := range p.Pix[y*p.Cols+x0 : y*p.Cols+x1] {
			sum += v
		}
	}
	return sum / float32((y1-y0)*(x1-x0))
}

// window is the range of pix (0..1) but for the outermost half per cent on each
// side, to a thousandth; never empty.
func window(pix []float32) (low, high float32) {
	const steps = 1000
	var count [steps + 1]int
	for _, v := range pix {
		count[int(steps*min(max(v, 0), 1))]++
	}
	from, to := 0, steps
	for sum := count[from]; sum*200 < len(pix); sum += count[from] {
		from++
	}
	for sum := count[to]; sum*200 < len(pix); sum += count[to] {
		to--
	}
	return float32(from) / steps, float32(max(to, from)+1) / steps
}
