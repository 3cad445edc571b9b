package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dicomnode/internal/archive"
)

// Pending is an unfinished job with its image.
type Pending struct {
	ID          int64     `json:"id"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Destination string    `json:"destination,omitempty"`
	Attempts    int       `json:"attempts"`
	NextAt      time.Time `json:"next_at,omitzero"`
	Received    time.Time `json:"received"` // of the image
	Object      int64     `json:"object"`
	Image       int64     `json:"image"` // the object itself, or the image it was made from
	Accession   string    `json:"accession_number,omitempty"`
	Study       string    `json:"study_instance_uid,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Committing  bool      `json:"committing,omitempty"` // stored there; only commitment is missing
}

// Queue lists the unfinished jobs by study, the oldest first.
func Queue(ctx context.Context, a *archive.Archive) ([]Pending, error) {
	entries, err := a.Queue(ctx)
	if err != nil {
		return nil, err
	}
	list, first := make([]Pending, len(entries)), map[string]int64{}
	for i, e := range entries {
		p := Pending{ID: e.ID, Kind: string(e.Kind), State: string(e.State), Destination: e.Destination,
			Attempts: e.Attempts, NextAt: e.NextAt, Received: e.Received, Object: e.ObjectID, Image: e.ObjectID, Reason: shortReason(e), Committing: e.AwaitsCommitment()}
		o, err := imageOf(ctx, a, e.ObjectID)
		switch {
		case err == nil:
			p.Image, p.Accession, p.Study, p.Received = o.ID, o.AccessionNumber, o.StudyInstanceUID, o.Received
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

// Next is what the user can do about the job, "" if nothing.
func (p Pending) Next() string {
	switch {
	case p.Committing:
		return ""
	case p.State == string(archive.Quarantined) && p.Destination != "":
		return fmt.Sprintf("given up: correct that, then dicomnode queue retry %d (all of them: %s); or leave it: dicomnode queue drop %d", p.ID, p.Destination, p.ID)
	case p.State == string(archive.Quarantined):
		return fmt.Sprintf("given up: it cannot be segmented as it is; after an upgrade dicomnode queue retry %d, or leave it: dicomnode queue drop %d", p.ID, p.ID)
	case p.Reason != "" && p.Destination != "":
		return fmt.Sprintf("it is tried again by itself; within a minute: dicomnode queue retry %s", p.Destination)
	}
	return ""
}

// shortReason is why a job is not done, without the name of the destination.
func shortReason(e archive.Entry) string {
	return strings.TrimPrefix(e.Reason, "deliver to "+e.Destination+": ")
}
