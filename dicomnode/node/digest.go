package node

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/archive"
	"dicomnode/segment/decode"
)

// errFrames means that not all frames of an image are decoded.
var errFrames = errors.New("only one frame is decoded")

// digester computes digests of files.
type digester struct{ codecs decode.Codec }

// file computes the digests by which instances are compared, whatever their encoding, of the
// Part 10 file of size bytes in r.
func (d digester) file(ctx context.Context, r io.Reader, size int64) (archive.Digests, error) {
	img, err := decode.ReadFrames(ctx, r, size, d.codecs)
	if err != nil {
		return archive.Digests{}, err
	}
	return digestFrames(img)
}

// digestImage computes the digests of a decoded image of one frame. Those of a multi-frame
// image are computed from its file when needed.
func digestImage(img *decode.Image) (archive.Digests, error) {
	if img.Frames > 1 {
		return archive.Digests{}, errFrames
	}
	return digestFrames(img)
}

// digestFrames computes the digests of an image with all its frames.
func digestFrames(img *decode.Image) (archive.Digests, error) {
	samples, err := digestSamples(img)
	if err != nil {
		return archive.Digests{}, err
	}
	return archive.Digests{Pixels: samples, Meaning: digestOf(img, meaning), Identity: digestOf(img, identity)}, nil
}

// digestSamples is the digest of the samples of all frames.
func digestSamples(img *decode.Image) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d ", img.Rows, img.Columns)
	row := make([]byte, 0, 4*img.Columns)
	err := img.EachSamples(func(frame []float32) error {
		for samples := range slices.Chunk(frame, img.Columns) {
			row = row[:0]
			for _, v := range samples { // integers, exact in float32
				row = binary.LittleEndian.AppendUint32(row, uint32(int32(v)))
			}
			h.Write(row)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// digestOf is the digest of the attributes that a rule selects.
func digestOf(img *decode.Image, belongs func(tag.Tag) bool) string {
	h := sha256.New()
	digestElements(h, img.Dataset.Elements, belongs)
	return hex.EncodeToString(h.Sum(nil))
}

// meaning selects the attributes that determine the meaning of samples: Image Pixel except how
// samples are encoded, look-up tables, padding and spacing (group 0028), and others that the
// pipeline reads.
func meaning(t tag.Tag) bool {
	if t.Group == 0x0028 {
		return !slices.Contains(encodingAttributes, t)
	}
	return slices.Contains(presentationAttributes, t)
}

// encodingAttributes describe how samples are encoded, and what a codec has done to them.
var encodingAttributes = []tag.Tag{
	tag.BitsAllocated, tag.HighBit, tag.PlanarConfiguration, tag.NumberOfFrames,
	tag.LossyImageCompression, tag.LossyImageCompressionRatio, tag.LossyImageCompressionMethod,
	tag.SmallestImagePixelValue, tag.LargestImagePixelValue,
}

var presentationAttributes = []tag.Tag{
	tag.Modality, tag.PresentationIntentType, tag.BodyPartExamined, tag.ViewPosition, tag.AnatomicRegionSequence,
	tag.PresentationLUTShape, tag.ImagerPixelSpacing, tag.NominalScannedPixelSpacing, tag.EstimatedRadiographicMagnificationFactor,
	tag.DetectorID, tag.DeviceSerialNumber, tag.DetectorBinning, tag.DetectorMode,
	tag.CollimatorShape, tag.CollimatorLeftVerticalEdge, tag.CollimatorRightVerticalEdge,
	tag.CollimatorUpperHorizontalEdge, tag.CollimatorLowerHorizontalEdge, tag.CenterOfCircularCollimator,
	tag.RadiusOfCircularCollimator, tag.VerticesOfThePolygonalCollimator,
	tag.ShutterShape, tag.ShutterLeftVerticalEdge, tag.ShutterRightVerticalEdge, tag.ShutterUpperHorizontalEdge,
	tag.ShutterLowerHorizontalEdge, tag.CenterOfCircularShutter, tag.RadiusOfCircularShutter, tag.VerticesOfThePolygonalShutter,
}

// identity selects the attributes that results copy: patient (group 0010), study, series and
// frame of reference (0020), visit and procedure (0032, 0038, 0040), and the listed ones of
// group 0008.
func identity(t tag.Tag) bool {
	switch t.Group {
	case 0x0010, 0x0020, 0x0032, 0x0038, 0x0040:
		return true
	}
	return slices.Contains(identities, t)
}

var identities = []tag.Tag{
	tag.StudyDate, tag.StudyTime, tag.AccessionNumber, tag.IssuerOfAccessionNumberSequence, tag.InstitutionName,
	tag.ReferringPhysicianName, tag.ReferringPhysicianIdentificationSequence, tag.StudyDescription, tag.ProcedureCodeSequence,
	tag.ReferencedStudySequence, tag.ReferencedPatientSequence, tag.ReferencedPerformedProcedureStepSequence,
	tag.TimezoneOffsetFromUTC,
}

// digestElements writes elements in a form that does not depend on their encoding. Group
// lengths, private elements and empty values are left out, because systems that forward an
// instance add and remove them (PS3.5 7.2, 7.8).
func digestElements(h hash.Hash, elements []*dicom.Element, belongs func(tag.Tag) bool) {
	for _, e := range slices.SortedStableFunc(slices.Values(elements), func(a, b *dicom.Element) int { return a.Tag.Compare(b.Tag) }) {
		if e.Tag.Element == 0 || e.Tag.Group%2 == 1 || e.Value == nil || belongs != nil && !belongs(e.Tag) {
			continue
		}
		if items, ok := e.Value.GetValue().([]*dicom.SequenceItemValue); ok {
			fmt.Fprintf(h, "%v[", e.Tag)
			for _, item := range items {
				nested, _ := item.GetValue().([]*dicom.Element)
				fmt.Fprint(h, "{")
				digestElements(h, nested, nil)
				fmt.Fprint(h, "}")
			}
			fmt.Fprint(h, "]")
			continue
		}
		if v := canonical(e); v != "" {
			fmt.Fprintf(h, "%v=%q", e.Tag, v)
		}
	}
}

// canonical is a value as text: without padding (PS3.5 6.2), and a 16-bit number without its
// sign, which Implicit VR does not tell (PS3.5 A.1). The colour spaces of encoders (PS3.3
// C.7.6.3.1.2: YBR_RCT, YBR_ICT, YBR_FULL_422 …) are RGB, to which an image is decoded.
func canonical(e *dicom.Element) string {
	var parts []string
	switch v := e.Value.GetValue().(type) {
	case []string:
		for _, s := range v {
			parts = append(parts, strings.Trim(s, " \x00"))
		}
		if e.Tag == tag.PhotometricInterpretation && strings.HasPrefix(strings.Join(parts, ""), "YBR_") {
			return "RGB"
		}
	case []int:
		for _, n := range v {
			if n < 0 && n >= -1<<15 && e.Tag.Group == 0x0028 {
				n &= 0xFFFF
			}
			parts = append(parts, fmt.Sprint(n))
		}
	default:
		return fmt.Sprint(v)
	}
	return strings.TrimRight(strings.Join(parts, `\`), `\`)
}
