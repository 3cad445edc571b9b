package export

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dicomnode/internal/durable"
	"dicomnode/trainer/deidentify/profile"
)

// projectFile is project.json, of a set and of its work folder.
type projectFile struct {
	Project string `json:"project"`           // hash of the key and the project
	Options string `json:"options,omitempty"` // hash of the key and the options of the last export
	// Revoked are hashes of the pseudonyms and IDs that were revoked, and stay out.
	Revoked []string `json:"revoked,omitempty"`
}

func projectPath(dir string) string { return filepath.Join(dir, "project.json") }

// readProject reads the project file of a folder. Without one it returns an empty one.
func readProject(dir string) (p projectFile, err error) {
	b, err := os.ReadFile(projectPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read %s: %w", projectPath(dir), err)
	}
	return p, nil
}

// hashOf is how a pseudonym is listed as revoked. Only who has the key, or knows the pseudonym
// from an older copy of the set, recognises it.
func hashOf(pseudonym string) string {
	sum := sha256.Sum256([]byte("revoked\x00" + pseudonym))
	return hex.EncodeToString(sum[:16])
}

func (p projectFile) revoked(names ...string) bool {
	return len(p.Revoked) > 0 && slices.ContainsFunc(names, func(name string) bool { return slices.Contains(p.Revoked, hashOf(name)) })
}

// project returns the project file of this export: its key and options, and what was revoked.
func (e *run) project() (p projectFile, err error) {
	p.Project = e.deidentifier.Key.Project(e.Project)
	p.Revoked = e.before.Revoked
	p.Options, err = e.optionsHash()
	return p, err
}

// optionsHash returns a keyed hash of what decides which values stay in the files of an object,
// and which files it has. Patient IDs of Deidentify.SameAs are among them.
func (e *run) optionsHash() (string, error) {
	b, err := json.Marshal(struct {
		Basic, IgnoreIssuer, ReviewAll bool
		Retain                         []profile.Option
		Approved, SameAs               map[string]string
		Formats                        []Format
		Pixels                         Pixels
		Labels                         Labels
		BurnedIn                       Policy
	}{
		e.Deidentify.Basic, e.Deidentify.IgnoreIssuer, e.ReviewAll, slices.Sorted(slices.Values(e.Deidentify.Retain)), texts(e.Deidentify.Approved),
		e.Deidentify.SameAs, slices.Compact(slices.Sorted(slices.Values(e.Formats))), e.Pixels, e.Labels, e.BurnedIn,
	})
	return e.deidentifier.Key.ID("options", string(b)), err
}

func texts(approved map[string]bool) map[string]string {
	out := map[string]string{}
	for t, ok := range approved {
		if ok {
			out[t] = ""
		}
	}
	return out
}

// sameProject checks that set and work folder have the key and project of this export. If the
// set has other options it says so; what the work folder has of other options is discarded.
func (e *run) sameProject() error {
	work, err := readProject(e.Work)
	if err != nil {
		return err
	}
	want, err := e.project()
	if err != nil {
		return err
	}
	e.own(want.Project, want.Options)
	e.own(want.Revoked...)
	for _, have := range []projectFile{e.before, work} {
		if have.Project != "" && have.Project != want.Project {
			return ErrOtherKey
		}
	}
	if e.before.Options != "" && e.before.Options != want.Options {
		e.note("the set was exported with other options: the images that it has stay as they are; choose another --out to export them with these")
	}
	if work.Options != want.Options {
		if err := errors.Join(e.discard(), os.MkdirAll(e.state.records(), 0o700), os.MkdirAll(e.state.staged(), 0o700)); err != nil {
			return err
		}
		if work.Options != "" {
			e.note("unfinished files of other options were discarded")
		}
	}
	want.Revoked = nil
	return want.write(e.Work, 0o600)
}

func (p projectFile) write(dir string, mode fs.FileMode) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(projectPath(dir), mode, b)
}

// remainRevoked removes from the items what was revoked.
func (e *run) remainRevoked() {
	n := len(e.items)
	e.items = slices.DeleteFunc(e.items, func(it item) bool { return e.before.revoked(it.id, it.patient) })
	if n -= len(e.items); n > 0 {
		e.note(fmt.Sprintf("%d objects were left out because their patients or images were revoked", n))
	}
}

// withoutRevoked removes records of what was revoked while their files were staged.
func (e *run) withoutRevoked(staged map[string]Record) {
	maps.DeleteFunc(staged, func(_ string, r Record) bool { return e.before.revoked(r.ID, r.Patient) })
}
