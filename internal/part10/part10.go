// Package part10 is the one reader of encoded data sets (PS3.5 section 7, Annex
// A) and of the frame of a DICOM file around them (PS3.10 section 7), which it
// writes too. [Scan] checks a data set as a stream, in memory that does not grow
// with it; [Read] checks a file in memory, finds its Pixel Data and writes the
// elements before them anew, so that a library can parse them; [Elements] lists
// a flat data set. All three share one walker, so that what the receiver
// accepts the decoder reads.
//
// It never decodes pixels and interprets no value beyond the identifying
// attributes, the size of the pixels and the character set.
package part10

// Header is what identifies an object: values of the top level of its data
// set, without padding. A value the data set lacks is "".
type Header struct {
	SOPClassUID       string // (0008,0016)
	SOPInstanceUID    string // (0008,0018)
	TransferSyntaxUID string // (0002,0010), or what Scan was told
	StudyInstanceUID  string // (0020,000D)
	SeriesInstanceUID string // (0020,000E)
	AccessionNumber   string // (0008,0050)
	Modality          string // (0008,0060)
	BodyPartExamined  string // (0018,0015)
	StationName       string // (0008,1010)
	// DatasetOffset is the number of bytes before the data set: preamble,
	// prefix and file meta information. It is 0 from Scan.
	DatasetOffset int64
	// Forgiven is what was wrong with the data set and did not keep it from
	// being read, as far as it was read.
	Forgiven Forgiven
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
	PrivateCreatorUID         string // (0002,0100) Private Information Creator UID; "" omits it and Private
	Private                   []byte // (0002,0102) Private Information
}
