// Package seg writes the regions of a radiograph as a DICOM Segmentation object (PS3.3
// A.51) and reads such objects back. It decides nothing about pixels; files, their meta
// information and the network are its callers'.
package seg

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
)

// SOPClassUID is Segmentation Storage, the SOP class of what is written here (PS3.4 B.5).
const SOPClassUID = uid.SegmentationStorage

// Profile chooses how a segmentation says where its pixels are.
type Profile string

const (
	// Display gives the object a frame of reference and planes, as image
	// viewers built on cornerstone (OHIF) need them. A radiograph has no such
	// geometry: where the source has none, the plane is x right, y down from the
	// origin, in a frame of reference of the source image's own.
	Display Profile = "display"
	// Strict relates the object to its source by references alone (PS3.3
	// A.51.5.1), which is all a projection image allows.
	Strict Profile = "strict"
)

// Options is what [New] must know besides image and result. All strings but Form
// and Profile are required.
type Options struct {
	Form    Form    // "" means Binary
	Profile Profile // "" means Display
	// Received dates the object: when the source arrived, so that a repetition
	// gives the same bytes. Zero means the image's Received. It is written in the
	// time zone the source names (0008,0201), else in Received's location.
	Received time.Time

	Manufacturer       string // of this product
	ProductName        string // Manufacturer's Model Name
	DeviceSerialNumber string // of this installation
	Version            string // release of this program
}

// SEG is a Segmentation (PS3.3 A.51) that can be written: it is complete and valid.
type SEG struct {
	img    *decode.Image
	res    *segment.Result
	opt    Options
	form   formKind
	source iod.Source
	time   time.Time // content date and time

	uid     string // SOP Instance UID
	series  string // Series Instance UID
	dataSet *iod.DataSet
}

// New makes a Segmentation of the regions in res. BINARY has four segments, one frame each
// in this order: open beam, soft tissue, bone, soft tissue of high precision, which overlaps
// the second. FRACTIONAL has the first three, LABELMAP has them in one frame. img and res are
// kept and must not change. The error names the attribute that cannot be written.
func New(img *decode.Image, res *segment.Result, opt Options) (*SEG, error) {
	s, err := begin(img, res, opt)
	if err == nil {
		err = s.build()
	}
	if err != nil {
		return nil, fmt.Errorf("make segmentation: %w", err)
	}
	return s, nil
}

func begin(img *decode.Image, res *segment.Result, opt Options) (*SEG, error) {
	if opt.Profile == "" {
		opt.Profile = Display
	}
	if opt.Profile != Display && opt.Profile != Strict {
		return nil, fmt.Errorf("unknown profile %q: want %s or %s", opt.Profile, Display, Strict)
	}
	form, err := opt.Form.kind()
	if err != nil {
		return nil, err
	}
	if opt.Received.IsZero() {
		opt.Received = img.Received
	}
	s := &SEG{img: img, res: res, opt: opt, form: form, source: img.Source()}
	s.time = iod.LocalTime(s.source, opt.Received)
	if s.form.form == Fractional && res.Probabilities == nil {
		return nil, errors.New("result without probabilities")
	}
	return s, s.checkMasks()
}

// UID is the SOP Instance UID. It depends on the source image, the model and configuration
// digests and everything else written in front of the pixels, but not on the pixels: see
// docs/seg.md.
func (s *SEG) UID() string { return s.uid }

// SOPClassUID is that of the form: Segmentation Storage, or Label Map Segmentation Storage.
func (s *SEG) SOPClassUID() string { return s.form.class }

// SeriesInstanceUID is that of the segmentation, whose series holds nothing else: viewers
// show the last instance of a series only.
func (s *SEG) SeriesInstanceUID() string { return s.series }

// Encode writes the data set in Explicit VR Little Endian without file meta information.
// The same arguments of [New] always give the same bytes. Errors are w's.
func (s *SEG) Encode(w io.Writer) error {
	if err := s.dataSet.Encode(w); err != nil {
		return fmt.Errorf("write segmentation: %w", err)
	}
	return nil
}

// masks are the segments in order.
func (s *SEG) masks() []picture.Mask {
	m := s.res.Masks
	return []picture.Mask{m.Open, m.Soft, m.Bone, m.HighPrecisionSoft}
}

// checkMasks: the frames have exactly the source's rows and columns (PS3.3
// A.51.5.1).
func (s *SEG) checkMasks() error {
	rows, cols := s.res.Rows, s.res.Columns
	if rows != s.img.Rows || cols != s.img.Columns {
		return errors.New("result and image differ in size")
	}
	if rows < 1 || cols < 1 || rows > math.MaxUint16 || cols > math.MaxUint16 {
		return fmt.Errorf("%d rows and %d columns: want 1 to %d", rows, cols, math.MaxUint16)
	}
	masks := s.masks()
	if s.form.form != Binary { // a bit of a BINARY segment says itself that it lies in no segment
		masks = append(masks, s.res.Field)
	}
	for _, mask := range masks {
		if len(mask) != rows*cols {
			return fmt.Errorf("mask of %d pixels: want %d", len(mask), rows*cols)
		}
	}
	return nil
}

// build fills in the UID and the data set.
func (s *SEG) build() error {
	d := s.header()
	uid, err := d.Namer(s.img.SOPInstanceUID, s.res.Model.Digest, s.res.ConfigDigest)
	if err != nil {
		return err
	}
	s.uid, s.series, s.dataSet = uid("seg"), uid("seg series"), d
	d.SOPCommon(s.form.class, s.uid, s.time)
	d.Strings(tag.SeriesInstanceUID, s.series)
	s.dimensions(d, uid("seg dimension"))
	size, write := s.form.pixels(s)
	d.Bulk(tag.PixelData, size, write)
	return d.Err()
}

// header is everything but pixel data and the UIDs derived from it.
func (s *SEG) header() *iod.DataSet {
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
	s.seriesModule(d)
	s.image(d)
	s.imagePixel(d)
	s.references(d)
	s.segments(d)
	s.functionalGroups(d)
	return d
}

// seriesModule sets the General and Segmentation Series modules (PS3.3 C.7.3.1,
// C.8.20.1). Laterality (0020,0060) is not allowed here.
func (s *SEG) seriesModule(d *iod.DataSet) {
	d.Strings(tag.Modality, "SEG")
	d.Ints(tag.SeriesNumber, s.form.seriesNumber)
	kind := " regions " + string(s.form.form)
	d.Strings(tag.SeriesDescription, clip(s.opt.ProductName+" "+s.opt.Version, 64-len(kind))+kind)
	d.Moment(tag.SeriesDate, tag.SeriesTime, s.time)
	d.Copy(s.source, tag.BodyPartExamined)
}

// image sets the General Image and Segmentation Image modules (PS3.3 C.7.6.1, C.8.20.2)
// but for segments and frames.
func (s *SEG) image(d *iod.DataSet) {
	d.Ints(tag.InstanceNumber, 1)
	d.Strings(tag.ImageType, "DERIVED", "PRIMARY")
	d.Moment(tag.ContentDate, tag.ContentTime, s.time)
	d.CopyOrEmpty(s.source, tag.PatientOrientation)
	d.ImageLaterality(s.source)
	d.Strings(tag.BurnedInAnnotation, "NO")
	d.Lossy(s.source, s.img.TransferSyntaxUID)

	d.Strings(tag.SegmentationType, string(s.form.form))
	d.Strings(tag.SegmentsOverlap, s.form.overlap)
	s.form.attributes(d, s)
	d.Strings(tag.ContentLabel, "XRAY_REGIONS")
	d.Strings(tag.ContentDescription, s.form.description)
	d.Strings(tag.ContentCreatorName, strings.ToUpper(clip(s.opt.ProductName, 63))+"^")
}

// imagePixel sets the Image Pixel module (PS3.3 C.7.6.3).
func (s *SEG) imagePixel(d *iod.DataSet) {
	d.Ints(tag.SamplesPerPixel, 1)
	d.Strings(tag.PhotometricInterpretation, "MONOCHROME2")
	d.Ints(tag.NumberOfFrames, s.form.frames)
	d.Ints(tag.Rows, s.res.Rows)
	d.Ints(tag.Columns, s.res.Columns)
	d.Ints(tag.BitsAllocated, s.form.bits)
	d.Ints(tag.BitsStored, s.form.bits)
	d.Ints(tag.HighBit, s.form.bits-1)
	d.Ints(tag.PixelRepresentation, 0)
	if s.opt.Profile == Strict { // display has a spacing
		d.PixelAspectRatio(s.source)
	}
}

// references sets Referenced Series (Common Instance Reference, PS3.3 C.12.2) and Source Image Sequence.
func (s *SEG) references(d *iod.DataSet) {
	series := &iod.DataSet{}
	series.ForeignUID(tag.SeriesInstanceUID, s.source.String(tag.SeriesInstanceUID))
	series.Sequence(tag.ReferencedInstanceSequence, iod.Reference(s.img.SOPClassUID, s.img.SOPInstanceUID))
	d.Sequence(tag.ReferencedSeriesSequence, series)
	d.Sequence(tag.SourceImageSequence, s.sourceImage())
}

// sourceImage refers to the source; to the frame only where it has several
// (PS3.3 Table 10-3: never for a single-frame image).
func (s *SEG) sourceImage() *iod.DataSet {
	d := iod.Reference(s.img.SOPClassUID, s.img.SOPInstanceUID)
	if frame, ok := s.res.ReferencedFrame(s.img.SOPClassUID); ok {
		d.Ints(tag.ReferencedFrameNumber, frame)
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
