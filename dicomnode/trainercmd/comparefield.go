package trainercmd

import (
	"context"

	"dicomnode/configs"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/model"
	"dicomnode/segment"
	"dicomnode/segment/field"
	"dicomnode/segment/picture"
)

// lazyField finds exposed fields with the node's network, which it opens for the first:
// a comparison of models alone needs none. Close it afterwards.
type lazyField struct {
	flags   modelFlags
	session *model.Session
}

// ExposedField implements classical.FieldFinder.
func (l *lazyField) ExposedField(ctx context.Context, pix []float32, rows, cols int) (picture.Mask, field.Record, error) {
	if l.session == nil {
		s, err := pipeline.OpenField(configs.Model{Device: l.flags.device, Library: l.flags.library, Threads: l.flags.threads})
		if err != nil {
			return nil, field.Record{}, pipeline.HintLibrary(err, namesLibrary)
		}
		l.session = s
	}
	p := segment.Pipeline{Field: l.session, FieldDigest: l.session.Digest()}
	return p.ExposedField(ctx, pix, rows, cols)
}

// Close gives the network back, if it was opened.
func (l *lazyField) Close() error {
	if l.session == nil {
		return nil
	}
	return l.session.Close()
}
