package operate

import (
	"testing"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/jobs"
)

// Undo lines are for the jobs that were dropped; those that run are named.
func TestDropWords(t *testing.T) {
	selected := []archive.Entry{
		{Entry: jobs.Entry{ID: 3, Job: jobs.Job{ObjectID: 7, Destination: "pacs"}}},
		{Entry: jobs.Entry{ID: 4, Job: jobs.Job{ObjectID: 8}}},
		{Entry: jobs.Entry{ID: 5, Job: jobs.Job{ObjectID: 9, Destination: "pacs"}}},
	}
	const runs = " running, not dropped: "
	const advice = "; a delivery that waits for its destination runs for up to a minute, drop it after that\n"
	for name, c := range map[string]struct {
		dropped       []int64
		undo, running string
	}{
		"all":  {[]int64{3, 4, 5}, "undo 3: dicomnode resend --object 7 --to pacs\nundo 4: dicomnode reprocess --object 8\nundo 5: dicomnode resend --object 9 --to pacs\n", ""},
		"some": {[]int64{4}, "undo 4: dicomnode reprocess --object 8\n", "2 jobs" + runs + "3, 5" + advice},
		"none": {nil, "", "3 jobs" + runs + "3, 4, 5" + advice},
	} {
		if undo, running := dropWords(selected, c.dropped); undo != c.undo || running != c.running {
			t.Errorf("%s: %q and %q", name, undo, running)
		}
	}
}
