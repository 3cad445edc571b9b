package polarity

import (
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// Attributes the dictionary of the parsing library has no name for are given by number.
var (
	tagPresentationIntent = tag.Tag{Group: 0x0008, Element: 0x0068}
	tagPixelIntensity     = tag.Tag{Group: 0x0028, Element: 0x1040}
	tagPixelIntensitySign = tag.Tag{Group: 0x0028, Element: 0x1041}
	tagFramePixelData     = tag.Tag{Group: 0x0028, Element: 0x9443} // Frame Pixel Data Properties Sequence
	tagPresentationLUT    = tag.Tag{Group: 0x2050, Element: 0x0020}
)

// Kind is what the Information Object says of its stored values.
type Kind int

// The kinds, by what they promise.
const (
	// Displayed values are for display, bone white (PS3.3 C.8.11.3, C.7.6.3.1.2).
	Displayed Kind = iota
	// Processing values are a detector's, For Processing (C.8.11.1, A.26).
	Processing
	// Fluoroscopy is XA and RF (A.14, A.16), always MONOCHROME2: the relation to the beam is
	// C.8.7.1.1.2's, and where that says nothing both ways of display are usual.
	Fluoroscopy
)

// kinds are the SOP classes that are not Displayed. A For Presentation or For Processing
// class says its intent by itself; Presentation Intent Type (0008,0068) is Type 1 there,
// and is missing all the same.
var kinds = map[string]Kind{
	uid.DigitalXRayImageStorageForProcessing:            Processing,
	uid.DigitalMammographyXRayImageStorageForProcessing: Processing,
	"1.2.840.10008.5.1.4.1.1.1.3.1":                     Processing, // Digital Intra-Oral X-Ray
	uid.XRayAngiographicImageStorage:                    Fluoroscopy,
	"1.2.840.10008.5.1.4.1.1.12.1.1":                    Fluoroscopy, // Enhanced XA
	uid.XRayRadiofluoroscopicImageStorage:               Fluoroscopy,
	"1.2.840.10008.5.1.4.1.1.12.2.1":                    Fluoroscopy, // Enhanced XRF
	"1.2.840.10008.5.1.4.1.1.12.3":                      Fluoroscopy, // X-Ray Angiographic Bi-Plane, retired
}

// Facts are the attributes that give stored values their meaning.
type Facts struct {
	Kind         Kind
	Photometric  string // (0028,0004)
	LUTShape     string // Presentation LUT Shape (2050,0020)
	Relationship string // Pixel Intensity Relationship (0028,1040), PS3.3 C.8.11.3.1.2, C.8.7.1.1.2
	Sign         int    // Pixel Intensity Relationship Sign (0028,1041), 0 when absent
}

// Of reads the facts of an image.
func Of(m *decode.Image) Facts {
	f := Facts{
		Kind:         kindOf(m),
		Photometric:  photometric(m),
		LUTShape:     m.Text(tagPresentationLUT),
		Relationship: m.Text(tagPixelIntensity),
	}
	properties := m
	if f.Relationship == "" { // the enhanced objects keep it with their frames (PS3.3 C.8.19.4.4)
		if properties = frameProperties(m); properties != nil {
			f.Relationship = properties.Text(tagPixelIntensity)
		}
	}
	if properties != nil {
		if s := properties.Integers(tagPixelIntensitySign); len(s) == 1 {
			f.Sign = s[0]
		}
	}
	return f
}

// kindOf takes the intent that is stated, and without one that of the SOP class.
func kindOf(m *decode.Image) Kind {
	switch m.Text(tagPresentationIntent) {
	case "FOR PROCESSING":
		return Processing
	case "FOR PRESENTATION":
		if kinds[m.SOPClassUID] == Processing {
			return Displayed
		}
	}
	return kinds[m.SOPClassUID]
}

// frameProperties is the Frame Pixel Data Properties item that all frames share, or the
// first frame's; nil without one.
func frameProperties(m *decode.Image) *decode.Image {
	for _, groups := range []tag.Tag{tag.SharedFunctionalGroupsSequence, tag.PerFrameFunctionalGroupsSequence} {
		if items := m.Items(groups); len(items) > 0 {
			if found := (&decode.Image{Dataset: *items[0]}).Items(tagFramePixelData); len(found) > 0 {
				return &decode.Image{Dataset: dicom.Dataset{Elements: found[0].Elements}}
			}
		}
	}
	return nil
}

// photometric is that of the samples: grey stored as colour or by a palette is shown as
// MONOCHROME2.
func photometric(m *decode.Image) string {
	if m.Inverted() {
		return "MONOCHROME1"
	}
	return "MONOCHROME2"
}
