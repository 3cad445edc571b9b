package capture

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/raster"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/seg"
)

// SOPClassUID is Secondary Capture Image Storage (PS3.4 B.5).
const SOPClassUID = uid.SecondaryCaptureImageStorage

// seriesNumber is high, so that viewers list the series after the images.
const seriesNumber = 9004

// Notice is drawn into every capture.
const Notice = "Computed regions. Research use only, NOT FOR DIAGNOSTIC USE."

// lines tell the segments of [seg.Regions] apart without colours.
var lines = []Line{Dotted, Solid, Solid, Dashed}

// Capture is a Secondary Capture, ready to be written.
type Capture struct {
	data   *iod.DataSet
	uid    string
	source iod.Source
	img    *decode.Image
	res    *segment.Result
	equip  iod.Equipment
	time   time.Time
}

// New draws the regions in res on img. equip is this product. created dates the
// object; a repetition must pass the same time. The error names the attribute
// that cannot be written.
func New(img *decode.Image, res *segment.Result, equip iod.Equipment, created time.Time) (*Capture, error) {
	if res.Rows != img.Rows || res.Columns != img.Columns || len(img.Samples) != img.Rows*img.Columns {
		return nil, errors.New("make secondary capture: result and image differ in size")
	}
	c := &Capture{img: img, res: res, equip: equip, source: img.Source()}
	c.time = iod.LocalTime(c.source, created)
	if err := c.build(Picture{img.Rows, img.Columns, Grey(img, res)}); err != nil {
		return nil, fmt.Errorf("make secondary capture: %w", err)
	}
	return c, nil
}

// UID is the SOP Instance UID.
func (c *Capture) UID() string { return c.uid }

// Encode writes the data set as Explicit VR Little Endian without file meta
// information.
func (c *Capture) Encode(w io.Writer) error { return c.data.Encode(w) }

// Grey is img as radiographs are shown, 8 bits row by row: bone bright, the
// darkest and the brightest thousandth clipped. res is what was made of img.
func Grey(img *decode.Image, res *segment.Result) []uint8 {
	pix := segment.Shown(img, res)
	q := raster.Quantiles(raster.Thin(pix, enough), picture.ClipLow, picture.ClipHigh)
	scale := 255 / max(q[1]-q[0], 1e-6)
	out := make([]uint8, len(pix))
	raster.Parallel(img.Rows, func(r int) {
		line := out[r*img.Columns:][:img.Columns]
		for i, v := range pix[r*img.Columns:][:img.Columns] {
			line[i] = uint8(255 - min(max((v-q[0])*scale, 0), 255))
		}
	})
	return out
}

// enough is how many values give the 0.1 and 99.9 percentiles of a picture.
const enough = 1 << 18

// Layers are the segments of a result, to be outlined.
func Layers(res *segment.Result) []Layer {
	masks := []picture.Mask{res.Masks.Open, res.Masks.Soft, res.Masks.Bone, res.Masks.HighPrecisionSoft}
	out := make([]Layer, len(masks))
	for i, s := range seg.Regions() {
		out[i] = Layer{s.Label, masks[i], color.RGBA{s.Red, s.Green, s.Blue, 255}, lines[i]}
	}
	return out
}

// build fills in the UID and the data set. The name covers the source, the model,
// the configuration and every attribute, like that of a segmentation.
func (c *Capture) build(p Picture) error {
	drawn := Draw(p, c.res.Field, Layers(c.res), Notice)
	d := c.header(drawn.height, drawn.width)
	uid, err := d.Namer(c.img.SOPInstanceUID, c.res.Model.Digest, c.res.ConfigDigest)
	if err != nil {
		return err
	}
	c.uid, c.data = uid("capture"), d
	d.SOPCommon(SOPClassUID, c.uid, c.time)
	d.Strings(tag.SeriesInstanceUID, uid("capture series"))
	if len(drawn.Pix)%2 == 1 { // PS3.5 8.2
		drawn.Pix = append(drawn.Pix, 0)
	}
	d.Bulk(tag.PixelData, int64(len(drawn.Pix)), func(w io.Writer) error {
		_, err := w.Write(drawn.Pix)
		return err
	})
	return d.Err()
}

// header is everything but pixel data and the UIDs derived from it (PS3.3 Table
// A.8-1). Modality is OT: an object that names the modality of its source would be
// routed like a radiograph, and segmented again where it comes back.
func (c *Capture) header(rows, cols int) *iod.DataSet {
	d := &iod.DataSet{}
	d.PatientAndStudy(c.source)
	d.Equipment(c.equip)
	d.AcquiredBy(c.source)
	d.TimeZone(c.source)
	d.Strings(tag.Modality, "OT")
	d.Strings(tag.ConversionType, "WSD")
	d.Ints(tag.SeriesNumber, seriesNumber)
	d.Strings(tag.SeriesDescription, "Regions (not for diagnostic use)")
	d.Moment(tag.SeriesDate, tag.SeriesTime, c.time)
	d.Copy(c.source, tag.BodyPartExamined)
	c.image(d)
	d.Ints(tag.Rows, rows)
	d.Ints(tag.Columns, cols)
	d.PixelAspectRatio(c.source)
	return d
}

// image sets the General Image, Image Pixel and SC Image modules (PS3.3 C.7.6.1,
// C.7.6.3, C.8.6.2) but for the size.
func (c *Capture) image(d *iod.DataSet) {
	d.Ints(tag.InstanceNumber, 1)
	d.Strings(tag.ImageType, "DERIVED", "SECONDARY")
	d.Moment(tag.ContentDate, tag.ContentTime, c.time)
	d.CopyOrEmpty(c.source, tag.PatientOrientation)
	d.SideOfImage(c.source)
	d.Strings(tag.BurnedInAnnotation, "YES")
	d.Strings(tag.DerivationDescription, "Outlines of computed regions: "+c.res.Model.Name)
	d.Sequence(tag.DerivationCodeSequence, iod.Segmentation.Item())
	d.Lossy(c.source, c.img.TransferSyntaxUID)
	reference := iod.Reference(c.img.SOPClassUID, c.img.SOPInstanceUID)
	if frame, ok := c.res.ReferencedFrame(c.img.SOPClassUID); ok {
		reference.Ints(tag.ReferencedFrameNumber, frame)
	}
	reference.Sequence(tag.PurposeOfReferenceCodeSequence, iod.SourceImageForOperation.Item())
	d.Sequence(tag.SourceImageSequence, reference)

	d.Ints(tag.SamplesPerPixel, 3)
	d.Strings(tag.PhotometricInterpretation, "RGB")
	d.Ints(tag.PlanarConfiguration, 0)
	d.Ints(tag.BitsAllocated, 8)
	d.Ints(tag.BitsStored, 8)
	d.Ints(tag.HighBit, 7)
	d.Ints(tag.PixelRepresentation, 0)
}
