// Package decode turns the bytes of a DICOM file into an Image: its samples and the
// attributes that give them meaning (PS3.3 C.7.6.3). It corrects and interprets nothing.
package decode
