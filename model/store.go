package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dicomnode/internal/durable"
)

// Store is the folder of the bundles published to a node: one file per bundle, named by its
// digest, and history.jsonl, which records what was published and rolled back. A published file
// is never changed or removed, so that a SEG's digest can be traced to its model.
type Store struct{ Dir string }

// Actions of the history.
const (
	Published  = "published"
	RolledBack = "rolled back"
)

// Entry is a line of the history.
type Entry struct {
	Time    time.Time `json:"time"`
	Action  string    `json:"action"` // Published or RolledBack
	Digest  string    `json:"digest"` // of the bundle published or taken back
	Name    string    `json:"name"`   // and Version: of the card
	Version string    `json:"version"`
}

// ErrNothingPublished is returned when there is nothing to roll back.
var ErrNothingPublished = errors.New("no published model")

// maxHistory is the greatest length of the history in bytes: about 30,000 lines.
const maxHistory = 8 << 20

// HistoryFile is the file of the history.
func (s Store) HistoryFile() string { return filepath.Join(s.Dir, "history.jsonl") }

// Path is the file of a bundle.
func (s Store) Path(digest string) string { return filepath.Join(s.Dir, digest+".onnx") }

// History returns the entries, oldest first; none if the folder does not exist.
func (s Store) History() ([]Entry, error) {
	info, err := os.Stat(s.HistoryFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read published models: %w", err)
	}
	if info.Size() > maxHistory {
		return nil, fmt.Errorf("read published models: %s has %d bytes, at most %d", s.HistoryFile(), info.Size(), maxHistory)
	}
	data, err := os.ReadFile(s.HistoryFile())
	if err != nil {
		return nil, fmt.Errorf("read published models: %w", err)
	}
	var list []Entry
	for i, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("read published models: %s line %d: %w", s.HistoryFile(), i+1, err)
		}
		if !isDigest(e.Digest) {
			return nil, fmt.Errorf("read published models: %s line %d: digest %.20q", s.HistoryFile(), i+1, e.Digest)
		}
		list = append(list, e)
	}
	return list, nil
}

// isDigest makes sure that a history cannot name a file elsewhere.
func isDigest(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// Standing are the publications that were not rolled back, oldest first; the
// last is the current one.
func Standing(history []Entry) []Entry {
	var stack []Entry
	for _, e := range history {
		switch {
		case e.Action == Published:
			stack = append(stack, e)
		case len(stack) > 0:
			stack = stack[:len(stack)-1]
		}
	}
	return stack
}

// Current loads the current bundle; nil if there is none. A file that has changed since is an
// error.
func (s Store) Current() (*Bundle, error) {
	history, err := s.History()
	if err != nil {
		return nil, err
	}
	standing := Standing(history)
	if len(standing) == 0 {
		return nil, nil
	}
	return s.Kept(standing[len(standing)-1].Digest)
}

// Publish makes b the current bundle. It returns when both files are on disk.
func (s Store) Publish(b *Bundle) error {
	if b.Card.Target != Regions {
		return fmt.Errorf("publish model: %w: model predicts %s; %s required", ErrTarget, b.Card.Target, Regions)
	}
	history, err := s.History()
	if err != nil {
		return err
	}
	if err := s.Keep(b); err != nil {
		return fmt.Errorf("publish model: %w", err)
	}
	e := Entry{Time: time.Now().UTC().Truncate(time.Second), Action: Published, Digest: b.Digest, Name: b.Card.Name, Version: b.Card.Version}
	return s.write(append(history, e))
}

// Keep stores b with the published ones, so that it can be named by its digest. The current
// bundle does not change.
func (s Store) Keep(b *Bundle) error {
	if err := durable.MkdirAll(s.Dir, 0o755); err != nil {
		return err
	}
	return durable.ReplaceBytes(s.Path(b.Digest), 0o644, b.data)
}

// Kept loads a bundle stored by Keep or Publish. A file that has changed since is an error.
func (s Store) Kept(digest string) (*Bundle, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("load model: %.20q is no digest", digest)
	}
	b, err := LoadBundle(s.Path(digest))
	if err == nil && b.Digest != digest {
		err = fmt.Errorf("load model: %w: %s has the digest %s", ErrBundle, s.Path(digest), b.Digest)
	}
	return b, err
}

// Rollback withdraws the last published bundle and returns it and the one that is current now,
// nil if there is none.
func (s Store) Rollback() (was Entry, now *Entry, err error) {
	history, err := s.History()
	if err != nil {
		return Entry{}, nil, err
	}
	standing := Standing(history)
	if len(standing) == 0 {
		return Entry{}, nil, ErrNothingPublished
	}
	was, standing = standing[len(standing)-1], standing[:len(standing)-1]
	if len(standing) > 0 {
		now = &standing[len(standing)-1]
	}
	undo := was
	undo.Time, undo.Action = time.Now().UTC().Truncate(time.Second), RolledBack
	return was, now, s.write(append(history, undo))
}

func (s Store) write(history []Entry) error {
	var b bytes.Buffer
	for _, e := range history {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			return err
		}
	}
	if err := durable.ReplaceBytes(s.HistoryFile(), 0o644, b.Bytes()); err != nil {
		return fmt.Errorf("write published models: %w", err)
	}
	return nil
}
