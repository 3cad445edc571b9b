package store

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

// page is the number of names in one call of List's visit.
const page = 64

// Memory is a Store in memory.
type Memory struct {
	mu    sync.Mutex
	files map[string][]byte
	aside map[string][]byte
	next  int
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{files: map[string][]byte{}, aside: map[string][]byte{}} }

// Create creates a draft.
func (m *Memory) Create() (Draft, error) { return &memoryDraft{m: m}, nil }

// Open opens a kept file.
func (m *Memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("open stored object: %w", fs.ErrNotExist)
	}
	return memoryFile{bytes.NewReader(b)}, nil
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

// Sync checks that the files exist.
func (m *Memory) Sync(names ...string) error {
	for _, name := range names {
		f, err := m.Open(name)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// Secure gives the file a new name.
func (m *Memory) Secure(name string) (string, error) {
	if err := m.Sync(name); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	anew := name + "'"
	m.files[anew] = m.files[name]
	delete(m.files, name)
	return anew, nil
}

// Err returns nil.
func (m *Memory) Err() error { return nil }

// Remove removes files.
func (m *Memory) Remove(names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		delete(m.files, name)
	}
	return nil
}

// SetAside moves a file.
func (m *Memory) SetAside(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[name]
	if !ok {
		return "", fmt.Errorf("set stored object aside: %w", fs.ErrNotExist)
	}
	delete(m.files, name)
	to := fmt.Sprintf("%s/%d", lostFoundDir, len(m.aside))
	m.aside[to] = b
	return to, nil
}

// List implements Store.
func (m *Memory) List(visit func(names []string) error) error {
	m.mu.Lock()
	var names []string
	for name := range m.files {
		names = append(names, name)
	}
	m.mu.Unlock()
	slices.Sort(names)
	for some := range slices.Chunk(names, page) {
		if err := visit(some); err != nil {
			return err
		}
	}
	return nil
}

// Sweep does nothing: drafts do not outlive the process.
func (m *Memory) Sweep() (discarded, aside int, err error) { return 0, 0, nil }

// Free returns a number larger than any test needs.
func (m *Memory) Free() (int64, error) { return 1 << 50, nil }

type memoryDraft struct {
	m     *Memory
	b     []byte
	ended bool
}

func (d *memoryDraft) Write(p []byte) (int, error) {
	if d.ended {
		return 0, fs.ErrClosed
	}
	d.b = append(d.b, p...)
	return len(p), nil
}

func (d *memoryDraft) Size() int64 { return int64(len(d.b)) }
func (d *memoryDraft) Err() error  { return nil }
func (d *memoryDraft) Begin()      {}
func (d *memoryDraft) Hasten()     {}
func (d *memoryDraft) Sync() error { return nil }
func (d *memoryDraft) Discard()    { d.ended = true }

func (d *memoryDraft) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(d.b).ReadAt(p, off)
}

func (d *memoryDraft) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(d.b)) {
		return 0, fmt.Errorf("write over %d bytes at %d of %d", len(p), off, len(d.b))
	}
	return copy(d.b[off:], p), nil
}

func (d *memoryDraft) Keep() (string, error) {
	if d.ended {
		return "", fs.ErrClosed
	}
	d.ended = true
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	d.m.next++
	name := fmt.Sprintf("%s/%s/%06d%s", objectsDir, folderName(d.m.next/page), d.m.next, fileSuffix)
	d.m.files[name] = d.b
	return name, nil
}
