package segment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
)

// SegmentationStorage is the SOP class of what [WriteSEG] writes (PS3.4 B.5).
const SegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4"

// segSeriesNumber is high, so that viewers list the series after the images.
const segSeriesNumber = 9001

// SEGProfile chooses how a segmentation says where its pixels are.
type SEGProfile string

const (
	// SEGDisplay gives the object a frame of reference and planes, as image
	// viewers built on cornerstone (OHIF) need them. A radiograph has no such
	// geometry: where the source has none, the plane is x right, y down from the
	// origin, in a frame of reference of the source image's own.
	SEGDisplay SEGProfile = "display"
	// SEGStrict relates the object to its source by references alone (PS3.3
	// A.51.5.1), which is all a projection image allows.
	SEGStrict SEGProfile = "strict"
)

// SEGOptions is what [WriteSEG] must know besides image and result. All strings
// but Profile are required.
type SEGOptions struct {
	Profile SEGProfile // "" means SEGDisplay
	// Received dates the object: when the source arrived, so that a repetition
	// gives the same bytes. Zero means the image's Received. It is written in the
	// time zone the source names (0008,0201), else in Received's location.
	Received time.Time

	Manufacturer       string // of this product
	ProductName        string // Manufacturer's Model Name
	DeviceSerialNumber string // of this installation
	Version            string // release of this program
}

// WriteSEG writes the regions in res as a Segmentation (PS3.3 A.51), a data set
// in Explicit VR Little Endian without file meta information. It is BINARY with
// four segments, one frame each in this order: open beam, soft tissue, bone, soft
// tissue of high precision, which overlaps the second. The same arguments always
// give the same bytes. An error names the attribute that cannot be written; no
// byte has been written then.
func WriteSEG(w io.Writer, img *Image, res *Result, opt SEGOptions) error {
	s, err := newSEG(img, res, opt)
	if err != nil {
		return err
	}
	d := s.dataSet()
	masks := []Mask{res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft}
	d.Bulk(tag.PixelData, packedSize(len(masks), res.Rows*res.Columns), func(w io.Writer) error {
		return packMasks(w, masks)
	})
	if err := d.Encode(w); err != nil {
		return fmt.Errorf("write segmentation: %w", err)
	}
	return nil
}

// SEGInstanceUID returns the SOP Instance UID of what [WriteSEG] writes for the
// same arguments. It depends on the source image, the model and configuration
// digests and everything else written in front of the pixels, but not on the
// pixels: see docs/seg.md. It is "" where WriteSEG would fail.
func SEGInstanceUID(img *Image, res *Result, opt SEGOptions) string {
	s, err := newSEG(img, res, opt)
	if err != nil {
		return ""
	}
	d := s.header()
	if d.Err() != nil {
		return ""
	}
	return s.uid("seg", d)
}

// seg is one segmentation being built.
type seg struct {
	img    *Image
	res    *Result
	opt    SEGOptions
	source iod.Source
	time   time.Time // content date and time
}

func newSEG(img *Image, res *Result, opt SEGOptions) (*seg, error) {
	if opt.Profile == "" {
		opt.Profile = SEGDisplay
	}
	if opt.Profile != SEGDisplay && opt.Profile != SEGStrict {
		return nil, fmt.Errorf("write segmentation: unknown profile %q: want %s or %s", opt.Profile, SEGDisplay, SEGStrict)
	}
	if opt.Received.IsZero() {
		opt.Received = img.Received
	}
	s := &seg{img: img, res: res, opt: opt, source: iod.NewSource(img.Dataset)}
	s.time = iod.LocalTime(s.source, opt.Received)
	return s, s.checkMasks()
}

// checkMasks: the frames have exactly the source's rows and columns (PS3.3
// A.51.5.1).
func (s *seg) checkMasks() error {
	rows, cols := s.res.Rows, s.res.Columns
	if rows != s.img.Rows || cols != s.img.Columns {
		return errors.New("write segmentation: result and image differ in size")
	}
	if rows < 1 || cols < 1 || rows > math.MaxUint16 || cols > math.MaxUint16 {
		return fmt.Errorf("write segmentation: %d rows and %d columns: want 1 to %d", rows, cols, math.MaxUint16)
	}
	m := s.res.Masks
	for _, mask := range []Mask{m.Open, m.Soft, m.Bone, m.HighPrecisionSoft} {
		if len(mask) != rows*cols {
			return fmt.Errorf("write segmentation: mask of %d pixels: want %d", len(mask), rows*cols)
		}
	}
	return nil
}

// dataSet is the object without pixel data.
func (s *seg) dataSet() *iod.DataSet {
	d := s.header()
	if d.Err() != nil {
		return d
	}
	instance, series, dimension := s.uid("seg", d), s.uid("seg series", d), s.uid("seg dimension", d)
	d.SOPCommon(SegmentationStorage, instance, s.time)
	d.Strings(tag.SeriesInstanceUID, series)
	s.dimensions(d, dimension)
	return d
}

// uid derives a UID for a role from the header, in which no such UID is yet.
func (s *seg) uid(role string, header *iod.DataSet) string {
	digest := sha256.New()
	if err := header.Encode(digest); err != nil {
		return ""
	}
	return iod.UID(role, s.img.SOPInstanceUID, s.res.Model.Digest, s.res.ConfigDigest,
		hex.EncodeToString(digest.Sum(nil)))
}

// header is everything but pixel data and the UIDs derived from it.
func (s *seg) header() *iod.DataSet {
	d := &iod.DataSet{}
	d.PatientAndStudy(s.source)
	d.Equipment(iod.Equipment{
		Manufacturer:     s.opt.Manufacturer,
		ModelName:        s.opt.ProductName,
		SerialNumber:     s.opt.DeviceSerialNumber,
		SoftwareVersions: s.opt.Version,
	})
	d.AcquiredBy(s.source)
	d.TimeZone(s.source)
	s.series(d)
	s.image(d)
	s.references(d)
	s.segments(d)
	s.functionalGroups(d)
	return d
}

// series sets the General and Segmentation Series modules (PS3.3 C.7.3.1,
// C.8.20.1). Laterality (0020,0060) is not allowed here.
func (s *seg) series(d *iod.DataSet) {
	d.Strings(tag.Modality, "SEG")
	d.Ints(tag.SeriesNumber, segSeriesNumber)
	d.Strings(tag.SeriesDescription, clip(s.opt.ProductName+" "+s.opt.Version, 64-len(" regions BINARY"))+" regions BINARY")
	d.Moment(tag.SeriesDate, tag.SeriesTime, s.time)
	d.Copy(s.source, tag.BodyPartExamined)
}

// image sets the General Image, Image Pixel and Segmentation Image modules
// (PS3.3 C.7.6.1, C.7.6.3, C.8.20.2) but for segments and frames.
func (s *seg) image(d *iod.DataSet) {
	d.Ints(tag.InstanceNumber, 1)
	d.Strings(tag.ImageType, "DERIVED", "PRIMARY")
	d.Moment(tag.ContentDate, tag.ContentTime, s.time)
	d.CopyOrEmpty(s.source, tag.PatientOrientation)
	d.ImageLaterality(s.source)
	d.Strings(tag.BurnedInAnnotation, "NO")
	s.lossy(d)

	d.Ints(tag.SamplesPerPixel, 1)
	d.Strings(tag.PhotometricInterpretation, "MONOCHROME2")
	d.Ints(tag.NumberOfFrames, len(segmentTable))
	d.Ints(tag.Rows, s.res.Rows)
	d.Ints(tag.Columns, s.res.Columns)
	d.Ints(tag.BitsAllocated, 1)
	d.Ints(tag.BitsStored, 1)
	d.Ints(tag.HighBit, 0)
	d.Ints(tag.PixelRepresentation, 0)

	d.Strings(tag.SegmentationType, "BINARY")
	d.Strings(tag.SegmentsOverlap, "YES")
	d.Strings(tag.ContentLabel, "XRAY_REGIONS")
	d.Strings(tag.ContentDescription, "Open beam, soft tissue, bone (not for diagnostic use)")
	d.Strings(tag.ContentCreatorName, strings.ToUpper(clip(s.opt.ProductName, 63))+"^")
}

// lossyMethods are the transfer syntaxes that lose information, with their
// Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1).
var lossyMethods = map[string]string{
	"1.2.840.10008.1.2.4.50":  "ISO_10918_1",
	"1.2.840.10008.1.2.4.51":  "ISO_10918_1",
	"1.2.840.10008.1.2.4.81":  "ISO_14495_1",
	"1.2.840.10008.1.2.4.91":  "ISO_15444_1",
	"1.2.840.10008.1.2.4.203": "ISO_15444_15",
}

// lossy says whether the source ever lost information, which the segmentation
// inherits. Ratio and method are copied; a ratio nobody wrote down is not made up.
func (s *seg) lossy(d *iod.DataSet) {
	method, lossySyntax := lossyMethods[s.img.TransferSyntaxUID]
	if !lossySyntax && s.source.String(tag.LossyImageCompression) != "01" {
		d.Strings(tag.LossyImageCompression, "00")
		return
	}
	d.Strings(tag.LossyImageCompression, "01")
	d.Optional(tag.LossyImageCompressionMethod, method)
	d.Copy(s.source, tag.LossyImageCompressionRatio, tag.LossyImageCompressionMethod)
}

// references sets Referenced Series (Common Instance Reference, PS3.3 C.12.2) and Source Image Sequence.
func (s *seg) references(d *iod.DataSet) {
	series := &iod.DataSet{}
	series.ForeignUID(tag.SeriesInstanceUID, s.source.String(tag.SeriesInstanceUID))
	series.Sequence(tag.ReferencedInstanceSequence, iod.Reference(s.img.SOPClassUID, s.img.SOPInstanceUID))
	d.Sequence(tag.ReferencedSeriesSequence, series)
	d.Sequence(tag.SourceImageSequence, s.sourceImage())
}

// sourceImage refers to the source; to the frame only where it has several
// (PS3.3 Table 10-3: never for a single-frame image).
func (s *seg) sourceImage() *iod.DataSet {
	d := iod.Reference(s.img.SOPClassUID, s.img.SOPInstanceUID)
	if s.res.Frames > 1 {
		d.Ints(tag.ReferencedFrameNumber, s.res.Frame)
	}
	return d
}

// clip keeps at most n characters of v.
func clip(v string, n int) string {
	if r := []rune(v); len(r) > n {
		return string(r[:n])
	}
	return v
}
