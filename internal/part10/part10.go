// Package part10 is the only reader of encoded data sets (PS3.5 section 7, Annex A) and of
// DICOM files (PS3.10 section 7), and the writer of file meta information. [Scan] checks a data
// set as a stream, with constant memory. [Read] checks a file in memory, finds its Pixel Data
// and rewrites the elements before them, so that a library can parse them. [Elements] lists the
// top-level elements of a data set. All three use one walker, so that the decoder can read
// whatever the receiver accepts.
//
// The package never decodes pixels. It interprets only the identifying attributes, the size of
// the pixels and the character set.
package part10

// Header contains attributes of the top level of a data set, without padding. The value of a
// missing attribute is "".
type Header struct {
	SOPClassUID       string // (0008,0016)
	SOPInstanceUID    string // (0008,0018)
	TransferSyntaxUID string // (0002,0010), or the argument of Scan
	StudyInstanceUID  string // (0020,000D)
	SeriesInstanceUID string // (0020,000E)
	AccessionNumber   string // (0008,0050)
	Modality          string // (0008,0060)
	BodyPartExamined  string // (0018,0015)
	StationName       string // (0008,1010)
	// DatasetOffset is the number of bytes before the data set: preamble, prefix and file meta
	// information. Scan sets it to 0.
	DatasetOffset int64
	// Forgiven lists the faults in the part of the data set that was read.
	Forgiven Forgiven
}

// Meta is the file meta information that WriteMeta writes (PS3.10 Table 7.1-1).
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
