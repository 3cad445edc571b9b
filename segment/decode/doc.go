// Package decode decodes a DICOM file into an Image: its samples and the attributes that say
// what they mean (PS3.3 C.7.6.3). It does not correct or interpret them.
package decode
