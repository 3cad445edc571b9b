package field_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// collimated is a synthetic exposure: a limb with a bone in a rotated rectangle, with penumbra,
// scatter into the border, quantum noise and a logarithmic or linear curve.
type collimated struct {
	rows, cols int
	pix        []float32
	truth      []bool // pixels with at least 80 % of the beam
	open       []bool // pixels of truth with nothing in the beam
}

// expose draws a case from seed; without blades the whole frame is exposed.
func expose(seed uint64, blades bool) collimated {
	r := rand.New(rand.NewPCG(seed, 17))
	uni := func(a, b float64) float64 { return a + (b-a)*r.Float64() }
	c := collimated{rows: 300 + r.IntN(200), cols: 260 + r.IntN(200)}
	turn := r.NormFloat64() * 0.03
	if r.IntN(4) == 0 {
		turn = uni(-0.7, 0.7)
	}
	var edge [4]float64
	for k := range edge {
		edge[k] = 9
		if blades && (r.IntN(2) == 0 || k == 3) {
			edge[k] = uni(0.45, 0.92)
		}
	}
	penumbra, leak, scatter := uni(0.003, 0.03), uni(0.001, 0.05), uni(0, 0.05)
	limb, slant, width, bone := uni(-0.4, 0.4), uni(-0.5, 0.5), uni(0.15, 0.4), uni(0.04, 0.1)
	noise, bend, log := uni(0.001, 0.01), uni(0.01, 0.05), r.IntN(2) == 0
	for y := range c.rows {
		for x := range c.cols {
			u, v := 2*float64(x)/float64(c.cols)-1, 2*float64(y)/float64(c.rows)-1
			p := math.Abs(u - limb - slant*v - bend*math.Sin(3*v))
			path := 1.6 * math.Sqrt(max(0, 1-p*p/width/width))
			path += 1.4 * math.Sqrt(max(0, 1-p*p/bone/bone))
			a, b := u*math.Cos(turn)+v*math.Sin(turn), v*math.Cos(turn)-u*math.Sin(turn)
			beam, far := 1.0, 0.0
			for k, q := range [4]float64{a, -a, b, -b} {
				beam /= 1 + math.Exp(min(max((q-edge[k])/penumbra*2, -30), 30))
				far = max(far, q-edge[k])
			}
			i := math.Exp(-path)*beam + (1-beam)*(leak+scatter*math.Exp(-max(0, far)/0.2))
			i = max(1e-4, i+noise*math.Sqrt(i)*r.NormFloat64())
			if log {
				i = math.Log(i)
			}
			c.pix = append(c.pix, float32(i*1000))
			c.truth = append(c.truth, beam >= 0.8)
			c.open = append(c.open, beam >= 0.8 && path == 0)
		}
	}
	return c
}

// FIELD_CASES=100 runs the cases that the documentation quotes.
func TestFieldOnSyntheticImages(t *testing.T) {
	for _, blades := range []bool{true, false} {
		cases := uint64(8)
		if n, err := strconv.ParseUint(os.Getenv("FIELD_CASES"), 10, 32); err == nil && n > 0 {
			cases = n
		}
		var sum, lost float64
		good, losing := 0, 0
		for seed := range cases {
			c := expose(seed, blades)
			field, rec := straight(c.pix, c.rows, c.cols)
			s := score(field, c.truth, c.open)
			sum, lost = sum+s.iou, lost+s.lost
			if s.iou >= 0.95 {
				good++
			}
			if s.lost > 0.05 || s.iou < 0.9 {
				writeSheet(t, fmt.Sprintf("synthetic%03d", seed), c.pix, c.rows, c.cols, field, c.truth, c.truth)
			}
			if s.lost > 0.01 {
				losing++
				t.Logf("seed %d, collimated %v: %s, IoU %.3f, open beam lost %.4f", seed, blades, rec.Method, s.iou, s.lost)
			}
		}
		n := float64(cases)
		t.Logf("collimated %v: mean IoU %.4f, %d of %d ≥ 0.95, mean open beam lost %.4f, %d lose more than 1 %%",
			blades, sum/n, good, cases, lost/n, losing)
		if !blades && losing > 0 || lost > 0.01*n || sum < leastMeanIoU*n {
			t.Errorf("collimated %v: mean IoU %.4f, want ≥ %v; mean open beam lost %.4f, want ≤ 0.01, none without collimation",
				blades, sum/n, leastMeanIoU, lost/n)
		}
	}
}

const leastMeanIoU = 0.9
