// Package segment turns one radiograph into regions: open beam, soft tissue, bone
// and high-precision soft tissue, at the radiograph's own resolution.
//
// It decodes stored pixel data (PS3.5 A.4, G; PS3.3 C.7.6.3), corrects the
// detector's dark signal, finds the exposed field (PS3.3 C.8.7.3, C.7.6.11),
// brings the picture to one polarity (open beam bright), prepares XNet's input and
// maps its answer back. It knows the network only as a Predictor, and writes the
// result as a DICOM Segmentation (PS3.3 A.51).
//
// It does not decode JPEG, JPEG-LS, JPEG 2000 or colour (ErrUnsupported), does not
// touch the network or a database, and reads the first frame of a multi-frame image.
package segment
