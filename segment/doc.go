// Package segment segments one radiograph into open beam, soft tissue, bone and high-precision
// soft tissue, at its native resolution.
//
// It is the pipeline; the steps are packages below it: decode reads a stored object, dark
// subtracts the detector's offset, polarity makes the open beam bright, field finds the exposed
// field, picture makes the network's input and upsamples its prediction, seg writes the result
// as a DICOM Segmentation (PS3.3 A.51). The network is a Predictor.
//
// It uses neither a computer network nor a database, and segments one frame.
package segment
