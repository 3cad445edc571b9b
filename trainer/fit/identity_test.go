package fit

import "testing"

// A run belongs to its architecture. XNet's is what it was before there were
// others, when options named none.
func TestIdentity(t *testing.T) {
	of := func(architecture string) string {
		return identity(Options{Architecture: architecture, Width: 4}, "digest")
	}
	if of("xnet") != of("") {
		t.Error("naming XNet makes another run of it")
	}
	if of("xnet") == of("u-net") || of("u-net") == of("segnet-basic") {
		t.Error("runs of two architectures are the same")
	}
}
