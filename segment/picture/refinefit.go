package picture

import "sync"

// fitted is the number of fitted classes; the last class gets the remainder to 1.
const fitted = Classes - 1

// The planes that are summed over windows: weighted by the exposed share of each cell, 1, the
// guide and its square, and for each fitted class the product of guide and probability and the
// probability. Then, for each fitted class, the slope and the offset of the linear function.
const (
	ofOne = iota
	ofGuide
	ofSquare
	ofClass // two planes for each class

	moments      = ofClass + 2*fitted
	coefficients = 2 * fitted
)

// fit are the planes from which linear functions are fitted, one value per cell.
type fit struct {
	cells
	radius      [2]int    // of the windows, in rows and columns
	epsilon     float32   // see GuidedFilter
	guide       []float32 // 0..1
	weight      []float32 // exposed share
	probability []float32 // Classes×rows×cols; filter replaces them
}

// planes are buffers of filter; they are large and used once per picture.
type planes struct{ values []float32 }

var spare = sync.Pool{New: func() any { return new(planes) }}

// of returns k planes of n values, which have any values.
func (p *planes) of(k, n int) [][]float32 {
	if len(p.values) < k*n {
		p.values = make([]float32, k*n)
	}
	out := make([][]float32, k)
	for i := range out {
		out[i] = p.values[i*n:][:n]
	}
	return out
}

// leastWeight is the exposed part of a window, in cells, below which it is not fitted.
const leastWeight = 0.5

// filter refines the probabilities.
func (t *fit) filter() {
	buffer, _ := spare.Get().(*planes)
	defer spare.Put(buffer)
	all := buffer.of(moments+coefficients+1, t.rows*t.cols)
	sums, functions, weight := all[:moments], all[moments:][:coefficients], all[moments+coefficients]
	t.across(t.radius[1], sums, t.products)
	t.down(t.radius[0], sums, func(first, n int, sums [][stripe]float64) {
		t.solve(first, n, sums, functions, weight)
	})
	sums = sums[:coefficients]
	t.across(t.radius[1], sums, func(first, _ int, rows [][]float32) [][]float32 {
		for k, f := range functions {
			rows[k] = f[first:]
		}
		return rows
	})
	t.down(t.radius[0], sums, func(first, n int, sums [][stripe]float64) { t.apply(first, n, sums, weight) })
}

// products sets rows to the weighted products of n cells from first on.
func (t *fit) products(first, n int, rows [][]float32) [][]float32 {
	one, guided, square := rows[ofOne][:n], rows[ofGuide][:n], rows[ofSquare][:n]
	weight, guide := t.weight[first:][:n], t.guide[first:][:n]
	for i, w := range weight {
		v := guide[i]
		one[i], guided[i], square[i] = w, w*v, w*v*v
	}
	for c := range fitted {
		product, mean := rows[ofClass+2*c][:n], rows[ofClass+2*c+1][:n]
		for i, p := range t.probability[c*t.rows*t.cols+first:][:n] {
			product[i], mean[i] = guided[i]*p, one[i]*p
		}
	}
	return rows
}

// solve fits the linear functions of the windows around n cells from first on, and multiplies
// them by the cells' weights. total gets the weight of the windows.
func (t *fit) solve(first, n int, sums [][stripe]float64, functions [][]float32, total []float32) {
	total, weight := total[first:][:n], t.weight[first:][:n]
	for c := range fitted {
		slope, offset := functions[2*c][first:][:n], functions[2*c+1][first:][:n]
		for x := range total {
			all := float32(sums[ofOne][x])
			total[x] = all
			if all < leastWeight {
				slope[x], offset[x] = 0, 0
				continue
			}
			product, p := float32(sums[ofClass+2*c][x])/all, float32(sums[ofClass+2*c+1][x])/all
			mean := float32(sums[ofGuide][x]) / all
			variance := max(0, float32(sums[ofSquare][x])/all-mean*mean)
			a := (product - mean*p) / (variance + t.epsilon)
			slope[x], offset[x] = weight[x]*a, weight[x]*(p-a*mean)
		}
	}
}

// apply sets the probabilities of n cells from first on to those of the mean of the functions
// of all windows that contain the cell, whose sums and total weight it gets.
func (t *fit) apply(first, n int, sums [][stripe]float64, total []float32) {
	total, guide, area := total[first:][:n], t.guide[first:][:n], t.rows*t.cols
	p, q, r := t.probability[first:][:n], t.probability[area+first:][:n], t.probability[2*area+first:][:n]
	for x, all := range total {
		a, b := p[x], q[x]
		if all >= leastWeight {
			a = (float32(sums[0][x])*guide[x] + float32(sums[1][x])) / all
			b = (float32(sums[2][x])*guide[x] + float32(sums[3][x])) / all
		}
		p[x], q[x], r[x] = distribution(a, b, 1-a-b)
	}
}

// distribution turns values that sum to 1 into probabilities: a linear function may leave 0..1.
func distribution(a, b, c float32) (float32, float32, float32) {
	if a >= 0 && b >= 0 && c >= 0 {
		return a, b, c
	}
	a, b, c = max(0, a), max(0, b), max(0, c)
	sum := a + b + c
	return a / sum, b / sum, c / sum
}
