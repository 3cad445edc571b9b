package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dicomnode/configs"
	"dicomnode/internal/dicomtest"
	"dicomnode/scp"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// TestDrain: a node that is asked to refuses further associations, for the moment, and
// says how many are left; a restart or the end of the drain lets it receive again.
func TestDrain(t *testing.T) {
	n, _ := keeper(t, configs.Retention{})
	c := *n.config.Load()
	c.Peers = []configs.Peer{{Name: "dx1", AETitle: "DX1", Address: "10.1.2.3"}}
	n.config.Store(&c)
	n.server = newServer(c, n, nil, n.log)
	admitted := func() error { _, err := n.newSession(t.Context(), calledBy("DX1")); return err }
	look := func() {
		t.Helper()
		if err := n.checkDrain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := admitted(); err != nil {
		t.Fatal(err)
	}
	if err := n.archive.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	look()
	var refused *scp.RejectError
	if err := admitted(); !errors.As(err, &refused) || refused.Result != scp.RejectForNow.Result || !strings.Contains(err.Error(), "drained since") {
		t.Errorf("while it is drained: %v", err)
	}
	if told, err := n.archive.Recall(t.Context(), DrainKey); err != nil || !strings.Contains(told, `"associations":0`) {
		t.Errorf("told %q, %v", told, err)
	}
	if was, err := n.archive.EndDrain(t.Context()); !was || err != nil {
		t.Errorf("end: %v, %v", was, err)
	}
	look()
	if err := admitted(); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

// TestAlive: a node that works lives; one whose index gives no turn, or with an image
// that never ends, does not.
func TestAlive(t *testing.T) {
	n, _ := keeper(t, configs.Retention{})
	n.server = newServer(*n.config.Load(), n, nil, n.log)
	n.engine = &engine{}
	if err := n.Alive(t.Context()); err != nil {
		t.Errorf("at work: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if err := n.Alive(ctx); err == nil {
		t.Error("lives without an answer in time")
	}
}

func TestStuckImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{engine: &engine{}}
		leave := n.engine.inProgress.enter()
		time.Sleep(stuckTime + time.Second)
		if err := n.Alive(t.Context()); err == nil || !strings.Contains(err.Error(), "15m1s") {
			t.Errorf("an image that never ends: %v", err)
		}
		leave()
		if d := n.engine.inProgress.longest(); d != 0 {
			t.Errorf("after its end: %v", d)
		}
	})
}

// slow is a network that takes too long for an image, and asks meanwhile how the node is.
type slow struct {
	dicomtest.Greys
	alive func() error
	err   error // what alive said
}

func (s *slow) Predict(ctx context.Context, x []float32) ([]float32, error) {
	if s.err == nil {
		time.Sleep(stuckTime + time.Second) // of the bubble
		s.err = s.alive()
	}
	return s.Greys.Predict(ctx, x)
}

// An image that is stuck in a model that is not the one in use is noticed too.
func TestStuckInOtherModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{engine: &engine{}}
		network := &slow{alive: func() error { return n.Alive(t.Context()) }}
		n.other = otherModel{inProgress: &n.engine.inProgress, digest: "other", pipeline: &segment.Pipeline{Predictor: network}}
		pix := make([]float32, 64*48)
		for i := range pix {
			pix[i] = float32(i)
		}
		img := decode.FromPicture(pix, 64, 48, false)
		if _, err := n.other.run(t.Context(), configs.Config{}, nil, "other", img); err != nil {
			t.Error(err)
		}
		if network.err == nil || !strings.Contains(network.err.Error(), "15m1s") {
			t.Errorf("while the image is stuck: %v", network.err)
		}
		if d := n.engine.inProgress.longest(); d != 0 {
			t.Errorf("after its end: %v", d)
		}
	})
}
