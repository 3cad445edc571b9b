package scp_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"dicomnode/internal/ul"
	"dicomnode/scp"
	"dicomnode/scp/scptest"
)

// TestStoreLog: an instance answered with a warning is stored (PS3.7 C.3), and
// the log says so; only a failure is an error.
func TestStoreLog(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"coercion":           {&scp.StatusError{Status: scp.CoercionOfDataElements}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"elements discarded": {&scp.StatusError{Status: scp.ElementsDiscarded}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"mismatch":           {&scp.StatusError{Status: scp.DataSetMismatchWarning}, []string{`level=WARN msg="instance stored with warning"`, "stored=1"}},
		"refused":            {&scp.StatusError{Status: scp.OutOfResources}, []string{`level=ERROR msg="instance not stored"`, "stored=0"}},
		"any other error":    {errors.New("disk"), []string{`level=ERROR msg="instance not stored"`, "stored=0"}},
		"stored":             {nil, []string{"stored=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &backend{ended: make(chan struct{}), store: func(context.Context, scp.StoreRequest, io.Reader) error { return c.err }}
			addr, log := serve(t, b)
			p := associate(t, addr)
			p.SendPDU(commandPDU(t, storeRQ(), 1))
			p.SendPDU(dataPDU(true, "data"))
			rsp := expectResponse(t, p)
			var status *scp.StatusError
			if errors.As(c.err, &status) && scp.Status(rsp.Status) != status.Status {
				t.Errorf("got status %v, want %v", scp.Status(rsp.Status), status.Status)
			}
			p.SendPDU(&ul.Release{})
			scptest.Expect[*ul.Release](p)
			<-b.ended // the log of the association is complete
			got := log.String()
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("log lacks %q:\n%s", want, got)
				}
			}
			if c.err == nil && strings.Contains(got, "level=WARN") {
				t.Errorf("log warns of an instance stored without warning:\n%s", got)
			}
		})
	}
}
