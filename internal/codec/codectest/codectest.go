// Package codectest gives tests a codec pool whose workers are a separate program, built once.
// The test program itself may be slow and large because of the race detector.
package codectest

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"dicomnode/internal/codec"
)

// Open opens a pool of the fetched libraries whose workers can also misbehave; see package
// worker. Without the libraries the test is skipped, or fails with REQUIRE_CODECS=1.
func Open(tb testing.TB, o codec.Options) *codec.Pool {
	tb.Helper()
	if o.Folder == "" {
		o.Folder = Folder(tb)
	}
	o.Command = []string{Program(tb)}
	p, err := codec.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Close() })
	return p
}

// Folder returns the folder of the fetched libraries.
func Folder(tb testing.TB) string {
	tb.Helper()
	folder := codec.Folder("")
	if folder == "" {
		if os.Getenv("REQUIRE_CODECS") == "1" {
			tb.Fatalf("no codec libraries: %s", codec.Hint)
		}
		tb.Skipf("no codec libraries: %s", codec.Hint)
	}
	return folder
}

// Program returns the path of the worker program.
func Program(tb testing.TB) string {
	tb.Helper()
	path, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// build runs once for each test program. The worker stays in the user's cache, where the go
// command rebuilds it only after a change. Each package has its own, so that no test runs the
// worker of another checkout.
var build = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	of := fnv.New64()
	of.Write([]byte(here))
	path := filepath.Join(cache, "dicomnode-test", fmt.Sprintf("codec-worker-%x", of.Sum64()))
	cmd := exec.Command("go", "build", "-o", path, "dicomnode/internal/codec/codectest/worker")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})
