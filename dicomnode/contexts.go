package main

import (
	"dicomnode/scp"
	"dicomnode/segment/seg"
)

// SOP classes (PS3.4 B.5, PS3.6 A) that the node uses.
const (
	verificationSOPClass = scp.VerificationSOPClassUID
	segmentationSOPClass = seg.SOPClassUID
)

// storageSOPClasses are the images the node receives; everything else is
// refused in negotiation.
var storageSOPClasses = []string{
	"1.2.840.10008.5.1.4.1.1.1",     // Computed Radiography Image Storage
	"1.2.840.10008.5.1.4.1.1.1.1",   // Digital X-Ray Image Storage - For Presentation
	"1.2.840.10008.5.1.4.1.1.1.1.1", // Digital X-Ray Image Storage - For Processing
	"1.2.840.10008.5.1.4.1.1.1.2",   // Digital Mammography X-Ray Image Storage - For Presentation
	"1.2.840.10008.5.1.4.1.1.1.2.1", // Digital Mammography X-Ray Image Storage - For Processing
	"1.2.840.10008.5.1.4.1.1.7",     // Secondary Capture Image Storage
	"1.2.840.10008.5.1.4.1.1.12.1",  // X-Ray Angiographic Image Storage
	"1.2.840.10008.5.1.4.1.1.12.2",  // X-Ray Radiofluoroscopic Image Storage
}

// Transfer syntaxes (PS3.5 annex A).
const (
	implicitVRLittleEndian = "1.2.840.10008.1.2"
	explicitVRLittleEndian = "1.2.840.10008.1.2.1"
	deflatedExplicitVR     = "1.2.840.10008.1.2.1.99"
	explicitVRBigEndian    = "1.2.840.10008.1.2.2"
	rleLossless            = "1.2.840.10008.1.2.5"
)

// storageTransferSyntaxes are accepted for images, best first.
var storageTransferSyntaxes = []string{explicitVRLittleEndian, implicitVRLittleEndian, deflatedExplicitVR, rleLossless, explicitVRBigEndian}

// supportedContexts is what the node negotiates as an acceptor.
func supportedContexts() []scp.SupportedContext {
	contexts := []scp.SupportedContext{{AbstractSyntax: verificationSOPClass,
		TransferSyntaxes: []string{explicitVRLittleEndian, implicitVRLittleEndian}}}
	for _, class := range storageSOPClasses {
		contexts = append(contexts, scp.SupportedContext{AbstractSyntax: class, TransferSyntaxes: storageTransferSyntaxes})
	}
	return contexts
}
