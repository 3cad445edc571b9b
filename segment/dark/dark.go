package segment

// Dark is the calibration of one detector: what it answers without radiation, how
// strongly each pixel answers with it, and which pixels not to believe.
type Dark struct {
	Key    DetectorKey
	Frames int // dark frames averaged

	Offset []float32 // mean dark signal, Rows×Columns, stored values
	Gain   []float32 // flood − dark, divided by its median; nil without flood frames
	Defect Mask      // pixels to be replaced by their neighbours

	Digest string // SHA-256 of the stored calibration, hexadecimal
}
