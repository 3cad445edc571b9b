package simulate

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
)

// digitalXRay is Digital X-Ray Image Storage – For Processing (PS3.4 B.5).
const digitalXRay = "1.2.840.10008.5.1.4.1.1.1.1.1"

// Exposure describes one simulated detector read-out. Equal exposures give equal bytes.
type Exposure struct {
	Anatomy       *Anatomy // nil: Phantom
	Rows, Columns int      // 64 to 4096
	Seed          uint64
	View          int    // which posed body of the seed; Run's samples 4·View … 4·View+3 show it
	DetectorID    string // (0018,700A); "" = SIM1
	Dark          bool   // read without X-rays: the detector's offset and noise alone
}

// DX writes a Part 10 file, Explicit VR Little Endian: 16-bit linear detector signal (PS3.3 C.8.11.3, Pixel
// Intensity Relationship LIN, sign 1: more X-rays, higher value) with the detector's offset still in it. The
// offset pattern depends on DetectorID and the size alone, so that dark frames of the same detector remove it.
// Memory does not grow with the pixels but with a quarter of them.
func DX(w io.Writer, e Exposure) error {
	r, err := e.take()
	if err != nil {
		return err
	}
	uid := iod.UID("simulated dx", e.identity()...)
	d := r.attributes(uid)
	if err := d.Err(); err != nil {
		return err
	}
	if err := part10.WriteMeta(w, part10.Meta{SOPClassUID: digitalXRay, SOPInstanceUID: uid, TransferSyntaxUID: iod.ExplicitVRLittleEndian}); err != nil {
		return err
	}
	if err := d.Encode(w); err != nil {
		return err
	}
	// PS3.5 A.2: Pixel Data (7FE0,0010) of more than 8 bits allocated has VR OW; 7.1.2: 2 reserved bytes, 4 of length.
	head := append([]byte{0xE0, 0x7F, 0x10, 0x00}, "OW\x00\x00"...)
	if _, err := w.Write(binary.LittleEndian.AppendUint32(head, uint32(2*e.Rows*e.Columns))); err != nil {
		return err
	}
	return r.pixels(w)
}

// identity is everything that the pixels depend on.
func (e Exposure) identity() []string {
	return []string{e.subject().identity(), fmt.Sprint(e.Rows, e.Columns, e.Seed, e.View, e.Dark), e.detector()}
}

func (e Exposure) subject() subject {
	if e.Anatomy == nil {
		return Phantom()
	}
	return e.Anatomy.subject(e.Seed, e.View)
}

func (e Exposure) detector() string {
	if e.DetectorID == "" {
		return "SIM1"
	}
	return e.DetectorID
}

// attributes are those of the DX Image IOD (PS3.3 A.26) up to Pixel Data.
func (r *readOut) attributes(uid string) *iod.DataSet {
	d := &iod.DataSet{}
	study := iod.UID("simulated study", r.identity()...)
	number := strconv.FormatUint(r.Seed, 10)
	for _, a := range []struct {
		t tag.Tag
		v string
	}{
		{tag.SOPClassUID, digitalXRay}, {tag.SOPInstanceUID, uid},
		{tag.StudyDate, "20260101"}, {tag.StudyTime, "000000"}, {tag.StudyID, strconv.Itoa(r.View)}, {tag.AccessionNumber, ""},
		{tag.Modality, "DX"}, {tag.PresentationIntentType, "FOR PROCESSING"}, {tag.Manufacturer, "dicomnode simulation"},
		{tag.PatientName, "SIMULATED^PHANTOM"}, {tag.PatientID, "SIM" + number}, {tag.PatientBirthDate, ""}, {tag.PatientSex, ""},
		{tag.ReferringPhysicianName, ""}, {tag.StudyInstanceUID, study}, {tag.SeriesInstanceUID, iod.UID("simulated series", study)},
		{tag.DetectorID, r.detector()}, {tag.DetectorType, "SCINTILLATOR"},
		{tag.PhotometricInterpretation, "MONOCHROME1"}, {tag.PresentationLUTShape, "INVERSE"},
		{tag.PixelIntensityRelationship, "LIN"}, {tag.RescaleType, "US"},
		{tag.BurnedInAnnotation, "NO"}, {tag.LossyImageCompression, "00"},
	} {
		d.Strings(a.t, a.v)
	}
	d.Strings(tag.ImageType, "ORIGINAL", "PRIMARY")
	for _, a := range []struct {
		t tag.Tag
		v int
	}{
		{tag.SeriesNumber, 1}, {tag.InstanceNumber, 1}, {tag.SamplesPerPixel, 1}, {tag.Rows, r.Rows}, {tag.Columns, r.Columns},
		{tag.BitsAllocated, 16}, {tag.BitsStored, 16}, {tag.HighBit, 15}, {tag.PixelRepresentation, 0},
		{tag.PixelIntensityRelationshipSign, 1},
	} {
		d.Ints(a.t, a.v)
	}
	d.Decimals(tag.RescaleIntercept, 0)
	d.Decimals(tag.RescaleSlope, 1)
	d.Decimals(tag.ImagerPixelSpacing, r.spacing(), r.spacing())
	d.Sequence(tag.AcquisitionContextSequence)
	r.anatomy(d)
	return d
}

// bodyParts are the defined terms (PS3.16 Annex L) of regions whose own name is none.
var bodyParts = map[string]string{"tibia": "LEG", "neck of femur": "HIP", "cervical": "CSPINE", "lumbar spine": "LSPINE", "thorax": "CHEST"}

// bodyPart is Body Part Examined (0018,0015) for a region's part.
func bodyPart(part string) string {
	if term, ok := bodyParts[part]; ok {
		return term
	}
	return strings.ToUpper(part)
}

// anatomy sets the DX Anatomy Imaged module (PS3.3 C.8.11.2); a dark frame images none.
func (r *readOut) anatomy(d *iod.DataSet) {
	if r.Dark {
		d.Strings(tag.ImageComments, "simulated dark exposure")
		d.Strings(tag.ImageLaterality, "U")
		d.Sequence(tag.AnatomicRegionSequence)
		d.Strings(tag.PatientOrientation, "L", "F")
		return
	}
	part := bodyPart(r.v.part)
	code, paired, _ := iod.AnatomicRegion(part) // every region's is known
	side := "U"
	if paired && r.v.side != "" {
		side = strings.ToUpper(r.v.side[:1])
	}
	d.Strings(tag.ImageComments, "simulated radiograph")
	d.Strings(tag.BodyPartExamined, part)
	d.Strings(tag.ImageLaterality, side)
	d.Sequence(tag.AnatomicRegionSequence, code.Item())
	d.Strings(tag.PatientOrientation, towards(r.v.cam.u), towards(r.v.cam.up.mul(-1)))
}

// towards is the letter of PS3.3 C.7.6.1.1.1 for the axis of the body nearest to a direction.
func towards(v vec) string {
	letters, best := [3]string{"LR", "PA", "HF"}, 0
	for k := range v {
		if v[k]*v[k] > v[best]*v[best] {
			best = k
		}
	}
	if v[best] < 0 {
		return letters[best][1:]
	}
	return letters[best][:1]
}
