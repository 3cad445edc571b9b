package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"dicomnode/internal/durable"
)

// Files of a spool: messages, one a line, and how many bytes of them are sent.
const (
	spoolName = "audit.spool"
	sentName  = "audit.sent"
)

// MaxMessage bounds a message, in bytes.
const MaxMessage = 1 << 20

// Spool keeps messages until they are sent. Several processes may append; one sends.
type Spool struct {
	dir  string
	mu   sync.Mutex
	wake chan struct{}
}

// OpenSpool opens the spool of a folder, which must exist.
func OpenSpool(dir string) (*Spool, error) {
	s := &Spool{dir: dir, wake: make(chan struct{}, 1)}
	f, err := s.locked()
	if err != nil {
		return nil, fmt.Errorf("open the spool of audit messages: %w", err)
	}
	return s, f.Close()
}

// locked opens the messages, alone among all processes until it is closed.
func (s *Spool) locked() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, spoolName), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	err = durable.Own(f)
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Append puts a message on disk.
func (s *Spool) Append(m []byte) error {
	if len(m) > MaxMessage || bytes.IndexByte(m, '\n') >= 0 {
		return fmt.Errorf("spool an audit message of %d bytes: it is too long or has lines", len(m))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.locked()
	if err != nil {
		return fmt.Errorf("spool an audit message: %w", err)
	}
	line := append(bytes.Clone(m), '\n')
	if cut(f) {
		line = append([]byte{'\n'}, line...)
	}
	_, err = f.Write(line)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("spool an audit message: %w", err)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// cut tells whether the last line has no end.
func cut(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// pending returns at most so many messages that are not sent, and how far in the file
// they reach. A line that a crash cut is left out: whoever wrote it was told of no
// success.
func (s *Spool) pending(most int) (all [][]byte, end int64, err error) {
	f, err := os.Open(filepath.Join(s.dir, spoolName))
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	if end, err = s.sent(); err != nil {
		return nil, 0, err
	}
	if _, err := f.Seek(end, io.SeekStart); err != nil {
		return nil, 0, err
	}
	r := bufio.NewReader(f)
	for len(all) < most {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, end, nil
		}
		if err != nil {
			return nil, 0, err
		}
		end += int64(len(line))
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("<")) && bytes.HasSuffix(line, []byte(">")) {
			all = append(all, line)
		}
	}
	return all, end, nil
}

// sent is how many bytes of the file are sent.
func (s *Spool) sent() (int64, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, sentName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil || n < 0 {
		return 0, nil // sent again rather than lost
	}
	if info, err := os.Stat(filepath.Join(s.dir, spoolName)); err != nil || n > info.Size() {
		return 0, err // the file was begun anew
	}
	return n, nil
}

// done notes that the messages up to end are sent. A file that is sent whole is begun
// anew, after the note: a crash in between sends it again, and loses nothing.
func (s *Spool) done(end int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.locked()
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	whole := info.Size() == end
	if whole {
		end = 0
	}
	err = durable.ReplaceBytes(filepath.Join(s.dir, sentName), 0o600, []byte(strconv.FormatInt(end, 10)+"\n"))
	if err == nil && whole {
		err = errors.Join(f.Truncate(0), f.Sync())
	}
	return err
}
