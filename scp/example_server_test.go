package scp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"dicomnode/internal/uid"
	"dicomnode/scp"
)

// discard accepts one calling AE title and stores nothing, which a real Session must not do.
type discard struct{ admitted string }

func (d discard) NewSession(_ context.Context, p scp.Peer) (scp.Session, error) {
	if p.Calling != d.admitted {
		rejected := scp.RejectCallingAETitle
		rejected.Err = errors.New("not in the list of peers")
		return nil, &rejected
	}
	return d, nil
}

func (d discard) Store(_ context.Context, _ scp.StoreRequest, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (d discard) Close() error { return nil }

func Example() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &scp.Server{AETitles: []string{"XNET"}, Backend: discard{"PACS"}, Log: slog.New(slog.DiscardHandler)}
	served := make(chan error)
	go func() { served <- server.Serve(ctx, ln) }()

	addr := scp.Addr{AETitle: "XNET", Host: ln.Addr().String()}
	verification := scp.Proposal{AbstractSyntax: uid.Verification, TransferSyntaxes: []string{uid.ImplicitVRLittleEndian}}
	c, err := (&scp.Dialer{Calling: "PACS"}).Dial(ctx, addr, verification)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Abort() // no effect after Release
	fmt.Println("echo:", c.Echo(ctx))
	fmt.Println("release:", c.Release(ctx))

	_, err = (&scp.Dialer{Calling: "STRANGER"}).Dial(ctx, addr, verification)
	fmt.Println(err)
	stop()
	fmt.Println("served:", <-served)
	// Output:
	// echo: <nil>
	// release: <nil>
	// rejected permanently by the service user: calling AE title not recognised
	// served: <nil>
}
