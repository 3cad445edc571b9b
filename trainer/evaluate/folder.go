package evaluate

import (
	"fmt"
	"os"
	"path/filepath"

	"dicomnode/internal/durable"
)

// Names of the files in a report's folder.
const (
	MetricsFile = "metrics.json"
	ReportFile  = "report.html"
)

// WriteFolder writes MetricsFile and ReportFile into a folder, which is made, replacing
// older ones whole or not at all.
func (r *Report) WriteFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := durable.Replace(filepath.Join(folder, MetricsFile), 0o644, r.WriteJSON); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := durable.Replace(filepath.Join(folder, ReportFile), 0o644, r.WriteHTML); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
