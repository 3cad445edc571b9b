package index

import "time"

// Object is a stored object. Its ID is the archive's own and may be logged; its UIDs must not
// be.
type Object struct {
	ID                int64
	ParentID          int64  // the object that this result was made from; 0 for a received object
	SOPClassUID       string // (0008,0016)
	SOPInstanceUID    string // (0008,0018)
	Version           int    // from 1; each new content of the instance has the next
	TransferSyntaxUID string // (0002,0010)
	StudyInstanceUID  string // (0020,000D)
	SeriesInstanceUID string // (0020,000E)
	AccessionNumber   string // (0008,0050)
	Modality          string // (0008,0060)
	BodyPartExamined  string // (0018,0015)
	CallingAE         string
	CalledAE          string
	Source            string // name of the peer in the configuration
	Route             string // name of the route in the configuration
	Purpose           string
	Name              string // of its file in the store
	Size              int64  // of the file, bytes
	DatasetOffset     int64  // of the data set in the file, bytes
	Received          time.Time

	// CRC32C is the CRC-32C (Castagnoli) of the data set as stored, in eight hexadecimal digits;
	// "" for an object of a release that did not compute it.
	CRC32C string
	// SHA256 is the hexadecimal SHA-256 of the data set as stored; "" until it is computed, which
	// for a received object is when its file is first read to its end.
	SHA256 string
	// Digests identify the content independently of its encoding.
	Digests Digests

	// Outcome is the outcome of a received object (see the outcomes in package archive), ""
	// while it has none.
	Outcome   string
	OutcomeAt time.Time // zero if there is no outcome
	// Quality is the quality of the result, on the scale of its handler; nil if there is none.
	Quality *float64
	// SupersededAt is when a newer version superseded this object or its source; zero for a
	// current object.
	SupersededAt time.Time
}

// Digests are hexadecimal SHA-256 sums of three parts of an instance. They are computed from
// decoded values, so they do not depend on the encoding.
type Digests struct {
	Pixels   string // of the samples
	Meaning  string // of the attributes that say what the samples mean
	Identity string // of the attributes that results copy: patient, study, references
}

// Known reports whether all digests are set.
func (d Digests) Known() bool { return d.Pixels != "" && d.Meaning != "" && d.Identity != "" }

// Query selects objects; an empty field matches all.
type Query struct {
	StudyInstanceUID  string
	SeriesInstanceUID string
	SOPInstanceUID    string
	AccessionNumber   string
	Source            string
	Modality          string
	Outcome           string
	ReceivedFrom      time.Time // inclusive
	ReceivedTo        time.Time // exclusive
	Newest            bool      // only the newest version of each instance
	ReceivedOnly      bool      // only received objects, no results
}

// DeliveryState is the state of a delivery.
type DeliveryState string

// The states of a delivery.
//
// Three states come before Delivered if the destination commits what it stores (PS3.4 J). Sent:
// it answered the C-STORE with success. Requested: its commitment has been or is being
// requested. NotCommitted: it answered that it does not have the object, or did not answer.
//
// Held waits for a person to release or drop it. Withdrawn had not started when a newer version
// of the image arrived, or when the destination was to get the result in another form. Skipped
// was left out when the index was rebuilt.
const (
	Pending      DeliveryState = "pending"
	Held         DeliveryState = "held"
	Failing      DeliveryState = "failing" // tried, will be retried
	Sent         DeliveryState = "sent"
	Requested    DeliveryState = "commitment requested"
	NotCommitted DeliveryState = "not committed"
	Delivered    DeliveryState = "delivered"
	Refused      DeliveryState = "refused" // not retried
	Withdrawn    DeliveryState = "withdrawn"
	Skipped      DeliveryState = "skipped"
)

// Delivery is the delivery of one result to one destination.
type Delivery struct {
	ObjectID    int64
	Destination string
	State       DeliveryState
	At          time.Time // of the last change
	Status      int       // C-STORE status of the last attempt (PS3.4 Table B.2-1), or Failure Reason if NotCommitted (PS3.3 C.14.1.1); -1 if there is none
	Words       string    // describes the last attempt
	Attempts    int

	TransactionUID string    // of the last request for commitment; "" if none
	RequestedAt    time.Time // when the destination accepted the request; zero before that
}

// open reports whether a delivery is not done, dropped or held.
func (d Delivery) open() bool {
	switch d.State {
	case Held, Delivered, Refused, Withdrawn, Skipped:
		return false
	}
	return true
}

// CommitmentRequest is a peer's request for storage commitment (PS3.4 J.3.2) and its answer.
type CommitmentRequest struct {
	Peer           string // name in the configuration
	TransactionUID string
	At             time.Time // of the request
	Content        string    // encoded by package archive
}

// Tombstone is the record of a removed object.
type Tombstone struct {
	SOPInstanceUID string
	Version        int
	Received       bool   // false for a result
	Name           string // of its file
	SHA256         string
	Digests        Digests
	Cause          string // one word
	At             time.Time
	Results        []Result // that were made from it
}

// Result is the record of a result in a tombstone.
type Result struct {
	SOPInstanceUID string   `json:"sop_instance_uid"`
	Destinations   []string `json:"destinations"`
}

// Peer is the record of an application entity that has requested associations.
type Peer struct {
	Name         string // in the configuration; "" if it is not listed
	CallingAE    string
	CalledAE     string
	Address      string
	First, Last  time.Time
	Associations int64
	Objects      int64
}

// Refusal is the record of a rejected association or refused object.
type Refusal struct {
	Kind        string // association or object
	Peer        string // name in the configuration, "" if not listed
	CallingAE   string
	CalledAE    string
	Address     string
	Status      int    // C-STORE status, or reason of the A-ASSOCIATE-RJ
	Words       string // without patient data
	First, Last time.Time
	Count       int64
}

// Act is the record of a manual action.
type Act struct {
	At      time.Time
	Who     string // user of the operating system
	What    string // the verb
	Subject string // ids of the archive; no patient data
	Reason  string // as the person gave it
}
