package simulate

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"dicomnode/internal/raster"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/random"
	"dicomnode/trainer/simulate/view"
	"dicomnode/trainer/simulate/xray"
)

// readOut is an exposure and the maps that the detector sees.
type readOut struct {
	Exposure
	v view.View // maps of path lengths; none for a dark frame
}

func (e Exposure) take() (*readOut, error) {
	if !detectable(e.Rows, e.Columns) || e.View < 0 {
		return nil, fmt.Errorf("%w: %d×%d pixels of view %d", ErrOptions, e.Rows, e.Columns, e.View)
	}
	r := &readOut{Exposure: e}
	if !e.Dark {
		r.v = e.subject().View(random.New(e.Seed, 1, e.View), max(view.MapSize, e.long()/2))
	}
	return r, nil
}

// detectable reports whether rows and columns are in the supported range.
func detectable(rows, columns int) bool {
	return min(rows, columns) >= 64 && max(rows, columns) <= 4096
}

// long returns the longer side in pixels, which the maps cover.
func (e Exposure) long() int { return max(e.Rows, e.Columns) }

// Truth returns the label of each pixel that DX writes for e, Rows×Columns row by row: 0 open
// beam, 1 soft tissue, 2 bone, 255 beyond what a CT shows. A dark frame is all open beam.
func Truth(e Exposure) ([]uint8, error) {
	r, err := e.take()
	if err != nil {
		return nil, err
	}
	if e.Dark {
		return make([]uint8, e.Rows*e.Columns), nil
	}
	out := radiograph.Tissues(r.v.Part, e.Columns, e.Rows, func(i int) radiograph.Ray {
		p := r.paths(i%e.Columns, i/e.Columns)
		return radiograph.NewRay(p.Skin, p.Bone, p.Marrow, radiograph.MeanTrabeculae)
	})
	for i := range out {
		if r.unknown(i%e.Columns, i/e.Columns) {
			out[i] = dataset.Ignore
		}
	}
	return out, nil
}

// paths returns the path lengths at a pixel.
func (r *readOut) paths(x, y int) view.Paths { return r.v.At(r.onMap(x, y)) }

// onMap returns the position of a pixel on the maps.
func (r *readOut) onMap(x, y int) (mx, my float64) {
	n := float64(r.v.Skin.W)
	k := n / float64(r.long())
	return (float64(x)-float64(r.Columns)/2)*k + n/2, (float64(y)-float64(r.Rows)/2)*k + n/2
}

// unknown reports whether a pixel is beyond what was scanned; the detector is covered there.
func (r *readOut) unknown(x, y int) bool {
	mx, my := r.onMap(x, y)
	return r.v.Unknown(mx, my)
}

// spacing returns the distance of pixel centres in mm at the plane that the camera looks at.
// For a dark frame it is that of a detector of 430 mm.
func (r *readOut) spacing() float64 {
	mm := 430.
	if !r.Dark {
		mm = r.v.Pixel * float64(r.v.Skin.W)
	}
	return math.Round(1e4*mm/float64(r.long())) / 1e4
}

// pixels writes the read-out row by row, 16 bits little endian.
func (r *readOut) pixels(w io.Writer) error {
	out := bufio.NewWriter(w)
	signal, d, columns := r.signal(), random.New(r.Seed, 3, r.View), r.offsets()
	for y := range r.Rows {
		for x := range r.Columns {
			v := columns[x] + 60*float64(y)/float64(r.Rows) + d.Gauss(0, 4)
			if !r.Dark {
				s := signal(x, y)
				v += s + d.Gauss(0, math.Sqrt(s)*.8)
			}
			q := uint16(min(max(math.Round(v), 0), 65535))
			out.WriteByte(uint8(q)) // Flush returns errors
			out.WriteByte(uint8(q >> 8))
		}
	}
	return out.Flush()
}

// offsets returns the detector's offset per column. In addition the offset rises by 60 from the
// first row to the last.
func (r *readOut) offsets() []float64 {
	h := random.New(uint64(len(r.detector())), 4, r.Columns)
	for _, c := range []byte(r.detector()) {
		h = random.New(h.Uint64()^uint64(c), 4, r.Columns)
	}
	columns := make([]float64, r.Columns)
	for x := range columns {
		columns[x] = 220 + h.Gauss(0, 12)
	}
	return columns
}

// demoTube is the tube of all read-outs.
var demoTube = xray.Tube{KV: 60, Aluminium: 3}

// signal returns the noiseless image of primary radiation only, 40,000 in the open beam; nil
// for a dark frame.
func (r *readOut) signal() func(x, y int) float64 {
	if r.Dark {
		return nil
	}
	const spongy = radiograph.MeanTrabeculae
	inside := xray.Marrow()
	inside = xray.Mixture{Muscle: (1 - spongy) * inside.Muscle, Cortical: (1-spongy)*inside.Cortical + spongy}
	_, deep := r.v.Skin.Bounds()
	_, bony := r.v.Bone.Bounds()
	a := xray.NewBeam(demoTube).Absorber([2]float32{0, 0}, [2]float32{deep, bony})
	return func(x, y int) float64 {
		if r.unknown(x, y) {
			return 0
		}
		t := r.paths(x, y)
		soft, m := max(t.Skin-t.Bone, 0), min(t.Marrow, t.Bone)
		p := a.At(soft+m*float32(inside.Muscle), t.Bone-m+m*float32(inside.Cortical))
		return 40000 * float64(raster.Exp32(-p))
	}
}
