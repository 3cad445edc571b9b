package inspect

import (
	"bytes"
	"context"
	"io"
	"slices"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
)

// Plan is what segmenting images again would add, with the current routes and forms.
type Plan struct {
	Images     int // that would be segmented
	Results    int // objects that would be added
	Deliveries int // of them
	Done       int // images that have results of the model already
	Unrouted   int // images that no route takes
}

// PlanReprocess computes what segmenting the images again with the model of a digest (SHA-256,
// in hexadecimal) would add. An image that has a result with the digest counts as done.
func PlanReprocess(ctx context.Context, a *archive.Archive, c configs.Config, digest string, lives []History) (Plan, error) {
	p := Plan{Images: len(lives)}
	for _, l := range lives {
		if err := p.add(ctx, a, c, digest, l); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *Plan) add(ctx context.Context, a *archive.Archive, c configs.Config, digest string, l History) error {
	done, err := madeBy(ctx, a, digest, l)
	if done {
		p.Done++
	}
	if err != nil || done {
		return err
	}
	o, err := a.Object(ctx, l.Object)
	if err != nil {
		return err
	}
	img, err := node.ImageOf(&c, o)
	if err != nil {
		return err
	}
	route, ok := c.Route(img)
	if !ok {
		p.Unrouted++
		return nil
	}
	results, deliveries := added(c, route)
	p.Results, p.Deliveries = p.Results+results, p.Deliveries+deliveries
	return nil
}

// added counts the new objects of one image and their deliveries; a form counts once, whatever
// the number of destinations.
func added(c configs.Config, r configs.Route) (results, deliveries int) {
	var made []string
	for _, kind := range r.Kinds() {
		for _, name := range r.SendTo {
			form := kind
			if peer, known := c.Peer(name); known && kind == configs.SEG {
				form = peer.SegmentationForms()[0]
			}
			if !slices.Contains(made, form) {
				made = append(made, form)
			}
			deliveries++
		}
	}
	return len(made), deliveries
}

// madeBy reports whether a result of the image contains the digest of a model.
func madeBy(ctx context.Context, a *archive.Archive, digest string, l History) (bool, error) {
	for _, r := range l.Results {
		o, err := a.Object(ctx, r.Object)
		if err != nil {
			return false, err
		}
		f, err := o.Open()
		if err != nil {
			continue // a damaged result is made again
		}
		b, err := io.ReadAll(io.LimitReader(f, maxResult))
		_ = f.Close() // only read
		if err == nil && bytes.Contains(b, []byte(digest)) {
			return true, nil
		}
	}
	return false, nil
}

// maxResult is how many bytes of a result are searched.
const maxResult = 64 << 20
