package dark

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dicomnode/internal/durable"
)

// Notice is how long a calibration is announced to go before it goes.
const Notice = 14 * 24 * time.Hour

// useKnown is how exactly the last use of a calibration is known.
const useKnown = 24 * time.Hour

// usesFile says when each calibration of a folder was used last. A calibration that it does
// not name counts as used when that is first noticed.
const usesFile = "uses.json"

// use is what usesFile says of a calibration file.
type use struct {
	Key    Key       `json:"key"`
	Last   time.Time `json:"last"`
	Warned time.Time `json:"warned,omitzero"` // since when it is announced to go
}

// Unused is a calibration that is announced to go.
type Unused struct {
	Key  Key
	Last time.Time // when a frame was added or an image corrected, to the day
	Goes time.Time // unless it is used before
}

func (u use) unused(keep time.Duration) Unused {
	goes := u.Last.Add(keep)
	if notice := u.Warned.Add(Notice); notice.After(goes) {
		goes = notice
	}
	return Unused{u.Key, u.Last, goes}
}

// Used notes that an image was corrected with a detector's calibration. It writes once a day.
func (s *Store) Used(key Key) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := time.Since(s.noted[key]); age >= 0 && age < useKnown {
		return nil
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return s.note(key)
}

// note writes that a calibration is used now. The folder is locked.
func (s *Store) note(key Key) error {
	uses, damaged := s.uses()
	now := time.Now()
	uses[filepath.Base(s.path(key))] = use{Key: key, Last: now}
	if err := s.writeUses(uses); err != nil {
		return errors.Join(damaged, err)
	}
	s.noted[key] = now
	return damaged
}

// Expire removes calibrations that were not used for keep and have been announced to go for
// [Notice]; remove is called before each, and its error keeps the calibration. It returns
// those that are announced now. Uses and announcements that lie in the future, because a
// clock ran ahead, count from now.
func (s *Store) Expire(now time.Time, keep time.Duration, remove func(Unused) error) (announced []Unused, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if files, err := calibrationFiles(s.dir); keep <= 0 || len(files) == 0 || err != nil {
		return nil, err
	}
	unlock, err := s.lock()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	uses, err := s.uses()
	before := maps.Clone(uses)
	if adopted := s.adopt(uses, now); adopted != nil {
		return nil, errors.Join(err, adopted)
	}
	for name, u := range uses {
		u, gone := expire(u, now, keep)
		if gone {
			if failed := s.expireFile(name, u.unused(keep), remove); failed != nil {
				err = errors.Join(err, failed)
			} else {
				delete(uses, name)
			}
			continue
		}
		if !u.Warned.IsZero() && !u.Warned.Equal(before[name].Warned) {
			announced = append(announced, u.unused(keep))
		}
		uses[name] = u
	}
	if !maps.Equal(before, uses) {
		err = errors.Join(err, s.writeUses(uses))
	}
	return announced, err
}

// expire decides about one calibration.
func expire(u use, now time.Time, keep time.Duration) (use, bool) {
	if u.Last.After(now) {
		u.Last = now
	}
	switch {
	case now.Before(u.Last.Add(keep - Notice)):
		u.Warned = time.Time{}
	case u.Warned.IsZero() || u.Warned.After(now):
		u.Warned = now
	default:
		return u, !now.Before(u.unused(keep).Goes)
	}
	return u, false
}

func (s *Store) expireFile(name string, u Unused, remove func(Unused) error) error {
	if err := remove(u); err != nil {
		return err
	}
	delete(s.loaded, u.Key)
	return os.Remove(filepath.Join(s.dir, name))
}

// Announced lists the calibrations that are announced to go, the next one first. It changes
// nothing.
func (s *Store) Announced(keep time.Duration) (list []Unused, err error) {
	uses, err := s.uses()
	for name, u := range uses {
		if _, gone := os.Stat(filepath.Join(s.dir, name)); gone == nil && keep > 0 && !u.Warned.IsZero() {
			list = append(list, u.unused(keep))
		}
	}
	slices.SortFunc(list, func(a, b Unused) int { return a.Goes.Compare(b.Goes) })
	return list, err
}

// uses reads the file. With an error that says it is damaged, everything counts anew.
func (s *Store) uses() (map[string]use, error) {
	uses := map[string]use{}
	b, err := os.ReadFile(filepath.Join(s.dir, usesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return uses, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &uses)
	}
	if err != nil || uses == nil {
		return map[string]use{}, fmt.Errorf("when calibrations were used: %s is not read and begun anew: %w", usesFile, err)
	}
	return uses, nil
}

func (s *Store) writeUses(uses map[string]use) error {
	return durable.Replace(filepath.Join(s.dir, usesFile), 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(uses) })
}

// adopt begins to count for files that uses does not name, and forgets those that are gone.
// Files that cannot be read, which [Store.List] reports, are left alone.
func (s *Store) adopt(uses map[string]use, now time.Time) error {
	files, err := calibrationFiles(s.dir)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, path := range files {
		name := filepath.Base(path)
		there[name] = true
		if _, known := uses[name]; known {
			continue
		}
		if key, err := keyOfFile(path); err == nil {
			uses[name] = use{Key: key, Last: now}
		}
	}
	maps.DeleteFunc(uses, func(name string, _ use) bool { return !there[name] })
	return nil
}

// keyOfFile reads whose calibration a file is.
func keyOfFile(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, err
	}
	defer f.Close()
	begin := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(f, begin); err != nil || string(begin[:len(magic)]) != magic {
		return Key{}, errors.Join(ErrDamaged, err)
	}
	length := int64(binary.LittleEndian.Uint32(begin[len(magic):]))
	if length > maxHeader {
		return Key{}, ErrDamaged
	}
	var a accumulator
	err = json.NewDecoder(io.LimitReader(f, length)).Decode(&a)
	return a.Key, err
}
