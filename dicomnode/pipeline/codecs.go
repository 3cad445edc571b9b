package pipeline

import (
	"log/slog"

	"dicomnode/configs"
	"dicomnode/internal/codec"
)

// OpenCodecs makes the pool of decoding processes for a configuration. The first compressed
// image starts a process.
func OpenCodecs(c configs.Config, log *slog.Logger) (*codec.Pool, error) {
	return codec.Open(codec.Options{Confinement: codec.Confinement(c.Codecs.Confinement), Log: log})
}
