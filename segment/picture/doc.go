// Package picture is the vocabulary of the pipeline: classes, masks, the canonical picture
// that the network is shown, and the geometry between an image and the network's input. It
// knows no DICOM object and no step of the pipeline.
package picture
