// Package inspect answers questions about a node from its archive, beside the running process:
// the history of an image, and the state of the node. It returns accession numbers and UIDs,
// never names, and changes nothing.
package inspect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/archive/index"
)

// Query selects received images; an empty field matches all.
type Query struct {
	Term         string // Accession Number, or a Study, Series or SOP Instance UID; that of a result selects its image
	Object       int64  // the archive's number
	Since        time.Time
	Peer         string // name in the configuration
	State        string // one of [States]
	NotDelivered bool   // results that are not delivered to all destinations
	Held         bool   // images with a held result, regardless of Limit
	Limit        int    // examine at most so many, the most recent; 0 means all
}

// States are the possible values of [Life.State].
var States = []string{Waiting, Running, Retrying, Quarantined, Unrouted, Held, Delivering, Undelivered, Sent, Delivered, Segmented, Kept, Learnt, Dropped, Repeated}

// States of an image.
const (
	Waiting     = "waiting"     // waits for segmentation, or, for a dark frame, to be added
	Running     = "running"     // is being segmented
	Retrying    = "retrying"    // segmentation failed and is retried
	Quarantined = "quarantined" // segmentation failed and is not retried
	Unrouted    = "unrouted"    // no route matched when the job ran
	Held        = "held"        // a result waits for a person to release or drop it
	Delivering  = "delivering"  // a result is being delivered
	Undelivered = "undelivered" // a destination refused a result permanently, or the delivery was dropped
	Sent        = "sent"        // every destination has stored every result, but not all have committed yet
	Delivered   = "delivered"   // every destination has every result, and has committed it where required
	Segmented   = "segmented"   // there are results, but no destination
	Kept        = "kept"        // no job was needed
	Learnt      = "learnt"      // the dark frame was added
	Dropped     = "dropped"     // the job was dropped
	Repeated    = "repeated"    // it was segmented when it was received earlier
)

// History is the history of a received image.
type History struct {
	Object     int64     `json:"object"`
	State      string    `json:"state"`
	Accession  string    `json:"accession_number,omitempty"`
	Study      string    `json:"study_instance_uid"`
	Instance   string    `json:"sop_instance_uid"`
	Version    int       `json:"version"`
	Modality   string    `json:"modality"`
	BodyPart   string    `json:"body_part,omitempty"`
	Peer       string    `json:"peer"`
	CallingAE  string    `json:"calling_ae"`
	CalledAE   string    `json:"called_ae"`
	Received   time.Time `json:"received"`
	Superseded bool      `json:"superseded,omitempty"` // replaced by a newer version of the instance

	Quality   *float64     `json:"quality,omitempty"` // of the results, 0 to 1
	Outcome   string       `json:"outcome,omitempty"`
	OutcomeAt time.Time    `json:"outcome_at,omitzero"`
	Route     string       `json:"route,omitempty"` // that was chosen
	Routes    []RouteMatch `json:"routes,omitempty"`
	Job       *Job         `json:"job,omitempty"` // unfinished
	Results   []Result     `json:"results,omitempty"`
	Acts      []Act        `json:"acts,omitempty"` // manual actions on the image and its results, oldest first
}

// RouteMatch reports whether a route of the configuration matches the image.
type RouteMatch struct {
	Route    string `json:"route"`
	Mismatch string `json:"mismatch,omitempty"` // the first key that does not match
}

// Job is an unfinished job.
type Job struct {
	ID       int64     `json:"id"`
	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	NextAt   time.Time `json:"next_at,omitzero"`
	Reason   string    `json:"reason,omitempty"`
}

// Result is an object made from the image.
type Result struct {
	Object     int64      `json:"object"`
	SOPClass   string     `json:"sop_class_uid"`
	Instance   string     `json:"sop_instance_uid"`
	Made       time.Time  `json:"made"`
	Superseded bool       `json:"superseded,omitempty"` // by the result of a newer version, or of another model after it was damaged
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is the delivery of a result to a destination.
type Delivery struct {
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	At          time.Time `json:"at,omitzero"`
	Status      int       `json:"status"` // of the last C-STORE response; -1 if there was none
	Words       string    `json:"words,omitempty"`
	Attempts    int       `json:"attempts"`
	Job         *Job      `json:"job,omitempty"` // unfinished
}

// Pending reports whether the node still works on the delivery: it is not sent twice.
func (d Delivery) Pending() bool { return d.Job != nil && d.Job.State != Quarantined }

// Dropped reports whether a person has given the delivery up.
func (d Delivery) Dropped() bool { return d.Job == nil && d.State == string(index.Refused) }

// all is a limit that no archive reaches.
const all = 1 << 30

// Find returns the histories of the images that q selects, the most recent first, and whether
// its limit left older images out. c has the current routes.
func Find(ctx context.Context, a *archive.Archive, c configs.Config, q Query) (lives []History, limited bool, err error) {
	objects, err := q.objects(ctx, a)
	if err != nil {
		return nil, false, err
	}
	if limited = q.Limit > 0 && len(objects) > q.Limit; limited {
		objects = objects[:q.Limit]
	}
	lives, err = q.histories(ctx, a, c, objects)
	return lives, limited, err
}

// histories are those of the objects that are in the state that q selects.
func (q Query) histories(ctx context.Context, a *archive.Archive, c configs.Config, objects []archive.Object) ([]History, error) {
	jobs, err := jobsOf(ctx, a)
	if err != nil {
		return nil, err
	}
	acts, err := actsOf(ctx, a)
	if err != nil {
		return nil, err
	}
	lives := []History{}
	for _, o := range objects {
		l, err := historyOf(ctx, a, c, o, jobs)
		if err != nil {
			return nil, err
		}
		l.Acts = slices.Clone(acts[l.Object])
		for _, r := range l.Results {
			l.Acts = append(l.Acts, acts[r.Object]...)
		}
		slices.SortStableFunc(l.Acts, func(a, b Act) int { return a.At.Compare(b.At) })
		l.Acts = slices.Compact(l.Acts) // one may be about several results
		if (q.State == "" || l.State == q.State) && (!q.NotDelivered || l.undelivered()) {
			lives = append(lives, l)
		}
	}
	return lives, nil
}

// objects are the images that q selects by the columns of the index: one more than its limit, if
// there are so many.
func (q Query) objects(ctx context.Context, a *archive.Archive) ([]archive.Object, error) {
	if q.Object != 0 {
		o, err := imageOf(ctx, a, q.Object)
		return []archive.Object{o}, err
	}
	base := index.Query{Source: q.Peer, ReceivedFrom: q.Since, ReceivedOnly: true}
	if q.State == Unrouted {
		base.Outcome = archive.NoRoute
	}
	limit := all
	if q.Limit > 0 {
		limit = q.Limit + 1
	}
	switch {
	case q.Held || q.State == Held:
		return q.held(ctx, a)
	case q.Term == "":
		return a.Search(ctx, base, limit)
	}
	for _, set := range []func(*index.Query){
		func(i *index.Query) { i.AccessionNumber = q.Term },
		func(i *index.Query) { i.StudyInstanceUID = q.Term },
		func(i *index.Query) { i.SeriesInstanceUID = q.Term },
		func(i *index.Query) { i.SOPInstanceUID = q.Term },
	} {
		by := base
		set(&by)
		found, err := a.Search(ctx, by, limit)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return q.byResult(ctx, a)
}

// held are the images with held results, the most recent first.
func (q Query) held(ctx context.Context, a *archive.Archive) (images []archive.Object, err error) {
	deliveries, err := a.Held(ctx)
	seen := map[int64]bool{}
	for _, d := range slices.Backward(deliveries) {
		if err != nil {
			break
		}
		var result, o archive.Object
		if result, err = a.Object(ctx, d.ObjectID); err == nil {
			o, err = imageOf(ctx, a, d.ObjectID)
		}
		if err == nil && !seen[o.ID] && q.chooses(o, result) {
			seen[o.ID] = true
			images = append(images, o)
		}
	}
	return images, err
}

// chooses reports whether q selects an image with a held result.
func (q Query) chooses(o, result archive.Object) bool {
	named := []string{"", o.AccessionNumber, o.StudyInstanceUID, o.SeriesInstanceUID, o.SOPInstanceUID, result.SOPInstanceUID}
	return slices.Contains(named, q.Term) && (q.Peer == "" || q.Peer == o.Source) && !o.Received.Before(q.Since)
}

// byResult is the image of the result that the term names.
func (q Query) byResult(ctx context.Context, a *archive.Archive) ([]archive.Object, error) {
	result, err := a.Find(ctx, q.Term)
	if errors.Is(err, archive.ErrNotFound) || err == nil && result.ParentID == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o, err := a.Object(ctx, result.ParentID)
	return []archive.Object{o}, err
}

// imageOf is the object with the number, or the image it was made from.
func imageOf(ctx context.Context, a *archive.Archive, id int64) (archive.Object, error) {
	o, err := a.Object(ctx, id)
	if err == nil && o.ParentID != 0 {
		return a.Object(ctx, o.ParentID)
	}
	return o, err
}

// jobKey identifies the object and destination of an unfinished job.
type jobKey struct {
	object      int64
	destination string // "" for jobs other than deliveries
}

func jobsOf(ctx context.Context, a *archive.Archive) (map[jobKey]*Job, error) {
	entries, err := a.Queue(ctx)
	if err != nil {
		return nil, err
	}
	all := map[jobKey]*Job{}
	for _, e := range entries {
		all[jobKey{e.ObjectID, e.Destination}] = &Job{ID: e.ID, State: string(e.State), Attempts: e.Attempts, NextAt: e.NextAt, Reason: shortReason(e)}
	}
	return all, nil
}

func historyOf(ctx context.Context, a *archive.Archive, c configs.Config, o archive.Object, jobs map[jobKey]*Job) (History, error) {
	l := History{
		Object: o.ID, Accession: o.AccessionNumber, Study: o.StudyInstanceUID, Instance: o.SOPInstanceUID, Version: o.Version,
		Modality: o.Modality, BodyPart: o.BodyPartExamined, Peer: o.Source, CallingAE: o.CallingAE, CalledAE: o.CalledAE,
		Received: o.Received, Superseded: !o.SupersededAt.IsZero(), Outcome: o.Outcome, OutcomeAt: o.OutcomeAt,
		Quality: o.Quality, Route: o.Route, Job: jobs[jobKey{o.ID, ""}],
	}
	if o.Purpose == archive.Segment {
		l.Routes = routeMatches(c, o)
	}
	results, err := a.Results(ctx, o.ID)
	if err != nil {
		return l, err
	}
	for _, r := range results {
		result := Result{Object: r.ID, SOPClass: r.SOPClassUID, Instance: r.SOPInstanceUID, Made: r.Received, Superseded: !r.SupersededAt.IsZero(), Deliveries: []Delivery{}}
		deliveries, err := a.Deliveries(ctx, r.ID)
		if err != nil {
			return l, err
		}
		for _, d := range deliveries {
			result.Deliveries = append(result.Deliveries, Delivery{Destination: d.Destination, State: string(d.State), At: d.At,
				Status: d.Status, Words: strings.TrimPrefix(d.Words, "deliver to "+d.Destination+": "), Attempts: d.Attempts, Job: jobs[jobKey{r.ID, d.Destination}]})
		}
		l.Results = append(l.Results, result)
	}
	l.State = l.state()
	return l, nil
}

// routeMatches says for each route which key does not match the image. The station is not known
// here.
func routeMatches(c configs.Config, o archive.Object) (all []RouteMatch) {
	img := configs.Image{Peer: o.Source, Modality: o.Modality, BodyPart: o.BodyPartExamined, SOPClass: o.SOPClassUID}
	for _, r := range c.Routes {
		all = append(all, RouteMatch{r.Name, r.Mismatch(img)})
	}
	return all
}

// outcomes are the states of images without result and job.
var outcomes = map[string]string{
	archive.NoRoute: Unrouted, archive.Kept: Kept, archive.Learnt: Learnt, archive.Dropped: Dropped, archive.Repeated: Repeated, archive.Segmented: Segmented,
}

func (l History) state() string {
	if l.Job != nil {
		return l.Job.State
	}
	held, under, sent, gone, arrived := 0, 0, 0, 0, 0
	for _, r := range l.Results {
		for _, d := range r.Deliveries {
			switch d.State {
			case string(index.Held):
				held++
			case string(index.Delivered):
				arrived++
			case string(index.Refused):
				gone++
			case string(index.Pending), string(index.Failing):
				under++
			case string(index.Sent), string(index.Requested), string(index.NotCommitted):
				sent++
			}
		}
	}
	switch {
	case held > 0:
		return Held
	case under > 0:
		return Delivering
	case gone > 0:
		return Undelivered
	case sent > 0:
		return Sent
	case arrived > 0:
		return Delivered
	case outcomes[l.Outcome] != "":
		return outcomes[l.Outcome]
	}
	return Kept
}

// undelivered reports whether a result is not delivered to all destinations.
func (l History) undelivered() bool {
	return l.State == Held || l.State == Delivering || l.State == Undelivered || l.State == Sent
}

// HeldIDs are the numbers of the held results.
func (l History) HeldIDs() (ids []int64) {
	for _, r := range l.Results {
		if slices.ContainsFunc(r.Deliveries, func(d Delivery) bool { return d.State == string(index.Held) }) {
			ids = append(ids, r.Object)
		}
	}
	return ids
}

// UnheldIDs are the numbers of the results that are not held.
func (l History) UnheldIDs() []int64 {
	held := l.HeldIDs()
	return slices.DeleteFunc(l.ResultIDs(), func(id int64) bool { return slices.Contains(held, id) })
}

// ResultIDs are the numbers of the results that are not superseded.
func (l History) ResultIDs() (ids []int64) {
	for _, r := range l.Results {
		if !r.Superseded {
			ids = append(ids, r.Object)
		}
	}
	return ids
}
