package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/part10"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/leak"
	"dicomnode/trainer/deidentify/object"
)

// run is an export in progress.
type run struct {
	Options
	deidentifier *deidentify.Deidentifier
	originals    leak.Originals
	checker      *leak.Checker
	dates        patientDates
	state        *state
	before       projectFile // of the set

	mu     sync.Mutex // guards the fields below
	report Report
	items  []item
}

// item is a selected object.
type item struct {
	Entry
	id       string
	picture  bool
	patient  string
	study    string // of the original
	refers   []string
	instance string
	identity Identity
}

// plan reads the attributes of every object before its pixel data, selects objects, and
// collects the values that must not be in the output.
func (e *run) plan(ctx context.Context) error {
	entries, err := e.Source.List(ctx)
	if err != nil {
		return err
	}
	if r, ok := e.Source.(Refuser); ok {
		for reason, n := range r.Refused() {
			e.report.Refused[reason] += n
		}
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(e.workers())
	for _, entry := range entries {
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return e.consider(entry)
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	e.sort()
	if err := e.mixedPatients(); err != nil {
		return err
	}
	e.checker = e.originals.Checker()
	e.dates.buildChecker()
	return e.identify()
}

func (e *run) workers() int {
	if e.Workers > 0 {
		return e.Workers
	}
	return runtime.NumCPU()
}

// consider reads an object's attributes and selects it or counts the reason why not.
func (e *run) consider(entry Entry) error {
	r, err := entry.Open()
	if err != nil {
		return err
	}
	head, err := object.ParseHead(r)
	_ = r.Close() // nothing was written
	if errors.Is(err, object.ErrMalformed) {
		e.refuse("not a DICOM object, or a malformed one")
		return nil
	}
	if err != nil {
		return err
	}
	res, err := e.deidentifier.Object(head)
	if errors.Is(err, deidentify.ErrRefused) {
		e.refuse(strings.TrimPrefix(err.Error(), deidentify.ErrRefused.Error()+": "))
		return nil
	}
	if err != nil {
		return err
	}
	if res.Kind.Picture && !e.accepts(head) {
		e.mu.Lock()
		e.report.Filtered++
		e.mu.Unlock()
		return nil
	}
	e.take(entry, head, res)
	return nil
}

// accepts reports whether the filter accepts an image. An image without a date is outside any
// range of dates.
func (e *run) accepts(head *object.Object) bool {
	date := head.First(0x00080020)
	if date == "" && (e.Filter.From != "" || e.Filter.To != "") {
		return false
	}
	return e.Filter.Accepts(date, head.First(0x00080060), head.First(0x00180015), head.First(0x00080050))
}

func (e *run) refuse(reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.report.Refused[reason]++
}

// take adds an object to the items and collects the values that must not be in the output.
func (e *run) take(entry Entry, head *object.Object, res *deidentify.Result) {
	it := item{Entry: entry, picture: res.Kind.Picture, patient: res.Patient, study: head.First(0x0020000D), instance: head.First(0x00080018)}
	it.id = e.deidentifier.Key.ID("instance", it.instance)
	it.identity = Identity{
		ID: it.id, Patient: res.Patient, PatientID: head.First(0x00100020), Issuer: head.First(0x00100021), Name: head.First(0x00100010),
		Study: res.Object.First(0x0020000D), OldStudy: it.study, Series: res.Object.First(0x0020000E), OldSeries: head.First(0x0020000E),
		Instance: res.Object.First(0x00080018), OldInstance: it.instance,
	}
	if !it.picture {
		head.Walk(func(s *object.Set, el *object.Element, path []part10.Tag) {
			if el.Tag == 0x00081155 && len(path) > 0 {
				it.refers = append(it.refers, s.TextOf(el)...)
			}
		})
	}
	e.remember(res)
	e.own(it.id)
	e.own(made(res)...)
	name := filepath.ToSlash(entry.Name)
	for part := range strings.SplitSeq(strings.TrimSuffix(name, filepath.Ext(name)), "/") {
		e.originals.Name("a file or folder name", part)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if res.NoPatientID {
		e.note("objects without Patient ID: their study stands for the patient")
	}
	e.items = append(e.items, it)
}

func (e *run) note(text string) {
	if !slices.Contains(e.report.Notes, text) {
		e.report.Notes = append(e.report.Notes, text)
	}
}

// sort sorts the items by ID and removes duplicates. It also removes segmentations and reports
// that refer to no selected image and, with Filter.HasSEG, images to which no segmentation
// refers.
func (e *run) sort() {
	slices.SortFunc(e.items, func(a, b item) int { return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.Name, b.Name)) })
	e.items = slices.CompactFunc(e.items, func(a, b item) bool { return a.id == b.id })
	e.remainRevoked()
	images, referred := map[string]bool{}, map[string]bool{}
	for _, it := range e.items {
		if it.picture {
			images[it.instance] = true
		}
		for _, r := range it.refers {
			referred[r] = true
		}
	}
	e.items = slices.DeleteFunc(e.items, func(it item) bool {
		out := it.picture && e.Filter.HasSEG && !referred[it.instance]
		if !it.picture {
			out = !slices.ContainsFunc(it.refers, func(r string) bool { return images[r] }) || !slices.Contains(e.Formats, DICOM)
		}
		if out {
			e.report.Filtered++
		}
		return out
	})
	patients := map[string]bool{}
	for _, it := range e.items {
		patients[it.patient] = true
		if it.picture {
			e.report.Images++
		} else {
			e.report.Objects++
		}
	}
	e.report.Patients = len(patients)
}

// ErrMixedPatients says that objects of one study have different patients.
var ErrMixedPatients = errors.New("studies with objects of several patients")

func (e *run) mixedPatients() error {
	patients, mixed := map[string]string{}, map[string]bool{}
	for _, it := range e.items {
		if have, ok := patients[it.study]; ok && have != it.patient {
			mixed[it.identity.Study] = true
		}
		patients[it.study] = it.patient
	}
	if len(mixed) == 0 {
		return nil
	}
	list := make([]string, 0, len(mixed))
	for uid := range mixed {
		list = append(list, uid)
	}
	slices.Sort(list)
	return fmt.Errorf("%w: %d, by their new UIDs: %s", ErrMixedPatients, len(list), strings.Join(list[:min(len(list), 10)], ", "))
}

func (e *run) identify() error {
	if e.Reidentify == nil || e.DryRun {
		return nil
	}
	for _, it := range e.items {
		if err := e.Reidentify(it.identity); err != nil {
			return fmt.Errorf("write who is who: %w", err)
		}
	}
	return nil
}
