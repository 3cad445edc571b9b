package nodetest

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dicomnode/dicomnode/scu"
	"dicomnode/internal/commitment"
	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// CommittingPACS is a KeepingPACS that is asked for storage commitment (PS3.4 J) and
// answers on associations of its own.
type CommittingPACS struct {
	*KeepingPACS
	// Behave says what becomes of a request about instances; nil is Honest.
	Behave func(instances []string) Behaviour

	ctx     context.Context
	node    chan scu.Destination // the node, once it is known
	answers sync.WaitGroup

	mu       sync.Mutex
	requests int
	tookBack map[string]bool // committed once, and lost since
}

// Behaviour is what a PACS does with a request for commitment.
type Behaviour string

// Behaviours. The Failure Reasons are those of PS3.3 C.14.1.1.
const (
	Honest      Behaviour = "honest"
	Silent      Behaviour = "silent"       // takes the request and never answers
	Broken      Behaviour = "broken"       // ends the association before the response, and answers all the same
	Busy        Behaviour = "busy"         // N-ACTION-RSP 0213
	Forgetful   Behaviour = "forgetful"    // loses all, and says so: 0112
	Partial     Behaviour = "partial"      // loses every second, and says so
	Unsaid      Behaviour = "unsaid"       // does not mention every second, which it has lost
	Duplicate   Behaviour = "duplicate"    // 0131 for all
	Stranger    Behaviour = "stranger"     // answers under another Transaction UID that all is committed, having lost it; then rightly
	Twice       Behaviour = "twice"        // answers twice
	OtherClass  Behaviour = "other class"  // loses all, and commits instances of another SOP class
	Contrary    Behaviour = "contrary"     // loses all, and says of each both that it is committed and 0112
	SecondThink Behaviour = "second think" // commits all, then loses it and says so
)

// Behaviours are all of them.
var Behaviours = []Behaviour{Honest, Silent, Broken, Busy, Forgetful, Partial, Unsaid, Duplicate, Stranger, Twice, OtherClass, Contrary, SecondThink}

// NewCommittingPACS listens on loopback until the test ends.
func NewCommittingPACS(t testing.TB) *CommittingPACS {
	t.Helper()
	return newCommittingPACS(t, func(ln net.Listener) net.Listener { return ln })
}

// NewSecureCommittingPACS speaks DICOM TLS, with the certificate "pacs" of the site, and
// answers so.
func NewSecureCommittingPACS(t testing.TB, s Site) *CommittingPACS {
	t.Helper()
	p := newCommittingPACS(t, func(ln net.Listener) net.Listener { return s.Listener(t, ln, "pacs") })
	p.answer(s.As("PACS", "pacs"))
	return p
}

func newCommittingPACS(t testing.TB, secure func(net.Listener) net.Listener) *CommittingPACS {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &CommittingPACS{KeepingPACS: &KeepingPACS{dir: t.TempDir(), entry: ", storage_commitment: true", stored: map[string]string{}, at: map[string]time.Time{}},
		ctx: ctx, node: make(chan scu.Destination, 1), tookBack: map[string]bool{}}
	t.Cleanup(p.answers.Wait)
	t.Cleanup(cancel)
	p.Address = servePACS(t, p, secure,
		scp.SupportedContext{AbstractSyntax: uid.SegmentationStorage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian}},
		scp.SupportedContext{AbstractSyntax: uid.StorageCommitmentPushModel, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian}})
	return p
}

// AnswerTo says where the node listens.
func (p *CommittingPACS) AnswerTo(address string) { p.answer(Calling("PACS", "XNET", address)) }

func (p *CommittingPACS) answer(node scu.Destination) {
	select {
	case <-p.node:
	default:
	}
	p.node <- node
}

// NewSession admits everybody.
func (p *CommittingPACS) NewSession(context.Context, scp.Peer) (scp.Session, error) { return p, nil }

// Commit takes a request for commitment.
func (p *CommittingPACS) Commit(_ context.Context, transferSyntaxUID string, r io.Reader) error {
	rq, err := commitment.ReadRequest(r, transferSyntaxUID)
	if err != nil {
		return err
	}
	p.mu.Lock()
	how := Honest
	if p.Behave != nil {
		var instances []string
		for _, ref := range rq.References {
			instances = append(instances, ref.SOPInstanceUID)
		}
		how = p.Behave(instances)
	}
	p.requests++
	p.mu.Unlock()
	if how == Busy {
		return &scp.StatusError{Status: scp.ResourceLimitation}
	}
	p.answers.Go(func() {
		for _, result := range p.results(rq, how) {
			p.report(result)
		}
	})
	if how == Broken {
		panic("ends the association")
	}
	return nil
}

// results are what is answered, in their order.
func (p *CommittingPACS) results(rq commitment.Request, how Behaviour) []commitment.Result {
	all := rq.References
	switch how {
	case Silent:
		return nil
	case Forgetful:
		p.lose(all)
		return []commitment.Result{p.judge(rq)}
	case Partial:
		p.lose(second(all))
		return []commitment.Result{p.judge(rq)}
	case Unsaid:
		p.lose(second(all))
		r := p.judge(rq)
		r.Failed = nil
		return []commitment.Result{r}
	case Duplicate:
		r := commitment.Result{TransactionUID: rq.TransactionUID}
		for _, ref := range all {
			r.Failed = append(r.Failed, commitment.Failure{Reference: ref, Reason: 0x0131})
		}
		return []commitment.Result{r}
	case Stranger:
		p.lose(all)
		return []commitment.Result{{TransactionUID: "2.25.4711", Committed: all}, p.judge(rq)}
	case Twice:
		r := p.judge(rq)
		return []commitment.Result{r, r}
	case OtherClass, Contrary:
		r := commitment.Result{TransactionUID: rq.TransactionUID}
		p.lose(all)
		if how == Contrary {
			r = p.judge(rq)
		}
		for _, ref := range all {
			if how == OtherClass {
				ref.SOPClassUID = uid.SecondaryCaptureImageStorage
			}
			r.Committed = append(r.Committed, ref)
		}
		return []commitment.Result{r}
	case SecondThink:
		first := p.judge(rq)
		p.takeBack(all)
		p.lose(all)
		return []commitment.Result{first, p.judge(rq)}
	}
	return []commitment.Result{p.judge(rq)}
}

// second is every second reference.
func second(all []commitment.Reference) (some []commitment.Reference) {
	for i := 0; i < len(all); i += 2 {
		some = append(some, all[i])
	}
	return some
}

// lose removes objects, as a failing disk does.
func (p *CommittingPACS) lose(some []commitment.Reference) {
	p.KeepingPACS.mu.Lock()
	defer p.KeepingPACS.mu.Unlock()
	for _, ref := range some {
		delete(p.stored, ref.SOPInstanceUID)
		_ = os.Remove(filepath.Join(p.dir, filepath.Base(ref.SOPInstanceUID))) // gone is gone
	}
}

// judge commits what is there, and nothing that was lost just before.
func (p *CommittingPACS) judge(rq commitment.Request) commitment.Result {
	r := commitment.Result{TransactionUID: rq.TransactionUID}
	for _, ref := range rq.References {
		if p.Has(ref.SOPInstanceUID) {
			r.Committed = append(r.Committed, ref)
		} else {
			r.Failed = append(r.Failed, commitment.Failure{Reference: ref, Reason: commitment.NoSuchObjectInstance})
		}
	}
	return r
}

// Asked is how many requests for commitment there were.
func (p *CommittingPACS) Asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *CommittingPACS) takeBack(all []commitment.Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range all {
		p.tookBack[ref.SOPInstanceUID] = true
	}
}

// TookBack reports whether the PACS has committed an instance and lost it since.
func (p *CommittingPACS) TookBack(instance string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tookBack[instance]
}

// Has reports whether the PACS has an instance.
func (p *CommittingPACS) Has(instance string) bool {
	p.KeepingPACS.mu.Lock()
	defer p.KeepingPACS.mu.Unlock()
	_, ok := p.stored[instance]
	return ok
}

// report sends an answer, again while the node does not take it: it may be down.
func (p *CommittingPACS) report(r commitment.Result) {
	var node scu.Destination
	select {
	case node = <-p.node:
		p.node <- node
	case <-p.ctx.Done():
		return
	}
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for range 50 {
		if p.send(node, r) == nil {
			return
		}
		select {
		case <-pause.C:
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *CommittingPACS) send(node scu.Destination, r commitment.Result) error {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	c, err := node.Dial(ctx, scp.Proposal{AbstractSyntax: uid.StorageCommitmentPushModel,
		TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, Roles: scp.SCPRole})
	if err != nil {
		return err
	}
	defer c.Abort() // no effect after Release
	data, err := r.Encode(uid.ImplicitVRLittleEndian)
	if err != nil {
		return err
	}
	if err := c.ReportCommitment(ctx, len(r.Failed) > 0, uid.ImplicitVRLittleEndian, bytes.NewReader(data)); err != nil {
		return err
	}
	return c.Release(ctx)
}

// Keep makes the PACS have an instance, as if somebody else had sent it.
func (p *CommittingPACS) Keep(instance string) {
	p.KeepingPACS.mu.Lock()
	defer p.KeepingPACS.mu.Unlock()
	p.stored[instance] = instance
}

// Told is an application entity that is told what has been committed.
type Told struct {
	Address string // host:port
	Results chan commitment.Result
}

// NewTold listens on loopback as the application entity title until the test ends.
func NewTold(t testing.TB, title string) *Told {
	t.Helper()
	s := &Told{Results: make(chan commitment.Result, 16)}
	s.Address = serveAE(t, title, s, func(ln net.Listener) net.Listener { return ln }, scp.SupportedContext{AbstractSyntax: uid.StorageCommitmentPushModel,
		TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}, PeerRoles: scp.SCPRole})
	return s
}

// NewSession admits everybody.
func (s *Told) NewSession(context.Context, scp.Peer) (scp.Session, error) { return s, nil }

// Store is not for this application entity.
func (s *Told) Store(context.Context, scp.StoreRequest, io.Reader) error {
	return &scp.StatusError{Status: scp.SOPClassNotSupported}
}

// Close has nothing to end.
func (s *Told) Close() error { return nil }

// CommitReport is told.
func (s *Told) CommitReport(_ context.Context, _ bool, transferSyntaxUID string, r io.Reader) error {
	result, err := commitment.ReadResult(r, transferSyntaxUID)
	if err == nil {
		s.Results <- result
	}
	return err
}
