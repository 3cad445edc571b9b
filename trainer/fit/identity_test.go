package fit

import "testing"

// A run belongs to its architecture, and to the images it is trained and validated on.
func TestIdentity(t *testing.T) {
	of := func(architecture, train, validation string) string {
		return identity(Options{Architecture: architecture, Width: 4}.Defaults(), digests{train, validation})
	}
	if of("xnet", "a", "b") != of("", "a", "b") {
		t.Error("naming XNet makes another run of it")
	}
	for _, other := range []string{of("u-net", "a", "b"), of("segnet-basic", "a", "b"), of("xnet", "c", "b"), of("xnet", "a", "c")} {
		if other == of("xnet", "a", "b") {
			t.Error("two runs are the same")
		}
	}
}
