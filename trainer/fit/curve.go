package fit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dicomnode/trainer/evaluate"
)

// Point is one point of the learning curve. The figures of the validation are
// undefined without validation data.
type Point struct {
	Step           int            `json:"step"`
	Epoch          float64        `json:"epoch"` // passes over the data done
	Loss           float64        `json:"loss"`  // mean of the steps since the last point, without the L2 term
	Rate           float64        `json:"rate"`
	ValidationLoss evaluate.Value `json:"validation_loss"` // cross-entropy of the labelled pixels, nats per pixel
	Accuracy       evaluate.Value `json:"accuracy"`        // weighted pixel accuracy
	SoftF1         evaluate.Value `json:"soft_f1"`
	BoneF1         evaluate.Value `json:"bone_f1"`
	Seconds        float64        `json:"seconds"`
}

var curveColumns = []string{"step", "epoch", "loss", "rate", "validation_loss", "accuracy", "soft_tissue_f1", "bone_f1", "seconds"}

// picturePath is where the drawing of the curve in the CSV file at path goes.
func picturePath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".svg"
}

// writeCurve replaces the CSV file at path and the picture beside it; best is the
// step of the best parameters, 0 for none.
func writeCurve(path string, curve []Point, best int) error {
	text, err := curveCSV(curve)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	var picture []byte
	if err == nil {
		picture, err = drawCurve(curve, best)
	}
	if err == nil {
		err = os.WriteFile(picturePath(path), picture, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write learning curve: %w", err)
	}
	return nil
}

func curveCSV(curve []Point) ([]byte, error) {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	rows := [][]string{curveColumns}
	for _, p := range curve {
		row := []string{fmt.Sprint(p.Step)}
		for _, v := range []float64{p.Epoch, p.Loss, p.Rate, float64(p.ValidationLoss), float64(p.Accuracy), float64(p.SoftF1), float64(p.BoneF1), p.Seconds} {
			row = append(row, fmt.Sprintf("%.6g", v))
		}
		rows = append(rows, row)
	}
	err := out.WriteAll(rows)
	return text.Bytes(), err
}
