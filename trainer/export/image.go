package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"dicomnode/internal/codec"
	"dicomnode/internal/iod"
	"dicomnode/segment"
	"dicomnode/segment/decode"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export/burned"
	"dicomnode/trainer/export/review"
)

// objects makes the files of all objects that have none yet.
func (e *run) objects(ctx context.Context) error {
	finished, err := ReadManifest(e.Out)
	if err != nil {
		return err
	}
	decisions, err := review.Read(ReviewDir(e.Work))
	if err != nil {
		return err
	}
	e.lost(decisions)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(e.workers())
	done := 0
	for _, it := range e.items {
		work.Go(func() error {
			err := ctx.Err()
			if err == nil {
				err = e.one(ctx, it, finished, decisions)
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			if done++; e.Progress != nil && err == nil {
				e.Progress(done, len(e.items))
			}
			return err
		})
	}
	return work.Wait()
}

// lost reports reviewed pictures that are no longer in the source, where they may have expired
// during the review.
func (e *run) lost(decisions map[string]review.Decision) {
	n := 0
	for id := range decisions {
		if !slices.ContainsFunc(e.items, func(it item) bool { return it.id == id }) {
			n++
		}
	}
	if n > 0 {
		e.note(fmt.Sprintf("%d pictures that were reviewed are no longer in the source", n))
	}
}

// one makes the files of an object. Errors of the object are counted; one returns only errors
// of reading or writing.
func (e *run) one(ctx context.Context, it item, finished map[string]Record, decisions map[string]review.Decision) error {
	if e.done(it.id, finished) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.report.Kept++
		return nil
	}
	file, err := read(it.Entry)
	if err != nil {
		return err
	}
	o, err := object.Parse(file)
	if errors.Is(err, object.ErrMalformed) {
		e.withdraw(it, "not a DICOM object, or a malformed one")
		return nil
	}
	if err != nil {
		return err
	}
	res, err := e.deidentifier.Object(o)
	if err != nil {
		return err
	}
	if !it.picture && res.Unclean {
		e.withdraw(it, "its pixel data may have more than pixels, and cannot be rewritten")
		return nil
	}
	if !it.picture {
		return e.companion(it, o, res)
	}
	err = e.image(ctx, it, file, o, res, decisions)
	switch {
	case errors.Is(err, codec.ErrMissing):
		e.mu.Lock()
		e.note("compressed images were refused for want of their codec library: " + codec.Hint + "; the same command adds them then")
		e.mu.Unlock()
		e.withdraw(it, err.Error())
	case errors.Is(err, decode.ErrUnsupported), errors.Is(err, decode.ErrMalformed):
		e.withdraw(it, err.Error())
	default:
		return err
	}
	return nil
}

func read(entry Entry) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, object.MaxFile+1))
}

// withdraw counts a selected object that cannot be exported.
func (e *run) withdraw(it item, reason string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.report.Refused[reason]++
	if it.picture {
		e.report.Images--
	} else {
		e.report.Objects--
	}
}

// companion stages a segmentation or report.
func (e *run) companion(it item, o *object.Object, res *deidentify.Result) error {
	e.sweep(res)
	r := e.record(it, o, res)
	e.deidentifier.Claim(res, false)
	b, err := encode(res.Object)
	if err != nil {
		return err
	}
	return e.stage(&r, map[string][]byte{dicomPath(r): b}, e.checkers(res))
}

func dicomPath(r Record) string { return "dicom/" + r.Patient + "/" + r.ID + ".dcm" }

func encode(o *object.Object) ([]byte, error) {
	var b bytes.Buffer
	err := o.Write(&b)
	return b.Bytes(), err
}

// picture is a decoded image and what was found in it.
type picture struct {
	image    *decode.Image
	result   *segment.Result      // nil without a model
	label    []uint8              // nil without a model
	samples  []float32            // stored values; boxes may be blanked
	boxes    []burned.Box         // of text
	inside   []burned.Box         // of what may be text or anatomy
	unsure   bool                 // boxes may not contain all text, or contain anatomy
	graphics []deidentify.Overlay // that the set could contain
}

// image stages a picture, or stores it for review.
func (e *run) image(ctx context.Context, it item, file []byte, o *object.Object, res *deidentify.Result, decisions map[string]review.Decision) error {
	p, err := e.look(ctx, file)
	if err != nil {
		return err
	}
	decision, decided := decisions[it.id]
	p.graphics = e.graphics(res)
	decided = decided && decision.Matches(p.boxes, digest(p.graphics)) // the decision counts only if the reviewed findings are unchanged
	if !decided && e.waits(p, res) {
		return e.hold(it, p)
	}
	if decided && decision.Verdict == review.Reject {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.report.Rejected++
		e.report.Images--
		return nil
	}
	graphics := e.decideGraphics(p, res, decided && decision.Verdict == review.Keep)
	e.sweep(res)
	r := e.record(it, o, res)
	r.Graphics = graphics
	r.BurnedIn = &Burned{Found: len(p.boxes) + len(p.inside), Done: "nothing", Reviewed: decided}
	boxes := p.boxes
	if decided {
		boxes = slices.Concat(boxes, decision.Fill)
	}
	if res.Unclean || p.image.Unused && res.Object.Find(object.PixelData).Fragments != nil {
		native(res.Object, p)
	}
	switch {
	case !e.searches():
		r.BurnedIn.Done = "not searched"
	case len(boxes) == 0:
	case decided && decision.Verdict == review.Blank, !decided && e.BurnedIn == Blank:
		r.BurnedIn.Done, r.BurnedIn.Blanked = "blanked", rectangles(boxes)
		blank(p, boxes)
		native(res.Object, p)
		derived(res.Object)
	default:
		r.BurnedIn.Done = "kept"
	}
	files, err := e.files(&r, p, res)
	if err != nil {
		return err
	}
	return e.stage(&r, files, e.checkers(res))
}

// look decodes an image and finds its regions and burned-in text.
func (e *run) look(ctx context.Context, file []byte) (*picture, error) {
	m, err := decode.Read(ctx, bytes.NewReader(file), int64(len(file)), e.Codecs)
	if err != nil {
		return nil, err
	}
	if m.Frames > 1 {
		return nil, fmt.Errorf("%w: more than one frame", decode.ErrUnsupported)
	}
	p := &picture{image: m, samples: m.Samples}
	if !e.searches() {
		return p, nil
	}
	in := burned.Picture{Samples: m.Samples, Rows: m.Rows, Columns: m.Columns}
	if e.Pipeline.Predictor != nil {
		if p.result, err = e.Pipeline.Run(ctx, m); err != nil {
			return nil, err
		}
		p.label = labels(p.result)
		in.Label = p.label
	}
	found := burned.Find(in)
	p.boxes, p.inside, p.unsure = found.Writing, found.Doubtful, found.Unsure
	return p, nil
}

// searches reports whether regions and text must be searched for. If neither is needed, the
// search is left out, because the model takes most of the time.
func (e *run) searches() bool {
	return e.Labels != None || e.BurnedIn != KeepText || e.ReviewAll
}

// waits reports whether a person must review the picture first.
func (e *run) waits(p *picture, res *deidentify.Result) bool {
	if e.ReviewAll || len(p.graphics) > 0 {
		return true
	}
	says := res.Kind.Screen || strings.EqualFold(p.image.Text(burnedInAnnotation), "YES")
	switch e.BurnedIn {
	case Quarantine:
		return says || len(p.boxes) > 0 || len(p.inside) > 0
	case Blank:
		return says || p.unsure
	}
	return false
}

// hold stores a picture for the review page.
func (e *run) hold(it item, p *picture) error {
	e.mu.Lock()
	e.report.Pending++
	e.mu.Unlock()
	return review.Hold(ReviewDir(e.Work), review.Waiting{ID: it.id, Boxes: p.boxes, Inside: p.inside, Width: p.image.Columns, Height: p.image.Rows, Graphics: digest(p.graphics)}, preview(p))
}

// record returns the record of an object before its files are made.
func (e *run) record(it item, o *object.Object, res *deidentify.Result) Record {
	kept := res.Object
	r := Record{
		ID: it.id, Kind: res.Kind.Name, Patient: res.Patient, Study: kept.First(0x0020000D), Series: kept.First(0x0020000E),
		Instance: kept.First(0x00080018), SOPClass: kept.First(0x00080016), TransferSyntax: o.TransferSyntaxUID,
		BodyPart: kept.First(0x00180015), View: kept.First(0x00185101), Lossy: kept.First(0x00282110) == "01",
		Project: e.deidentifier.Key.Project(e.Project), Profile: Profile{Edition: profile.Edition, Name: "training"},
	}
	if e.Deidentify.Basic {
		r.Profile.Name = "basic"
	}
	for _, option := range e.Deidentify.Retain {
		r.Profile.Options = append(r.Profile.Options, string(option))
	}
	slices.Sort(r.Profile.Options)
	return r
}

// files returns the files of a picture in all formats.
func (e *run) files(r *Record, p *picture, res *deidentify.Result) (map[string][]byte, error) {
	m := p.image
	r.Rows, r.Columns, r.BitsStored = m.Rows, m.Columns, m.BitsStored
	if s, ok := iod.PixelSpacing(iod.NewSource(m.Dataset)); ok && !hasPixelSize(res.Swept) {
		r.SpacingMM = math.Round(s.Row*1e6) / 1e6
	}
	files := map[string][]byte{}
	if slices.Contains(e.Formats, DICOM) {
		e.deidentifier.Claim(res, r.BurnedIn.Reviewed)
		b, err := encode(res.Object)
		if err != nil {
			return nil, err
		}
		files[dicomPath(*r)] = b
	}
	if err := e.pictures(r, p, files); err != nil {
		return nil, err
	}
	return files, nil
}

func labels(res *segment.Result) []uint8 {
	out := make([]uint8, res.Rows*res.Columns)
	for i := range out {
		switch m := res.Masks; {
		case m.Open[i]:
			out[i] = dataset.OpenBeam
		case m.Soft[i]:
			out[i] = dataset.SoftTissue
		case m.Bone[i]:
			out[i] = dataset.Bone
		default:
			out[i] = dataset.Ignore
		}
	}
	return out
}
