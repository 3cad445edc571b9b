// Package picture defines the types that the pipeline shares: classes, masks, the canonical
// picture, which is the network's input, and the geometry between an image and that input. It
// does not know DICOM objects or steps of the pipeline.
package picture
