package trail

import (
	"io"
	"os"

	"dicomnode/internal/archive"
	"dicomnode/internal/audit"
	"dicomnode/internal/part10"
)

// Sending is files that a person sends to an application entity, or retrieves from one.
type Sending struct {
	trail     *Trail
	how       audit.Transfer
	instances map[string]audit.Instance // by file
	files     []string                  // that can be read, in their order
}

// Result is how the transfer of a file ended.
type Result struct {
	Outcome audit.Outcome
	Words   string // why it failed
}

// Sends notes files that the user of this program is about to send. Those that cannot be
// read are left out: they are not sent. It returns an error unless the messages are on
// disk.
func (t *Trail) Sends(from, to audit.AE, files []string) (*Sending, error) {
	if t == nil {
		return nil, nil
	}
	s := t.sending(from, to, files)
	return s, s.each(s.files, func(some []audit.Instance) error { return t.messages.Begins(s.how, some...) })
}

func (t *Trail) sending(from, to audit.AE, files []string) *Sending {
	s := &Sending{trail: t, how: audit.Transfer{From: from, To: to, User: archive.User(), Fresh: true}, instances: map[string]audit.Instance{}}
	for _, path := range files {
		i, err := fileInstance(path)
		if err != nil {
			continue // whoever uses the files reports it
		}
		s.instances[path], s.files = i, append(s.files, path)
	}
	return s
}

// Ended notes how the transfers ended: one message for the files of a study and patient
// with the same result. It returns nil when all are on disk.
func (s *Sending) Ended(result func(file string) Result) error {
	if s == nil {
		return nil
	}
	var results []Result
	files := map[Result][]string{}
	for _, path := range s.files {
		r := result(path)
		if files[r] == nil {
			results = append(results, r)
		}
		files[r] = append(files[r], path)
	}
	for _, r := range results {
		how := s.how
		how.Outcome, how.Words = r.Outcome, r.Words
		if err := s.each(files[r], func(some []audit.Instance) error { return s.trail.messages.Transferred(how, some...) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sending) each(files []string, tell func([]audit.Instance) error) error {
	all := make([]audit.Instance, len(files))
	for i, path := range files {
		all[i] = s.instances[path]
	}
	if len(all) == 0 {
		return nil
	}
	return each(all, tell)
}

// fileInstance is a Part 10 file as an audit message has it, with the patient.
func fileInstance(path string) (audit.Instance, error) {
	f, err := os.Open(path)
	if err != nil {
		return audit.Instance{}, err
	}
	defer f.Close()
	h, err := part10.ReadHeader(f)
	if err != nil {
		return audit.Instance{}, err
	}
	i := audit.Instance{StudyInstanceUID: h.StudyInstanceUID, SOPClassUID: valid(h.SOPClassUID), SOPInstanceUID: valid(h.SOPInstanceUID)}
	if _, err := f.Seek(h.DatasetOffset, io.SeekStart); err != nil {
		return i, err
	}
	i.PatientID, i.PatientName = audit.ReadPatient(f, h.TransferSyntaxUID)
	return i, nil
}
