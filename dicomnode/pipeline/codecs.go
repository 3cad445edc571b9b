package pipeline

import (
	"log/slog"

	"dicomnode/configs"
	"dicomnode/internal/codec"
)

// OpenCodecs makes the pool of processes that decode compressed pixels for a
// configuration. It starts none before the first such image.
func OpenCodecs(c configs.Config, log *slog.Logger) (*codec.Pool, error) {
	return codec.Open(codec.Options{Confinement: codec.Confinement(c.Codecs.Confinement), Log: log})
}
