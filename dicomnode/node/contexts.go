package node

import (
	"log/slog"
	"slices"

	"dicomnode/configs"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// storageSOPClasses are the images that the node receives; all others are refused in
// negotiation.
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

// uncompressed transfer syntaxes, and others that need no codec, are always accepted for
// images; preferred first.
var uncompressed = []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, uid.ExplicitVRBigEndian}

// otherSOPClasses are other objects of a study (PS3.4 B.5). With node: {accept_other: keep}
// they are stored and never segmented, because a sender often stops when one of them is
// refused.
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

// supportedContexts is what the node accepts in negotiation. Of the transfer syntaxes of a
// presentation context the first in this list is accepted: one that needs a codec only if no
// other is proposed, and a lossy one only if no lossless one is; codecs has that order.
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

// TransferSyntaxes lists the UIDs of the transfer syntaxes for images, preferred first; codecs
// are those that this machine can decode.
func TransferSyntaxes(codecs []string) []string { return slices.Concat(uncompressed, codecs) }

// newServer is the DICOM server of a configuration.
func newServer(c configs.Config, backend scp.Backend, codecs []string, log *slog.Logger) *scp.Server {
	return &scp.Server{
		Backend: backend, Contexts: supportedContexts(c, codecs), Log: log,
		MaxPDULength: c.Network.MaxPDULength, MaxAssociations: c.Network.MaxAssociations, MaxAssociationsPerPeer: c.Network.MaxAssociationsPerPeer,
		AssociationTimeout: c.Network.RequestTimeout, IdleTimeout: c.Network.IdleTimeout,
		ReadTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout, ShutdownTimeout: ShutdownTime,
	}
}
