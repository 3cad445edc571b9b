package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dicomnode/internal/archive"
)

// Pending is a job that is not done, with the image it is about.
type Pending struct {
	ID          int64     `json:"id"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Destination string    `json:"destination,omitempty"`
	Attempts    int       `json:"attempts"`
	NextAt      time.Time `json:"next_at,omitzero"`
	Received    time.Time `json:"received"`
	Object      int64     `json:"object"`
	Image       int64     `json:"image"` // the object itself, or what it was made of
	Accession   string    `json:"accession_number,omitempty"`
	Study       string    `json:"study_instance_uid,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// Queue lists the jobs that are not done, those of a study together, the oldest first.
func Queue(ctx context.Context, a *archive.Archive) ([]Pending, error) {
	entries, err := a.Queue(ctx)
	if err != nil {
		return nil, err
	}
	list, first := make([]Pending, len(entries)), map[string]int64{}
	for i, e := range entries {
		p := Pending{ID: e.ID, Kind: string(e.Kind), State: string(e.State), Destination: e.Destination,
			Attempts: e.Attempts, NextAt: e.NextAt, Received: e.Received, Object: e.ObjectID, Image: e.ObjectID, Reason: e.Reason}
		o, err := imageOf(ctx, a, e.ObjectID)
		switch {
		case err == nil:
			p.Image, p.Accession, p.Study = o.ID, o.AccessionNumber, o.StudyInstanceUID
		case !errors.Is(err, archive.ErrNotFound):
			return nil, err
		}
		if _, ok := first[p.Study]; !ok {
			first[p.Study] = p.ID
		}
		list[i] = p
	}
	slices.SortStableFunc(list, func(a, b Pending) int {
		return cmp.Or(cmp.Compare(first[a.Study], first[b.Study]), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Next is what to do about the job, "-" when nothing.
func (p Pending) Next() string {
	switch {
	case p.State != string(archive.Quarantined) && p.Reason == "":
		return "-"
	case p.State != string(archive.Quarantined) && p.Destination != "":
		return fmt.Sprintf("mend %s; it is tried again by itself (now: dicomnode queue retry %s)", p.Destination, p.Destination)
	case p.State != string(archive.Quarantined):
		return "-"
	case p.Destination != "":
		return fmt.Sprintf("mend what %s says, then dicomnode queue retry %d, or give it up: dicomnode queue drop %d", p.Destination, p.ID, p.ID)
	}
	return fmt.Sprintf("it cannot be segmented as it is: dicomnode queue drop %d; after an upgrade dicomnode queue retry %d", p.ID, p.ID)
}
