package sr

import "dicomnode/internal/iod"

// PrivateScheme is the coding scheme of the concepts that PS3.16 lacks; every
// report that uses it identifies it in (0008,0110) (PS3.3 C.12.1.1.4).
const PrivateScheme = "99DICOMNODE"

func dcm(value, meaning string) iod.Code {
	return iod.Code{Value: value, Scheme: "DCM", Meaning: meaning}
}
func sct(value, meaning string) iod.Code {
	return iod.Code{Value: value, Scheme: "SCT", Meaning: meaning}
}
func ucum(value, meaning string) iod.Code {
	return iod.Code{Value: value, Scheme: "UCUM", Meaning: meaning}
}
func private(value, meaning string) iod.Code {
	return iod.Code{Value: value, Scheme: PrivateScheme, Meaning: meaning}
}

// Concept names of PS3.16 TID 1500, 1204, 1002, 1004, 1600-1603, 1410, 1419 and
// 4019, and the values this package fills in.
var (
	measurementReport      = dcm("126000", "Imaging Measurement Report")
	language               = dcm("121049", "Language of Content Item and Descendants")
	english                = iod.Code{Value: "en-US", Scheme: "RFC5646", Meaning: "English (United States)"}
	observerType           = dcm("121005", "Observer Type")
	deviceObserver         = dcm("121007", "Device")
	deviceUID              = dcm("121012", "Device Observer UID")
	deviceName             = dcm("121013", "Device Observer Name")
	deviceManufacturer     = dcm("121014", "Device Observer Manufacturer")
	deviceModel            = dcm("121015", "Device Observer Model Name")
	deviceSerial           = dcm("121016", "Device Observer Serial Number")
	procedureReported      = dcm("121058", "Procedure reported")
	imagingProcedure       = sct("363679005", "Imaging procedure") // CID 100
	imageLibrary           = dcm("111028", "Image Library")
	imageLibraryGroup      = dcm("126200", "Image Library Group")
	source                 = sct("260753009", "Source")
	modality               = dcm("121139", "Modality")
	targetRegion           = dcm("123014", "Target Region")
	imageLaterality        = dcm("111027", "Image Laterality")
	pixelRows              = dcm("110910", "Pixel Data Rows")
	pixelColumns           = dcm("110911", "Pixel Data Columns")
	orientationRow         = dcm("111044", "Patient Orientation Row")
	orientationColumn      = dcm("111043", "Patient Orientation Column")
	horizontalSpacing      = dcm("111026", "Horizontal Pixel Spacing")
	verticalSpacing        = dcm("111066", "Vertical Pixel Spacing")
	imagingMeasurements    = dcm("126010", "Imaging Measurements")
	measurementGroup       = dcm("125007", "Measurement Group")
	trackingIdentifier     = dcm("112039", "Tracking Identifier")
	trackingUID            = dcm("112040", "Tracking Unique Identifier")
	finding                = dcm("121071", "Finding")
	segmentationFrame      = dcm("121214", "Referenced Segmentation Frame")
	sourceImage            = dcm("121233", "Source image for segmentation")
	findingSite            = sct("363698007", "Finding Site")
	laterality             = sct("272741003", "Laterality")
	area                   = sct("42798000", "Area")
	measurementMethod      = sct("370129005", "Measurement Method")
	algorithmName          = dcm("111001", "Algorithm Name")
	algorithmParameters    = dcm("111002", "Algorithm Parameters")
	algorithmVersion       = dcm("111003", "Algorithm Version")
	probability            = dcm("110854", "Fractional Probabilistic Segmentation") // CID 218
	derivation             = dcm("121401", "Derivation")
	mean                   = sct("373098007", "Mean")
	qualitativeEvaluations = iod.Code{Value: "C0034375", Scheme: "UMLS", Meaning: "Qualitative Evaluations"} // TID 1500 row 12
)

// Units (UCUM, PS3.16 CID 7181 and 7180).
var (
	squareMillimetres = ucum("mm2", "mm2")
	millimetres       = ucum("mm", "mm")
	pixels            = ucum("{pixels}", "pixels")
	percent           = ucum("%", "Percent")
	noUnits           = ucum("1", "no units")
)

// Concepts of PrivateScheme. PS3.16 has none for a number of pixels or for a
// part of the exposed field.
var (
	segmentPixels = private("PIXELS", "Segment pixel count")
	fieldFraction = private("FIELD_FRACTION", "Fraction of exposed field")
)

// areaMethods say which spacing made an area of a number of pixels (PS3.3
// 10.7.1). Every area is one of a projection, not of a surface in the patient.
var areaMethods = map[iod.SpacingBasis]iod.Code{
	iod.Calibrated:         private("AREA_CALIBRATED", "Projected area, spacing calibrated in the patient"),
	iod.DetectorPlane:      private("AREA_DETECTOR", "Projected area in the detector plane, magnified"),
	iod.UnknownCalibration: private("AREA_UNKNOWN", "Projected area, calibration of the spacing unknown"),
	iod.Film:               private("AREA_FILM", "Projected area on the scanned film"),
}

// modalities maps Modality (0008,0060) to PS3.16 CID 29.
var modalities = map[string]iod.Code{
	"CR": dcm("CR", "Computed Radiography"),
	"DX": dcm("DX", "Digital Radiography"),
	"MG": dcm("MG", "Mammography"),
	"RF": dcm("RF", "Radiofluoroscopy"),
	"XA": dcm("XA", "X-Ray Angiography"),
}

// sides maps R, L and B to PS3.16 CID 244.
var sides = map[string]iod.Code{"R": iod.Right, "L": iod.Left, "B": iod.Bilateral}
