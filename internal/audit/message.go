// Package audit owns the audit trail: DICOM audit messages (PS3.15 A.5) and their way
// to a syslog collector, over TLS (RFC 5425) or UDP (RFC 5426), by way of a spool on
// disk that loses nothing.
//
// The messages name patients, as PS3.15 A.5.3 demands. They stand in the spool, with
// mode 0600, and go to the collector: nowhere else, no log of the program included.
package audit

import (
	"encoding/xml"
	"net"
	"time"
)

// Code is a coded value (PS3.15 Table A.5.1-2, PS3.16 CID 400 and following).
type Code struct {
	Value  string `xml:"csd-code,attr"`
	Scheme string `xml:"codeSystemName,attr"`
	Text   string `xml:"originalText,attr"`
}

func dcm(value, text string) Code { return Code{value, "DCM", text} }

// message is an AuditMessage (PS3.15 A.5.1).
type message struct {
	XMLName xml.Name      `xml:"AuditMessage"`
	Event   event         `xml:"EventIdentification"`
	Active  []participant `xml:"ActiveParticipant"`
	Source  source        `xml:"AuditSourceIdentification"`
	Objects []object      `xml:"ParticipantObjectIdentification"`
}

type event struct {
	Action  string    `xml:"EventActionCode,attr"` // C, R, U, D or E
	Time    time.Time `xml:"EventDateTime,attr"`
	Outcome Outcome   `xml:"EventOutcomeIndicator,attr"`
	ID      Code      `xml:"EventID"`
	Types   []Code    `xml:"EventTypeCode"`
	Words   string    `xml:"EventOutcomeDescription,omitempty"`
}

// Outcome is the EventOutcomeIndicator of an event (PS3.15 A.5.2).
type Outcome int

// The outcomes.
const (
	Success        Outcome = 0
	MinorFailure   Outcome = 4 // the action may be repeated
	SeriousFailure Outcome = 8 // the action has ended for good
)

type participant struct {
	UserID      string `xml:"UserID,attr"`
	Alternative string `xml:"AlternativeUserID,attr,omitempty"` // "AETITLES=…"
	Requestor   bool   `xml:"UserIsRequestor,attr"`
	Address     string `xml:"NetworkAccessPointID,attr,omitempty"`
	AddressType string `xml:"NetworkAccessPointTypeCode,attr,omitempty"` // 1 name, 2 IP address
	Roles       []Code `xml:"RoleIDCode"`
	Medium      *media `xml:"MediaIdentifier,omitempty"`
}

type media struct {
	Type Code `xml:"MediaType"`
}

type source struct {
	ID   string `xml:"AuditSourceID,attr"`
	Type Code   `xml:"AuditSourceTypeCode"`
}

type object struct {
	ID          string  `xml:"ParticipantObjectID,attr"`
	Type        int     `xml:"ParticipantObjectTypeCode,attr"`                // 1 person, 2 system object
	Role        int     `xml:"ParticipantObjectTypeCodeRole,attr"`            // 1 patient, 3 report (study), 13 security resource, 24 query
	LifeCycle   int     `xml:"ParticipantObjectDataLifeCycle,attr,omitempty"` // 15: permanent erasure
	IDType      Code    `xml:"ParticipantObjectIDTypeCode"`                   //
	Name        *string `xml:"ParticipantObjectName"`                         // the schema wants a name, perhaps an empty one, or a query
	Query       string  `xml:"ParticipantObjectQuery,omitempty"`              // base64
	Detail      *detail `xml:"ParticipantObjectDetail,omitempty"`             //
	Description *study  `xml:"ParticipantObjectDescription,omitempty"`        //
}

type detail struct {
	Type  string `xml:"type,attr"`
	Value string `xml:"value,attr"` // base64, of text too
}

type study struct {
	Classes []class `xml:"SOPClass"`
}

type class struct {
	UID       string     `xml:"UID,attr,omitempty"`
	Instances int        `xml:"NumberOfInstances,attr"`
	Listed    []instance `xml:"Instance"`
}

type instance struct {
	UID string `xml:"UID,attr"`
}

// Event IDs and types (PS3.15 A.5.3, PS3.16 CID 400 and 401).
var (
	applicationActivity  = dcm("110100", "Application Activity")
	beginTransferring    = dcm("110102", "Begin Transferring DICOM Instances")
	instancesTransferred = dcm("110104", "DICOM Instances Transferred")
	studyDeleted         = dcm("110105", "DICOM Study Deleted")
	dataExport           = dcm("110106", "Export")
	query                = dcm("110112", "Query")
	securityAlert        = dcm("110113", "Security Alert")

	applicationStart      = dcm("110120", "Application Start")
	applicationStop       = dcm("110121", "Application Stop")
	nodeAuthentication    = dcm("110126", "Node Authentication")
	softwareConfiguration = dcm("110131", "Software Configuration")
)

// Events lists the codes of the events and event types that the messages have.
func Events() (codes []string) {
	for _, c := range []Code{applicationActivity, beginTransferring, instancesTransferred, studyDeleted, dataExport, query, securityAlert,
		applicationStart, applicationStop, nodeAuthentication, softwareConfiguration} {
		codes = append(codes, c.Value)
	}
	return codes
}

// Roles of active participants (PS3.16 CID 402), and what objects are known by.
var (
	roleApplication = dcm("110150", "Application")
	roleLauncher    = dcm("110151", "Application Launcher")
	roleDestination = dcm("110152", "Destination Role ID")
	roleSource      = dcm("110153", "Source Role ID")
	roleMedia       = dcm("110154", "Destination Media")

	mediaURI = dcm("110037", "URI") // PS3.16 CID 405: a folder is none of the other media

	idStudy   = dcm("110180", "Study Instance UID")
	idClass   = dcm("110181", "SOP Class UID")
	idNode    = dcm("110182", "Node ID")
	idPatient = Code{"2", "RFC-3881", "Patient Number"}

	sourceType = Code{"4", "DCM", "Application Server Process"}
)

// Application entities and people that take part.
type (
	// AE is an application entity.
	AE struct {
		Title   string // "" when not known: the address stands for it
		Address string // IP address or host name; "" when not known
	}
	// Instance is a stored object, and whom it is about.
	Instance struct {
		StudyInstanceUID string
		SOPClassUID      string
		SOPInstanceUID   string
		PatientID        string
		PatientName      string
	}
)

func (a AE) participant(requestor bool, role Code) participant {
	p := participant{UserID: a.Title, Alternative: "AETITLES=" + a.Title, Requestor: requestor, Roles: []Code{role}}
	if a.Title == "" {
		p.UserID, p.Alternative = orUnknown(a.Address), ""
	}
	if a.Address != "" {
		p.Address, p.AddressType = a.Address, "1"
		if net.ParseIP(a.Address) != nil {
			p.AddressType = "2"
		}
	}
	return p
}

// objects are study and patient of instances, as most messages have them.
func objects(all []Instance, lifeCycle int) (out []object) {
	type key struct{ study, patient string }
	at := map[key]int{}
	for _, i := range all {
		k := key{i.StudyInstanceUID, i.PatientID}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			out = append(out,
				object{ID: orUnknown(i.StudyInstanceUID), Type: 2, Role: 3, LifeCycle: lifeCycle, IDType: idStudy, Name: new(string), Description: &study{}},
				object{ID: orUnknown(i.PatientID), Type: 1, Role: 1, IDType: idPatient, Name: &i.PatientName})
		}
		s := out[n].Description
		c := -1
		for j := range s.Classes {
			if s.Classes[j].UID == i.SOPClassUID {
				c = j
			}
		}
		if c < 0 {
			s.Classes = append(s.Classes, class{UID: i.SOPClassUID})
			c = len(s.Classes) - 1
		}
		s.Classes[c].Instances++
		if i.SOPInstanceUID != "" {
			s.Classes[c].Listed = append(s.Classes[c].Listed, instance{i.SOPInstanceUID})
		}
	}
	return out
}

// orUnknown stands for an identifier that the object lacks: the attribute is required.
func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
