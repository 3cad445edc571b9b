package field_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/segment/field"
	"dicomnode/segment/picture"
)

// sees predicts, with certainty, the pixels of the 200×200 for which it returns true as
// exposed.
type sees func(row, col int) bool

func (f sees) Predict(ctx context.Context, x []float32) ([]float32, error) {
	return unexposed(func(row, col int) float32 {
		if f(row, col) {
			return 0
		}
		return 1
	}).Predict(ctx, x)
}

// unexposed is a prediction: the probability at each of the 200×200 pixels.
type unexposed func(row, col int) float32

func (f unexposed) Predict(context.Context, []float32) ([]float32, error) {
	const n = picture.Side * picture.Side
	p := make([]float32, picture.Classes*n)
	for i := range n {
		p[i] = f(i/picture.Side, i%picture.Side)
		p[n+i] = 1 - p[i]
	}
	return p, nil
}

// grain returns a picture without information or flat regions.
func grain(rows, cols int) []float32 {
	random := rand.New(rand.NewPCG(1, 2))
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = random.Float32()
	}
	return pix
}

func TestFieldByNetwork(t *testing.T) {
	const rows, cols = 300, 600 // 100×200 from row 50 of the network's picture
	for name, c := range map[string]struct {
		seen    sees
		method  string
		in, out [2]int
	}{
		"left half":    {func(_, x int) bool { return x < 100 }, "network", [2]int{10, 290}, [2]int{290, 310}},
		"metal inside": {func(y, x int) bool { return x < 100 && (y < 90 || y > 110 || x < 40 || x > 60) }, "network", [2]int{150, 150}, [2]int{150, 310}},
		"two fields":   {func(_, x int) bool { return x < 90 || x > 110 }, "network", [2]int{150, 590}, [2]int{150, 300}},
		"speck":        {func(y, x int) bool { return x < 100 || y > 60 && y < 70 && x > 150 && x < 160 }, "network", [2]int{5, 5}, [2]int{46, 465}},
		"rim alone":    {func(_, x int) bool { return x > 0 }, "network", [2]int{0, 30}, [2]int{150, 0}},
		"next to none": {func(_, x int) bool { return x < 15 }, "none", [2]int{150, 590}, [2]int{-1, 0}},
		"all":          {func(_, x int) bool { return true }, "none", [2]int{0, 0}, [2]int{-1, 0}},
		"padding":      {func(y, _ int) bool { return y >= 50 && y < 150 }, "none", [2]int{0, 0}, [2]int{-1, 0}},
	} {
		field, rec, err := find(field.Finder{Predict: c.seen.Predict, Model: "f1"}, grain(rows, cols), rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Method != c.method || rec.Model != "f1" {
			t.Errorf("%s: %+v, want by %s", name, rec, c.method)
		}
		if !field[c.in[0]*cols+c.in[1]] || c.out[0] >= 0 && field[c.out[0]*cols+c.out[1]] {
			t.Errorf("%s: row and column %v not in the field, or %v in it", name, c.in, c.out)
		}
	}
}

// A flat region gets a uniform prediction, which does not spread across an edge.
func TestFieldFollowsThePicture(t *testing.T) {
	const side = 200
	pix := make([]float32, side*side)
	for i := range pix {
		if i%side < 80 {
			pix[i] = 1
		}
	}
	torn := sees(func(y, x int) bool { return x >= 80 || x > 55 && x < 60 && y < 12 || y > 190 && x < 8 })
	field, _, err := find(field.Finder{Predict: torn.Predict}, pix, side, side)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range field {
		if x := i % side; in != (x >= 80) && (x < 76 || x > 83) {
			t.Fatalf("row %d, column %d in the field: %v", i/side, i%side, in)
		}
	}
}

// A straight border removes pixels of which the network is uncertain, not those of which it is
// certain. The network removes pixels inside straight borders.
func TestFieldOfNetworkAndBorders(t *testing.T) {
	const side = 200
	pix := grain(side, side)
	for i := range pix {
		switch col := i % side; {
		case col < 20:
			pix[i] = 0
		case col < 50: // a step that stops the smoothing
			pix[i] = 100 + 100*pix[i]
		default:
			pix[i] = 2000 + 100*pix[i]
		}
	}
	from := func(least int, before, after float32) unexposed {
		return func(_, col int) float32 {
			if col < least {
				return before
			}
			return after
		}
	}
	for name, c := range map[string]struct {
		answer unexposed
		method string
		first  int // first column of the field
	}{
		"no network":      {nil, "image", 50},
		"sure of all":     {from(0, 0, 0.02), "none", 0},
		"sure from 20":    {from(20, 1, 0.02), "network", 20},
		"doubts from 20":  {from(20, 1, 0.3), "image", 50},
		"sees more of it": {from(80, 1, 0.3), "network", 80},
	} {
		f := field.Finder{}
		if c.answer != nil {
			f.Predict = c.answer.Predict
		}
		field, rec, err := find(f, pix, side, side)
		if err != nil {
			t.Fatal(err)
		}
		first := slices.Index(field[100*side:101*side], true)
		if rec.Method != c.method || first < c.first-2 || first > c.first+2 {
			t.Errorf("%s: from column %d by %s, want %d by %s", name, first, rec.Method, c.first, c.method)
		}
	}
}
