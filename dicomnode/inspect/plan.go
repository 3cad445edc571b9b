package inspect

import (
	"bytes"
	"context"
	"io"
	"slices"

	"dicomnode/configs"
	"dicomnode/dicomnode/node"
	"dicomnode/internal/archive"
	"dicomnode/segment"
)

// Plan is what segmenting images again would add, with the current routes and forms.
type Plan struct {
	Images     int // that would be segmented
	Results    int // objects that would be added
	Deliveries int // of them
	Done       int // images that have results of the model already
	Unrouted   int // images that no route takes
}

// Models are the digests (SHA-256, in hexadecimal) of the models that segment again.
type Models struct {
	General string
	Trunk   string // of trunk and head; "": General segments them too
}

// of returns the digests of the models that may segment an image of a body part.
func (m Models) of(bodyPart string) (digests []string) {
	general, trunk := segment.MayChoose(bodyPart)
	if general || m.Trunk == "" {
		digests = append(digests, m.General)
	}
	if trunk && m.Trunk != "" {
		digests = append(digests, m.Trunk)
	}
	return digests
}

// PlanReprocess computes what segmenting the images again would add. An image counts as done if
// it has a result of a model that may segment it.
func PlanReprocess(ctx context.Context, a *archive.Archive, c configs.Config, m Models, lives []History) (Plan, error) {
	p := Plan{Images: len(lives)}
	for _, l := range lives {
		if err := p.add(ctx, a, c, m, l); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *Plan) add(ctx context.Context, a *archive.Archive, c configs.Config, m Models, l History) error {
	done, err := madeBy(ctx, a, m.of(l.BodyPart), l)
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

// madeBy reports whether a result of the image contains the digest of one of the models.
func madeBy(ctx context.Context, a *archive.Archive, digests []string, l History) (bool, error) {
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
		if err == nil && slices.ContainsFunc(digests, func(d string) bool { return bytes.Contains(b, []byte(d)) }) {
			return true, nil
		}
	}
	return false, nil
}

// maxResult is how many bytes of a result are searched.
const maxResult = 64 << 20
