package scp

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"dicomnode/internal/uid"
	"dicomnode/internal/ul"
)

// accept answers each proposed presentation context (PS3.8 9.3.3) and announces the maximum
// length, the implementation, and an asynchronous operations window of 1/1 (PS3.7 D.3.3.3).
func (a *association) accept(rq *ul.Associate) error {
	s := a.server
	answers, contexts := s.negotiate(rq.Contexts, a.serves)
	a.contexts, a.requests = contexts, a.performed()
	ac := rq.Answer()
	ac.Contexts = answers
	ac.User = ul.UserInformation{
		MaximumLength:             or(s.MaxPDULength, DefaultMaxPDULength),
		ImplementationClassUID:    or(s.ImplementationClassUID, uid.Implementation),
		ImplementationVersionName: or(s.ImplementationVersionName, uid.ImplementationVersionName),
	}
	ac.User.Roles = s.grant(rq.User.Roles, contexts)
	if rq.User.Window != nil {
		ac.User.Window = &ul.Window{Invoked: 1, Performed: 1}
	}
	for _, c := range rq.Contexts {
		if c.AbstractSyntax != uid.Verification && c.AbstractSyntax != uid.StorageCommitmentPushModel {
			a.offered++
		}
	}
	a.log.Info("association accepted", "contexts", len(contexts), "proposed", len(rq.Contexts))
	if refused := refusals(rq.Contexts, answers); refused != "" {
		level := slog.LevelInfo
		if len(contexts) == 0 {
			level = slog.LevelWarn
		}
		a.log.Log(context.Background(), level, "presentation contexts refused", "accepted", len(contexts), "refused", refused)
	}
	return a.conn.Accept(ac)
}

// negotiate answers each context separately (PS3.8 Table 9-18). Of the proposed transfer
// syntaxes it chooses the one that the server prefers. serves reports which SOP classes the
// session can perform.
func (s *Server) negotiate(proposed []ul.Context, serves func(abstractSyntax string) bool) (answers []ul.Context, contexts map[byte]accepted) {
	contexts = map[byte]accepted{}
	for _, c := range proposed {
		answer := ul.Context{ID: c.ID, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}} // not significant unless accepted
		if len(c.TransferSyntaxes) > 0 {
			answer.TransferSyntaxes[0] = c.TransferSyntaxes[0]
		}
		var supported []string
		if serves(c.AbstractSyntax) {
			supported = s.transferSyntaxes(c.AbstractSyntax)
		}
		i := slices.IndexFunc(supported, func(ts string) bool { return slices.Contains(c.TransferSyntaxes, ts) })
		switch {
		case len(supported) == 0:
			answer.Result = ul.AbstractSyntaxUnsupported
		case i < 0:
			answer.Result = ul.TransferSyntaxUnsupported
		default:
			answer.TransferSyntaxes[0] = supported[i]
			contexts[c.ID] = accepted{c.AbstractSyntax, supported[i]}
		}
		answers = append(answers, answer)
	}
	return answers, contexts
}

// grant answers the role selections of accepted SOP classes with the roles that are both
// proposed and supported (PS3.7 D.3.3.4.2). If there are none it does not answer, so that the
// default applies: the peer is SCU.
func (s *Server) grant(proposed []ul.Role, contexts map[byte]accepted) (granted []ul.Role) {
	supported := map[string]Role{}
	for _, pc := range contexts {
		supported[pc.abstractSyntax] = SCURole
	}
	for _, c := range s.Contexts {
		if _, ok := supported[c.AbstractSyntax]; ok && c.PeerRoles != 0 {
			supported[c.AbstractSyntax] = c.PeerRoles
		}
	}
	for _, p := range proposed {
		if roles := roleOf(p) & supported[p.SOPClassUID]; roles != 0 {
			granted = append(granted, ul.Role{SOPClassUID: p.SOPClassUID, SCU: roles&SCURole != 0, SCP: roles&SCPRole != 0})
			delete(supported, p.SOPClassUID) // at most one answer for each class
		}
	}
	return granted
}

// roleOf returns the set of roles of a role selection.
func roleOf(r ul.Role) (roles Role) {
	if r.SCU {
		roles |= SCURole
	}
	if r.SCP {
		roles |= SCPRole
	}
	return roles
}

func (s *Server) transferSyntaxes(abstractSyntax string) (supported []string) {
	for _, c := range s.Contexts {
		if c.AbstractSyntax == abstractSyntax {
			supported = append(supported, c.TransferSyntaxes...)
		}
	}
	if abstractSyntax == uid.Verification {
		supported = append(supported, uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian)
	}
	return supported
}

// maxRefusals is the greatest number of presentation contexts in one line of the log.
const maxRefusals = 16

// refusals describes the rejected presentation contexts: SOP class, transfer syntaxes, and
// which of them is not supported.
func refusals(proposed, answers []ul.Context) string {
	var lines []string
	for i, c := range proposed {
		if answers[i].Result == ul.Acceptance {
			continue
		}
		if len(lines) == maxRefusals {
			return strings.Join(append(lines, "and more"), "; ")
		}
		names := make([]string, min(len(c.TransferSyntaxes), maxRefusals))
		for j := range names {
			names[j] = uid.Name(c.TransferSyntaxes[j])
		}
		lines = append(lines, fmt.Sprintf("%s in %s: %s", or(uid.Name(c.AbstractSyntax), "(no UID)"),
			or(strings.Join(names, ", "), "(no UID)"), ul.ContextResult(answers[i].Result)))
	}
	return strings.Join(lines, "; ")
}
