package iod

import "github.com/suyashkumar/dicom/pkg/tag"

// lossyMethods are the transfer syntaxes that lose information, with their
// Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1).
var lossyMethods = map[string]string{
	"1.2.840.10008.1.2.4.50":  "ISO_10918_1",
	"1.2.840.10008.1.2.4.51":  "ISO_10918_1",
	"1.2.840.10008.1.2.4.81":  "ISO_14495_1",
	"1.2.840.10008.1.2.4.91":  "ISO_15444_1",
	"1.2.840.10008.1.2.4.203": "ISO_15444_15",
}

// Lossy reports whether the source, stored in a transfer syntax, ever lost
// information, which an object made of it inherits: (0028,2110) and, where the
// source has them, ratio and method. A ratio nobody wrote down is not made up.
func (d *DataSet) Lossy(s Source, transferSyntaxUID string) {
	method, lossySyntax := lossyMethods[transferSyntaxUID]
	if !lossySyntax && s.String(tag.LossyImageCompression) != "01" {
		d.Strings(tag.LossyImageCompression, "00")
		return
	}
	d.Strings(tag.LossyImageCompression, "01")
	d.Optional(tag.LossyImageCompressionMethod, method)
	d.Copy(s, tag.LossyImageCompressionRatio, tag.LossyImageCompressionMethod)
}
