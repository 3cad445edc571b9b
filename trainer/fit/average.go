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

// add takes the parameters after a step (1, 2, …) in.
func (a *average) add(p []float32, step int) {
	d := float32(min(a.decay, float64(1+step)/float64(10+step)))
	for i, v := range p {
		a.values[i] = d*a.values[i] + (1-d)*v
	}
}
