// Package iod holds what every DICOM object written by this program shares: an
// ordered data set that checks each value against its value representation
// (PS3.5 6.2) and encodes itself as Explicit VR Little Endian (PS3.5 A.2),
// coded concepts (PS3.3 8.8), deterministic UIDs (PS3.5 B.2), and copies of the
// Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1,
// C.7.2.2) of the image an object was derived from.
//
// It is strict when writing: a [DataSet] either encodes to valid attributes or
// names the first one that is not. The one exception is listed in copy.go:
// values that identify patient and study are passed on as they came.
//
// It reads nothing (github.com/suyashkumar/dicom does), writes no file meta
// information (PS3.10 7.1), and knows no IOD: which attributes an object needs
// is the business of the package that writes it.
package iod
