package step

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

// checkGraph compares the output of the graph that build makes of named inputs c×h×h
// (batch 2) with want, in both plain layouts.
func checkGraph(t *testing.T, what string, build func(n *network) string, inputs map[string]*value, data map[string][]float32, want []float64, tolerance float64) {
	t.Helper()
	for _, l := range []layout{{batch: 2}, {batch: 2, channelMajor: true}} {
		got := graphOf(t, l, build, inputs, data, len(want))
		sameValues(t, fmt.Sprintf("%s, channel-major %t", what, l.channelMajor), got, want, tolerance)
	}
}

// imageMajor is the map x, which a graph puts out, as batch×c×h×h.
func (n *network) imageMajor(x string) string {
	if !n.channelMajor {
		return x
	}
	return n.Node("Transpose", onnx.Attrs{"perm": []int{1, 0, 2, 3}}, x)
}

// graphOf runs a graph that build makes of named inputs batch×c×h×h, which it gets
// in the layout l, and returns its output "out" of length values.
func graphOf(t *testing.T, l layout, build func(n *network) string, inputs map[string]*value, data map[string][]float32, length int) []float32 {
	t.Helper()
	needRuntime(t)
	n := &network{Resampler: &model.Resampler{Graph: onnx.NewGraph("test")}, layout: l}
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
		v.name, v.grads = n.Input(name, onnx.Float32, dims...), nil
		if name != "w" {
			v.name = n.imageMajor(v.name) // the same permutation there and back
		}
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
	if err := session.Run(context.Background(), in, []*ort.Tensor{out}); err != nil {
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
	type way = func(*network, model.Block, []*value, string) string
	ways := map[layout]map[string]way{
		{batch: 2}:                     {"patches": (*network).kernelGradPatches, "rows": (*network).kernelGradRows, "once": (*network).kernelGradOnce},
		{batch: 2, channelMajor: true}: {"stacked": (*network).kernelGradStacked},
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
		for at, list := range ways {
			for name, way := range list {
				v, d := &value{c: in, h: h}, &value{c: out, h: h}
				got := graphOf(t, at, func(n *network) string { return way(n, l, []*value{v}, d.name) },
					map[string]*value{"x": v, "g": d}, data, len(kernel))
				sameValues(t, fmt.Sprintf("%s, side %d", name, side), got, kernel, 1e-4)
			}
		}
		d, k := &value{c: out, h: h}, &value{c: in, h: side}
		checkGraph(t, fmt.Sprintf("input, side %d", side), func(n *network) string {
			return n.imageMajor(n.plainConv(same(side, after, before), d.name, n.turned(k.name)))
		}, map[string]*value{"g": d, "w": k}, data, back, 1e-4)
	}
}

// TestResolutionGradients compares Unpool, and what Pool, Up and Unpool send
// back, with their definition, for an even and an odd number of rows.
func TestResolutionGradients(t *testing.T) {
	for _, h := range []int{6, 5} {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			checkPool(t, h)
			checkUp(t, h)
			checkUnpool(t, h)
		})
	}
}

// squares calls visit for each value of a map that has one for each 2×2 of a map
// with h rows and two channels: with its index, image, channel, row and column.
func squares(h int, visit func(i, b, c, row, col int)) {
	half := (h + 1) / 2
	for i := range 2 * 2 * half * half {
		visit(i, i/(2*half*half), i/(half*half)%2, i/half%half, i%half)
	}
}

// checkPool draws maps in which many maxima are equal: they share the gradient.
func checkPool(t *testing.T, h int) {
	r := random(6, uint64(h))
	few := func() float32 { return float32(r.IntN(3)) }
	normal := func() float32 { return float32(r.NormFloat64()) }
	x, g := randomGrid(r, 2, h, few), randomGrid(r, 2, (h+1)/2, normal)
	want := make([]float64, len(x.v))
	squares(h, func(i, b, c, row, col int) {
		places := largest(x, b, c, row, col, 0)
		for _, p := range places {
			want[((b*2+c)*h+p[0])*h+p[1]] = float64(g.v[i]) / float64(len(places))
		}
	})
	full, d := &value{c: 2, h: h}, &value{c: 2, h: g.h}
	checkGraph(t, "pool", func(n *network) string { return n.back(n.Pool(full), d, full) },
		map[string]*value{"x": full, "g": d}, map[string][]float32{"x": x.v, "g": g.v}, want, 1e-6)
}

func checkUp(t *testing.T, h int) {
	r := random(7, uint64(h))
	normal := func() float32 { return float32(r.NormFloat64()) }
	x, g := randomGrid(r, 2, (h+1)/2, normal), randomGrid(r, 2, h, normal)
	want := make([]float64, len(x.v))
	squares(h, func(i, b, c, row, col int) {
		for j := range 4 {
			want[i] += g.at(b, c, 2*row+j/2, 2*col+j%2)
		}
	})
	small, d := &value{c: 2, h: x.h}, &value{c: 2, h: h}
	checkGraph(t, "up", func(n *network) string { return n.back(n.Up(small, d), d, small) },
		map[string]*value{"x": small, "g": d}, map[string][]float32{"x": x.v, "g": g.v}, want, 1e-5)
}

// checkUnpool draws maps in which many maxima are equal, or nearly.
func checkUnpool(t *testing.T, h int) {
	r := random(8, uint64(h))
	normal := func() float32 { return float32(r.NormFloat64()) }
	few := func() float32 { return float32(r.IntN(3)) + float32(r.IntN(2))*model.SameMaximum/2 }
	x, full, g := randomGrid(r, 2, (h+1)/2, normal), randomGrid(r, 2, h, few), randomGrid(r, 2, h, normal)
	forward, back := make([]float64, len(g.v)), make([]float64, len(x.v))
	squares(h, func(i, b, c, row, col int) {
		p, q := first(full, b, c, row, col, model.SameMaximum)
		forward[((b*2+c)*h+p)*h+q], back[i] = float64(x.v[i]), g.at(b, c, p, q)
	})
	small, f, d := &value{c: 2, h: x.h}, &value{c: 2, h: h}, &value{c: 2, h: h}
	inputs, data := map[string]*value{"x": small, "full": f, "g": d}, map[string][]float32{"x": x.v, "full": full.v, "g": g.v}
	unpool := func(n *network) *value { return n.Unpool(small, f, &value{name: n.Halve(f.name, h), c: 2, h: x.h}) }
	checkGraph(t, "unpool", func(n *network) string { return n.imageMajor(unpool(n).name) }, inputs, data, forward, 0)
	checkGraph(t, "back through unpool", func(n *network) string { return n.back(unpool(n), d, small) }, inputs, data, back, 1e-5)
}

// first is the first place of largest.
func first(a grid, b, c, row, col int, within float64) (int, int) {
	p := largest(a, b, c, row, col, within)[0]
	return p[0], p[1]
}

// largest are the places of the values of a 2×2 square that are at most within
// below its maximum.
func largest(a grid, b, c, row, col int, within float64) [][2]int {
	var places [][2]int
	most := math.Inf(-1)
	for j := range 4 {
		if y, z := 2*row+j/2, 2*col+j%2; y < a.h && z < a.h {
			places, most = append(places, [2]int{y, z}), max(most, a.at(b, c, y, z))
		}
	}
	return slices.DeleteFunc(places, func(p [2]int) bool { return a.at(b, c, p[0], p[1]) < most-within })
}

// back is the gradient that reaches x when g is that of out.
func (n *network) back(out, g, x *value) string {
	out.grads = []string{g.name}
	n.sweep()
	return n.imageMajor(n.gradOf(x))
}
