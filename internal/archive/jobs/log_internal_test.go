package jobs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	var b bytes.Buffer
	log := warnings(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("part", "jobs").WithGroup("g")
	log.Info("counted")
	log.Warn("stuck")
	if got := b.String(); strings.Contains(got, "counted") || !strings.Contains(got, "stuck") || !strings.Contains(got, "part=jobs") {
		t.Errorf("log is %q", got)
	}
}
