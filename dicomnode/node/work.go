package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/archive"
	"dicomnode/internal/codec"
	"dicomnode/internal/part10"
	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
)

// segment runs a segment job: it makes the outputs of the image's route. An image that no route
// matches is kept and has no output.
func (n *Node) segment(ctx context.Context, o archive.Object) (archive.Made, error) {
	begun, c := time.Now(), n.config.Load()
	chosenBy, err := ImageOf(c, o)
	if err != nil {
		return archive.Made{}, quarantine(err)
	}
	route, ok := c.Route(chosenBy)
	if !ok {
		n.noRoute(c, o)
		return archive.Made{Outcome: archive.NoRoute}, nil
	}
	img, err := n.read(ctx, o, decode.ReadFrames)
	if err != nil {
		return archive.Made{}, quarantine(err)
	}
	if err := img.Identity(); err != nil { // before the costly part
		return archive.Made{}, quarantine(err)
	}
	if img.Forgiven.Any() {
		n.log.Warn("image has encoding errors and was segmented", "object", o.ID, "faults", img.Forgiven)
	}
	img.Received = o.Received
	made := archive.Made{Route: route.Name}
	one := func(img *decode.Image) error {
		out, err := n.results(ctx, c, route, o, img, &made)
		made.Outputs = append(made.Outputs, out...)
		return err
	}
	if route.Frames == configs.AllFrames {
		err = img.EachFrame(mostFrames(img), one)
	} else {
		err = one(img)
	}
	if err != nil {
		return archive.Made{}, quarantine(err)
	}
	made.Digests, _ = digestImage(img) // without digests it is compared with nothing
	n.judge(o, route, &made)
	n.log.Info("image segmented", "object", o.ID, "route", route.Name, "outputs", len(made.Outputs), "quality", roundQuality(made.Quality), "took", time.Since(begun))
	return made, nil
}

// judge holds results whose quality is below the minimum of the route, or warns of them.
func (n *Node) judge(o archive.Object, route configs.Route, made *archive.Made) {
	if made.Quality == nil || !route.Quality.Doubts(*made.Quality) {
		return
	}
	attrs := []any{"object", o.ID, "peer", o.Source, "route", route.Name, "quality", roundQuality(made.Quality), "min", route.Quality.Min}
	if route.Quality.Below != configs.Hold {
		n.log.Warn("quality is below that of the route", attrs...)
		return
	}
	made.Held = fmt.Sprintf("quality %.3f is below %.3f of route %s", *made.Quality, route.Quality.Min, route.Name)
	n.log.Warn("results are held", append(attrs, "hint", fmt.Sprintf("review them, then dicomnode held release --object %d, or dicomnode held drop", o.ID))...)
}

const (
	runFrames = 32        // frames segmented at most
	runBytes  = 512 << 20 // memory for their results until they are written
)

// mostFrames is the number of frames of a multi-frame image that are segmented at most: a
// result needs about eight bytes per pixel.
func mostFrames(img *decode.Image) int {
	return min(max(1, runBytes/(8*img.Rows*img.Columns)), runFrames)
}

// results are the outputs of the frame in img; made keeps the lowest quality.
func (n *Node) results(ctx context.Context, c *configs.Config, route configs.Route, o archive.Object, img *decode.Image, made *archive.Made) ([]archive.Output, error) {
	res, err := n.run(ctx, img)
	if err != nil {
		return nil, err
	}
	if q := res.Quality.Figure; made.Quality == nil || q < *made.Quality {
		made.Quality = &q
	}
	n.reportDark(o, res.Dark)
	n.noteDark(img, res.Dark)
	if res.Frames > 1 {
		n.log.Info("frame segmented", "object", o.ID, "frame", res.Frame, "frames", res.Frames, "reason", res.FrameReason)
	}
	for _, w := range res.Warnings() {
		n.log.Warn("segmented with a warning", "object", o.ID, "peer", o.Source, "warning", w)
	}
	return n.outputs(ctx, c, route, o, img, res)
}

// read decodes a stored image. It returns archive.ErrDamaged if the bytes have changed.
func (n *Node) read(ctx context.Context, o archive.Object, decode func(context.Context, io.Reader, int64, decode.Codec) (*decode.Image, error)) (*decode.Image, error) {
	f, err := o.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decode(ctx, f, f.Size(), n.codecs)
}

// ImageOf has the attributes by which routes select the object. Its file is read only if a
// route uses an attribute that is not in the index.
func ImageOf(c *configs.Config, o archive.Object) (configs.Image, error) {
	img := configs.Image{Peer: o.Source, Modality: o.Modality, BodyPart: o.BodyPartExamined, SOPClass: o.SOPClassUID}
	if !c.ByStation() {
		return img, nil
	}
	f, err := o.Open()
	if err != nil {
		return img, err
	}
	defer f.Close()
	h, err := part10.ReadHeader(f)
	img.Station = h.StationName
	return img, err
}

// takenByNoRoute reports that no route takes a received image. If a route uses attributes that
// are only in the file, the job decides.
func (n *Node) takenByNoRoute(o archive.Object) bool {
	c := n.config.Load()
	if c.ByStation() {
		return false
	}
	img, err := ImageOf(c, o)
	_, taken := c.Route(img)
	return err == nil && !taken
}

// noRoute logs that an image is kept and not segmented, the first one of its peer and modality
// as a warning.
func (n *Node) noRoute(c *configs.Config, o archive.Object) {
	log := n.log.Info
	if n.unrouted.first(o.Source + "\x00" + o.Modality) {
		log = n.log.Warn
	}
	log("image kept, no route matches it", "object", o.ID, "peer", o.Source, "modality", o.Modality,
		"routes", len(c.Routes), "hint", "dicomnode find --unrouted lists such images, dicomnode reprocess segments them when a route takes them")
}

// permanentErrors are errors that a retry cannot mend: the image cannot be decoded.
var permanentErrors = []error{decode.ErrUnsupported, decode.ErrMalformed}

// decoderPause is the pause before an image whose decoder is missing is tried again.
const decoderPause = time.Minute

// quarantine marks errors for which a retry is useless as permanent. An image whose decoder is
// missing waits for it without limit.
func quarantine(err error) error {
	if errors.Is(err, codec.ErrMissing) {
		return archive.Later(fmt.Errorf("%w; %s", err, codec.Hint), decoderPause)
	}
	if slices.ContainsFunc(permanentErrors, func(h error) bool { return errors.Is(err, h) }) {
		return archive.Permanent(err)
	}
	return err
}

// reportDark logs that an image was segmented without its detector's dark frames, because there
// are none or they cannot be read.
func (n *Node) reportDark(o archive.Object, d dark.Record) {
	switch {
	case d.Err != nil:
		n.log.Warn("dark signal estimated, see \"dicomnode dark list\"", "object", o.ID, "peer", o.Source, "reason", d.Reason, "error", d.Err)
	case d.Method == "estimated":
		n.log.Info("dark signal estimated", "object", o.ID, "peer", o.Source, "reason", d.Reason)
	}
}

// noteDark notes that the calibration an image was corrected with was used.
func (n *Node) noteDark(img *decode.Image, d dark.Record) {
	key, ok := dark.KeyOf(img)
	if d.Digest == "" || !ok || n.darks == nil {
		return
	}
	if err := n.darks.Used(key); err != nil {
		n.log.Warn("use of a calibration not noted", "error", err)
	}
}

// addDark runs a dark job: it adds a dark frame to its detector.
func (n *Node) addDark(ctx context.Context, o archive.Object) error {
	img, err := n.read(ctx, o, decode.Read)
	if err != nil {
		return quarantine(err)
	}
	if err := n.darks.AddDark(img); err != nil {
		return quarantine(err)
	}
	n.log.Info("dark frame added", "object", o.ID, "peer", o.Source)
	return nil
}

// roundQuality is a quality for the log, 0 if nothing was segmented.
func roundQuality(q *float64) float64 {
	if q == nil {
		return 0
	}
	return math.Round(*q*1000) / 1000
}
