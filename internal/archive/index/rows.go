package index

import "time"

// Object is a stored object. ID is ours and may be logged; the UIDs may not.
type Object struct {
	ID                int64
	ParentID          int64  // the object this one was made from; 0 for a received one
	SOPClassUID       string // (0008,0016)
	SOPInstanceUID    string // (0008,0018)
	Version           int    // from 1; a further content of the same instance has the next
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

	// SHA256 is of the data set as it is stored, hexadecimal; "" when not known.
	SHA256 string
	// Digests tell contents apart however they are encoded.
	Digests Digests

	// Outcome is what became of a received object, in a word: see the archive's
	// outcomes. "" while nothing has been decided.
	Outcome   string
	OutcomeAt time.Time // zero when there is none
	// Quality is a figure for the result, in its maker's scale; nil when none.
	Quality *float64
	// SupersededAt is when a newer version replaced this one, or the object this
	// one was made from; zero for what counts.
	SupersededAt time.Time
}

// Digests are SHA-256 sums, hexadecimal, of three parts of an instance's
// contents, each of decoded values, so that encodings do not matter.
type Digests struct {
	Pixels   string // the samples
	Meaning  string // the attributes that give the samples meaning
	Identity string // the attributes that results carry: patient, study, references
}

// Known reports whether there are digests to compare.
func (d Digests) Known() bool { return d.Pixels != "" && d.Meaning != "" && d.Identity != "" }

// Query chooses objects; an empty field matches all.
type Query struct {
	StudyInstanceUID  string
	SeriesInstanceUID string
	SOPInstanceUID    string
	AccessionNumber   string
	Source            string
	Modality          string
	Outcome           string
	ReceivedFrom      time.Time // not before
	ReceivedTo        time.Time // before
	Newest            bool      // only the newest version of each instance
	ReceivedOnly      bool      // only received objects, no results
}

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery. Where the destination is to commit what it stores (PS3.4
// J), Sent comes before Delivered: it has answered the C-STORE with success; Requested:
// its commitment has been or is being asked for; NotCommitted: it has answered that it
// does not have it, or not at all. Held waits for a person to release or to drop it. Withdrawn was not begun when a newer version of its
// image arrived, or its destination gets the result in another form; Skipped was left
// out when the index was rebuilt.
const (
	Pending      DeliveryState = "pending"
	Held         DeliveryState = "held"
	Failing      DeliveryState = "failing" // tried, and to be tried again
	Sent         DeliveryState = "sent"
	Requested    DeliveryState = "commitment requested"
	NotCommitted DeliveryState = "not committed"
	Delivered    DeliveryState = "delivered"
	Refused      DeliveryState = "refused" // given up
	Withdrawn    DeliveryState = "withdrawn"
	Skipped      DeliveryState = "skipped"
)

// Delivery is one result on its way to one destination.
type Delivery struct {
	ObjectID    int64
	Destination string
	State       DeliveryState
	At          time.Time // of the last change
	Status      int       // C-STORE status of the last attempt (PS3.4 Table B.2-1), Failure Reason of what is NotCommitted (PS3.3 C.14.1.1); -1 when there was none
	Words       string    // about the last attempt
	Attempts    int

	TransactionUID string    // under which commitment was last asked for; "" when never
	RequestedAt    time.Time // when the destination accepted the request; zero before
}

// open reports whether a delivery is neither done, nor given up, nor held.
func (d Delivery) open() bool {
	switch d.State {
	case Held, Delivered, Refused, Withdrawn, Skipped:
		return false
	}
	return true
}

// Promise is a request for storage commitment that a peer has made (PS3.4 J.3.2),
// and what it is answered.
type Promise struct {
	Peer           string // name in the configuration
	TransactionUID string
	At             time.Time // of the request
	Content        string    // for whoever made it
}

// Tombstone stands for a removed object.
type Tombstone struct {
	SOPInstanceUID string
	Version        int
	Received       bool   // it was received, not made here
	Name           string // of its file
	SHA256         string
	Digests        Digests
	Cause          string // in a word
	At             time.Time
	Results        []Result // that were made of it
}

// Result is what a tombstone remembers of a result.
type Result struct {
	SOPInstanceUID string   `json:"sop_instance_uid"`
	Destinations   []string `json:"destinations"`
}

// Peer is what is known of an application entity that has called.
type Peer struct {
	Name         string // in the configuration; "" when it is not listed
	CallingAE    string
	CalledAE     string
	Address      string
	First, Last  time.Time
	Associations int64
	Objects      int64
}

// Refusal is an association or an object that was not accepted.
type Refusal struct {
	Kind        string // association or object
	Peer        string // name in the configuration, "" when not listed
	CallingAE   string
	CalledAE    string
	Address     string
	Status      int    // C-STORE status, or the reason of the A-ASSOCIATE-RJ
	Words       string // without patient data
	First, Last time.Time
	Count       int64
}

// Act is something a person made the archive do.
type Act struct {
	At      time.Time
	Who     string // user of the operating system
	What    string // the verb
	Subject string // our ids; no patient data
	Reason  string // as the person gave it
}
