package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/dicomtls"
	"dicomnode/internal/hint"
	"dicomnode/scp"
)

// OpenAudit opens the audit trail of a configuration; nil, which notes nothing, where it
// has none.
func OpenAudit(c configs.Config) (*audit.Log, *audit.Spool, error) {
	if c.Audit.Server == "" {
		return nil, nil, nil
	}
	spool, err := audit.OpenSpool(c.Node.DataDir)
	if err != nil {
		return nil, nil, hint.Add(err, "see audit: in the configuration")
	}
	return audit.NewLog(c.Node.AETitle, spool), spool, nil
}

// auditSender takes the messages to the collector; nil without an audit trail.
func auditSender(c configs.Config, spool *audit.Spool, identity func() *dicomtls.Identity, log *slog.Logger) (*audit.Sender, error) {
	if spool == nil {
		return nil, nil
	}
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

// openAudit opens the audit trail and what sends it.
func (n *Node) openAudit(c configs.Config) error {
	log, spool, err := OpenAudit(c)
	if err != nil {
		return err
	}
	n.audit = log
	n.auditing, err = auditSender(c, spool, n.identity.Load, n.log)
	return err
}

// audited says in the log that an audit message could not be kept.
func (n *Node) audited(err error) {
	if err != nil {
		n.log.Error("audit message not kept", "error", err)
	}
}

// self is the node as an application entity.
func (n *Node) self() audit.AE { return audit.AE{Title: n.config.Load().Node.AETitle} }

// auditReceived notes an object that a peer has sent.
func (n *Node) auditReceived(s *session, o archive.Object, fresh bool) {
	if n.audit != nil {
		n.audited(n.audit.Transferred(audit.AE{Title: s.peer.AETitle, Address: s.address}, audit.AE{Title: s.called}, fresh, true, AuditInstance(o)))
	}
}

// auditSent notes an object that a destination has stored.
func (n *Node) auditSent(o archive.Object, destination string) {
	if n.audit == nil {
		return
	}
	peer, _ := n.config.Load().Peer(destination)
	n.audited(n.audit.Transferred(n.self(), audit.AE{Title: peer.AETitle, Address: peer.Host()}, true, true, AuditInstance(o)))
}

// auditRefused notes an application entity that was not admitted.
func (n *Node) auditRefused(p scp.Peer, why error) {
	n.audited(n.audit.Refused(audit.AE{Title: p.Calling, Address: p.Remote.Addr().Unmap().String()}, why.Error()))
}

// AuditInstance is an object as an audit message has it, with the patient. One that
// cannot be read has none.
func AuditInstance(o archive.Object) audit.Instance {
	i := audit.Instance{StudyInstanceUID: o.StudyInstanceUID, SOPClassUID: o.SOPClassUID, SOPInstanceUID: o.SOPInstanceUID}
	r, err := o.OpenDataset()
	if err != nil {
		return i
	}
	defer r.Close()
	i.PatientID, i.PatientName = audit.ReadPatient(r, o.TransferSyntaxUID)
	return i
}

// User is the user of the operating system, for audit messages.
func User() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// auditRun sends audit messages until ctx ends.
func (n *Node) auditRun(ctx context.Context) {
	if n.auditing != nil {
		n.auditing.Run(ctx)
	}
}
