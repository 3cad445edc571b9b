package simulate

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
)

// digitalXRay is Digital X-Ray Image Storage – For Processing (PS3.4 B.5).
const digitalXRay = "1.2.840.10008.5.1.4.1.1.1.1.1"

// Exposure describes one simulated detector read-out of the limb phantom.
type Exposure struct {
	Rows, Columns int // 64 to 4096
	Seed          uint64
	DetectorID    string // (0018,700A); "" = SIM1
	Dark          bool   // read without X-rays: the detector's offset and noise alone
}

// DX writes a Part 10 file, Explicit VR Little Endian: 16-bit linear detector signal (PS3.3 C.8.11.3, Pixel
// Intensity Relationship LIN, sign 1: more X-rays, higher value) with the detector's offset still in it. The
// offset pattern depends on DetectorID and the size alone, so that dark frames of the same detector remove it.
func DX(w io.Writer, e Exposure) error {
	if e.Rows < 64 || e.Columns < 64 || e.Rows > 4096 || e.Columns > 4096 {
		return fmt.Errorf("%w: %d×%d pixels", errOptions, e.Rows, e.Columns)
	}
	if e.DetectorID == "" {
		e.DetectorID = "SIM1"
	}
	uid := iod.UID("simulated dx", fmt.Sprint(e))
	d := e.attributes(uid)
	d.Bulk(tag.PixelData, 2*int64(e.Rows)*int64(e.Columns), e.pixels)
	if err := d.Err(); err != nil {
		return err
	}
	if err := part10.WriteMeta(w, part10.Meta{SOPClassUID: digitalXRay, SOPInstanceUID: uid, TransferSyntaxUID: iod.ExplicitVRLittleEndian}); err != nil {
		return err
	}
	return d.Encode(w)
}

func (e Exposure) attributes(uid string) *iod.DataSet {
	d := &iod.DataSet{}
	study := iod.UID("simulated study", fmt.Sprint(e.Seed))
	part, comment := "LEG", "simulated limb phantom"
	if e.Dark {
		comment = "simulated dark exposure"
	}
	for _, a := range []struct {
		t tag.Tag
		v string
	}{
		{tag.ImageType, "ORIGINAL"}, {tag.SOPClassUID, digitalXRay}, {tag.SOPInstanceUID, uid},
		{tag.StudyDate, "20260101"}, {tag.StudyTime, "000000"}, {tag.Modality, "DX"},
		{tag.PresentationIntentType, "FOR PROCESSING"}, {tag.Manufacturer, "dicomnode simulation"},
		{tag.DetectorID, e.DetectorID}, {tag.DetectorType, "SCINTILLATOR"}, {tag.BodyPartExamined, part},
		{tag.PatientName, "SIMULATED^PHANTOM"}, {tag.PatientID, "SIM" + strconv.FormatUint(e.Seed, 10)},
		{tag.StudyInstanceUID, study}, {tag.SeriesInstanceUID, iod.UID("simulated series", study, e.DetectorID, fmt.Sprint(e.Dark))},
		{tag.ImageComments, comment}, {tag.PhotometricInterpretation, "MONOCHROME1"},
		{tag.PixelIntensityRelationship, "LIN"}, {tag.BurnedInAnnotation, "NO"},
	} {
		if a.t == tag.ImageType {
			d.Strings(a.t, "ORIGINAL", "PRIMARY")
			continue
		}
		d.Strings(a.t, a.v)
	}
	for _, a := range []struct {
		t tag.Tag
		v int
	}{
		{tag.SeriesNumber, 1}, {tag.InstanceNumber, 1}, {tag.SamplesPerPixel, 1}, {tag.Rows, e.Rows}, {tag.Columns, e.Columns},
		{tag.BitsAllocated, 16}, {tag.BitsStored, 16}, {tag.HighBit, 15}, {tag.PixelRepresentation, 0},
		{tag.PixelIntensityRelationshipSign, 1},
	} {
		d.Ints(a.t, a.v)
	}
	d.Decimals(tag.ImagerPixelSpacing, e.spacing(), e.spacing())
	return d
}

// spacing covers 430 mm with the longer side.
func (e Exposure) spacing() float64 { return math.Round(4.3e5/float64(max(e.Rows, e.Columns))) / 1000 }

// pixels streams the read-out row by row.
func (e Exposure) pixels(w io.Writer) error {
	out := bufio.NewWriter(w)
	signal, d := e.signal(), newDice(e.Seed, 3, 0)
	columns := make([]float64, e.Columns)
	h := newDice(uint64(len(e.DetectorID)), 4, e.Columns)
	for _, c := range []byte(e.DetectorID) {
		h = newDice(h.Uint64()^uint64(c), 4, e.Columns)
	}
	for x := range columns {
		columns[x] = 220 + h.gauss(0, 12)
	}
	for y := range e.Rows {
		for x := range e.Columns {
			v := columns[x] + 60*float64(y)/float64(e.Rows) + d.gauss(0, 4)
			if !e.Dark {
				s := signal(x, y)
				v += s + d.gauss(0, math.Sqrt(s)*.8)
			}
			q := uint16(min(max(math.Round(v), 0), 65535))
			out.WriteByte(uint8(q))
			out.WriteByte(uint8(q >> 8))
		}
	}
	return out.Flush()
}

// signal is the phantom's noiseless image, 40,000 in the open beam.
func (e Exposure) signal() func(x, y int) float64 {
	if e.Dark {
		return nil
	}
	v := newView(Phantom(), newDice(e.Seed, 1, 0))
	n := float64(max(e.Rows, e.Columns))
	s := &sheet{d: newDice(e.Seed, 2, 0), w: 1, h: 1, skin: newPlane(1, 1), bone: newPlane(1, 1), marrow: newPlane(1, 1)}
	return func(x, y int) float64 {
		s.look(v, 0, (float64(x)-float64(e.Columns)/2)/n*mapSize+mapSize/2, (float64(y)-float64(e.Rows)/2)/n*mapSize+mapSize/2)
		soft, m := max(s.skin.v[0]-s.bone.v[0], 0), min(s.marrow.v[0], s.bone.v[0])
		return 40000 * float64(exp32(-.022*soft-.085*(s.bone.v[0]-m)-.042*m))
	}
}
