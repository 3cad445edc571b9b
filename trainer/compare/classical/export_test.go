package classical

// What the tests look at from outside.
var (
	Canny        = canny
	Sobel        = sobel
	LocalEntropy = localEntropy
	Noise        = noise
	Islands      = removeIslands
	Components   = components
)

// FitPlane returns the values of the second-order surface fitted to a picture of
// one region, and whether it is determined; the other tissue is given by half.
func FitPlane(p Picture) (fitted []float64, ok bool) {
	g := &regions{picture: p, of: make([]int, len(p.V)), count: 2}
	for i := range g.of {
		g.of[i] = i % 2
	}
	fits, ok := g.fit([]bool{false, true})
	for i := range p.V {
		fitted = append(fitted, fits[i%2].at(terms(i, p.Height, p.Width)))
	}
	return fitted, ok
}

// Grow returns the region of each pixel, −1 in the open beam, after growing and
// merging.
func (m Clustering) Grow(p Picture, air []bool) []int {
	g := m.grow(p, air)
	g.mergeSmall(m.MinRegion)
	return g.of
}

// TwoMeans cuts sorted values with weights into two classes.
func TwoMeans(values, weights []float64) int {
	var c []cluster
	for i, v := range values {
		c = append(c, cluster{region: i, n: weights[i], sum: v * weights[i]})
	}
	return twoMeans(c)
}
