// Package gsps writes the outlines of a radiograph's regions as a Grayscale
// Softcopy Presentation State (PS3.3 A.33.1): overlays of one bit that a viewer
// draws over the original image, for viewers that show no Segmentation.
//
// It shows the image as its own header does and changes nothing in it. What a
// region means is the business of package seg.
package gsps

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/raster"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
	"dicomnode/segment/seg"
)

// SOPClassUID is Grayscale Softcopy Presentation State Storage (PS3.4 B.5).
const SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"

// seriesNumber is high, so that viewers list the series after the images.
const seriesNumber = 9005

// State is a presentation state, ready to be written.
type State struct {
	data   *iod.DataSet
	uid    string
	source iod.Source
	img    *decode.Image
	res    *segment.Result
	equip  iod.Equipment
	time   time.Time
}

// New outlines the regions in res, which are those of img. equip is this product.
// created dates the object; a repetition must pass the same time. The error names
// the attribute that cannot be written.
func New(img *decode.Image, res *segment.Result, equip iod.Equipment, created time.Time) (*State, error) {
	if res.Rows != img.Rows || res.Columns != img.Columns || res.Rows > math.MaxInt16 || res.Columns > math.MaxInt16 {
		return nil, errors.New("make presentation state: result and image differ in size, or have more than 32767 rows or columns")
	}
	s := &State{img: img, res: res, equip: equip, source: img.Source()}
	s.time = iod.LocalTime(s.source, created)
	if err := s.build(); err != nil {
		return nil, fmt.Errorf("make presentation state: %w", err)
	}
	return s, nil
}

// UID is the SOP Instance UID.
func (s *State) UID() string { return s.uid }

// Encode writes the data set as Explicit VR Little Endian without file meta
// information.
func (s *State) Encode(w io.Writer) error { return s.data.Encode(w) }

// build fills in the UID and the data set. The name covers the source, the model,
// the configuration and every attribute, like that of a segmentation.
func (s *State) build() error {
	d := s.header()
	uid, err := d.Namer(s.img.SOPInstanceUID, s.res.Model.Digest, s.res.ConfigDigest)
	if err != nil {
		return err
	}
	s.uid, s.data = uid("presentation state"), d
	d.SOPCommon(SOPClassUID, s.uid, s.time)
	d.Strings(tag.SeriesInstanceUID, uid("presentation state series"))
	s.overlays(d)
	return d.Err()
}

// header is everything but overlays and the UIDs derived from it.
func (s *State) header() *iod.DataSet {
	d := &iod.DataSet{}
	d.PatientAndStudy(s.source)
	d.Equipment(s.equip)
	d.TimeZone(s.source)
	s.identification(d)
	s.relationship(d)
	s.display(d)
	s.layers(d)
	return d
}

// identification sets the series and Presentation State Identification modules
// (PS3.3 C.11.9, C.11.10).
func (s *State) identification(d *iod.DataSet) {
	d.Strings(tag.Modality, "PR")
	d.Ints(tag.SeriesNumber, seriesNumber)
	d.Strings(tag.SeriesDescription, "Regions (not for diagnostic use)")
	d.Moment(tag.SeriesDate, tag.SeriesTime, s.time)
	side := &iod.DataSet{} // the module has no Image Laterality: the side belongs to the series
	if side.ImageLaterality(s.source); side.Has(tag.ImageLaterality) {
		d.Strings(tag.Laterality, iod.Laterality(s.source))
	} else {
		side.SideOfImage(s.source)
		if side.Has(tag.Laterality) {
			d.Strings(tag.Laterality)
		}
	}
	d.Ints(tag.InstanceNumber, 1)
	d.Strings(tag.ContentLabel, "XRAY_REGIONS")
	d.Strings(tag.ContentDescription, "Outlines of computed regions (not for diagnostic use)")
	d.Moment(tag.PresentationCreationDate, tag.PresentationCreationTime, s.time)
	d.Strings(tag.ContentCreatorName, strings.ToUpper(s.equip.ModelName)+"^")
}

// relationship names the image (PS3.3 C.11.11).
func (s *State) relationship(d *iod.DataSet) {
	series := &iod.DataSet{}
	series.ForeignUID(tag.SeriesInstanceUID, s.source.String(tag.SeriesInstanceUID))
	series.Sequence(tag.ReferencedImageSequence, s.image())
	d.Sequence(tag.ReferencedSeriesSequence, series)
}

func (s *State) image() *iod.DataSet {
	d := iod.Reference(s.img.SOPClassUID, s.img.SOPInstanceUID)
	if frame, ok := s.res.ReferencedFrame(s.img.SOPClassUID); ok {
		d.Ints(tag.ReferencedFrameNumber, frame)
	}
	return d
}

// display shows the whole image, scaled to fit, with the grey scale of its own
// header (PS3.3 C.10.4, C.11.1, C.11.8, C.11.6). What the header lacks is left to
// the viewer.
func (s *State) display(d *iod.DataSet) {
	area := &iod.DataSet{}
	area.Sequence(tag.ReferencedImageSequence, s.image())
	area.Ints(tag.DisplayedAreaTopLeftHandCorner, 1, 1)
	area.Ints(tag.DisplayedAreaBottomRightHandCorner, s.res.Columns, s.res.Rows)
	area.Strings(tag.PresentationSizeMode, "SCALE TO FIT")
	s.pixelSize(area)
	d.Sequence(tag.DisplayedAreaSelectionSequence, area)

	s.modality(d)
	s.voi(d)
	d.Strings(tag.PresentationLUTShape, s.shape())
}

// modality sets the Modality LUT module (PS3.3 C.11.1), without which a viewer takes the
// stored values (PS3.4 N.2): the image's table, or its rescaling, completed if need be. The
// Modality LUT of XA and RF leads back to the intensity of the beam and is not for display
// (PS3.3 C.8.7.1.1.2, PS3.4 N.2.1.2).
func (s *State) modality(d *iod.DataSet) {
	if polarity.Of(s.img).Kind == polarity.Fluoroscopy {
		return
	}
	if items := s.source.Items(tag.ModalityLUTSequence); len(items) > 0 {
		lut := table(items[0])
		copyOr(lut, items[0], tag.ModalityLUTType, unspecified)
		d.Sequence(tag.ModalityLUTSequence, lut)
		return
	}
	if s.source.String(tag.RescaleIntercept) != "" || s.source.String(tag.RescaleSlope) != "" {
		copyOr(d, s.source, tag.RescaleIntercept, "0")
		copyOr(d, s.source, tag.RescaleSlope, "1")
		copyOr(d, s.source, tag.RescaleType, unspecified)
	}
}

// unspecified are the units of a Modality LUT that names none (PS3.3 C.11.1.1.2).
const unspecified = "US"

// copyOr copies an attribute that needs a value, or sets it to otherwise.
func copyOr(d *iod.DataSet, s iod.Source, t tag.Tag, otherwise string) {
	if s.String(t) != "" {
		decimals(d, s, t)
	}
	if !d.Has(t) {
		d.Strings(t, otherwise)
	}
}

// decimals copies numbers, those of more than 16 characters (PS3.5 6.2) rounded.
func decimals(d *iod.DataSet, s iod.Source, t tag.Tag) {
	d.Copy(s, t)
	var values []float64
	for _, text := range s.Strings(t) {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return
		}
		values = append(values, v)
	}
	if !d.Has(t) {
		d.Decimals(t, values...)
	}
}

// voi sets the Softcopy VOI LUT module (PS3.3 C.11.8): the image's tables, or its windows.
func (s *State) voi(d *iod.DataSet) {
	voi := &iod.DataSet{}
	var tables []*iod.DataSet
	for _, item := range s.source.Items(tag.VOILUTSequence) {
		tables = append(tables, table(item))
	}
	switch {
	case len(tables) > 0:
		voi.Sequence(tag.VOILUTSequence, tables...)
	case s.source.String(tag.WindowCenter) != "" && s.source.String(tag.WindowWidth) != "":
		decimals(voi, s.source, tag.WindowCenter)
		decimals(voi, s.source, tag.WindowWidth)
		voi.Copy(s.source, tag.WindowCenterWidthExplanation, tag.VOILUTFunction)
	}
	if voi.Has(tag.VOILUTSequence) || voi.Has(tag.WindowCenter) && voi.Has(tag.WindowWidth) {
		d.Sequence(tag.SoftcopyVOILUTSequence, voi)
	}
}

// table copies a look-up table (PS3.3 C.11.1, C.11.2). One that cannot be copied is an error:
// without it the image would be shown otherwise than its header says.
func table(item iod.Source) *iod.DataSet {
	d := &iod.DataSet{}
	d.CopyRequired(item, tag.LUTDescriptor, tag.LUTData)
	d.Copy(item, tag.LUTExplanation)
	return d
}

// pixelSize is what a viewer needs to show pixels that are not square.
func (s *State) pixelSize(area *iod.DataSet) {
	if spacing, known := iod.PixelSpacing(s.source); known {
		area.Decimals(tag.PresentationPixelSpacing, spacing.Row, spacing.Column)
		return
	}
	ratio, known := iod.PixelAspectRatio(s.source)
	if !known {
		ratio = [2]int{1, 1}
	}
	area.Ints(tag.PresentationPixelAspectRatio, ratio[:]...)
}

// shape turns MONOCHROME1 over, as Presentation LUT Shape (2050,0020) of the image
// does where it has one.
func (s *State) shape() string {
	if v := s.source.String(tag.PresentationLUTShape); v == "INVERSE" || v == "IDENTITY" {
		return v
	}
	if s.source.String(tag.PhotometricInterpretation) == "MONOCHROME1" {
		return "INVERSE"
	}
	return "IDENTITY"
}

// layers sets the Graphic Layer module (PS3.3 C.10.7): one for each region.
func (s *State) layers(d *iod.DataSet) {
	var items []*iod.DataSet
	for i, r := range seg.Regions() {
		item := &iod.DataSet{}
		item.Strings(tag.GraphicLayer, layerName(i))
		item.Ints(tag.GraphicLayerOrder, i+1)
		lab := iod.CIELab(r.Red, r.Green, r.Blue)
		item.Ints(tag.GraphicLayerRecommendedDisplayCIELabValue, int(lab[0]), int(lab[1]), int(lab[2]))
		item.Strings(tag.GraphicLayerDescription, r.Label)
		items = append(items, item)
	}
	d.Sequence(tag.GraphicLayerSequence, items...)
}

func layerName(i int) string { return fmt.Sprintf("REGION%d", i+1) }

// overlays sets the Overlay Plane and Overlay Activation modules (PS3.3 C.9.2,
// C.11.7): group 6000 + 2i is the outline of region i.
func (s *State) overlays(d *iod.DataSet) {
	for i, r := range seg.Regions() {
		at := func(t tag.Tag) tag.Tag { return tag.Tag{Group: t.Group + uint16(2*i), Element: t.Element} }
		d.Ints(at(tag.OverlayRows), s.res.Rows)
		d.Ints(at(tag.OverlayColumns), s.res.Columns)
		d.Strings(at(tag.OverlayType), "G")
		d.Ints(at(tag.OverlayOrigin), 1, 1)
		d.Ints(at(tag.OverlayBitsAllocated), 1)
		d.Ints(at(tag.OverlayBitPosition), 0)
		d.Strings(at(tag.OverlayDescription), r.Label)
		d.Strings(at(tag.OverlayLabel), r.Label)
		d.Strings(at(tag.OverlayActivationLayer), layerName(i))
		packed := outline(s.masks()[i], s.res.Rows, s.res.Columns).Bytes() // PS3.5 8.1.2
		if len(packed)%2 == 1 {
			packed = append(packed, 0)
		}
		d.Bulk(at(tag.OverlayData), int64(len(packed)), func(w io.Writer) error {
			_, err := w.Write(packed)
			return err
		})
	}
}

func (s *State) masks() []picture.Mask {
	m := s.res.Masks
	return []picture.Mask{m.Open, m.Soft, m.Bone, m.HighPrecisionSoft}
}

// outline is the border of a region, drawn inside it as wide as is seen when the whole
// image fits a screen.
func outline(m picture.Mask, rows, cols int) raster.Bits {
	region := raster.Pack(rows, cols, func(r int) []bool { return m[r*cols:][:cols] })
	return region.Border(max(1, max(rows, cols)/1000))
}
