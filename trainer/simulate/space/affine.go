package space

// Affine maps voxel indices to millimetres or back: p = Origin + Σ Axes[k]·index[k].
type Affine struct {
	Axes   [3]Vec // step in mm of each index
	Origin Vec    // of index 0, 0, 0
}

// Turn maps a direction: At without Origin.
func (a Affine) Turn(p Vec) Vec {
	return a.Axes[0].Mul(p[0]).Add(a.Axes[1].Mul(p[1])).Add(a.Axes[2].Mul(p[2]))
}

// At maps a point.
func (a Affine) At(p Vec) Vec { return a.Turn(p).Add(a.Origin) }

// Det returns the determinant: the volume of a voxel in mm³, negative if the axes are
// left-handed.
func (a Affine) Det() float64 { return a.Axes[0].Dot(a.Axes[1].Cross(a.Axes[2])) }

// Inverse returns the inverse map; Det() must not be 0.
func (a Affine) Inverse() Affine {
	d := 1 / a.Det()
	rows := [3]Vec{a.Axes[1].Cross(a.Axes[2]).Mul(d), a.Axes[2].Cross(a.Axes[0]).Mul(d), a.Axes[0].Cross(a.Axes[1]).Mul(d)}
	var out Affine
	for k := range 3 {
		out.Axes[k] = Vec{rows[0][k], rows[1][k], rows[2][k]}
	}
	out.Origin = out.Turn(a.Origin).Mul(-1)
	return out
}
