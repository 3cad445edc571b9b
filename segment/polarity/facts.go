package polarity

import (
	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/uid"
	"dicomnode/segment/decode"
)

// Attributes that the parsing library's dictionary lacks are given by number.
var (
	tagPresentationIntent = tag.Tag{Group: 0x0008, Element: 0x0068}
	tagPixelIntensity     = tag.Tag{Group: 0x0028, Element: 0x1040}
	tagPixelIntensitySign = tag.Tag{Group: 0x0028, Element: 0x1041}
	tagFramePixelData     = tag.Tag{Group: 0x0028, Element: 0x9443} // Frame Pixel Data Properties Sequence
	tagPresentationLUT    = tag.Tag{Group: 0x2050, Element: 0x0020}
)

// Kind is the meaning of stored values according to the Information Object.
type Kind int

// The kinds.
const (
	// Displayed values are for display, bone white (PS3.3 C.8.11.3, C.7.6.3.1.2).
	Displayed Kind = iota
	// Processing values are a detector's, For Processing (C.8.11.1, A.26).
	Processing
	// Fluoroscopy is XA and RF (A.14, A.16), always MONOCHROME2. C.8.7.1.1.2 defines the
	// relation to the beam; if it is not stated, both polarities are usual.
	Fluoroscopy
)

// kinds are the SOP classes that are not Displayed. For Presentation or For Processing classes
// imply the intent; Presentation Intent Type (0008,0068) is Type 1 there, but is sometimes
// missing.
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

// Facts are the attributes that determine the meaning of stored values.
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
	if f.Relationship == "" { // enhanced objects have it per frame (PS3.3 C.8.19.4.4)
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

// kindOf is the stated intent, or that of the SOP class.
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

// frameProperties is the Frame Pixel Data Properties item shared by all frames, or the first
// frame's; nil if there is none.
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

// photometric is that of the decoded samples: grey stored as colour or by a palette is
// MONOCHROME2.
func photometric(m *decode.Image) string {
	if m.Inverted() {
		return "MONOCHROME1"
	}
	return "MONOCHROME2"
}
