// Package body models the human as closed surfaces. It reads whole-body models, poses them,
// adds marrow to the bones and growth plates to a child, and makes views of them (package
// view). Phantom needs no file. The only organs are the lungs.
package body

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"

	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// bone is one closed bone of the body.
type bone struct {
	space.Mesh
	side, segment string    // "left", "right" or "" for side; see segmentOf
	limb          string    // "arml", "armr", "legl", "legr" or "trunk"
	radius        []float64 // at each point: radius of the largest sphere inside the bone that touches it, mm
	along         []float64 // at each point: 0..1 along the long axis
	length        float64   // mm
	long          bool
}

// Body is a closed skin with bones inside it, in one coordinate frame in millimetres. It is
// safe for concurrent use once loaded.
type Body struct {
	skin    space.Mesh
	bones   []bone
	nearest [][]float32 // bone × skin point: distance, mm
	limbOf  []string    // limb of each skin point's nearest bone
	lungs   []space.Mesh
	regions []view.Region // that the body can show
	mu      sync.Mutex
	pivots  map[string]space.Vec
}

// Load reads a whole-body model in the layout of bp3d_body.npz: skin_v and skin_f, bone_name
// and bone_kind, and bone_v and bone_f, in which bone_voff and bone_foff delimit the part of
// bone k.
func Load(path string) (*Body, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err := readNPZ(f, st.Size())
	if err != nil {
		return nil, fmt.Errorf("read body %s: %w", path, err)
	}
	b, err := bodyFrom(m)
	if err != nil {
		return nil, fmt.Errorf("read body %s: %w", path, err)
	}
	b.prepare()
	if len(b.regions) == 0 {
		return nil, fmt.Errorf("read body %s: %w: no bones of a known body part", path, ErrNPZ)
	}
	return b, nil
}

// arrays reads members of the file and keeps the first error.
type arrays struct {
	m   map[string]array
	err error
}

func get[T any](a *arrays, name string, conv func(array) (T, error)) T {
	var zero T
	x, ok := a.m[name]
	if !ok {
		a.err = errors.Join(a.err, fmt.Errorf("%w: %s missing", ErrNPZ, name))
		return zero
	}
	v, err := conv(x)
	if err != nil {
		a.err = errors.Join(a.err, fmt.Errorf("%s: %w", name, err))
	}
	return v
}

func bodyFrom(m map[string]array) (*Body, error) {
	a := &arrays{m: m}
	skinV, skinF := get(a, "skin_v", array.points), get(a, "skin_f", array.ints)
	v, f := get(a, "bone_v", array.points), get(a, "bone_f", array.ints)
	vo, fo := get(a, "bone_voff", array.ints), get(a, "bone_foff", array.ints)
	names, kinds := get(a, "bone_name", array.strings), get(a, "bone_kind", array.strings)
	if a.err != nil {
		return nil, a.err
	}
	b := &Body{pivots: map[string]space.Vec{}}
	var err error
	if b.skin, err = newMesh(skinV, skinF, 0); err != nil {
		return nil, fmt.Errorf("skin: %w", err)
	}
	if len(vo) != len(names)+1 || len(fo) != len(names)+1 || len(kinds) != len(names) {
		return nil, fmt.Errorf("%w: offsets, names and kinds disagree in length", ErrNPZ)
	}
	for k, name := range names {
		if vo[k] < 0 || vo[k] > vo[k+1] || vo[k+1] > len(v) || fo[k] < 0 || fo[k] > fo[k+1] || 3*fo[k+1] > len(f) {
			return nil, fmt.Errorf("%w: offsets of part %d", ErrNPZ, k)
		}
		if kinds[k] != "bone" {
			continue
		}
		part, err := newMesh(v[vo[k]:vo[k+1]], f[3*fo[k]:3*fo[k+1]], vo[k])
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", k, err)
		}
		side, seg := segmentOf(name)
		b.bones = append(b.bones, bone{Mesh: part, side: side, segment: seg})
	}
	if len(b.bones) == 0 {
		return nil, fmt.Errorf("%w: no bones", ErrNPZ)
	}
	return b, nil
}

func newMesh(p []space.Vec, idx []int, base int) (space.Mesh, error) {
	if len(p) < 4 || len(idx) < 12 || len(idx)%3 != 0 {
		return space.Mesh{}, fmt.Errorf("%w: %d points and %d indices are no closed mesh", ErrNPZ, len(p), len(idx))
	}
	m := space.Mesh{Points: p, Faces: make([][3]int32, len(idx)/3)}
	for i, x := range idx {
		if x < base || x-base >= len(p) {
			return space.Mesh{}, fmt.Errorf("%w: point index %d out of range", ErrNPZ, x)
		}
		m.Faces[i/3][i%3] = int32(x - base)
	}
	return m.Outward(), nil
}

// where returns the bones of one side ("" = any) whose segment matches the whole pattern.
func (b *Body) where(side, pattern string) []int {
	re := regexp.MustCompile("^(?:" + pattern + ")$")
	var out []int
	for i, o := range b.bones {
		if (side == "" || o.side == side) && re.MatchString(o.segment) {
			out = append(out, i)
		}
	}
	return out
}

// pivot returns the point where two groups of bones are closest, in the rest pose.
func (b *Body) pivot(child, parent []int) space.Vec {
	key := fmt.Sprint(child, parent)
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.pivots[key]; ok {
		return p
	}
	var va, vb []space.Vec
	for _, i := range child {
		va = append(va, b.bones[i].Points...)
	}
	for _, i := range parent {
		vb = append(vb, b.bones[i].Points...)
	}
	p := contact(va, vb)
	b.pivots[key] = p
	return p
}
