package trail

import (
	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
)

// Retrieved notes files that the user of this program has retrieved from an application
// entity. It returns nil when the messages are on disk.
func (t *Trail) Retrieved(from, to audit.AE, files []string) error {
	if t == nil {
		return nil
	}
	s := t.sending(from, to, files)
	return s.each(s.files, func(some []audit.Instance) error { return t.messages.Transferred(s.how, some...) })
}

// Queries notes what the user of this program is about to ask an application entity. It
// returns nil when the message is on disk.
func (t *Trail) Queries(q audit.Query) error {
	if t == nil {
		return nil
	}
	q.User = archive.User()
	return t.messages.Queried(q)
}
