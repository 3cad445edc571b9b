package node

import (
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"slices"
)

// storageSOPClasses are the images the node receives; everything else is
// refused in negotiation.
var storageSOPClasses = []string{
	uid.ComputedRadiographyImageStorage,
	uid.DigitalXRayImageStorageForPresentation,
	uid.DigitalXRayImageStorageForProcessing,
	uid.DigitalMammographyXRayImageStorageForPresentation,
	uid.DigitalMammographyXRayImageStorageForProcessing,
	uid.SecondaryCaptureImageStorage,
	uid.XRayAngiographicImageStorage,
	uid.XRayRadiofluoroscopicImageStorage,
}

// storageTransferSyntaxes are accepted for images, best first.
var storageTransferSyntaxes = []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, uid.ExplicitVRBigEndian}

// supportedContexts is what the node negotiates as an acceptor.
func supportedContexts() []scp.SupportedContext {
	contexts := []scp.SupportedContext{{AbstractSyntax: uid.Verification,
		TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}}}
	for _, class := range storageSOPClasses {
		contexts = append(contexts, scp.SupportedContext{AbstractSyntax: class, TransferSyntaxes: storageTransferSyntaxes})
	}
	return contexts
}

// TransferSyntaxes lists the UIDs of the transfer syntaxes that images are received in,
// the preferred one first.
func TransferSyntaxes() []string { return slices.Clone(storageTransferSyntaxes) }
