package simulate

import (
	"encoding/binary"
	"io"
	"strconv"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// Digital X-Ray Image Storage (PS3.4 B.5).
const (
	forPresentation = uid.DigitalXRayImageStorageForPresentation
	forProcessing   = uid.DigitalXRayImageStorageForProcessing
)

// dxObject contains the attributes common to all DX images (PS3.3 A.26).
type dxObject struct {
	class, intent, kind string // kind: ORIGINAL or DERIVED
	uid, study          string
	seed                uint64
	view, number        int
	detector            string
	rows, columns, bits int
	spacing             float64 // mm
	photometric         string
	relationship        string // Pixel Intensity Relationship
	sign                int    // 1: more X-rays, higher value
}

// attributes returns the attributes of the DX Image IOD up to Pixel Data, without the anatomy.
func (x dxObject) attributes() *iod.DataSet {
	d := &iod.DataSet{}
	number := strconv.FormatUint(x.seed, 10)
	shape := "IDENTITY"
	if x.photometric == "MONOCHROME1" {
		shape = "INVERSE"
	}
	for _, a := range []struct {
		t tag.Tag
		v string
	}{
		{tag.SOPClassUID, x.class}, {tag.SOPInstanceUID, x.uid},
		{tag.StudyDate, "20260101"}, {tag.StudyTime, "000000"}, {tag.StudyID, strconv.Itoa(x.view)}, {tag.AccessionNumber, ""},
		{tag.Modality, "DX"}, {tag.PresentationIntentType, x.intent}, {tag.Manufacturer, "dicomnode simulation"},
		{tag.PatientName, "SIMULATED^PHANTOM"}, {tag.PatientID, "SIM" + number}, {tag.PatientBirthDate, ""}, {tag.PatientSex, ""},
		{tag.ReferringPhysicianName, ""}, {tag.StudyInstanceUID, x.study}, {tag.SeriesInstanceUID, iod.UID("simulated series", x.study)},
		{tag.DetectorID, x.detector}, {tag.DetectorType, "SCINTILLATOR"},
		{tag.PhotometricInterpretation, x.photometric}, {tag.PresentationLUTShape, shape},
		{tag.PixelIntensityRelationship, x.relationship}, {tag.RescaleType, "US"},
		{tag.BurnedInAnnotation, "NO"}, {tag.LossyImageCompression, "00"},
	} {
		d.Strings(a.t, a.v)
	}
	d.Strings(tag.ImageType, x.kind, "PRIMARY")
	allocated := (x.bits + 7) / 8 * 8
	for _, a := range []struct {
		t tag.Tag
		v int
	}{
		{tag.SeriesNumber, 1}, {tag.InstanceNumber, x.number}, {tag.SamplesPerPixel, 1}, {tag.Rows, x.rows}, {tag.Columns, x.columns},
		{tag.BitsAllocated, allocated}, {tag.BitsStored, x.bits}, {tag.HighBit, x.bits - 1}, {tag.PixelRepresentation, 0},
		{tag.PixelIntensityRelationshipSign, x.sign},
	} {
		d.Ints(a.t, a.v)
	}
	d.Decimals(tag.RescaleIntercept, 0)
	d.Decimals(tag.RescaleSlope, 1)
	d.Decimals(tag.ImagerPixelSpacing, x.spacing, x.spacing)
	d.Sequence(tag.AcquisitionContextSequence)
	return d
}

// write writes a Part 10 file in Explicit VR Little Endian with the attributes d and length
// bytes of pixels.
func (x dxObject) write(w io.Writer, d *iod.DataSet, length int, pixels func(io.Writer) error) error {
	if err := d.Err(); err != nil {
		return err
	}
	if err := part10.WriteMeta(w, part10.Meta{SOPClassUID: x.class, SOPInstanceUID: x.uid, TransferSyntaxUID: uid.ExplicitVRLittleEndian}); err != nil {
		return err
	}
	if err := d.Encode(w); err != nil {
		return err
	}
	// PS3.5 A.2: Pixel Data (7FE0,0010) may have VR OW with any Bits Allocated; 7.1.2: 2
	// reserved bytes, 4 bytes of length.
	head := append([]byte{0xE0, 0x7F, 0x10, 0x00}, "OW\x00\x00"...)
	if _, err := w.Write(binary.LittleEndian.AppendUint32(head, uint32(length+length%2))); err != nil {
		return err
	}
	if err := pixels(w); err != nil || length%2 == 0 {
		return err
	}
	_, err := w.Write([]byte{0}) // 7.1.1: values have an even length
	return err
}
