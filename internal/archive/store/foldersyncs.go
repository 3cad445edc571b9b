package store

import (
	"fmt"
	"os"
	"sync"
)

// folderSyncs syncs folders. After a failed sync the kernel may forget names that it could not
// write, and it reports the error once: the next sync returns nil, whatever became of them.
// Therefore a folder whose sync has failed is never synced again by this process.
type folderSyncs struct {
	do func(*os.File) error // (*os.File).Sync; replaced in tests

	mu     sync.Mutex
	locks  map[string]*sync.Mutex
	failed map[string]error
}

// sync syncs a folder. Its syncs run one at a time, so that none begins after another was told
// the error and before it is known here.
func (s *folderSyncs) sync(folder string) error {
	lock := s.lock(folder)
	lock.Lock()
	defer lock.Unlock()
	if err := s.failure(folder); err != nil {
		return err
	}
	f, err := os.Open(folder)
	if err != nil {
		return nameless(err)
	}
	defer f.Close()
	if err := s.do(f); err != nil {
		s.fail(folder, fmt.Errorf("%w: %w", ErrUntrusted, nameless(err)))
	}
	return s.failure(folder)
}

func (s *folderSyncs) lock(folder string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[folder] == nil {
		s.locks[folder] = &sync.Mutex{}
	}
	return s.locks[folder]
}

func (s *folderSyncs) fail(folder string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[folder] = err
}

// failure returns the error of the sync of a folder that has failed, nil if none has.
func (s *folderSyncs) failure(folder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[folder]
}
