package simulate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// bone is one closed bone of the body.
type bone struct {
	mesh
	side, segment string    // "left", "right" or ""; see segmentOf
	limb          string    // "arml", "armr", "legl", "legr" or "trunk"
	radius        []float64 // per point, of the largest sphere inside that touches it, mm
	along         []float64 // per point, 0..1 along the long axis
	length        float64   // mm
	long          bool
}

// Body is a closed skin with the bones inside it, in one frame, millimetres. It is safe for
// concurrent use once loaded.
type Body struct {
	skin    mesh
	bones   []bone
	nearest [][]float32 // bone × skin point: distance, mm
	limbOf  []string    // limb of each skin point's nearest bone
	lungs   []mesh
	regions []region // those that it can show
	mu      sync.Mutex
	pivots  map[string]vec
}

// LoadBody reads a whole-body model in the layout of bp3d_body.npz: skin_v, skin_f and, part k of
// bone_v and bone_f being delimited by bone_voff and bone_foff, bone_name and bone_kind.
func LoadBody(path string) (*Body, error) {
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
		return nil, err
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

// arrays collects the first error, so that the reading of members stays a list.
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
	b := &Body{pivots: map[string]vec{}}
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
		b.bones = append(b.bones, bone{mesh: part, side: side, segment: seg})
	}
	if len(b.bones) == 0 {
		return nil, fmt.Errorf("%w: no bones", ErrNPZ)
	}
	return b, nil
}

func newMesh(p []vec, idx []int, base int) (mesh, error) {
	if len(p) < 4 || len(idx) < 12 || len(idx)%3 != 0 {
		return mesh{}, fmt.Errorf("%w: %d points and %d indices are no closed mesh", ErrNPZ, len(p), len(idx))
	}
	m := mesh{p: p, f: make([][3]int32, len(idx)/3)}
	for i, x := range idx {
		if x < base || x-base >= len(p) {
			return mesh{}, fmt.Errorf("%w: point index %d out of range", ErrNPZ, x)
		}
		m.f[i/3][i%3] = int32(x - base)
	}
	return m.outward(), nil
}

var (
	phalanx  = regexp.MustCompile(`(proximal|middle|distal) phalanx of (left|right) (.*)`)
	metabone = regexp.MustCompile(`(first|second|third|fourth|fifth) meta(carpal|tarsal)`)
	digits   = map[string]string{
		"thumb": "f1", "index finger": "f2", "middle finger": "f3", "ring finger": "f4", "little finger": "f5",
		"big toe": "t1", "second toe": "t2", "third toe": "t3", "fourth toe": "t4", "little toe": "t5",
	}
	ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
	// segmentWords is searched in order; the first word found in the name decides.
	segmentWords = [][2]string{
		{"capitate", "carpal"}, {"hamate", "carpal"}, {"lunate", "carpal"}, {"pisiform", "carpal"},
		{"scaphoid", "carpal"}, {"trapezi", "carpal"}, {"trapezoid", "carpal"}, {"triquetral", "carpal"},
		{"calcaneus", "tarsal"}, {"cuboid", "tarsal"}, {"cuneiform", "tarsal"}, {"talus", "tarsal"},
		{"navicular", "tarsal"}, {"sesamoid", "tarsal"},
		{"radius", "radius"}, {"ulna", "ulna"}, {"humerus", "humerus"}, {"scapula", "scapula"}, {"clavicle", "clavicle"},
		{"femur", "femur"}, {"tibia", "tibia"}, {"fibula", "fibula"}, {"patella", "patella"},
		{"hip bone", "pelvis"}, {"sacrum", "pelvis"}, {" rib", "rib"}, {"sternum", "rib"}, {"xiphoid", "rib"},
		{"cervical", "csp"}, {"lumbar", "lsp"}, {"vertebra", "tsp"}, {"hyoid", "csp"},
	}
)

// segmentOf maps an anatomical name to side and segment: f1p..f5d and t1p..t5d for phalanges, mc1..,
// mt1.., carpal, tarsal, the long bones by name, pelvis, rib, csp, tsp, lsp, else skull.
func segmentOf(name string) (side, segment string) {
	name = strings.ToLower(name)
	for _, s := range []string{"left", "right"} {
		if strings.Contains(name, s) {
			side = s
		}
	}
	if m := phalanx.FindStringSubmatch(name); m != nil && digits[m[3]] != "" {
		return side, digits[m[3]] + m[1][:1]
	}
	if m := metabone.FindStringSubmatch(name); m != nil {
		return side, "m" + m[2][:1] + strconv.Itoa(ordinals[m[1]])
	}
	for _, w := range segmentWords {
		if strings.Contains(name, w[0]) {
			return side, w[1]
		}
	}
	return side, "skull"
}

var (
	armSegments  = regexp.MustCompile(`^(radius|ulna|humerus|carpal|f\d.|mc\d)$`)
	legSegments  = regexp.MustCompile(`^(femur|tibia|fibula|patella|tarsal|t\d.|mt\d)$`)
	longSegments = regexp.MustCompile(`^(radius|ulna|humerus|femur|tibia|fibula|clavicle|f\d.|t\d.|mc\d|mt\d)$`)
)

// prepare derives what every view needs and no view changes.
func (b *Body) prepare() {
	for i := range b.bones {
		o := &b.bones[i]
		switch {
		case armSegments.MatchString(o.segment) && o.side != "":
			o.limb = "arm" + o.side[:1]
		case legSegments.MatchString(o.segment) && o.side != "":
			o.limb = "leg" + o.side[:1]
		default:
			o.limb = "trunk"
		}
		o.long = longSegments.MatchString(o.segment)
		c, u := centre(o.p), longAxis(o.p)
		lo, hi := extent(o.p, c, u)
		o.length, o.along = hi-lo, make([]float64, len(o.p))
		for j, p := range o.p {
			o.along[j] = (p.sub(c).dot(u) - lo) / (o.length + 1e-9)
		}
	}
	b.measure()
	b.limbOf = make([]string, len(b.skin.p))
	for j := range b.skin.p {
		k := 0
		for i := range b.bones {
			if b.nearest[i][j] < b.nearest[k][j] {
				k = i
			}
		}
		b.limbOf[j] = b.bones[k].limb
	}
	b.lungs = b.makeLungs()
	b.regions = b.usableRegions()
}

// measure fills radius and nearest, one goroutine per bone.
func (b *Body) measure() {
	b.nearest = make([][]float32, len(b.bones))
	var wg sync.WaitGroup
	gate := make(chan struct{}, 4)
	for i := range b.bones {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			b.bones[i].radius = inscribed(b.bones[i].mesh)
			b.nearest[i] = distances(b.skin.p, b.bones[i].p)
		})
	}
	wg.Wait()
}

// inscribed is the radius of the largest sphere inside the mesh that touches it at each point,
// 0.2 to 40 mm, against at most about 1200 points.
func inscribed(m mesh) []float64 {
	n, r := m.normals(), make([]float64, len(m.p))
	step := max(1, len(m.p)/1200)
	for i, p := range m.p {
		r[i] = 40
		for j := 0; j < len(m.p); j += step {
			d := m.p[j].sub(p)
			if in := -d.dot(n[i]); in > 1e-3 {
				r[i] = min(r[i], d.dot(d)/(2*in))
			}
		}
		r[i] = max(r[i], .2)
	}
	return r
}

func distances(from, to []vec) []float32 {
	out := make([]float32, len(from))
	for i, p := range from {
		best := math.Inf(1)
		for _, q := range to {
			dx, dy, dz := q[0]-p[0], q[1]-p[1], q[2]-p[2]
			best = min(best, dx*dx+dy*dy+dz*dz)
		}
		out[i] = float32(math.Sqrt(best))
	}
	return out
}

// where lists the bones of one side ("" = any) whose segment matches the whole pattern.
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

// pivot is where two groups of bones come closest, in the rest pose.
func (b *Body) pivot(child, parent []int) vec {
	key := fmt.Sprint(child, parent)
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.pivots[key]; ok {
		return p
	}
	var va, vb []vec
	for _, i := range child {
		va = append(va, b.bones[i].p...)
	}
	for _, i := range parent {
		vb = append(vb, b.bones[i].p...)
	}
	p := contact(va, vb)
	b.pivots[key] = p
	return p
}

// contact is the mean midpoint of the closest two per cent of va and its neighbours in vb.
func contact(va, vb []vec) vec {
	type pair struct {
		d   float64
		mid vec
	}
	pairs := make([]pair, len(va))
	for i, p := range va {
		pairs[i].d = math.Inf(1)
		for _, q := range vb {
			dx, dy, dz := q[0]-p[0], q[1]-p[1], q[2]-p[2]
			if d := dx*dx + dy*dy + dz*dz; d < pairs[i].d {
				pairs[i] = pair{d, p.add(q).mul(.5)}
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.d < b.d:
			return -1
		case a.d > b.d:
			return 1
		}
		return 0
	})
	mids := make([]vec, 0, 64)
	for _, p := range pairs[:min(len(pairs), max(5, len(pairs)/50))] {
		mids = append(mids, p.mid)
	}
	return centre(mids)
}

// makeLungs returns, for each side, the convex hull of its ribs drawn in a little: the body model has
// no lungs, and without air a chest would be one white block.
func (b *Body) makeLungs() []mesh {
	var out []mesh
	for _, sign := range []float64{1, -1} {
		var q []vec
		for _, i := range b.where("", "rib") {
			for _, p := range b.bones[i].p {
				if p[0]*sign > 18 && b.bones[i].side != "" {
					q = append(q, p)
				}
			}
		}
		if len(q) < 4 {
			continue
		}
		c := centre(q)
		for i, p := range q {
			d := p.sub(c)
			q[i] = c.add(vec{d[0] * .9, d[1] * .86, d[2] * .9})
		}
		out = append(out, hull(c, q, 16, 24))
	}
	return out
}

// hull approximates the convex hull of q by its radial function around c on a globe of latitudes ×
// longitudes: the smallest support plane met along each direction.
func hull(c vec, q []vec, lats, lons int) mesh {
	m := globe(lats, lons)
	support := make([]float64, len(m.p))
	for i, d := range m.p {
		for _, p := range q {
			support[i] = max(support[i], p.sub(c).dot(d))
		}
	}
	out := mesh{make([]vec, len(m.p)), m.f}
	for i, d := range m.p {
		r := math.Inf(1)
		for j, n := range m.p {
			if t := n.dot(d); t > .05 {
				r = min(r, support[j]/t)
			}
		}
		out.p[i] = c.add(d.mul(r))
	}
	return out.outward()
}

// globe is the closed unit sphere: two poles and lats rings of lons points.
func globe(lats, lons int) mesh {
	m := mesh{p: []vec{{0, 0, 1}, {0, 0, -1}}}
	for i := range lats {
		th := math.Pi * float64(i+1) / float64(lats+1)
		for j := range lons {
			ph := 2 * math.Pi * float64(j) / float64(lons)
			m.p = append(m.p, vec{math.Sin(th) * math.Cos(ph), math.Sin(th) * math.Sin(ph), math.Cos(th)})
		}
	}
	at := func(i, j int) int32 { return int32(2 + i*lons + j%lons) }
	for j := range lons {
		m.f = append(m.f, [3]int32{0, at(0, j), at(0, j+1)}, [3]int32{1, at(lats-1, j+1), at(lats-1, j)})
		for i := range lats - 1 {
			m.f = append(m.f, [3]int32{at(i, j), at(i+1, j), at(i+1, j+1)}, [3]int32{at(i, j), at(i+1, j+1), at(i, j+1)})
		}
	}
	return m.outward()
}
