// Package ct models the human with CT volumes: it reads labelled NIfTI-1 volumes of Hounsfield
// units, separates limbs that lie side by side, and traces rays through them (package view). It
// does not read DICOM.
package ct

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// CT is a CT volume of one body part from which radiographs are made. It is safe for concurrent
// use.
type CT struct {
	scans   []*scan // the whole volume, then perhaps its left and right limb alone
	regions []ctRegion
}

// scan is a volume, or the part of it around one limb.
type scan struct {
	volume
	bone []space.Vec // several thousand points inside bone, mm
	side string      // "left", "right", "both", or "" if unknown
}

// volume has radiodensity and bone on one grid. The low half of a voxel is HU+1000 (1 to 4095,
// 0 outside the body), the high half is the share of bone (0 to 255).
type volume struct {
	dim     [3]int
	v       []uint32
	toMM    space.Affine
	toIndex space.Affine
	cut     [3][2]bool // the body continues beyond this side of the volume
}

// Resolution to which a volume is reduced when it is read; finer voxels would add nothing on a
// map of 288 pixels.
const (
	finestVoxel = .8 // mm
	maxPrepared = 20 << 20
)

// Load reads a CT volume X.nii or X.nii.gz (NIfTI-1, Hounsfield units) and its labels X_label
// on the same grid: 0 outside the body, 1 body, 2 bone. The file name begins with the body
// part: foot, head, chest, abdomen_pelvis or another body part of the data set. An underscore
// and more text may follow.
func Load(path string) (*CT, error) {
	regions, err := ctRegionsOf(path)
	if err != nil {
		return nil, err
	}
	hu, f, err := openNIfTI(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	label, g, err := openNIfTI(labelBeside(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read CT %s: want its labels (0 outside, 1 body, 2 bone) in a file beside it: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	defer g.Close()
	c, err := newCT(hu, label, regions)
	if err != nil {
		return nil, fmt.Errorf("read CT %s: %w", path, err)
	}
	return c, nil
}

func newCT(hu, label *nifti, regions []ctRegion) (*CT, error) {
	v, err := prepare(hu, label)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(regions, func(r ctRegion) bool { return r.part == "pelvis" }) {
		v.fillMarrow()
	}
	whole := &scan{volume: v}
	if whole.survey(); len(whole.bone) == 0 {
		return nil, fmt.Errorf("%w: no bone in its labels", ErrNIfTI)
	}
	c := &CT{[]*scan{whole}, regions}
	if !view.IsTrunk(regions[0].part) {
		c.scans = append(c.scans, whole.limbs()...)
	}
	return c, nil
}

func labelBeside(path string) string {
	dir, name := filepath.Split(path)
	stem, ext, _ := strings.Cut(name, ".nii")
	return filepath.Join(dir, stem+"_label.nii"+ext)
}

// prepare reads both volumes in parallel and keeps only the reduced one in memory.
func prepare(hu, label *nifti) (volume, error) {
	if hu.dim != label.dim {
		return volume{}, fmt.Errorf("%w: %v voxels but labels for %v", ErrNIfTI, hu.dim, label.dim)
	}
	f := foldOf(hu.dim, hu.toMM)
	v := newVolume(hu.dim, f, hu.toMM)
	s := slab{hu: hu, label: label, fold: f, dim: v.dim, sum: make([]sums, v.dim[0]*v.dim[1])}
	for range v.dim[2] {
		if err := s.read(); err != nil {
			return volume{}, err
		}
		v.v = append(v.v, s.voxels()...)
	}
	return v, nil
}

// foldOf returns how many voxels along each axis are combined into one.
func foldOf(dim [3]int, a space.Affine) [3]int {
	f := [3]int{1, 1, 1}
	edge := func(k int) float64 { return a.Axes[k].Norm() * float64(f[k]) }
	for {
		finest := min(edge(0), edge(1), edge(2))
		n := 1
		for k := range 3 {
			n *= dim[k] / f[k]
		}
		if finest >= finestVoxel && n <= maxPrepared {
			return f
		}
		for k := range 3 {
			if e := edge(k); e < 1.2*finest {
				f[k]++
			}
		}
	}
}

// newVolume returns a volume without voxels. Voxels at the far sides that do not fill a
// combined voxel are left out.
func newVolume(dim, f [3]int, a space.Affine) volume {
	v := volume{toMM: a}
	for k := range 3 {
		v.dim[k] = max(dim[k]/f[k], 1)
		v.toMM.Origin = v.toMM.Origin.Add(a.Axes[k].Mul(float64(f[k]-1) / 2))
		v.toMM.Axes[k] = a.Axes[k].Mul(float64(f[k]))
	}
	v.toIndex = v.toMM.Inverse()
	return v
}

type sums struct{ water, bone, body float32 }

// slab is one layer of combined voxels being computed.
type slab struct {
	hu, label *nifti
	fold, dim [3]int
	sum       []sums
	h, l      []float32 // one row of each
}

func (s *slab) read() error {
	clear(s.sum)
	if s.h == nil {
		s.h, s.l = make([]float32, s.hu.dim[0]), make([]float32, s.hu.dim[0])
	}
	for range s.fold[2] {
		for y := range s.hu.dim[1] {
			if err := errors.Join(s.hu.row(s.h), s.label.row(s.l)); err != nil {
				return err
			}
			if err := s.row(y / s.fold[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *slab) row(y int) error {
	for i, l := range s.l {
		if l != 0 && l != 1 && l != 2 {
			return fmt.Errorf("%w: label %g, want 0, 1 or 2", ErrNIfTI, l)
		}
		x := i / s.fold[0]
		if l == 0 || x >= s.dim[0] || y >= s.dim[1] {
			continue
		}
		p := &s.sum[y*s.dim[0]+x]
		p.body++
		if w := s.h[i] + 1000; w > 1 { // false for NaN
			p.water += min(w, 4095)
		}
		if l == 2 {
			p.bone++
		}
	}
	return nil
}

func (s *slab) voxels() []uint32 {
	out := make([]uint32, len(s.sum))
	k := 1 / float32(s.fold[0]*s.fold[1]*s.fold[2])
	for i, p := range s.sum {
		if p.body > 0 {
			out[i] = uint32(max(p.water*k, 1)) | uint32(p.bone*k*255+.5)<<16
		}
	}
	return out
}

// survey finds bone and the sides at which the body is cut.
func (c *scan) survey() {
	n := 0
	var side [3][2]int
	for i, v := range c.v {
		if v == 0 {
			continue
		}
		p := c.place(i)
		for k := range 3 {
			if p[k] == 0 {
				side[k][0]++
			}
			if p[k] == c.dim[k]-1 {
				side[k][1]++
			}
		}
		if v>>16 > 127 {
			if n++; n%64 == 1 {
				c.bone = append(c.bone, c.toMM.At(space.Vec{float64(p[0]), float64(p[1]), float64(p[2])}))
			}
		}
	}
	for k := range 3 {
		for e := range 2 {
			c.cut[k][e] = side[k][e] > len(c.v)/c.dim[k]/100
		}
	}
}

func (v *volume) place(i int) [3]int {
	return [3]int{i % v.dim[0], i / v.dim[0] % v.dim[1], i / v.dim[0] / v.dim[1]}
}

// spacing returns the mean edge of a voxel in mm.
func (v *volume) spacing() float64 {
	return math.Cbrt(math.Abs(v.toMM.Det()))
}
