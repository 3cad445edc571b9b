package node

import (
	"log/slog"
	"slices"

	"dicomnode/configs"
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

// otherSOPClasses are what comes in a study beside the images (PS3.4 B.5): kept with
// node: {accept_other: keep}, and never segmented. A sender that is refused one of them
// often stops at it.
var otherSOPClasses = prefixed("1.2.840.10008.5.1.4.1.1.",
	"1.3", "1.3.1", // Digital Intra-Oral X-Ray
	"2", "2.1", "4", "4.1", "3.1", "6.1", "20", "128", // CT, Enhanced CT, MR, Enhanced MR, US, NM, PET
	"7.1", "7.2", "7.3", "7.4", // Multi-frame Secondary Capture
	"9.1.1", "9.1.2", // ECG
	"11.1", "11.2", "11.3", "11.4", "11.5", // Presentation States
	"12.1.1", "12.2.1", "13.1.1", "13.1.3", // Enhanced XA and XRF, 3D, Breast Tomosynthesis
	"66", "66.1", "66.2", "66.3", "66.4", "66.5", "66.7", // Raw Data, Registration, Fiducials, Segmentation, Surface and Label Map Segmentation
	"77.1.1", "77.1.4", // VL Endoscopic, VL Photographic
	"88.11", "88.22", "88.33", "88.34", "88.50", "88.59", "88.65", "88.67", // SR, Key Object Selection, CAD, X-Ray Radiation Dose SR
	"104.1", "104.2", // Encapsulated PDF, CDA
)

func prefixed(root string, ends ...string) []string {
	all := make([]string, len(ends))
	for i, end := range ends {
		all[i] = root + end
	}
	return all
}

// supportedContexts is what the node negotiates as an acceptor. Of the transfer
// syntaxes of one presentation context the first that is listed here is taken, so that
// one which needs a codec is taken only where no other is offered, and one that loses
// information only where no lossless one is; codecs has them in that order.
func supportedContexts(c configs.Config, codecs []string) []scp.SupportedContext {
	storage := TransferSyntaxes(codecs)
	contexts := []scp.SupportedContext{{AbstractSyntax: uid.Verification,
		TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}},
		{AbstractSyntax: uid.StorageCommitmentPushModel, // of peers whose entry says so
			TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}, PeerRoles: scp.SCURole | scp.SCPRole}}
	classes := slices.Clone(storageSOPClasses)
	if c.Node.AcceptOther == "keep" {
		classes = append(classes, otherSOPClasses...)
	}
	for _, class := range classes {
		contexts = append(contexts, scp.SupportedContext{AbstractSyntax: class, TransferSyntaxes: storage})
	}
	return contexts
}

// TransferSyntaxes lists the UIDs of the transfer syntaxes that images are received in,
// the preferred one first; codecs are those that the machine has a decoder for.
func TransferSyntaxes(codecs []string) []string { return slices.Concat(uncompressed, codecs) }

// newServer accepts as the configuration says.
func newServer(c configs.Config, backend scp.Backend, codecs []string, log *slog.Logger) *scp.Server {
	return &scp.Server{
		Backend: backend, Contexts: supportedContexts(c, codecs), Log: log,
		MaxPDULength: c.Network.MaxPDULength, MaxAssociations: c.Network.MaxAssociations, MaxAssociationsPerPeer: c.Network.MaxAssociationsPerPeer,
		AssociationTimeout: c.Network.RequestTimeout, IdleTimeout: c.Network.IdleTimeout,
		ReadTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout, ShutdownTimeout: ShutdownTime,
	}
}
