// Package capture writes Secondary Captures (PS3.3 A.8.1): the radiograph with
// the outlines of its regions and a legend as one colour picture, for viewers
// that show no Segmentation.
//
// It is a picture to look at. Nothing can be measured in it, no patient's text
// is drawn into it, and "not for diagnostic use" is part of its pixels.
package capture
