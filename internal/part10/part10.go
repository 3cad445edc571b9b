// Package part10 reads and writes the frame of a DICOM file (PS3.10 section 7)
// and walks encoded data sets (PS3.5 section 7, Annex A) as a stream, in memory
// that does not grow with the object.
//
// It finds the few identifying attributes a node needs and tells whether the
// encoding is whole. It never decodes pixels, never interprets a value beyond
// those attributes and keeps no data set.
package part10

// Header is what identifies an object: values of the top level of its data
// set, without padding. A value the data set lacks is "".
type Header struct {
	SOPClassUID       string // (0008,0016)
	SOPInstanceUID    string // (0008,0018)
	TransferSyntaxUID string // (0002,0010), or what Scan was told
	StudyInstanceUID  string // (0020,000D)
	SeriesInstanceUID string // (0020,000E)
	Modality          string // (0008,0060)
	BodyPartExamined  string // (0018,0015)
	// DatasetOffset is the number of bytes before the data set: preamble,
	// prefix and file meta information. It is 0 from Scan.
	DatasetOffset int64
}

// Meta is the file meta information WriteMeta writes (PS3.10 Table 7.1-1).
type Meta struct {
	SOPClassUID               string // (0002,0002) Media Storage SOP Class UID
	SOPInstanceUID            string // (0002,0003) Media Storage SOP Instance UID
	TransferSyntaxUID         string // (0002,0010)
	ImplementationClassUID    string // (0002,0012); "" means uid.Implementation
	ImplementationVersionName string // (0002,0013); "" means uid.ImplementationVersionName
	SourceAE                  string // (0002,0016) Source Application Entity Title; "" omits it
	ReceivingAE               string // (0002,0018) Receiving Application Entity Title; "" omits it
}
