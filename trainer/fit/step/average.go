package step

// Average is an exponential moving Average of the parameters. Young averages
// forget faster, so the random start does not linger.
type Average struct {
	decay  float64
	Values []float32 // one per parameter
}

// NewAverage starts at p.
func NewAverage(decay float64, p []float32) *Average {
	return &Average{decay: decay, Values: clone(p)}
}

// add takes the parameters after a step (1, 2, …) in. The conversions keep products
// from being fused into the sum, which the graph of several steps does not do.
func (a *Average) add(p []float32, step int) {
	d := a.decayAt(step)
	for i, v := range p {
		a.Values[i] = float32(d*a.Values[i]) + float32((1-d)*v)
	}
}

func (a *Average) decayAt(step int) float32 {
	return float32(min(a.decay, float64(1+step)/float64(10+step)))
}
