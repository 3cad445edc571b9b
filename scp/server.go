package scp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// Server accepts associations and serves C-ECHO and C-STORE as SCP. Set the
// fields before Serve and do not change them afterwards.
type Server struct {
	AETitles []string           // called AE titles accepted; none other associates
	Backend  Backend            // decides who may associate and stores
	Contexts []SupportedContext // Verification is always supported besides

	MaxPDULength           uint32 // announced to peers, in bytes; default DefaultMaxPDULength
	MaxAssociations        int    // associations at once; 0 = no limit
	MaxAssociationsPerPeer int    // at once for one calling AE title at one address; 0 = no limit

	AssociationTimeout time.Duration // ARTIM: for the whole A-ASSOCIATE-RQ (and TLS handshake); default 30 s
	IdleTimeout        time.Duration // between two messages of an association; default 60 s
	ReadTimeout        time.Duration // for each read within a message; default 30 s
	WriteTimeout       time.Duration // for each PDU sent; default 30 s
	ShutdownTimeout    time.Duration // for finishing messages once the ctx of Serve ends; default 20 s

	ImplementationClassUID    string // default DefaultImplementationClassUID
	ImplementationVersionName string // default DefaultImplementationVersionName

	Log *slog.Logger // default slog.Default()
}

// Serve accepts associations on ln until Shutdown is called or ctx ends; it
// then finishes messages under way and returns nil. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return errors.ErrUnsupported
}

// Shutdown stops accepting, lets each association finish the message it is in,
// and returns when all have ended or ctx has.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.ErrUnsupported
}
