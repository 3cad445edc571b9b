package node

import (
	"testing"
	"testing/synctest"
	"time"
)

// What a destination refuses for less than an hour is tried again; each object has its
// own hour.
func TestRefusalsHaveAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r refusals
		tries := 0
		for !r.lasted(1, "pacs", refusedFor) {
			tries++
			<-time.After(10 * time.Minute)
		}
		if tries != 6 {
			t.Errorf("%d tries in an hour of one each 10 minutes, want 6", tries)
		}
		if r.lasted(2, "pacs", refusedFor) || r.lasted(1, "other", refusedFor) {
			t.Error("an object or a destination pays for another")
		}
		r.end(1, "pacs")
		if r.lasted(1, "pacs", refusedFor) {
			t.Error("an object that was sent again has no hour of its own")
		}
	})
}
