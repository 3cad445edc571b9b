package ct

import (
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// How far, in mm, a body is assumed to continue beyond a cut side of its volume: above and below,
// and at the sides, where arms are cut.
const (
	beyondCut  = 500
	beyondSide = 100
)

// fan measures a volume along rays from a camera's source. Voxels are between lo and hi
// (indices); the body continues beyond cut sides.
type fan struct {
	*volume
	cam    space.Camera
	lo, hi space.Vec
	far    [2]space.Vec // lo and hi, extended at the cut sides
	from   space.Vec    // source, as index
	step   float64
	y, z   int // distance of neighbouring voxels in v
}

func (v *volume) newFan(cam space.Camera) *fan {
	b := &fan{volume: v, cam: cam, from: v.toIndex.At(cam.Centre.Sub(cam.Dir.Mul(cam.Distance))), y: v.dim[0], z: v.dim[0] * v.dim[1]}
	b.step = max(v.spacing()*.7, .4)
	for k := range 3 {
		b.hi[k] = float64(v.dim[k]-1) - 1e-3
	}
	b.prolong()
	return b
}

func (b *fan) prolong() {
	b.far = [2]space.Vec{b.lo, b.hi}
	for k, cut := range b.cut {
		far := float64(beyondSide)
		if axis := b.toMM.Axes[k].Unit(); math.Abs(axis[2]) > .7 {
			far = beyondCut
		}
		out := far / b.toMM.Axes[k].Norm()
		if cut[0] {
			b.far[0][k] -= out
		}
		if cut[1] {
			b.far[1][k] += out
		}
	}
}

// span returns the part of the ray from+t·dir inside the box, t in mm; t0 ≥ t1 if there is
// none.
func span(from, dir, lo, hi space.Vec) (t0, t1 float64) {
	t0, t1 = 0, math.Inf(1)
	for k := range 3 {
		if math.Abs(dir[k]) < 1e-9 {
			if from[k] < lo[k] || from[k] > hi[k] {
				return 0, 0
			}
			continue
		}
		a, b := (lo[k]-from[k])/dir[k], (hi[k]-from[k])/dir[k]
		t0, t1 = max(t0, min(a, b)), min(t1, max(a, b))
	}
	return t0, t1
}

// measure returns the view of the fan's camera, without its part and side.
func (b *fan) measure() view.View {
	n := b.cam.Side
	blank := func() raster.Plane { return raster.New(n, n) }
	v := view.View{Camera: b.cam, Pixel: b.cam.Pixel, Skin: blank(), Bone: blank(), Marrow: blank(), Air: blank(), Outside: blank()}
	for i := range v.Skin.V {
		x, y := (float64(i%n)-float64(n)/2-.123)*b.cam.Pixel, (float64(i/n)-float64(n)/2-.077)*b.cam.Pixel
		ray := b.cam.Dir.Mul(b.cam.Distance).Add(b.cam.Right.Mul(x)).Sub(b.cam.Up.Mul(y)).Unit()
		dir := b.toIndex.Turn(ray)
		t0, t1 := span(b.from, dir, b.lo, b.hi)
		var in view.Paths
		if t1 > t0 {
			in = b.march(dir, t0, t1)
		}
		out, more := b.beyond(dir, t0, t1)
		if more {
			v.Outside.V[i] = 1
		}
		v.Skin.V[i], v.Bone.V[i], v.Marrow.V[i], v.Air.V[i] = in.Skin+out.Skin, in.Bone+out.Bone, in.Marrow+out.Marrow, in.Air+out.Air
	}
	return v
}

// beyond measures the body's continuation beyond a cut side, which is assumed to repeat its last
// layer, and reports whether the ray meets it. Its voxels are read every few millimetres: it is
// shown so that the scan does not end as air, and it is not labelled.
func (b *fan) beyond(dir space.Vec, t0, t1 float64) (p view.Paths, met bool) {
	const step = 3
	e0, e1 := span(b.from, dir, b.far[0], b.far[1])
	if t1 <= t0 {
		t0, t1 = e1, e1
	}
	for _, s := range [2][2]float64{{e0, t0}, {t1, e1}} {
		for t := s[0] + .5; t < s[1]; t += step {
			i := 0
			for k, stride := range [3]int{1, b.y, b.z} {
				i += stride * int(min(max(b.from[k]+t*dir[k], b.lo[k]), b.hi[k])+.5)
			}
			v := b.v[i]
			if v == 0 {
				continue
			}
			met = true
			water, share := float32(v&0xffff), float32(v>>16)/255
			p.Skin += step * (share + (1-share)*min(water, 1300)/1000)
			p.Bone += step * share
			p.Marrow += step * share * (1 - min(max(water-1000, 0)/cortexHU, 1))
			if water < aeratedWater {
				p.Air += step * (1 - water/1000)
			}
		}
	}
	return p, met
}

// lanes spreads the two halves of a voxel in 64 bits, so that multiplication by weights with a
// sum of 2¹⁵ does not mix them.
func lanes(v uint32) uint64 { return uint64(v&0xffff) | uint64(v>>16)<<32 }

// cortexHU is the CT number of compact bone, which CT voxels rarely contain alone: cortical
// bone of ICRU Report 44 at the 120 kV of a CT.
const cortexHU = 1750

// aeratedWater is HU+1000 below which tissue is lung or gas.
const aeratedWater = 500

// march sums trilinear samples in 16.16 fixed point. In skin a millimetre of bone counts as one
// millimetre, and the density of soft tissue is limited, so that tissue next to bone does not
// count with the density of bone. Bone ends where its interpolated share is one half. Its share
// of cortex is its HU divided by cortexHU; the rest is marrow. Air is what lung and gas lack to water.
func (b *fan) march(dir space.Vec, t0, t1 float64) view.Paths {
	steps := int((t1 - t0) / b.step)
	if steps < 1 {
		return view.Paths{}
	}
	rest := (t1 - t0 - float64(steps-1)*b.step) / 2
	var p, d [3]int64
	for k := range 3 {
		p[k], d[k] = int64((b.from[k]+(t0+rest)*dir[k])*65536), int64(dir[k]*b.step*65536)
		if last := p[k] + int64(steps-1)*d[k]; min(p[k], last) < 0 || max(p[k], last)>>16 > int64(b.dim[k]-2) {
			return view.Paths{}
		}
	}
	var water, hard, spongy, air uint64
	for range steps {
		i := int(p[0]>>16) + b.y*int(p[1]>>16) + b.z*int(p[2]>>16)
		fx, fy, fz := uint64(p[0]>>11&31), uint64(p[1]>>11&31), uint64(p[2]>>11&31)
		p[0], p[1], p[2] = p[0]+d[0], p[1]+d[1], p[2]+d[2]
		q, r := b.v[i:i+b.y+2], b.v[i+b.z:i+b.z+b.y+2]
		v00, v10 := lerp(q[0], q[1], fx), lerp(q[b.y], q[b.y+1], fx)
		v01, v11 := lerp(r[0], r[1], fx), lerp(r[b.y], r[b.y+1], fx)
		near, next := v00<<5+(v10-v00)*fy, v01<<5+(v11-v01)*fy
		v := near<<5 + (next-near)*fz
		if v == 0 {
			continue
		}
		w, share := v&0xffffffff>>15, v>>47
		if share < 64 {
			water += 256 * min(w, 1300)
			if w < aeratedWater {
				air += 1000 - w
			}
			continue
		}
		h := min((share-64)*2+2, 256)
		water += (256-h)*min(w, 1300) + 1000*h
		hard += h
		spongy += h * (cortexHU - min(max(w, 1000)-1000, cortexHU))
	}
	k := b.step / 256
	return view.Paths{
		Skin: float32(float64(water) * k / 1000), Bone: float32(float64(hard) * k),
		Marrow: float32(float64(spongy) * k / cortexHU), Air: float32(float64(air) * b.step / 1000),
	}
}

func lerp(a, b uint32, f uint64) uint64 {
	x, y := lanes(a), lanes(b)
	return x<<5 + (y-x)*f
}
