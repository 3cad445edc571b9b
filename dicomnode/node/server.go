package node

import (
	"log/slog"

	"dicomnode/configs"
	"dicomnode/scp"
)

func newServer(c configs.Config, backend scp.Backend, codecs []string, log *slog.Logger) *scp.Server {
	return &scp.Server{
		Backend: backend, Contexts: supportedContexts(c, codecs), Log: log,
		MaxPDULength: c.Network.MaxPDULength, MaxAssociations: c.Network.MaxAssociations, MaxAssociationsPerPeer: c.Network.MaxAssociationsPerPeer,
		AssociationTimeout: c.Network.RequestTimeout, IdleTimeout: c.Network.IdleTimeout,
		ReadTimeout: c.Network.ReadTimeout, WriteTimeout: c.Network.WriteTimeout, ShutdownTimeout: ShutdownTime,
	}
}
