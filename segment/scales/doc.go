// Package scales asks the network about a picture as a whole and about its parts, which it
// then sees larger, and fuses the answers into one map. How often it is asked is an Effort.
// The same package serves the node and the trainer, so that both measure what is used.
//
// It knows no DICOM object; a picture has its open beam bright.
package scales
