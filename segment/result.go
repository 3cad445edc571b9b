package segment

import (
	"dicomnode/internal/uid"
	"dicomnode/segment/dark"
	"dicomnode/segment/field"
	"dicomnode/segment/padding"
	"dicomnode/segment/picture"
	"dicomnode/segment/polarity"
	"dicomnode/segment/scales"
)

// Model identifies the network that made a result; it is written into the SEG.
type Model struct {
	Name    string // "XNet-16"
	Version string
	Digest  string // SHA-256 of the bundle, hexadecimal
	Device  string // "CPU", "CUDA:0"
}

// Masks are the regions of one image. Open, Soft and Bone do not overlap and together
// fill the exposed field; HighPrecisionSoft is a part of Soft.
type Masks struct {
	Open, Soft, Bone  picture.Mask
	HighPrecisionSoft picture.Mask
}

// Statistics describe one region.
type Statistics struct {
	Pixels          int
	Fraction        float64 // of the exposed field's pixels
	MeanProbability float64 // of the region's class within the region, 0 when it is empty
}

// Result is the result of Pipeline.Run for one image.
type Result struct {
	Rows, Columns int
	Masks         Masks
	Field         picture.Mask // the exposed field; outside it no mask is set

	Open, Soft, Bone, HighPrecisionSoft Statistics

	BodyPart            string  // Body Part Examined (0018,0015), used to choose the threshold
	SoftTissueThreshold float64 // soft-tissue threshold of HighPrecisionSoft

	// Effort is the effort used, Scales a description of the parts that were predicted.
	Effort scales.Effort
	Scales string

	Quality Quality // how far the result can be trusted

	Dark         dark.Record
	FieldRecord  field.Record
	Padding      padding.Record // zero if there is none
	Polarity     polarity.Record
	Model        Model
	ConfigDigest string // Config.Digest
	Frame        int    // the frame that was segmented, from 1
	Frames       int    // number of frames
	FrameReason  string // why that frame; "" if there is only one

	// Probabilities are those of the network at native resolution, before small islands were
	// removed; row by row, because the whole map is large.
	Probabilities *picture.Upsampler

	// Guided is the filter that refined the borders, nil if there was none.
	Guided *picture.GuidedFilter
	// Islands is the number of pixels that changed class because their island was too small.
	Islands int
}

// ReferencedFrame is the frame that a reference to the image names, as Referenced Frame Number
// (0008,1160). ok is false if the reference is to the whole instance: the image has one frame,
// or its SOP class is not multi-frame, whatever its attributes say (PS3.3 Table 10-3).
func (r *Result) ReferencedFrame(sopClassUID string) (frame int, ok bool) {
	return r.Frame, r.Frames > 1 && !singleFrame[sopClassUID]
}

// singleFrame are the SOP classes of radiographs without a Multi-frame module (PS3.3 Table
// A.1-1).
var singleFrame = map[string]bool{
	uid.ComputedRadiographyImageStorage:                   true,
	uid.DigitalXRayImageStorageForPresentation:            true,
	uid.DigitalXRayImageStorageForProcessing:              true,
	uid.DigitalMammographyXRayImageStorageForPresentation: true,
	uid.DigitalMammographyXRayImageStorageForProcessing:   true,
	uid.SecondaryCaptureImageStorage:                      true,
}

// qualityWarning is the warning of the quality, if it was computed.
func (r *Result) qualityWarning() string {
	if r.Quality == (Quality{}) {
		return ""
	}
	return r.Quality.Warning()
}

// Warnings are warnings for users of the result; usually none.
func (r *Result) Warnings() (out []string) {
	for _, w := range []string{r.Padding.Warning, r.Polarity.Warning, r.qualityWarning()} {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
