package uid

import (
	"maps"
	"slices"
)

// Transfer syntaxes (PS3.6 Table A-1, PS3.5 Annex A).
const (
	ImplicitVRLittleEndian         = "1.2.840.10008.1.2"
	ExplicitVRLittleEndian         = "1.2.840.10008.1.2.1"
	DeflatedExplicitVRLittleEndian = "1.2.840.10008.1.2.1.99"
	ExplicitVRBigEndian            = "1.2.840.10008.1.2.2" // retired
	RLELossless                    = "1.2.840.10008.1.2.5"

	JPEGBaseline8Bit        = "1.2.840.10008.1.2.4.50"
	JPEGExtended12Bit       = "1.2.840.10008.1.2.4.51"
	JPEGLossless            = "1.2.840.10008.1.2.4.57"
	JPEGLosslessSV1         = "1.2.840.10008.1.2.4.70"
	JPEGLSLossless          = "1.2.840.10008.1.2.4.80"
	JPEGLSNearLossless      = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless        = "1.2.840.10008.1.2.4.90"
	JPEG2000                = "1.2.840.10008.1.2.4.91"
	JPEGXLLossless          = "1.2.840.10008.1.2.4.110"
	JPEGXLJPEGRecompression = "1.2.840.10008.1.2.4.111"
	JPEGXL                  = "1.2.840.10008.1.2.4.112"
	HTJ2KLossless           = "1.2.840.10008.1.2.4.201"
	HTJ2KLosslessRPCL       = "1.2.840.10008.1.2.4.202"
	HTJ2K                   = "1.2.840.10008.1.2.4.203"
)

// SOP classes (PS3.6 Table A-1, PS3.4 A, B.5), under the keywords of PS3.6.
const (
	Verification                                      = "1.2.840.10008.1.1"
	StudyRootQueryRetrieveFind                        = "1.2.840.10008.5.1.4.1.2.2.1"
	StudyRootQueryRetrieveMove                        = "1.2.840.10008.5.1.4.1.2.2.2"
	StudyRootQueryRetrieveGet                         = "1.2.840.10008.5.1.4.1.2.2.3"
	ComputedRadiographyImageStorage                   = "1.2.840.10008.5.1.4.1.1.1"
	DigitalXRayImageStorageForPresentation            = "1.2.840.10008.5.1.4.1.1.1.1"
	DigitalXRayImageStorageForProcessing              = "1.2.840.10008.5.1.4.1.1.1.1.1"
	DigitalMammographyXRayImageStorageForPresentation = "1.2.840.10008.5.1.4.1.1.1.2"
	DigitalMammographyXRayImageStorageForProcessing   = "1.2.840.10008.5.1.4.1.1.1.2.1"
	SecondaryCaptureImageStorage                      = "1.2.840.10008.5.1.4.1.1.7"
	XRayAngiographicImageStorage                      = "1.2.840.10008.5.1.4.1.1.12.1"
	XRayRadiofluoroscopicImageStorage                 = "1.2.840.10008.5.1.4.1.1.12.2"
	SegmentationStorage                               = "1.2.840.10008.5.1.4.1.1.66.4"
	LabelMapSegmentationStorage                       = "1.2.840.10008.5.1.4.1.1.66.7"
	ComprehensiveSRStorage                            = "1.2.840.10008.5.1.4.1.1.88.33"
	StorageCommitmentPushModel                        = "1.2.840.10008.1.20.1"
)

// StorageCommitmentPushModelInstance is the well-known SOP instance of the Storage
// Commitment Push Model (PS3.4 J.3.5).
const StorageCommitmentPushModelInstance = "1.2.840.10008.1.20.1.1"

// DICOMContentMappingResource is where context groups are defined (PS3.6 Table A-2,
// PS3.16).
const DICOMContentMappingResource = "1.2.840.10008.8.1.1"

// names are those PS3.6 Table A-1 has given since the edition of the library
// that knows the others.
var names = map[string]string{
	LabelMapSegmentationStorage: "Label Map Segmentation Storage",
	JPEGXLLossless:              "JPEG XL Lossless",
	JPEGXLJPEGRecompression:     "JPEG XL JPEG Recompression",
	JPEGXL:                      "JPEG XL",
	HTJ2KLossless:               "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
	HTJ2KLosslessRPCL:           "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
	HTJ2K:                       "High-Throughput JPEG 2000 Image Compression",
}

// storageClasses are the storage SOP classes above by keyword (PS3.6 Table A-1).
var storageClasses = map[string]string{
	"ComputedRadiographyImageStorage":                   ComputedRadiographyImageStorage,
	"DigitalXRayImageStorageForPresentation":            DigitalXRayImageStorageForPresentation,
	"DigitalXRayImageStorageForProcessing":              DigitalXRayImageStorageForProcessing,
	"DigitalMammographyXRayImageStorageForPresentation": DigitalMammographyXRayImageStorageForPresentation,
	"DigitalMammographyXRayImageStorageForProcessing":   DigitalMammographyXRayImageStorageForProcessing,
	"SecondaryCaptureImageStorage":                      SecondaryCaptureImageStorage,
	"XRayAngiographicImageStorage":                      XRayAngiographicImageStorage,
	"XRayRadiofluoroscopicImageStorage":                 XRayRadiofluoroscopicImageStorage,
	"SegmentationStorage":                               SegmentationStorage,
	"ComprehensiveSRStorage":                            ComprehensiveSRStorage,
}

// StorageClass returns the UID of the storage SOP class with that keyword of PS3.6
// Table A-1; false for a keyword this program has no use for.
func StorageClass(keyword string) (string, bool) {
	class, ok := storageClasses[keyword]
	return class, ok
}

// StorageClasses returns the keywords that [StorageClass] knows, sorted.
func StorageClasses() []string { return slices.Sorted(maps.Keys(storageClasses)) }
