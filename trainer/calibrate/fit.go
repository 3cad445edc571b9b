package calibrate

import (
	"errors"
	"math"

	"dicomnode/trainer/dataset"
)

// What callers branch on.
var (
	// ErrEmpty is returned for pictures without a labelled pixel.
	ErrEmpty = errors.New("calibrate: no labelled pixel")
	// ErrContradiction is returned if the labels are most likely where the network considers
	// them unlikely, so that no scaling helps.
	ErrContradiction = errors.New("calibrate: the labels contradict the predictions; is the network trained, and on such images?")
)

const (
	iterations = 50
	converged  = 1e-7 // greatest change of a number
	ridge      = 1e-4 // weight of the squared distance from Identity, so that perfect predictions do not ask for infinite sharpness
)

// unknowns are Scale, Shift of open beam and Shift of bone.
type unknowns [3]float64

func (u unknowns) scaling() Scaling { return Scaling{u[0], [dataset.Classes]float64{u[1], 0, u[2]}} }

// Fit finds the scaling with the highest likelihood of the labels (lowest mean cross-entropy
// over the pixels of all pictures). The problem is convex; Newton's method needs a few steps.
// Scores on the same pictures are optimistic; LeaveOneOut estimates by how much.
func Fit(pictures []Picture) (Scaling, error) { return fitFrom(Identity, pictures) }

// fitFrom is Fit from a first guess.
func fitFrom(guess Scaling, pictures []Picture) (Scaling, error) {
	pixels := 0
	for _, p := range pictures {
		pixels += len(p.truth)
	}
	if pixels == 0 {
		return Scaling{}, ErrEmpty
	}
	u := unknowns{guess.Scale, guess.Shift[0], guess.Shift[2]}
	now := lossAt(u, pictures, pixels)
	for range iterations {
		step := now.newton()
		next := lossAt(u.minus(step, 1), pictures, pixels)
		fraction := 1.0
		for next.value > now.value && fraction > 1e-6 {
			fraction /= 2
			next = lossAt(u.minus(step, fraction), pictures, pixels)
		}
		u, now = u.minus(step, fraction), next
		if fraction*max(math.Abs(step[0]), math.Abs(step[1]), math.Abs(step[2])) < converged {
			break
		}
	}
	if u[0] <= 0 {
		return Scaling{}, ErrContradiction
	}
	return u.scaling(), nil
}

func (u unknowns) minus(step unknowns, fraction float64) unknowns {
	for i := range u {
		u[i] -= fraction * step[i]
	}
	return u
}

// loss is the mean cross-entropy at a point, with its derivatives.
type loss struct {
	value    float64
	gradient unknowns
	hessian  [3]unknowns
}

func lossAt(u unknowns, pictures []Picture, pixels int) loss {
	var l loss
	s := u.scaling()
	for _, p := range pictures {
		for i, truth := range p.truth {
			l.add(s, p.logits[i], truth)
		}
	}
	l.value /= float64(pixels)
	for i := range l.gradient {
		from := u[i]
		if i == 0 {
			from--
		}
		l.value += ridge / 2 * from * from
		l.gradient[i] = l.gradient[i]/float64(pixels) + ridge*from
		for j := range l.hessian[i] {
			l.hessian[i][j] /= float64(pixels)
		}
		l.hessian[i][i] += ridge
	}
	return l
}

// add adds one pixel: with q the scaled softmax and f(k) the derivatives of logit
// k by the unknowns, the gradient is Σ (q − truth)·f and the Hessian the
// covariance of f under q.
func (l *loss) add(s Scaling, logits [dataset.Classes]float32, truth uint8) {
	var q [dataset.Classes]float64
	top, sum := math.Inf(-1), 0.0
	for k, z := range logits {
		q[k] = s.Scale*float64(z) + s.Shift[k]
		top = max(top, q[k])
	}
	l.value += top - q[truth]
	for k := range q {
		q[k] = math.Exp(q[k] - top)
		sum += q[k]
	}
	l.value += math.Log(sum)
	f := [dataset.Classes]unknowns{{float64(logits[0]), 1, 0}, {float64(logits[1]), 0, 0}, {float64(logits[2]), 0, 1}}
	var mean unknowns
	for k := range f {
		q[k] /= sum
		for i := range mean {
			mean[i] += q[k] * f[k][i]
		}
	}
	for i := range mean {
		l.gradient[i] += mean[i] - f[truth][i]
		for j := range mean {
			for k := range f {
				l.hessian[i][j] += q[k] * (f[k][i] - mean[i]) * (f[k][j] - mean[j])
			}
		}
	}
}

// newton solves hessian·step = gradient by Gaussian elimination; the ridge makes
// the matrix positive definite, so that no pivoting is needed.
func (l loss) newton() unknowns {
	h, step := l.hessian, l.gradient
	for i := range h {
		for j := i + 1; j < len(h); j++ {
			factor := h[j][i] / h[i][i]
			for k := i; k < len(h); k++ {
				h[j][k] -= factor * h[i][k]
			}
			step[j] -= factor * step[i]
		}
	}
	for i := len(h) - 1; i >= 0; i-- {
		for k := i + 1; k < len(h); k++ {
			step[i] -= h[i][k] * step[k]
		}
		step[i] /= h[i][i]
	}
	return step
}
