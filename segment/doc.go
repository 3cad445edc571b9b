// Package segment turns one radiograph into regions: open beam, soft tissue, bone
// and high-precision soft tissue, at the radiograph's own resolution.
//
// It holds the pipeline alone; the steps are packages below it: decode reads a stored
// object, dark takes off the detector's own signal, polarity makes the open beam bright,
// field finds what was exposed, picture makes the network's input and maps its answer
// back, seg writes the result as a DICOM Segmentation (PS3.3 A.51). The network is known as
// a Predictor.
//
// It does not touch the network or a database, and segments one frame.
package segment
