package fit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
)

// Point is one point of the learning curve.
type Point struct {
	Step     int     `json:"step"`
	Loss     float64 `json:"loss"` // mean since the last point
	Rate     float64 `json:"rate"`
	Accuracy float64 `json:"accuracy"` // weighted pixel accuracy on Options.Validation; NaN without one
	SoftF1   float64 `json:"soft_f1"`
	BoneF1   float64 `json:"bone_f1"`
	Seconds  float64 `json:"seconds"`
}

// writeCurve replaces the CSV file at path.
func writeCurve(path string, curve []Point) error {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	err := out.Write([]string{"step", "loss", "rate", "accuracy", "soft_tissue_f1", "bone_f1", "seconds"})
	for _, p := range curve {
		row := []string{fmt.Sprint(p.Step)}
		for _, v := range []float64{p.Loss, p.Rate, p.Accuracy, p.SoftF1, p.BoneF1, p.Seconds} {
			row = append(row, fmt.Sprintf("%.6g", v))
		}
		if err == nil {
			err = out.Write(row)
		}
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err == nil {
		err = os.WriteFile(path, text.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write learning curve: %w", err)
	}
	return nil
}
