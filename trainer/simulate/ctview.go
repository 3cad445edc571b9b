package simulate

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// ctRegion is one way of radiographing what a CT shows.
type ctRegion struct {
	part   string // body_part of the data set
	weight float64
	axis   vec        // stands upright
	height [2]float64 // where the view's centre lies between the lowest (0) and the highest bone (1)
	aside  bool       // the centre is to one side
	field  [2]float64 // mm
}

var (
	upwards  = vec{0, 0, 1}
	forwards = vec{0, -1, 0}
)

// ctRegions says what is seen on CTs whose file names begin so.
var ctRegions = map[string][]ctRegion{
	"foot": {
		{"foot", 7, forwards, [2]float64{0, .45}, false, [2]float64{170, 330}},
		{"ankle", 3, upwards, [2]float64{.4, .8}, false, [2]float64{130, 240}},
	},
	"head":  {{"head", 1, upwards, [2]float64{.3, .85}, false, [2]float64{210, 340}}},
	"chest": {{"chest", 3, upwards, [2]float64{.3, .7}, false, [2]float64{240, 480}}, {"thorax", 1, upwards, [2]float64{.3, .7}, false, [2]float64{200, 400}}},
	"abdomen_pelvis": {
		{"lumbar spine", 2, upwards, [2]float64{.5, .75}, false, [2]float64{200, 400}},
		{"pelvis", 3, upwards, [2]float64{.15, .4}, false, [2]float64{280, 500}},
		{"neck of femur", 2, upwards, [2]float64{.1, .3}, true, [2]float64{180, 340}},
	},
}

// ctRegionsOf takes the body part from a file's name; one that is no CT's above is seen as surface models are.
func ctRegionsOf(path string) ([]ctRegion, error) {
	stem, _, _ := strings.Cut(strings.ToLower(filepath.Base(path)), ".nii")
	begins := func(part string) bool {
		return stem == part || strings.HasPrefix(stem, part+"_") || strings.HasPrefix(stem, part+"-")
	}
	for part, r := range ctRegions {
		if begins(part) {
			return r, nil
		}
	}
	var out []ctRegion
	for _, r := range regions {
		if begins(strings.ReplaceAll(r.part, " ", "_")) {
			out = append(out, ctRegion{r.part, r.weight, upwards, [2]float64{.25, .75}, false, r.field})
		}
	}
	if out == nil {
		return nil, fmt.Errorf("read CT %s: the name begins with no known body part, such as foot, head, chest, abdomen_pelvis or knee", path)
	}
	return out, nil
}

func (c *CT) chooseRegion(d dice) ctRegion {
	total := 0.
	for _, r := range c.regions {
		total += r.weight
	}
	x := d.uni(0, total)
	for _, r := range c.regions {
		if x -= r.weight; x < 0 {
			return r
		}
	}
	return c.regions[0]
}

// What a map of a CT must show: the share that may lie beyond the scanned body, and the least of bone and of body.
const (
	mostOutside = .4
	leastBone   = .04
	leastBody   = .12
)

// newCTView points a camera at the volume and measures path lengths on maps of n×n pixels. It tries views on small
// maps until one shows bone and not much of what was not scanned.
func newCTView(c *CT, d dice, n int) view {
	r := c.chooseRegion(d)
	var b *fan
	var side string
	for range 10 {
		b, side = c.aim(r, d)
		if b.cam.resize(48); b.shows() {
			break
		}
	}
	b.cam.resize(min(n, mostMap))
	v := view{part: r.part, side: side, cam: b.cam, px: b.cam.px}
	v.skin, v.bone, v.marrow, v.outside = b.measure()
	return v
}

// mostMap bounds the side of a map: no CT has finer voxels than such a map's pixels.
const mostMap = 640

// resize keeps the field of view.
func (k *camera) resize(n int) { k.px, k.n = k.px*float64(k.n)/float64(n), n }

func (b *fan) shows() bool {
	skin, bone, _, outside := b.measure()
	return share(outside, .5) <= mostOutside && share(bone, .7) >= leastBone && share(skin, .9) >= leastBody
}

// aim chooses the whole or one limb, a centre within bone, then direction, roll, field and focus distance as for a
// surface model.
func (c *CT) aim(r ctRegion, d dice) (b *fan, side string) {
	s := c.scans[0]
	if len(c.scans) > 1 && d.chance(.8) {
		s = c.scans[1+d.IntN(len(c.scans)-1)]
	}
	target := s.target(r, d)
	side = s.side
	if r.aside {
		if side = "right"; target[0] > centre(s.bone)[0] {
			side = "left"
		}
	}
	return s.newFan(r.camera(target, d)), side
}

// target is the mean of eight places in bone at the region's height.
func (s *scan) target(r ctRegion, d dice) vec {
	places := s.bone
	lo, hi := extent(places, vec{}, upwards)
	mid := centre(places)
	bottom, top := lo+(hi-lo)*r.height[0], lo+(hi-lo)*r.height[1]
	left := d.chance(.5)
	var at []vec
	for range 400 {
		p := places[d.IntN(len(places))]
		if p[2] < bottom || p[2] > top || r.aside && (math.Abs(p[0]-mid[0]) < 60 || left != (p[0] > mid[0])) {
			continue
		}
		if at = append(at, p); len(at) == 8 {
			break
		}
	}
	if at == nil {
		return mid
	}
	return centre(at)
}

// camera looks at c from the front (35 %), a side (30 %) or obliquely, as that of a surface model does.
func (r ctRegion) camera(c vec, d dice) camera {
	e1 := r.axis.cross(vec{1}).unit()
	e2 := r.axis.cross(e1)
	az, el := azimuth(d), min(max(d.gauss(0, 9), -30), 30)*math.Pi/180
	dir := e1.mul(math.Cos(az)).add(e2.mul(math.Sin(az))).mul(math.Cos(el)).add(r.axis.mul(math.Sin(el)))
	up := r.axis.sub(dir.mul(r.axis.dot(dir))).unit()
	u := up.cross(dir)
	s, k := math.Sincos(roll(d))
	u, up = u.mul(k).add(up.mul(s)), up.mul(k).sub(u.mul(s))
	field := d.uni(r.field[0], r.field[1])
	j := field * .12
	c = c.add(u.mul(d.uni(-j, j))).add(up.mul(d.uni(-j, j)))
	return camera{c: c, u: u, up: up, dir: dir, dist: d.uni(700, 1800), px: field / mapSize, n: mapSize}
}

// unknown says whether one of the four pixels of the maps around (x, y) lies beyond what was scanned.
func (v view) unknown(x, y float64) bool {
	n := v.outside.w
	if n == 0 {
		return false
	}
	j := int(min(max(y, 0), float64(n)-1.001))*n + int(min(max(x, 0), float64(n)-1.001))
	o := v.outside.v
	return o[j]+o[j+1]+o[j+n]+o[j+n+1] > 0
}
