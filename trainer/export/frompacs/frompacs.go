// Package frompacs exports from a PACS (PS3.4 C, Study Root): it finds studies by
// C-FIND and retrieves them by C-GET, or by C-MOVE to a title and port of its own.
// What it retrieves lies in a folder of the export alone, which only its owner can
// read, and is removed with it: no node, archive, route or retention ever sees it.
package frompacs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/internal/durable"
	"dicomnode/scp"
	"dicomnode/trainer/export"
)

// Source is a PACS.
type Source struct {
	Dialer scp.Dialer // its Session is set here
	PACS   scp.Addr
	Filter export.Filter
	// Companions retrieves the segmentations and reports of the studies too.
	Companions bool
	// Folder is where objects lie until the export is finished.
	Folder string
	// Receive is where the PACS is asked to send to by C-MOVE; nil retrieves by C-GET.
	Receive *Receiver
	// Local lists what a complete retrieval left in Folder, without asking the PACS.
	Local bool
	// Have, which may be nil, tells which instances a set has already: a study of
	// which it has everything is not retrieved.
	Have func(instance string) bool
	// Progress, which may be nil, is told how many objects of how many are there.
	Progress func(done, total int)

	missing int
	untold  bool
	refused map[string]int // reason: instances
}

// Receiver is the application entity that C-MOVE sends to. The PACS must know its
// title under this machine's address and the port.
type Receiver struct {
	Title  string
	Listen string // host:port
}

// ErrUnbounded is a filter that would have a PACS list everything.
var ErrUnbounded = errors.New("neither dates nor accession numbers limit what is asked of the PACS")

// ErrNoRole is a PACS that does not send on the association that asks (PS3.7
// D.3.3.4).
var ErrNoRole = errors.New("the PACS does not offer C-GET for these objects")

// complete is a file of Folder: everything that was found was asked for.
const complete = "complete"

// List finds and retrieves what is not in Folder yet, and lists it.
func (s *Source) List(ctx context.Context) ([]export.Entry, error) {
	if s.Local && exists(filepath.Join(s.Folder, complete)) {
		return s.local()
	}
	studies, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(s.Folder, 0o700); err != nil {
		return nil, err
	}
	if err := s.retrieve(ctx, studies); err != nil {
		return nil, err
	}
	if err := durable.ReplaceBytes(filepath.Join(s.Folder, complete), 0o600, nil); err != nil {
		return nil, err
	}
	return s.local()
}

// Missing is how many objects that were found the PACS did not send; untold, whether
// they can be of SOP classes that are not exported, which it did not tell.
func (s *Source) Missing() (n int, untold bool) { return s.missing, s.untold }

// Refused is how many instances that were found are of SOP classes that are not
// exported, by the reason: they are not retrieved.
func (s *Source) Refused() map[string]int { return s.refused }

// Found is what a PACS says there is.
type Found struct{ Patients, Studies, Images, Companions int }

// Count finds and retrieves nothing.
func (s *Source) Count(ctx context.Context) (Found, error) {
	studies, err := s.find(ctx)
	patients := map[string]bool{}
	out := Found{Studies: len(studies)}
	for _, st := range studies {
		patients[st.patient] = true
		for _, se := range st.series {
			if companion[se.modality] {
				out.Companions += len(se.instances)
			} else {
				out.Images += len(se.instances)
			}
		}
	}
	out.Patients = len(patients)
	return out, err
}

// local are the objects of Folder, in the order of their names.
func (s *Source) local() ([]export.Entry, error) {
	paths, err := filepath.Glob(filepath.Join(s.Folder, "*.dcm"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	entries := make([]export.Entry, len(paths))
	for i, p := range paths {
		entries[i].Open = func() (io.ReadCloser, error) { return os.Open(p) }
	}
	return entries, nil
}

// path is where an instance lies: its name says nothing of it.
func (s *Source) path(instance string) string {
	sum := sha256.Sum256([]byte(instance))
	return filepath.Join(s.Folder, hex.EncodeToString(sum[:16])+".dcm")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// retrieve fetches study by study, each over an association of its own, so that a
// PACS that tires of one loses one study.
func (s *Source) retrieve(ctx context.Context, studies []study) error {
	into := &sink{source: s, wanted: map[string]bool{}}
	done, total := 0, 0
	for _, st := range studies {
		total += st.size()
	}
	into.stored = func() {
		if done++; s.Progress != nil {
			s.Progress(min(done, total), total)
		}
	}
	stop, err := s.listen(ctx, into)
	if err != nil {
		return err
	}
	defer stop()
	for _, st := range studies {
		if s.Have != nil && st.all(s.Have) {
			done += st.size()
			continue
		}
		there := func(instance string) bool { return exists(s.path(instance)) }
		done += st.count(there)
		if st.all(there) {
			continue
		}
		if err := s.study(ctx, st, into); err != nil {
			return fmt.Errorf("retrieve a study of %s: %w", s.PACS.AETitle, err)
		}
		s.missing += st.size() - st.count(there)
	}
	return nil
}
