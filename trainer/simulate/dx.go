package simulate

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/trainer/simulate/body"
	"dicomnode/trainer/simulate/radiograph"
	"dicomnode/trainer/simulate/space"
	"dicomnode/trainer/simulate/view"
)

// Exposure describes one simulated detector read-out. Equal exposures give equal bytes.
type Exposure struct {
	Anatomy       *Anatomy // nil: the built-in phantom
	Rows, Columns int      // 64 to 4096
	Seed          uint64
	View          int    // number of a posed body of the seed; the samples 4·View … 4·View+3 of Run show it
	DetectorID    string // (0018,700A); "" = SIM1
	Dark          bool   // read-out without X-rays: only the detector's offset and noise
}

// DX writes a Part 10 file in Explicit VR Little Endian with a 16-bit linear detector signal
// (PS3.3 C.8.11.3, Pixel Intensity Relationship LIN, sign 1: more X-rays, higher value). The
// signal includes the detector's offset. The offset pattern depends only on DetectorID and the
// size, so that dark frames of the same detector remove it. Memory grows with a quarter of the
// number of pixels.
func DX(w io.Writer, e Exposure) error {
	r, err := e.take()
	if err != nil {
		return err
	}
	x := r.object()
	d := x.attributes()
	r.anatomy(d)
	return x.write(w, d, 2*e.Rows*e.Columns, r.pixels)
}

// identity returns everything that the pixels depend on.
func (e Exposure) identity() []string {
	return []string{e.subject().Identity(), fmt.Sprint(e.Rows, e.Columns, e.Seed, e.View, e.Dark), e.detector()}
}

func (e Exposure) subject() subject {
	if e.Anatomy == nil {
		return body.Phantom()
	}
	return e.Anatomy.subject(e.Seed, e.View)
}

func (e Exposure) detector() string {
	if e.DetectorID == "" {
		return "SIM1"
	}
	return e.DetectorID
}

// object returns the attributes of the image.
func (r *readOut) object() dxObject {
	return dxObject{
		class: forProcessing, intent: "FOR PROCESSING", kind: "ORIGINAL",
		uid: iod.UID("simulated dx", r.identity()...), study: iod.UID("simulated study", r.identity()...),
		seed: r.Seed, view: r.View, number: 1, detector: r.detector(),
		rows: r.Rows, columns: r.Columns, bits: 16, spacing: r.spacing(),
		photometric: "MONOCHROME1", relationship: "LIN", sign: 1,
	}
}

// bodyParts are the defined terms (PS3.16 Annex L) of regions whose own name is not one.
var bodyParts = map[string]string{"tibia": "LEG", "neck of femur": "HIP", "cervical": "CSPINE", "lumbar spine": "LSPINE", "thorax": "CHEST"}

// bodyPart returns Body Part Examined (0018,0015) for a region's part.
func bodyPart(part string) string {
	if term, ok := bodyParts[part]; ok {
		return term
	}
	return strings.ToUpper(part)
}

// anatomy sets the DX Anatomy Imaged module (PS3.3 C.8.11.2). A dark frame has no anatomy.
func (r *readOut) anatomy(d *iod.DataSet) {
	if r.Dark {
		d.Strings(tag.ImageComments, "simulated dark exposure")
		d.Strings(tag.ImageLaterality, "U")
		d.Sequence(tag.AnatomicRegionSequence)
		d.Strings(tag.PatientOrientation, "L", "F")
		return
	}
	d.Strings(tag.ImageComments, "simulated radiograph")
	describe(d, r.v, radiograph.Placement{Row: r.v.Camera.Right, Column: r.v.Camera.Up.Mul(-1)})
}

// describe sets the DX Anatomy Imaged module and the orientation of the picture in the body.
func describe(d *iod.DataSet, v view.View, p radiograph.Placement) {
	part := bodyPart(v.Part)
	code, paired, _ := iod.AnatomicRegion(part) // no error: the region of every part is known
	side := "U"
	if paired && v.Side != "" {
		side = strings.ToUpper(v.Side[:1])
		if p.Mirrored && side != "B" {
			side = map[string]string{"L": "R", "R": "L"}[side]
		}
	}
	d.Strings(tag.BodyPartExamined, part)
	d.Strings(tag.ImageLaterality, side)
	d.Sequence(tag.AnatomicRegionSequence, code.Item())
	d.Strings(tag.PatientOrientation, space.Letter(p.Row), space.Letter(p.Column))
	if position := positionOf(v, p.Mirrored); position != "" {
		d.Strings(tag.ViewPosition, position)
		d.Sequence(tag.ViewCodeSequence, viewCodes[position].Item())
		d.Strings(tag.PositionerType)
	}
}

// viewCodes are of PS3.16 CID 4010.
var viewCodes = map[string]iod.Code{
	"AP": {Value: "399348003", Scheme: "SCT", Meaning: "antero-posterior"},
	"PA": {Value: "272479007", Scheme: "SCT", Meaning: "postero-anterior"},
	"RL": {Value: "399198007", Scheme: "SCT", Meaning: "right lateral"},
	"LL": {Value: "399173006", Scheme: "SCT", Meaning: "left lateral"},
}

// positionOf returns View Position (0018,5101; PS3.3 C.8.11.5) of a view along an axis of an
// upright body; "" for oblique views, and for limbs, which are posed.
func positionOf(v view.View, mirrored bool) string {
	if !view.IsTrunk(v.Part) {
		return ""
	}
	dir, straight := v.Camera.Dir, math.Cos(15*math.Pi/180)
	if mirrored {
		dir[0] = -dir[0]
	}
	switch { // laterals are named after the side next to the detector
	case dir[1] > straight:
		return "AP"
	case dir[1] < -straight:
		return "PA"
	case dir[0] > straight:
		return "LL"
	case dir[0] < -straight:
		return "RL"
	}
	return ""
}
