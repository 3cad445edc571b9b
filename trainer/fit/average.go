package fit

// average is an exponential moving average of the parameters. Young averages
// forget faster, so the random start does not linger.
type average struct {
	decay  float64
	values []float32
}

// newAverage starts at p.
func newAverage(decay float64, p []float32) *average {
	return &average{decay: decay, values: clone(p)}
}

// add takes the parameters after a step (1, 2, …) in. The conversions keep products
// from being fused into the sum, which the graph of several steps does not do.
func (a *average) add(p []float32, step int) {
	d := a.decayAt(step)
	for i, v := range p {
		a.values[i] = float32(d*a.values[i]) + float32((1-d)*v)
	}
}

func (a *average) decayAt(step int) float32 {
	return float32(min(a.decay, float64(1+step)/float64(10+step)))
}
