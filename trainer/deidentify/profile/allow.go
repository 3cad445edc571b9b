package profile

import (
	"strings"
	"sync"

	"github.com/suyashkumar/dicom/pkg/tag"

	"dicomnode/internal/iod"
	"dicomnode/internal/part10"
)

// allowed are the attributes that a training set keeps: those that describe the pixels and the
// exposure. All others are removed or, if the object requires them, emptied or replaced. A kept
// value of VR CS must be a [Term], one of another character VR must be the wording of a listed
// concept, and a number must be a number.
var allowed = map[string]string{
	"general": `SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID
		SynchronizationFrameOfReferenceUID Modality SeriesNumber InstanceNumber ImageType ConversionType PresentationIntentType
		BodyPartExamined Laterality ImageLaterality ViewPosition PatientOrientation PatientPosition AcquisitionNumber
		ImagesInAcquisition QualityControlImage CalibrationImage ReferencedSOPClassUID ReferencedSOPInstanceUID
		ReferencedFrameNumber`,
	"codes": `CodeValue LongCodeValue URNCodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning ContextIdentifier
		MappingResource ContextUID AnatomicRegionSequence AnatomicRegionModifierSequence PrimaryAnatomicStructureSequence
		PrimaryAnatomicStructureModifierSequence ViewCodeSequence ViewModifierCodeSequence PatientOrientationCodeSequence
		PatientOrientationModifierCodeSequence PatientGantryRelationshipCodeSequence PurposeOfReferenceCodeSequence
		AnatomicRegionModifierSequence`,
	"pixels": `SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames FrameIncrementPointer Rows Columns
		PixelAspectRatio BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue
		PixelPaddingValue PixelPaddingRangeLimit PixelData RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
		BluePaletteColorLookupTableDescriptor RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
		BluePaletteColorLookupTableData ColorSpace LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod BurnedInAnnotation`,
	"meaning": `PixelIntensityRelationship PixelIntensityRelationshipSign RescaleIntercept RescaleSlope RescaleType WindowCenter
		WindowWidth VOILUTFunction ModalityLUTSequence VOILUTSequence PresentationLUTSequence LUTDescriptor LUTData ModalityLUTType
		PresentationLUTShape ImageHorizontalFlip ImageRotation RecommendedDisplayFrameRate RecognizableVisualFeatures`,
	"geometry": `PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing PixelSpacingCalibrationType DistanceSourceToDetector
		DistanceSourceToPatient DistanceSourceToEntrance EstimatedRadiographicMagnificationFactor PositionerType PositionerMotion
		PositionerPrimaryAngle PositionerSecondaryAngle DetectorPrimaryAngle DetectorSecondaryAngle ColumnAngulation TableType
		TableAngle BodyPartThickness CompressionForce ShutterShape ShutterLeftVerticalEdge ShutterRightVerticalEdge
		ShutterUpperHorizontalEdge ShutterLowerHorizontalEdge CenterOfCircularShutter RadiusOfCircularShutter
		VerticesOfThePolygonalShutter ShutterPresentationValue CollimatorShape CollimatorLeftVerticalEdge
		CollimatorRightVerticalEdge CollimatorUpperHorizontalEdge CollimatorLowerHorizontalEdge CenterOfCircularCollimator
		RadiusOfCircularCollimator VerticesOfThePolygonalCollimator`,
	"exposure": `KVP ExposureTime ExposureTimeInuS XRayTubeCurrent XRayTubeCurrentInuA Exposure ExposureInuAs AveragePulseWidth
		RadiationSetting RadiationMode RectificationType Grid GridAbsorbingMaterial GridSpacingMaterial GridThickness GridPitch
		GridAspectRatio GridPeriod GridFocalDistance FocalSpots AnodeTargetMaterial FilterType FilterMaterial FilterThicknessMinimum
		FilterThicknessMaximum ImageAndFluoroscopyAreaDoseProduct EntranceDose EntranceDoseInmGy HalfValueLayer ExposureControlMode
		ExposureStatus PhototimerSetting Sensitivity RelativeXRayExposure ExposureIndex TargetExposureIndex DeviationIndex
		OrganExposed`,
	"detector": `DetectorType DetectorConfiguration DetectorMode DetectorConditionsNominalFlag DetectorTemperature DetectorActiveTime
		DetectorActivationOffsetFromExposure DetectorBinning DetectorActiveShape DetectorActiveDimensions DetectorActiveOrigin
		DetectorElementPhysicalSize DetectorElementSpacing FieldOfViewShape FieldOfViewDimensions FieldOfViewOrigin
		FieldOfViewRotation FieldOfViewHorizontalFlip PlateType PhosphorType IntensifierSize`,
	"segmentation": `ReferencedSeriesSequence ReferencedInstanceSequence SegmentationType SegmentationFractionalType
		MaximumFractionalValue SegmentsOverlap SegmentSequence SegmentNumber SegmentLabel SegmentDescription SegmentAlgorithmType
		SegmentAlgorithmName SegmentedPropertyCategoryCodeSequence SegmentedPropertyTypeCodeSequence
		SegmentedPropertyTypeModifierCodeSequence RecommendedDisplayGrayscaleValue RecommendedDisplayCIELabValue TrackingID TrackingUID
		ContentLabel ContentQualification DimensionOrganizationSequence DimensionOrganizationUID DimensionOrganizationType
		DimensionIndexSequence DimensionIndexPointer FunctionalGroupPointer SharedFunctionalGroupsSequence
		PerFrameFunctionalGroupsSequence PixelMeasuresSequence SliceThickness FrameContentSequence DimensionIndexValues
		DerivationImageSequence DerivationCodeSequence SourceImageSequence SpatialLocationsPreserved SegmentIdentificationSequence
		ReferencedSegmentNumber PlanePositionSequence PlaneOrientationSequence ImagePositionPatient ImageOrientationPatient
		ReferencedImageSequence`,
	"report": `ContentSequence RelationshipType ValueType ConceptNameCodeSequence ConceptCodeSequence ContinuityOfContent
		ContentTemplateSequence TemplateIdentifier MeasuredValueSequence NumericValue FloatingPointValue
		MeasurementUnitsCodeSequence NumericValueQualifierCodeSequence UID TextValue ReferencedSOPSequence
		ReferencedContentItemIdentifier GraphicType GraphicData PixelOriginInterpretation ReferencedFrameOfReferenceUID
		CompletionFlag VerificationFlag PreliminaryFlag CurrentRequestedProcedureEvidenceSequence`,
}

// TrainingSet reports whether a training set keeps t.
func TrainingSet(t part10.Tag) bool { return trainingSet()[t] }

var trainingSet = sync.OnceValue(func() map[part10.Tag]bool {
	out := map[part10.Tag]bool{}
	for _, group := range allowed {
		for keyword := range strings.FieldsSeq(group) {
			if info, err := tag.FindByKeyword(keyword); err == nil {
				out[part10.Tag(info.Tag.Group)<<16|part10.Tag(info.Tag.Element)] = true
			}
		}
	}
	return out
})

// terms are the defined terms and enumerated values (PS3.3) of the kept attributes of VR CS,
// except Body Part Examined.
const terms = `00 01 ORIGINAL DERIVED PRIMARY SECONDARY MIXED OTHER LOCALIZER YES NO Y N R L U B A P H F HF AP PA LL RL RLD LLD RLO LLO
	LAO RAO LPO RPO AR AL PR PL HFS HFP FFS FFP HFDR HFDL FFDR FFDL FOR PROCESSING PRESENTATION FOR_PROCESSING FOR_PRESENTATION
	MONOCHROME1 MONOCHROME2 RGB YBR_FULL YBR_FULL_422 YBR_ICT YBR_RCT PALETTE LOG LIN DISP LINEAR SIGMOID LINEAR_EXACT INVERSE
	IDENTITY US HU OD PX_VALUE UNSPECIFIED FIDUCIAL GEOMETRY FIXED FOCUSED REPEATING TUNGSTEN MOLYBDENUM RHODIUM SILVER ALUMINUM
	COPPER NONE STRIP WEDGE BUTTERFLY MULTIPLE RECTANGLE RECTANGULAR ROUND CIRCULAR POLYGONAL HEXAGONAL DIRECT SCINTILLATOR
	STORAGE FILM AREA SLOT CCD AUTOMATIC MANUAL NORMAL ABORTED FIXED_DETECTOR CARM COLUMN PEDESTAL MAMMOGRAPHIC PANORAMIC
	CEPHALOSTAT RIGID TILTING STATIC DYNAMIC GR SC CONTINUOUS PULSED SINGLE PHASE CONST POT RECIPROCATING
	BINARY FRACTIONAL LABELMAP PROBABILITY OCCUPANCY AUTOMATIC SEMIAUTOMATIC PRODUCT RESEARCH SERVICE UNDEFINED 3D TILED_FULL
	CONTAINER TEXT NUM CODE UIDREF COMPOSITE IMAGE SCOORD CONTAINS HAS PROPERTIES OBS CONTEXT ACQ MOD INFERRED FROM SELECTED
	SEPARATE COMPLETE PARTIAL VERIFIED UNVERIFIED PRELIMINARY FINAL DCMR 99DICOMNODE POINT POLYLINE MULTIPOINT CIRCLE ELLIPSE
	FRAME VOLUME CR DX MG IO PX SEG SR XA RF DI DF DV WSD SD SI DRW SYN
	ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_18181_1 RT BREAST LEFT RIGHT SEGMENTATION ISO_IR ISO`

// bodyParts are defined terms of Body Part Examined (PS3.16 Annex L), in addition to those with
// an anatomic region in package iod.
const bodyParts = `BREAST CALCANEUS COCCYX ORBIT FACE JAW MANDIBLE MAXILLA NOSE SINUS SACRUM SCAPULA STERNUM SIJOINT TMJ WHOLEBODY
	CTSPINE TLSPINE LSSPINE ABDOMENPELVIS CHESTABDOMEN CHESTABDPELVIS ACJOINT SCJOINT PELVISLOWEXTREMT THUMB HEEL ZYGOMA
	UPPEREXTREMITY LOWEREXTREMITY UPPER LOWER UPPERLEG AIRWAY BILEDUCT COLON ESOPHAGUS HEART KIDNEY LUNG STOMACH`

// Term reports whether a value of VR CS is a defined term of the standard, which identifies
// nobody.
func Term(v string) bool {
	if _, _, known := iod.AnatomicRegion(v); known {
		return true
	}
	for word := range strings.FieldsSeq(strings.NewReplacer(`\`, " ", "/", " ").Replace(v)) {
		if !termWords()[word] {
			return false
		}
	}
	return true
}

var termWords = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(terms + " " + bodyParts + " " + characterSets) {
		out[word] = true
	}
	return out
})

// characterSets are the defined terms of Specific Character Set (PS3.3 C.12.1.1.2).
const characterSets = `ISO_IR 6 13 100 101 109 110 126 127 138 144 148 149 166 192 203 58 87 159 2022 IR GB18030 GBK`

// Wording reports whether a text is the meaning of a listed concept or a label of this program,
// which identifies nobody.
func Wording(v string) bool { return wordings()[strings.ToLower(strings.TrimSpace(v))] }

var wordings = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	Meanings(func(m string) { out[strings.ToLower(m)] = true })
	for _, label := range Labels {
		out[strings.ToLower(label)] = true
	}
	return out
})

// Labels are the names that this program uses for its segments and itself.
var Labels = []string{"Open beam", "Soft tissue", "Bone", "Soft tissue, high precision", "High-precision soft tissue", "XNet", "dicomnode"}

// Terms calls f with each defined term that may be kept.
func Terms(f func(string)) {
	for word := range termWords() {
		f(word)
	}
}

// Keywords calls f with the keyword and the name (PS3.6) of every attribute that a
// training set keeps.
func Keywords(f func(string)) {
	for _, group := range allowed {
		for keyword := range strings.FieldsSeq(group) {
			f(keyword)
			if info, err := tag.FindByKeyword(keyword); err == nil {
				f(info.Name)
			}
		}
	}
}
