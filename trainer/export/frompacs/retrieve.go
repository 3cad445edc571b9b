package frompacs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"

	"dicomnode/internal/durable"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/trainer/deidentify/object"
	"dicomnode/trainer/deidentify/profile"
)

// syntaxes are the accepted transfer syntaxes. They include compressed ones, so that objects
// are sent as they are stored.
var syntaxes = []string{
	uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian,
	uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEGLSNearLossless,
	uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K,
	uid.RLELossless,
}

// maxContexts is the number of presentation contexts of an association (PS3.8 9.3.2.2) without
// that of the request.
const maxContexts = 127

// kinds are, by modality, the SOP classes of its objects in addition to secondary captures, by
// their kinds in profile.Supported.
var kinds = map[string][]string{
	"CR": {"CR", "DX"}, "DX": {"CR", "DX"}, "MG": {"MG", "DX"}, "IO": {"IO", "DX"}, "PX": {"IO", "DX"}, "XA": {"XA"}, "RF": {"XA", "CR"},
	"SEG": {"SEG"}, "SR": {"SR11", "SR22", "SR33", "SR34"},
}

// proposals returns the proposals for the SOP classes of a study. If the PACS did not return an
// object's class, all classes of its modality are proposed.
func proposals(st study) []scp.Proposal {
	classes := map[string]bool{}
	for _, se := range st.series {
		for _, i := range se.instances {
			if i.class != "" {
				classes[i.class] = true
				continue
			}
			for class, kind := range profile.Supported {
				if kind.Screen || slices.Contains(kinds[se.modality], kind.Name) {
					classes[class] = true
				}
			}
		}
	}
	each := syntaxes[:min(len(syntaxes), maxContexts/max(1, len(classes)))]
	var out []scp.Proposal
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		out = append(out, scp.Proposal{AbstractSyntax: class, TransferSyntaxes: each, Roles: scp.SCPRole})
	}
	return out
}

// study retrieves the missing objects of a study. It requests a whole series if nothing of it
// is present. Otherwise, and if a series has objects of other classes, at which Orthanc 1.10
// aborts a C-GET, it requests single instances.
func (s *Source) study(ctx context.Context, st study, into *sink) error {
	storage := proposals(st)
	if len(storage) == 0 {
		return nil // all of its objects have unsupported classes
	}
	class, all := uid.StudyRootQueryRetrieveMove, []scp.Proposal{}
	d := s.Dialer
	if s.Receive == nil {
		class, all, d.Session = uid.StudyRootQueryRetrieveGet, storage, into
	}
	all = append(all, scp.Proposal{AbstractSyntax: class, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	c, err := d.Dial(ctx, s.PACS, all...)
	if err != nil {
		return err
	}
	defer c.Abort() // no effect after Release
	if s.Receive == nil && !slices.ContainsFunc(storage, func(p scp.Proposal) bool { return c.Role(p.AbstractSyntax)&scp.SCPRole != 0 }) {
		return ErrNoRole
	}
	into.want(st)
	for _, se := range st.series {
		for _, keys := range s.requests(st, se) {
			q := scp.Query{SOPClassUID: class, TransferSyntaxUID: uid.ImplicitVRLittleEndian, Identifier: keys.encode()}
			if err := s.asks(q); err != nil {
				return err
			}
			if s.Receive == nil {
				_, err = c.Get(ctx, q, nil)
			} else {
				_, err = c.Move(ctx, q, s.Receive.Title, nil)
			}
			if notAll(err) {
				err = nil
			}
			if err = errors.Join(err, into.failed()); err != nil {
				return err
			}
		}
	}
	_ = c.Release(ctx) // what has come has come
	return nil
}

// notAll reports whether the status of a retrieval only says that some objects were not sent;
// these are counted as missing.
func notAll(err error) bool {
	var status *scp.StatusError
	return errors.As(err, &status) && status.Status&0xFF00 == 0xA700
}

// requests returns the Identifiers that retrieve the missing objects of a series.
func (s *Source) requests(st study, se series) []identifier {
	there := se.count(func(i string) bool { return exists(s.path(i)) })
	switch {
	case there == len(se.instances):
		return nil
	case there == 0 && !se.mixed:
		return []identifier{{tagLevel: "SERIES", tagStudy: st.uid, tagSeries: se.uid}}
	}
	var out []identifier
	for _, i := range se.instances {
		if !exists(s.path(i.uid)) {
			out = append(out, identifier{tagLevel: "IMAGE", tagStudy: st.uid, tagSeries: se.uid, tagInstance: i.uid})
		}
	}
	return out
}

// sink writes the objects from the PACS to the folder.
type sink struct {
	source *Source
	stored func()

	mu     sync.Mutex
	wanted map[string]bool
	err    error // error of writing
}

var (
	_ scp.Session = (*sink)(nil)
	_ scp.Backend = (*sink)(nil)
)

func (k *sink) want(st study) {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.wanted)
	for _, se := range st.series {
		for _, i := range se.instances {
			k.wanted[i.uid] = true
		}
	}
}

func (k *sink) failed() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// NewSession accepts associations of the PACS only.
func (k *sink) NewSession(_ context.Context, p scp.Peer) (scp.Session, error) {
	if p.Calling != k.source.PACS.AETitle {
		refused := scp.RejectCallingAETitle
		refused.Err = errors.New("not the PACS that is asked")
		return nil, &refused
	}
	return k, nil
}

// Close implements scp.Session.
func (k *sink) Close() error { return nil }

// Store writes an object that was requested; others are refused.
func (k *sink) Store(_ context.Context, req scp.StoreRequest, r io.Reader) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.wanted[req.SOPInstanceUID] {
		return &scp.StatusError{Status: scp.NotAuthorized, Comment: "nobody asked for this instance"}
	}
	path := k.source.path(req.SOPInstanceUID)
	limited := &io.LimitedReader{R: r, N: object.MaxFile}
	var sent error
	err := durable.Replace(path, 0o600, func(w io.Writer) error {
		if err := part10.WriteMeta(w, part10.Meta{SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID}); err != nil {
			return err
		}
		_, err := io.Copy(w, tee{limited, &sent})
		if err == nil && limited.N == 0 {
			sent = &scp.StatusError{Status: scp.OutOfResources, Comment: "object too large"}
			err = sent
		}
		return err
	})
	switch {
	case sent != nil:
		return sent
	case err != nil: // an error of this machine, not of the object
		k.err = errors.Join(k.err, err)
		return &scp.StatusError{Status: scp.OutOfResources, Err: err}
	}
	k.stored()
	return nil
}

// tee separates the error of a reader from that of a writer.
type tee struct {
	io.Reader
	err *error
}

func (t tee) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*t.err = err
	}
	return n, err
}

// listen runs the receiver of C-MOVE until stop is called.
func (s *Source) listen(ctx context.Context, into *sink) (stop func(), err error) {
	if s.Receive == nil {
		return func() {}, nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Receive.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for what the PACS sends: %w", err)
	}
	server := &scp.Server{AETitles: []string{s.Receive.Title}, Backend: into, Log: s.Dialer.Log}
	if server.Log == nil {
		server.Log = slog.New(slog.DiscardHandler)
	}
	for class := range profile.Supported {
		server.Contexts = append(server.Contexts, scp.SupportedContext{AbstractSyntax: class, TransferSyntaxes: syntaxes})
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ctx, ln); err != nil {
			into.mu.Lock()
			into.err = errors.Join(into.err, err)
			into.mu.Unlock()
		}
	}()
	return func() { cancel(); <-done }, nil
}
