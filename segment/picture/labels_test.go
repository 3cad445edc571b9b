package picture_test

import (
	"slices"
	"testing"

	"dicomnode/segment/picture"
)

func TestRemoveIslands(t *testing.T) {
	label := []uint8{
		0, 0, 0, 0, 255,
		0, 1, 2, 0, 255,
		0, 1, 0, 0, 2,
		0, 0, 0, 0, 2,
	}
	want := []uint8{
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 255,
		0, 0, 0, 0, 0,
		0, 0, 0, 0, 0,
	}
	if n, lines := picture.RemoveIslands(label, 4, 5, 3); n != 5 || !slices.Equal(lines, []int{1, 2, 3}) || !slices.Equal(label, want) {
		t.Errorf("changed %d: %v", n, label)
	}
	if n, lines := picture.RemoveIslands([]uint8{1, 1, 1}, 1, 3, 100); n != 0 || lines != nil {
		t.Errorf("a region without neighbours changed %d pixels", n)
	}
}
