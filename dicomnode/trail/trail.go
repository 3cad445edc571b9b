// Package trail is the audit trail of a node (PS3.15 A.5): what package audit writes
// down, opened as the configuration says, and told in the words of the archive. It
// decides nothing; a [Trail] that the configuration does not want notes nothing.
package trail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
)

// Trail notes what happens. A nil *Trail notes nothing. What cannot be noted is an error
// in its log.
type Trail struct {
	messages *audit.Log
	sender   *audit.Sender // nil beside the running node, which sends
	log      *slog.Logger
}

// Open opens the trail of a configuration, to add to it; nil where it wants none.
func Open(c configs.Config) (*Trail, error) {
	if c.Audit.Server == "" {
		return nil, nil
	}
	spool, err := audit.OpenSpool(c.Node.DataDir)
	if err != nil {
		return nil, hint.Add(err, "see audit: in the configuration")
	}
	return &Trail{messages: audit.NewLog(c.Node.AETitle, spool), log: slog.New(slog.DiscardHandler)}, nil
}

// OpenSending is Open for the node, whose [Trail.Run] sends the messages. identity is
// what it shows to a collector, or nil.
func OpenSending(c configs.Config, identity func() *dicomtls.Identity, log *slog.Logger) (*Trail, error) {
	t, err := Open(c)
	if t == nil || err != nil {
		return nil, err
	}
	t.log = log
	t.sender, err = sender(c, t.messages.Spool(), identity, log)
	return t, err
}

// Run sends the messages until ctx ends.
func (t *Trail) Run(ctx context.Context) {
	if t != nil {
		t.sender.Run(ctx)
	}
}

// note says in the log that a message could not be kept.
func (t *Trail) note(err error) {
	if err != nil {
		t.log.Error("cannot store an audit message", "error", err)
	}
}

// Started notes that the node begins.
func (t *Trail) Started() {
	if t != nil {
		t.note(t.messages.Started(archive.User()))
	}
}

// Stopped notes that the node ends.
func (t *Trail) Stopped() {
	if t != nil {
		t.note(t.messages.Stopped(archive.User()))
	}
}

// Refused notes an application entity that was not admitted.
func (t *Trail) Refused(who audit.AE, why string) {
	if t != nil {
		t.note(t.messages.Refused(who, why))
	}
}

// Configured notes a change of the configuration.
func (t *Trail) Configured(what string) {
	if t != nil {
		t.note(t.messages.Configured(archive.User(), what))
	}
}

// Erased notes what is about to be removed for good; ok is false where that failed after
// it was noted. It returns nil when the message is on disk.
func (t *Trail) Erased(ok bool, all ...archive.Object) error {
	if t == nil {
		return nil
	}
	return each(instances(all), func(some []audit.Instance) error { return t.messages.Erased(archive.User(), ok, some...) })
}

// Exported notes what is about to leave for a medium. It returns nil when the message is
// on disk.
func (t *Trail) Exported(medium string, all ...archive.Object) error {
	if t == nil {
		return nil
	}
	return each(instances(all), func(some []audit.Instance) error { return t.messages.Exported(archive.User(), medium, some...) })
}

// oneMessage is how many instances a message names, so that none is longer than the 8192
// octets that every collector should take (RFC 5425 4.3.1): rsyslog cuts what is longer.
const oneMessage = 50

// each tells of all instances in messages about one study and one patient (PS3.15
// A.5.3.7, A.5.3.8); of none in one.
func each(all []audit.Instance, tell func([]audit.Instance) error) error {
	if len(all) == 0 {
		return tell(nil)
	}
	type key struct{ study, patient string }
	var keys []key
	groups := map[key][]audit.Instance{}
	for _, i := range all {
		k := key{i.StudyInstanceUID, i.PatientID}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], i)
	}
	for _, k := range keys {
		for some := range slices.Chunk(groups[k], oneMessage) {
			if err := tell(some); err != nil {
				return err
			}
		}
	}
	return nil
}

func instances(all []archive.Object) []audit.Instance {
	out := make([]audit.Instance, len(all))
	for i, o := range all {
		out[i] = instance(o)
	}
	return out
}

// instance is an object as an audit message has it, with the patient. One that cannot be
// read has none.
func instance(o archive.Object) audit.Instance {
	i := audit.Instance{StudyInstanceUID: o.StudyInstanceUID, SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID}
	r, err := o.OpenDataset()
	if err != nil {
		return i
	}
	defer r.Close()
	i.PatientID, i.PatientName = audit.ReadPatient(r, o.TransferSyntaxUID)
	return i
}

// sender takes the messages to the collector.
func sender(c configs.Config, spool *audit.Spool, identity func() *dicomtls.Identity, log *slog.Logger) (*audit.Sender, error) {
	s := &audit.Sender{Spool: spool, Address: c.Audit.Server, Log: log}
	if c.Audit.Transport == "udp" {
		return s, nil
	}
	file := c.Audit.CA
	if file == "" {
		file = c.TLS.CA
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("audit: CA of the collector: %w", err), "see ca: under audit: or tls:")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, hint.Add(fmt.Errorf("audit: %s has no certificate in PEM", file), "see ca: under audit: or tls:")
	}
	host, _, _ := net.SplitHostPort(c.Audit.Server) // the configuration was checked
	s.TLS = func() *tls.Config {
		t := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: host}
		if id := identity(); id != nil {
			t.Certificates = []tls.Certificate{id.Certificate()}
		}
		return t
	}
	return s, nil
}
