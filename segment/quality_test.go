package segment_test

import (
	"strings"
	"testing"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/dicomtest"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// columns answers open beam in the columns that open selects and soft tissue in the others, as
// sure as sure says.
func columns(sure float32, open func(x int) bool) fixed {
	const n = picture.Side * picture.Side
	p := make(fixed, picture.Classes*n)
	for i := range n {
		likely, other := picture.SoftTissue, picture.OpenBeam
		if open(i % picture.Side) {
			likely, other = other, likely
		}
		p[likely*n+i], p[other*n+i] = sure, 1-sure
	}
	return p
}

// halves answers open beam on the left and soft tissue on the right.
func halves(sure float32) fixed {
	return columns(sure, func(x int) bool { return x < picture.Side/2 })
}

// A confident answer has its confidence as its quality, an unsure one a warning.
func TestQualityIsTheConfidenceInTheField(t *testing.T) {
	for _, sure := range []float32{0.95, 0.6} {
		res, err := (&segment.Pipeline{Predictor: halves(sure)}).Run(t.Context(), ramp(420, 500))
		if err != nil {
			t.Fatal(err)
		}
		if d := res.Quality.Figure - float64(sure); d > 1e-5 || d < -1e-5 || res.Quality.MirrorDoubt != -1 || res.Quality.ScaleDoubt != -1 {
			t.Errorf("quality %v, want %v", res.Quality, sure)
		}
		if got := strings.Contains(strings.Join(res.Warnings(), ";"), "unsure"); got != (sure < segment.LeastQuality) {
			t.Errorf("warnings %q", res.Warnings())
		}
	}
}

// What is all one class is no radiograph, however sure the model is.
func TestAllOneClassIsNoRadiograph(t *testing.T) {
	p := make(fixed, picture.Classes*picture.Side*picture.Side)
	for i := range picture.Side * picture.Side {
		p[picture.Bone*picture.Side*picture.Side+i] = 1
	}
	res, err := (&segment.Pipeline{Predictor: p}).Run(t.Context(), ramp(420, 500))
	if err != nil {
		t.Fatal(err)
	}
	if q := res.Quality; q.Figure != 0 || !strings.Contains(q.Warning(), "nothing but bone") {
		t.Errorf("%+v", q)
	}
}

// ramp is a picture whose attributes say that its open beam is bright.
func ramp(rows, cols int) *decode.Image {
	pix := make([]float32, rows*cols)
	for i := range pix {
		pix[i] = float32(i%cols + i/cols)
	}
	return decode.FromPicture(pix, rows, cols, false)
}

// Mirror images and scales that contradict each other take from the quality.
func TestDoubtTakesFromTheQuality(t *testing.T) {
	img := ramp(420, 500)
	p := segment.Pipeline{Predictor: dicomtest.Greys{}, Config: segment.Config{Effort: scales.Normal}}
	res, err := p.Run(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	q := res.Quality
	if q.MirrorDoubt < 0 || q.ScaleDoubt <= 0 || q.Figure != max(0, q.Confidence-q.MirrorDoubt) {
		t.Errorf("%+v", q)
	}
	if !strings.Contains(q.String(), "scales differ by") {
		t.Error(q)
	}
}

// Objects that say of themselves that they are no projection radiograph are believed.
func TestOtherObjects(t *testing.T) {
	for _, c := range []struct {
		tag    tag.Tag
		values []string
		want   string
	}{
		{tag.Modality, []string{"CT"}, "modality is CT"},
		{tag.Modality, []string{"XC"}, "modality is XC"},
		{tag.Modality, []string{"DX"}, ""},
		{tag.Modality, []string{"OT"}, ""},
		{tag.ImageType, []string{"ORIGINAL", "PRIMARY", "AXIAL"}, "Image Type is AXIAL"},
		{tag.ImageType, []string{"DERIVED", "PRIMARY", ""}, ""},
		{tag.RescaleType, []string{"HU"}, "Hounsfield"},
	} {
		img := ramp(210, 250)
		e, err := dicom.NewElement(c.tag, c.values)
		if err != nil {
			t.Fatal(err)
		}
		img.Dataset.Elements = append(img.Dataset.Elements, e)
		res, err := (&segment.Pipeline{Predictor: dicomtest.Greys{}}).Run(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		if q := res.Quality; (c.want == "") != (q.NoRadiograph == "") || !strings.Contains(q.NoRadiograph, c.want) || c.want != "" && (q.Figure != 0 || !strings.Contains(q.Warning(), "does not look like")) {
			t.Errorf("%v %q: %+v", c.tag, c.values, q)
		}
	}
}

// A disk with a sharp edge in flat air is a slice, or within the picture with a softer edge, and one
// that absorbs like its middle three pixels below its edge, in any air; one that grows thick from
// nothing is not, nor is a body that leaves the picture.
func TestSlicesAreNoRadiographs(t *testing.T) {
	disk := func(x, y float64) float64 { return (x*x + y*y) / 0.64 }
	band := func(_, y float64) float64 { return y * y / 0.38 }
	full := func(float64) float32 { return 500 }
	for name, c := range map[string]struct {
		radius func(x, y float64) float64 // squared; the body is below 1
		bone   float64                    // up to this radius
		inside func(r2 float64) float32
		slope  float64 // of air, from left to right
		slice  bool
	}{
		"slice, more bone than flesh": {disk, 0.6, full, 0, true},
		"slice in uneven air":         {disk, 0.2, full, 20, true},
		"slice with a soft edge":      {disk, 0.5, func(r2 float64) float32 { return float32(1000 - 500*min(1, .4+1.5*(1-r2))) }, 0, true},
		"projection":                  {disk, 0.5, func(r2 float64) float32 { return float32(1000 - 500*min(1, 2*(1-r2))) }, 0, false},
		"a body leaves the picture":   {band, 0.2, full, 0, false},
	} {
		const n = 400
		pix := make([]float32, n*n)
		for i := range pix {
			y, x := float64(i/n)/n*2-1, float64(i%n)/n*2-1
			pix[i] = float32(1000 - c.slope*x)
			switch r2 := c.radius(x, y); {
			case r2 < c.bone:
				pix[i] = -150
			case r2 < 1:
				pix[i] = c.inside(r2)
			}
		}
		res, err := (&segment.Pipeline{Predictor: dicomtest.Greys{}}).Run(t.Context(), decode.FromPicture(pix, n, n, false))
		if err != nil {
			t.Fatal(err)
		}
		if got := res.Quality.NoRadiograph != ""; got != c.slice {
			t.Errorf("%s: %+v", name, res.Quality)
		}
	}
}
