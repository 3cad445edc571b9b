package scp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"dicomnode/internal/uid"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

func dial(t testing.TB, addr string, maxPDU uint32) *scp.Client {
	t.Helper()
	d := scp.Dialer{Calling: "PACS", MaxPDULength: maxPDU, ResponseTimeout: patience, AssociationTimeout: patience}
	c, err := d.Dial(context.Background(), scp.Addr{AETitle: "XNET", Host: addr},
		scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}},
		scp.Proposal{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, "1.2.3"}},
		scp.Proposal{AbstractSyntax: "1.2.3", TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c
}

// TestStoreSizes sends data sets with sizes around all boundaries of fragments.
func TestStoreSizes(t *testing.T) {
	for _, maxPDU := range []uint32{64, 4096, 131072} {
		b := &backend{}
		addr, _ := serve(t, b, func(s *scp.Server) { s.MaxPDULength = maxPDU })
		c := dial(t, addr, maxPDU)
		for _, size := range []int{0, 1, int(maxPDU) - 7, int(maxPDU) - 6, int(maxPDU) - 5, 2 * (int(maxPDU) - 6), 100_000} {
			data := bytes.Repeat([]byte("0123456789a"), size/11+1)[:size]
			req := scp.StoreRequest{SOPClassUID: dxImage, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian, Priority: 2}
			status, err := c.Store(t.Context(), req, io.MultiReader(bytes.NewReader(data), strings.NewReader("")))
			if status != scp.Success || err != nil {
				t.Fatalf("maximum %d, %d bytes: %v, %v", maxPDU, size, status, err)
			}
			got, stored := b.last()
			if !bytes.Equal(stored, data) {
				t.Errorf("maximum %d, %d bytes: other bytes arrived", maxPDU, size)
			}
			if got.TransferSyntaxUID != uid.ExplicitVRLittleEndian || got.Priority != 2 {
				t.Errorf("got request %+v", got)
			}
		}
		if err := errors.Join(c.Echo(t.Context()), c.Release(t.Context()), c.Release(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

func TestAccepted(t *testing.T) {
	addr, _ := serve(t, &backend{})
	c := dial(t, addr, 0)
	for _, pc := range []struct {
		class, ts, why string
	}{
		{dxImage, uid.ImplicitVRLittleEndian, ""},
		{dxImage, "1.2.3", "transfer syntax not supported"},
		{"1.2.3", uid.ImplicitVRLittleEndian, "SOP class not supported"},
		{"1.2.4", uid.ImplicitVRLittleEndian, "not proposed"},
	} {
		if got := c.Accepted(pc.class, pc.ts); got != (pc.why == "") {
			t.Errorf("Accepted(%s, %s) = %v", pc.class, pc.ts, got)
		}
		if pc.why == "" {
			continue
		}
		_, err := c.Store(t.Context(), scp.StoreRequest{SOPClassUID: pc.class, SOPInstanceUID: instance, TransferSyntaxUID: pc.ts}, strings.NewReader(""))
		if !errors.Is(err, scp.ErrNoContext) || !strings.Contains(err.Error(), pc.why) {
			t.Errorf("store %s in %s: got %v, want %q", pc.class, pc.ts, err, pc.why)
		}
	}
}

func TestStoreErrors(t *testing.T) {
	addr, _ := serve(t, &backend{store: func(context.Context, scp.StoreRequest, io.Reader) error {
		return &scp.StatusError{Status: scp.OutOfResources}
	}})
	req := scp.StoreRequest{SOPClassUID: dxImage, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	c := dial(t, addr, 0)
	status, err := c.Store(t.Context(), req, strings.NewReader("data"))
	var failed *scp.StatusError
	if status != scp.OutOfResources || !errors.As(err, &failed) {
		t.Errorf("refused: got %v, %v", status, err)
	}
	broken := errors.New("disk")
	_, err = c.Store(t.Context(), req, io.MultiReader(strings.NewReader("half"), brokenReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("unreadable source: got %v, want %v", err, broken)
	}
	if _, err = c.Store(t.Context(), req, strings.NewReader("")); err == nil {
		t.Error("store after an abort: want an error")
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

// TestProposals: invalid proposals are rejected before anything is sent; at most 128
// presentation contexts fit (PS3.8 9.3.2.2).
func TestProposals(t *testing.T) {
	addr, _ := serve(t, &backend{})
	contexts := func(n int) []scp.Proposal {
		p := scp.Proposal{AbstractSyntax: dxImage}
		for i := range n {
			p.TransferSyntaxes = append(p.TransferSyntaxes, fmt.Sprintf("1.2.%d", i))
		}
		p.TransferSyntaxes[n-1] = uid.ImplicitVRLittleEndian
		return []scp.Proposal{p}
	}
	for name, c := range map[string]struct {
		dialer    scp.Dialer
		called    string
		proposals []scp.Proposal
		want      string // in the error; empty for none
	}{
		"128 contexts":       {scp.Dialer{Calling: "PACS"}, "XNET", contexts(128), ""},
		"129 contexts":       {scp.Dialer{Calling: "PACS"}, "XNET", contexts(129), "more than 128"},
		"none":               {scp.Dialer{Calling: "PACS"}, "XNET", nil, "none given"},
		"no calling title":   {scp.Dialer{}, "XNET", contexts(1), "AE title"},
		"no called title":    {scp.Dialer{Calling: "PACS"}, "", contexts(1), "AE title"},
		"class that is text": {scp.Dialer{Calling: "PACS"}, "XNET", []scp.Proposal{{AbstractSyntax: "DX", TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}}, "digits"},
		"tiny PDUs":          {scp.Dialer{Calling: "PACS", MaxPDULength: 7}, "XNET", contexts(1), "at least 8"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := c.dialer.Dial(t.Context(), scp.Addr{AETitle: c.called, Host: addr}, c.proposals...)
			if err == nil {
				defer client.Abort()
				if !client.Accepted(dxImage, uid.ImplicitVRLittleEndian) {
					t.Error("last context was not accepted")
				}
			}
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestCancel: the end of the context ends a call that waits for a silent peer.
func TestCancel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		p := scptest.New(t, nc)
		if _, err := p.Receive(); err == nil {
			cancel()
		}
	}()
	_, err = (&scp.Dialer{Calling: "A"}).Dial(ctx, scp.Addr{AETitle: "B", Host: ln.Addr().String()},
		scp.Proposal{AbstractSyntax: dxImage, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

func TestParseAddr(t *testing.T) {
	for s, ok := range map[string]bool{
		"PACS@10.0.0.5:104": true, "PACS@[::1]:104": true, "PACS@pacs.local:11112": true,
		"10.0.0.5:104": false, "@h:1": false, "PACS@h": false, "PACS@:104": false, "PACS@h:0": false, "PACS@h:99999": false, "A\\B@h:1": false, "ABCDEFGHIJKLMNOPQ@h:1": false,
	} {
		a, err := scp.ParseAddr(s)
		if (err == nil) != ok || (ok && a.String() != s) {
			t.Errorf("%q: got %v, %v", s, a, err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	addr, _ := serve(b, discard{"PACS"})
	c := dial(b, addr, 0)
	data := make([]byte, 10<<20)
	req := scp.StoreRequest{SOPClassUID: dxImage, SOPInstanceUID: instance, TransferSyntaxUID: uid.ExplicitVRLittleEndian}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Store(b.Context(), req, bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssociate(b *testing.B) {
	addr, _ := serve(b, discard{"PACS"})
	b.ReportAllocs()
	for b.Loop() {
		c := dial(b, addr, 0)
		if err := errors.Join(c.Echo(b.Context()), c.Release(b.Context())); err != nil {
			b.Fatal(err)
		}
	}
}
