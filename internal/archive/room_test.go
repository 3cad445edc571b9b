package archive_test

import (
	"os"
	"path/filepath"
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
)

// TestMakeRoomStopsAtAFileThatStays: if a file cannot be removed, the rows of the others stay.
func TestMakeRoomStopsAtAFileThatStays(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	a.SetFree(func(string) (int64, error) { return 1 << 40, nil })
	var list []archive.Object
	for i := range 40 { // more than one transaction removes
		list = append(list, receive(t, a, "1.2."+string(rune('1'+i/10))+string(rune('0'+i%10)), archive.Keep))
	}
	first := path(dir, list[0])
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(first, "not empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.SetFree(func(string) (int64, error) { return 0, nil })
	if n, _, err := a.MakeRoom(t.Context(), 1); n != 0 || err == nil {
		t.Errorf("removed %d, %v; want an error at the first file", n, err)
	}
	if _, err := a.Object(t.Context(), list[39].ID); err != nil {
		t.Errorf("the last object: %v", err)
	}
}
