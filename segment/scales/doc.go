// Package scales predicts a picture with the network as a whole and in parts, which the network
// gets at a higher resolution, and fuses the answers into one map. An Effort says how many
// predictions are made. The node and the trainer use this package, so that both measure the
// same.
//
// It does not know DICOM objects. Open beam is bright in its pictures.
package scales
