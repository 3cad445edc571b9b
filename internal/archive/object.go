package archive

import (
	"io"
	"os"
	"time"
)

// Object is a stored object: a row of the index. ID is ours and may be logged;
// the UIDs may not.
type Object struct {
	ID                int64
	ParentID          int64 // the object this one was made from; 0 for a received one
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string
	StudyInstanceUID  string
	SeriesInstanceUID string
	Modality          string
	BodyPartExamined  string
	CallingAE         string
	CalledAE          string
	Source            string
	Route             string
	Purpose           Purpose
	Size              int64 // of the file, bytes
	DatasetOffset     int64 // of the data set in the file, bytes
	Received          time.Time

	path string
}

// Path names the Part 10 file. It is ours alone: treat it as read-only.
func (o Object) Path() string { return o.path }

// Open opens the Part 10 file for reading.
func (o Object) Open() (*os.File, error) { return os.Open(o.path) }

// OpenDataset opens the file at the data set, without file meta information:
// what a C-STORE sends.
func (o Object) OpenDataset() (*os.File, error) {
	f, err := o.Open()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(o.DatasetOffset, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
