package node

import (
	"slices"

	"dicomnode/internal/uid"
	"dicomnode/scp"
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

// uncompressed, and what needs no codec, are accepted for images in any case, best
// first.
var uncompressed = []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, uid.ExplicitVRBigEndian}

// supportedContexts is what the node negotiates as an acceptor. Of the transfer
// syntaxes of one presentation context the first that is listed here is taken, so that
// one which needs a codec is taken only where no other is offered, and one that loses
// information only where no lossless one is; codecs has them in that order.
func supportedContexts(codecs []string) []scp.SupportedContext {
	storage := TransferSyntaxes(codecs)
	contexts := []scp.SupportedContext{{AbstractSyntax: uid.Verification,
		TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}}}
	for _, class := range storageSOPClasses {
		contexts = append(contexts, scp.SupportedContext{AbstractSyntax: class, TransferSyntaxes: storage})
	}
	return contexts
}

// TransferSyntaxes lists the UIDs of the transfer syntaxes that images are received in,
// the preferred one first; codecs are those that the machine has a decoder for.
func TransferSyntaxes(codecs []string) []string { return slices.Concat(uncompressed, codecs) }
