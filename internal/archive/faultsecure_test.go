package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/internal/archive/store"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/durable/powercut"
)

const securedBytes = "what a sender was not told yet"

// securingNode keeps files on a disk whose syncs fail now and then, until the name of one is not
// made durable. Then it does with it what starts of a node do, until one succeeds, and prints
// the name.
func securingNode(dir string) error {
	for range 100 {
		d, err := store.OpenShared(dir)
		if err != nil {
			return err
		}
		name, err := keepUnsecured(d)
		if err != nil {
			return err
		}
		if d.Sync(name) != nil {
			return secureAtStart(dir, name)
		}
	}
	return errors.New("no sync has failed")
}

func keepUnsecured(d *store.Disk) (string, error) {
	f, err := d.Create()
	if err != nil {
		return "", err
	}
	defer f.Discard()
	if _, err := f.Write([]byte(securedBytes)); err != nil {
		return "", err
	}
	return f.Keep()
}

func secureAtStart(dir, name string) error {
	for range 100 {
		d, err := store.OpenShared(dir)
		if err != nil {
			return err
		}
		anew, err := d.Secure(name)
		if err == nil {
			_, err = fmt.Println(anew)
			return err
		}
		if anew != "" {
			name = anew
		}
	}
	return errors.New("every sync has failed")
}

// A file whose name a failed sync has lost is there after a power failure, once the next start
// has made it durable.
func TestSecureAfterFailedSync(t *testing.T) {
	t.Parallel()
	if !tracing(t) {
		t.Skip("needs strace")
	}
	dir := durabletest.Dir(t)
	if _, err := store.OpenDisk(dir); err != nil { // the folders exist
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARCHIVE_SECURE_DIR="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	r, err := powercut.RecordFailing(cmd, dir, "2+2")
	if err != nil || strings.TrimSpace(stderr.String()) != "<nil>" {
		t.Fatalf("%v, %s", err, stderr.String())
	}
	name := strings.TrimSpace(string(r.Output(r.Moments)))
	for seed := range uint64(8) {
		after := durabletest.Dir(t)
		if err := r.Image(r.Moments, rand.New(rand.NewPCG(seed, 0)), powercut.Honest, after); err != nil {
			t.Fatal(err)
		}
		d, err := store.OpenShared(after)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Open(name)
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(name), err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != securedBytes {
			t.Errorf("content %q, %v", b, err)
		}
		f.Close()
	}
}
