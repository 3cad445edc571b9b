package ct

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"dicomnode/internal/raster"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// ctRegion is one way of radiographing the body part of a CT.
type ctRegion struct {
	part   string // body_part of the data set
	weight float64
	axis   space.Vec  // vertical in the picture
	height [2]float64 // range of the view's centre, from the lowest (0) to the highest bone (1)
	aside  bool       // the centre is on one side
	field  [2]float64 // mm
}

var (
	upwards  = space.Vec{0, 0, 1}
	forwards = space.Vec{0, -1, 0}
)

// ctRegions are the regions of CTs, by the start of their file names.
var ctRegions = map[string][]ctRegion{
	"foot": {
		{"foot", 7, forwards, [2]float64{0, .45}, false, [2]float64{170, 330}},
		{"ankle", 3, upwards, [2]float64{.4, .8}, false, [2]float64{130, 240}},
	},
	"head":  {{"head", 1, upwards, [2]float64{.4, .75}, false, [2]float64{250, 330}}},
	"chest": {{"chest", 3, upwards, [2]float64{.35, .65}, false, [2]float64{370, 460}}, {"thorax", 1, upwards, [2]float64{.3, .7}, false, [2]float64{300, 420}}},
	"abdomen_pelvis": {
		{"abdomen", 2, upwards, [2]float64{.4, .75}, false, [2]float64{350, 460}},
		{"lumbar spine", 2, upwards, [2]float64{.5, .75}, false, [2]float64{260, 420}},
		{"pelvis", 3, upwards, [2]float64{.2, .4}, false, [2]float64{360, 460}},
		{"neck of femur", 2, upwards, [2]float64{.1, .3}, true, [2]float64{240, 360}},
	},
}

// ctRegionsOf returns the regions for the body part in a file's name. Other body parts of the
// data set are viewed like surface models.
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
	for _, r := range view.Regions {
		if begins(strings.ReplaceAll(r.Part, " ", "_")) {
			out = append(out, ctRegion{r.Part, r.Weight, upwards, [2]float64{.25, .75}, false, r.Field})
		}
	}
	if out == nil {
		return nil, fmt.Errorf("read CT %s: the name begins with no known body part, such as foot, head, chest, abdomen_pelvis or knee", path)
	}
	return out, nil
}

// Part returns the body part that View shows with the same dice.
func (c *CT) Part(d random.Dice) string { return c.chooseRegion(d).part }

// Identity identifies the CT in the UIDs of DICOM files.
func (c *CT) Identity() string {
	return fmt.Sprint("ct", c.scans[0].dim, len(c.scans[0].bone), c.scans[0].bone[0])
}

func (c *CT) chooseRegion(d random.Dice) ctRegion {
	return c.regions[d.Choose(len(c.regions), func(k int) float64 { return c.regions[k].weight })]
}

// Requirements for a map of a CT: the greatest share beyond the scanned body, and the least
// shares of bone and of body.
const (
	maxOutside = .3
	minBone    = .04
	minBody    = .12
)

// View points a camera at the volume and computes path lengths on maps of n×n pixels. It tries
// views on small maps until one shows bone and little that was not scanned.
func (c *CT) View(d random.Dice, n int) view.View {
	r := c.chooseRegion(d)
	var b *fan
	var side string
	for range 10 {
		b, side = c.aim(r, d)
		if b.cam.Resize(48); b.shows() {
			break
		}
	}
	b.cam.Resize(min(n, maxMap))
	v := b.measure()
	v.Part, v.Side = r.part, side
	return v
}

// maxMap is the greatest side of a map in pixels; no CT has finer voxels than such a map.
const maxMap = 640

func (b *fan) shows() bool {
	v := b.measure()
	return raster.Share(v.Outside, .5) <= maxOutside && raster.Share(v.Bone, .7) >= minBone && raster.Share(v.Skin, .9) >= minBody
}

// aim chooses the whole volume or one limb, a centre within bone, and then direction, roll,
// field and focus distance as for a surface model.
func (c *CT) aim(r ctRegion, d random.Dice) (b *fan, side string) {
	s := c.scans[0]
	if len(c.scans) > 1 && d.Chance(.8) {
		s = c.scans[1+d.IntN(len(c.scans)-1)]
	}
	target := s.target(r, d)
	side = s.side
	if r.aside {
		if side = "right"; target[0] > space.Centre(s.bone)[0] {
			side = "left"
		}
	}
	stretched := s.stretch(d)
	return stretched.newFan(r.camera(stretched.toMM.At(s.toIndex.At(target)), d)), side
}

// stretch returns the volume of another body: its three axes scaled by about 10 % each and
// sheared, so that one scan shows bodies of several proportions.
func (v volume) stretch(d random.Dice) *volume {
	m := space.Affine{}
	for k := range 3 {
		m.Axes[k][k] = math.Exp(d.Gauss(0, .1))
		m.Axes[k][(k+1)%3] = d.Gauss(0, .04)
	}
	for k := range 3 {
		v.toMM.Axes[k] = m.Turn(v.toMM.Axes[k])
	}
	v.toMM.Origin = m.Turn(v.toMM.Origin)
	v.toIndex = v.toMM.Inverse()
	return &v
}

// target returns the mean of eight points in bone at the region's height.
func (s *scan) target(r ctRegion, d random.Dice) space.Vec {
	places := s.bone
	lo, hi := space.Extent(places, space.Vec{}, upwards)
	mid := space.Centre(places)
	bottom, top := lo+(hi-lo)*r.height[0], lo+(hi-lo)*r.height[1]
	left := d.Chance(.5)
	var at []space.Vec
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
	return space.Centre(at)
}

// camera looks at c as for a surface model; a quarter of the views, but none of trunk and head,
// show a detail.
func (r ctRegion) camera(c space.Vec, d random.Dice) space.Camera {
	e1 := r.axis.Cross(space.Vec{1}).Unit()
	e2 := r.axis.Cross(e1)
	u, up, dir := view.ProjectionsOf(r.part).Aimed(d, e1, e2, r.axis)
	field := d.Uni(r.field[0], r.field[1])
	detail, j := .25, field*.12
	if view.IsTrunk(r.part) {
		detail, j = 0, field*.06
	}
	if d.Chance(detail) {
		field *= d.Uni(.4, .8)
	}
	c = c.Add(u.Mul(d.Uni(-j, j))).Add(up.Mul(d.Uni(-j, j)))
	return space.Camera{Centre: c, Right: u, Up: up, Dir: dir, Distance: d.Uni(700, 1800), Pixel: field / view.MapSize, Side: view.MapSize}
}
