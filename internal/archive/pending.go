package archive

import (
	"context"
	"errors"
	"io"
	"time"
)

var errUnfinished = errors.New("archive: not available in this revision")

type Archive struct{}

func Open(ctx context.Context, opt Options) (*Archive, error)       { return nil, errUnfinished }
func OpenShared(ctx context.Context, opt Options) (*Archive, error) { return nil, errUnfinished }
func (a *Archive) Close() error                                     { return errUnfinished }
func (a *Archive) Receive(ctx context.Context, in Incoming, r io.Reader) (Object, error) {
	return Object{}, errUnfinished
}
func (a *Archive) Work(ctx context.Context, h Handlers) error { return errUnfinished }
func (a *Archive) Object(ctx context.Context, id int64) (Object, error) {
	return Object{}, errUnfinished
}
func (a *Archive) Objects(ctx context.Context, visit func(Object) error) error {
	return errUnfinished
}
func (a *Archive) Queue(ctx context.Context) ([]Entry, error)           { return nil, errUnfinished }
func (a *Archive) Stats(ctx context.Context) (Stats, error)             { return Stats{}, errUnfinished }
func (a *Archive) Retry(ctx context.Context, ids ...int64) (int, error) { return 0, errUnfinished }
func (a *Archive) Drop(ctx context.Context, ids ...int64) (int, error)  { return 0, errUnfinished }
func Permanent(err error) error                                         { return err }
func Later(pause time.Duration, reason error) error                     { return reason }
