// Package frompacs exports from a PACS (PS3.4 C, Study Root): it finds studies by C-FIND and
// retrieves them by C-GET, or by C-MOVE to an AE title and port of its own. It stores the
// objects in a folder of the export, which only its owner can read and which is removed with
// the export. No node, archive, route or retention is involved.
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
	Dialer scp.Dialer // List sets its Session
	PACS   scp.Addr
	Filter export.Filter
	// Companions also retrieves the segmentations and reports of the studies.
	Companions bool
	// Folder is the folder of the objects until the export is finished.
	Folder string
	// Receive is the destination of C-MOVE; nil retrieves by C-GET.
	Receive *Receiver
	// Local lists the objects that a complete retrieval has left in Folder, without using the
	// PACS.
	Local bool
	// Have, which may be nil, reports whether the set already has an instance. Studies of which
	// it has everything are not retrieved.
	Have func(instance string) bool
	// Asks, which may be nil, is called before each C-FIND, C-GET and C-MOVE. Nothing is asked if
	// it fails.
	Asks func(scp.Query) error
	// Retrieved, which may be nil, is called with the files that came with a study, also when the
	// retrieval failed then.
	Retrieved func(files []string) error
	// Progress, which may be nil, is called with the number of retrieved objects and the total.
	Progress func(done, total int)

	missing int
	untold  bool
	refused map[string]int // reason: instances
}

// Receiver is the application entity to which C-MOVE sends. It must be configured in the PACS
// with this machine's address and the port.
type Receiver struct {
	Title  string
	Listen string // host:port
}

// ErrUnbounded says that the filter would make a PACS list everything.
var ErrUnbounded = errors.New("neither dates nor accession numbers limit what is asked of the PACS")

// ErrNoRole says that the PACS does not send objects on the requesting association (PS3.7
// D.3.3.4).
var ErrNoRole = errors.New("the PACS does not offer C-GET for these objects")

// complete is the name of a file in Folder that marks a finished retrieval.
const complete = "complete"

// List finds and retrieves the objects that are not in Folder yet, and lists them.
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

// Missing returns how many of the found objects the PACS did not send. untold says that these
// may have SOP classes that are not exported, which the PACS did not report.
func (s *Source) Missing() (n int, untold bool) { return s.missing, s.untold }

// Refused returns, by reason, how many of the found instances have SOP classes that are not
// exported; they are not retrieved.
func (s *Source) Refused() map[string]int { return s.refused }

// Found counts what a PACS has found.
type Found struct{ Patients, Studies, Images, Companions int }

// Count finds objects and does not retrieve them.
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

// local returns the objects of Folder, sorted by name.
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

// path returns the path of an instance, whose file name does not identify it.
func (s *Source) path(instance string) string {
	sum := sha256.Sum256([]byte(instance))
	return filepath.Join(s.Folder, hex.EncodeToString(sum[:16])+".dcm")
}

// paths returns the paths of a study's instances that ok accepts.
func (s study) paths(in *Source, ok func(path string) bool) (out []string) {
	for _, se := range s.series {
		for _, i := range se.instances {
			if path := in.path(i.uid); ok(path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// asks calls Asks.
func (s *Source) asks(q scp.Query) error {
	if s.Asks == nil {
		return nil
	}
	return s.Asks(q)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// retrieve retrieves each study on its own association, so that if the PACS aborts one, only
// that study is lost.
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
		missing := st.paths(s, func(path string) bool { return !exists(path) })
		err := s.study(ctx, st, into)
		if s.Retrieved != nil {
			err = errors.Join(err, s.Retrieved(slices.DeleteFunc(missing, func(path string) bool { return !exists(path) })))
		}
		if err != nil {
			return fmt.Errorf("retrieve a study of %s: %w", s.PACS.AETitle, err)
		}
		s.missing += st.size() - st.count(there)
	}
	return nil
}
