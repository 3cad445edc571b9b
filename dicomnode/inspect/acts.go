package inspect

import (
	"context"
	"slices"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
)

// Act is a manual action.
type Act struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who"`  // user of the operating system
	What   string    `json:"what"` // the verb
	Reason string    `json:"reason,omitempty"`
}

// maxActs is how many of the latest actions are searched.
const maxActs = 10_000

// actsOf are the actions by object, oldest first.
func actsOf(ctx context.Context, a *archive.Archive) (map[int64][]Act, error) {
	all, err := a.Acts(ctx, maxActs)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b index.Act) int { return a.At.Compare(b.At) })
	by := map[int64][]Act{}
	for _, act := range all {
		for _, id := range archive.ActObjects(act) {
			by[id] = append(by[id], Act{act.At, act.Who, act.What, act.Reason})
		}
	}
	return by, nil
}
