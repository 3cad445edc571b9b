package fit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dicomnode/model"
	"dicomnode/model/onnx"
	"dicomnode/model/ort"
)

// graphOf runs a graph that build makes of named inputs c×h×h (batch 2), and
// returns its output "out" of length values.
func graphOf(t *testing.T, build func(n *network) string, inputs map[string]*value, data map[string][]float32, length int) []float32 {
	t.Helper()
	needRuntime(t)
	n := &network{Resampler: &model.Resampler{Graph: onnx.NewGraph("test")}, batch: 2}
	var names []string
	var in []*ort.Tensor
	for _, name := range []string{"w", "x", "full", "g"} {
		v, ok := inputs[name]
		if !ok {
			continue
		}
		dims := []int{n.batch, v.c, v.h, v.h}
		if name == "w" {
			dims = []int{len(data["w"]) / (v.c * v.h * v.h), v.c, v.h, v.h}
		}
		v.name = n.Input(name, onnx.Float32, dims...)
		tensor, err := ort.NewTensor(dims...)
		if err != nil {
			t.Fatal(err)
		}
		defer close0(t, tensor)
		copy(tensor.Data(), data[name])
		names, in = append(names, name), append(in, tensor)
	}
	n.NodeTo("out", "Reshape", nil, build(n), n.ints(-1))
	n.Output("out", onnx.Float32, length)
	out, err := ort.NewTensor(length)
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, out)
	session, err := ort.NewSession(n.Model(nil), names, []string{"out"}, ort.Options{Device: ort.CPU, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer close0(t, session)
	if err := session.RunContext(context.Background(), in, []*ort.Tensor{out}); err != nil {
		t.Fatal(err)
	}
	return clone(out.Data())
}

// grid reads batch×c×h×h values, zero outside the map.
type grid struct {
	c, h int
	v    []float32
}

func (a grid) at(b, c, row, col int) float64 {
	if row < 0 || col < 0 || row >= a.h || col >= a.h {
		return 0
	}
	return float64(a.v[((b*a.c+c)*a.h+row)*a.h+col])
}

func randomGrid(r *rand.Rand, c, h int, draw func() float32) grid {
	a := grid{c, h, make([]float32, 2*c*h*h)}
	for i := range a.v {
		a.v[i] = draw()
	}
	return a
}

func sameValues(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= tolerance) {
			t.Fatalf("%s: value %d is %g, want %g", what, i, got[i], v)
		}
	}
}

// TestConvolutionGradients compares each way of making a kernel's gradient, and
// the gradient of the input, with their definition in float64.
func TestConvolutionGradients(t *testing.T) {
	const in, out, h = 3, 4, 6
	ways := map[string]func(*network, model.Block, *value, string) string{
		"patches": (*network).kernelGradPatches, "rows": (*network).kernelGradRows, "once": (*network).kernelGradOnce,
	}
	for _, side := range []int{1, 2, 3, 7} {
		l := model.Block{In: in, Out: out, Side: side}
		before, after := l.Pads()
		r := random(5, uint64(side))
		normal := func() float32 { return float32(r.NormFloat64()) }
		x, g := randomGrid(r, in, h, normal), randomGrid(r, out, h, normal)
		w := make([]float32, out*in*side*side)
		for i := range w {
			w[i] = normal()
		}
		kernel, back := make([]float64, len(w)), make([]float64, len(x.v))
		for i := range kernel {
			o, c, row, col := i/(in*side*side), i/(side*side)%in, i/side%side-before, i%side-before
			for k := range 2 * h * h {
				b, p, q := k/(h*h), k/h%h, k%h
				kernel[i] += g.at(b, o, p, q) * x.at(b, c, p+row, q+col)
			}
		}
		for i := range back {
			b, c, p, q := i/(in*h*h), i/(h*h)%in, i/h%h, i%h
			for k := range out * side * side {
				o, row, col := k/(side*side), k/side%side-before, k%side-before
				back[i] += g.at(b, o, p-row, q-col) * float64(w[((o*in+c)*side+row+before)*side+col+before])
			}
		}
		data := map[string][]float32{"x": x.v, "g": g.v, "w": w}
		for name, way := range ways {
			v, d := &value{c: in, h: h}, &value{c: out, h: h}
			got := graphOf(t, func(n *network) string { return way(n, l, v, d.name) },
				map[string]*value{"x": v, "g": d}, data, len(kernel))
			sameValues(t, fmt.Sprintf("%s, side %d", name, side), got, kernel, 1e-4)
		}
		d, k := &value{c: out, h: h}, &value{c: in, h: side}
		got := graphOf(t, func(n *network) string { return n.Node("Conv", same(side, after, before), d.name, n.turned(k.name)) },
			map[string]*value{"g": d, "w": k}, data, len(back))
		sameValues(t, fmt.Sprintf("input, side %d", side), got, back, 1e-4)
	}
}

// TestResolutionGradients compares what Pool, Up and Unpool send back with their
// definition, for an even and an odd number of rows.
func TestResolutionGradients(t *testing.T) {
	for _, h := range []int{6, 5} {
		const c = 2
		half := (h + 1) / 2
		r := random(6, uint64(h))
		normal := func() float32 { return float32(r.NormFloat64()) }
		few := func() float32 { return float32(r.IntN(3)) + float32(r.IntN(2))*model.SameMaximum/2 } // many equal maxima, or nearly
		small, full, g := randomGrid(r, c, half, normal), randomGrid(r, c, h, few), randomGrid(r, c, h, normal)
		down := randomGrid(r, c, half, normal)
		distinct := randomGrid(r, c, h, normal)

		up, unpool, pool := make([]float64, len(small.v)), make([]float64, len(small.v)), make([]float64, len(distinct.v))
		forward := make([]float64, len(g.v))
		for i := range up {
			b, k, row, col := i/(c*half*half), i/(half*half)%c, i/half%half, i%half
			for j := range 4 {
				up[i] += g.at(b, k, 2*row+j/2, 2*col+j%2)
			}
			p, q := first(full, b, k, row, col, model.SameMaximum)
			unpool[i] = g.at(b, k, p, q)
			forward[((b*c+k)*h+p)*h+q] = float64(small.v[i])
			p, q = first(distinct, b, k, row, col, 0)
			pool[((b*c+k)*h+p)*h+q] = float64(down.v[i])
		}
		x := func() *value { return &value{c: c, h: half} }
		wide := func() *value { return &value{c: c, h: h} }

		a, f, d := x(), wide(), wide()
		got := graphOf(t, func(n *network) string {
			out := n.Up(a, f)
			return n.back(out, d, a)
		}, map[string]*value{"x": a, "full": f, "g": d}, map[string][]float32{"x": small.v, "full": full.v, "g": g.v}, len(up))
		sameValues(t, fmt.Sprint("up to ", h), got, up, 1e-5)

		a, f, d = x(), wide(), wide()
		inputs, data := map[string]*value{"x": a, "full": f, "g": d}, map[string][]float32{"x": small.v, "full": full.v, "g": g.v}
		unpooled := func(n *network) *value { return n.Unpool(a, f, &value{name: n.Halve(f.name, h), c: c, h: half}) }
		got = graphOf(t, func(n *network) string { return n.back(unpooled(n), d, a) }, inputs, data, len(unpool))
		sameValues(t, fmt.Sprint("unpool to ", h), got, unpool, 1e-5)
		got = graphOf(t, func(n *network) string { return unpooled(n).name }, inputs, data, len(forward))
		sameValues(t, fmt.Sprint("unpooled ", h), got, forward, 0)

		f, d = wide(), x()
		got = graphOf(t, func(n *network) string { return n.back(n.Pool(f), d, f) },
			map[string]*value{"x": f, "g": d}, map[string][]float32{"x": distinct.v, "g": down.v}, len(pool))
		sameValues(t, fmt.Sprint("pool from ", h), got, pool, 0)
	}
}

// first is the place of the first value of a 2×2 square that is at most within
// below its maximum.
func first(a grid, b, c, row, col int, within float64) (int, int) {
	var places [][2]int
	largest := math.Inf(-1)
	for j := range 4 {
		if y, z := 2*row+j/2, 2*col+j%2; y < a.h && z < a.h {
			places, largest = append(places, [2]int{y, z}), max(largest, a.at(b, c, y, z))
		}
	}
	i := slices.IndexFunc(places, func(p [2]int) bool { return a.at(b, c, p[0], p[1]) >= largest-within })
	return places[i][0], places[i][1]
}

// back is the gradient that reaches x when g is that of out.
func (n *network) back(out, g, x *value) string {
	out.grads = []string{g.name}
	n.sweep()
	return n.gradOf(x)
}
