package audit

import (
	"encoding/base64"
	"encoding/xml"
	"os"
	"strconv"
	"time"
)

// Log makes messages and puts them into its spool. A nil *Log makes none. Its methods
// return nil when the message is on disk.
type Log struct {
	source string // AuditSourceID
	spool  *Spool
	now    func() time.Time
}

// NewLog is the log of the application entity title, with messages in a spool.
func NewLog(title string, s *Spool) *Log { return &Log{source: title, spool: s, now: time.Now} }

// Spool is where its messages are.
func (l *Log) Spool() *Spool { return l.spool }

// outcome is that of an event which fails in one way.
func outcome(ok bool) Outcome {
	if ok {
		return Success
	}
	return MinorFailure
}

func (l *Log) write(action string, ok bool, id Code, types []Code, active []participant, objects []object) error {
	return l.writeEvent(event{Action: action, Outcome: outcome(ok), ID: id, Types: types}, active, objects)
}

func (l *Log) writeEvent(e event, active []participant, objects []object) error {
	if l == nil {
		return nil
	}
	e.Time = l.now().UTC().Truncate(time.Millisecond)
	b, err := xml.Marshal(message{Event: e, Active: active, Source: source{l.source, sourceType}, Objects: objects})
	if err != nil {
		return err
	}
	return l.spool.Append(b)
}

func (l *Log) self() participant {
	if l == nil {
		return participant{}
	}
	return participant{UserID: l.source, Alternative: "AETITLES=" + l.source + ";PID=" + strconv.Itoa(os.Getpid()), Roles: []Code{roleApplication}}
}

// Started and Stopped: the application begins and ends (PS3.15 A.5.3.1).
func (l *Log) Started(user string) error { return l.activity(applicationStart, user) }

// Stopped is the end of the application (PS3.15 A.5.3.1).
func (l *Log) Stopped(user string) error { return l.activity(applicationStop, user) }

func (l *Log) activity(what Code, user string) error {
	return l.write("E", true, applicationActivity, []Code{what},
		[]participant{l.self(), {UserID: user, Requestor: true, Roles: []Code{roleLauncher}}}, nil)
}

// Begins: instances are about to go from one application entity to another (PS3.15
// A.5.3.3). [Log.Transferred] tells how that ended.
func (l *Log) Begins(t Transfer, all ...Instance) error {
	return l.write("E", true, beginTransferring, nil, t.participants(), objects(all, 0))
}

// Transfer is one that begins or has ended.
type Transfer struct {
	From, To AE
	User     string // who asked for it; "": From by itself
	Fresh    bool   // To did not have the instances before
	Outcome  Outcome
	Words    string // why it failed, for EventOutcomeDescription
}

// maxWords bounds the words of an outcome, in bytes: a peer may have said them.
const maxWords = 500

// Transferred: instances went from one application entity to another, or should have
// and did not (PS3.15 A.5.3.7).
func (l *Log) Transferred(t Transfer, all ...Instance) error {
	e := event{Action: "C", Outcome: t.Outcome, ID: instancesTransferred, Words: t.Words[:min(len(t.Words), maxWords)]}
	if !t.Fresh {
		e.Action = "R"
	}
	return l.writeEvent(e, t.participants(), objects(all, 0))
}

func (t Transfer) participants() []participant {
	both := []participant{t.From.participant(t.User == "", roleSource), t.To.participant(false, roleDestination)}
	if t.User != "" {
		both = append(both, participant{UserID: t.User, Requestor: true})
	}
	return both
}

// Query is one that an application entity asks another (PS3.4 C.4.1).
type Query struct {
	From, To          AE
	User              string // who asked for it; "": From by itself
	SOPClassUID       string
	TransferSyntaxUID string // of Identifier
	Identifier        []byte
}

// Queried: an application entity asks another for what it has (PS3.15 A.5.3.10).
func (l *Log) Queried(q Query) error {
	asked := Transfer{From: q.From, To: q.To, User: q.User}
	return l.write("E", true, query, nil, asked.participants(), []object{{
		ID: q.SOPClassUID, Type: 2, Role: 24, IDType: idClass, Query: base64.StdEncoding.EncodeToString(q.Identifier),
		Detail: &detail{"TransferSyntax", base64.StdEncoding.EncodeToString([]byte(q.TransferSyntaxUID))}}})
}

// Refused: an application entity asked for an association, or a node for a secure
// connection, and was not admitted, which is a security alert (PS3.15 A.5.3.11).
func (l *Log) Refused(who AE, why string) error {
	if l == nil {
		return nil
	}
	node := who.Address
	if node == "" {
		node = who.Title
	}
	return l.alert(nodeAuthentication, false, []participant{l.self(), who.participant(false, roleSource)}, node, why)
}

// Configured: the configuration of the application was changed (PS3.15 A.5.3.11).
func (l *Log) Configured(user, what string) error {
	if l == nil {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return l.alert(softwareConfiguration, true, []participant{{UserID: user, Requestor: true}, l.self()}, l.source+"@"+host, what)
}

// alert is about a node: an IP address, or name@host.
func (l *Log) alert(what Code, ok bool, active []participant, node, text string) error {
	return l.write("E", ok, securityAlert, []Code{what}, active, []object{{
		ID: orUnknown(node), Type: 2, Role: 13, IDType: idNode, Name: new(string), Detail: &detail{"Alert Description", base64.StdEncoding.EncodeToString([]byte(text))}}})
}

// erased is the ParticipantObjectDataLifeCycle of a permanent erasure (PS3.15 A.5.1.1).
const erased = 15

// Erased: a person removes instances for good (PS3.15 A.5.3.8); ok is false where that
// failed after it was noted.
func (l *Log) Erased(user string, ok bool, all ...Instance) error {
	return l.write("D", ok, studyDeleted, nil, []participant{{UserID: user, Requestor: true}, l.self()}, objects(all, erased))
}

// Exported: a person has taken instances out, to a medium that is no longer under the
// application's control (PS3.15 A.5.3.4).
func (l *Log) Exported(user, medium string, all ...Instance) error {
	return l.write("R", true, dataExport, nil, []participant{{UserID: user, Requestor: true, Roles: []Code{roleSource}},
		{UserID: medium, Roles: []Code{roleMedia}, Medium: &media{mediaURI}}}, objects(all, 0))
}
