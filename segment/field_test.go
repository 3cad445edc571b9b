package segment_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/picture"
)

// leftHalf answers that the left half of the frame is exposed.
type leftHalf struct{}

func (leftHalf) Predict(_ context.Context, x []float32) ([]float32, error) {
	n := len(x)
	p := make([]float32, picture.Classes*n)
	for i := range n {
		if i%picture.Side >= picture.Side/2 {
			p[i] = 1
		}
		p[n+i] = 1 - p[i]
	}
	return p, nil
}

// The header is believed before the network; an answer that is none ends the run.
func TestFieldOfTheNetworkInThePipeline(t *testing.T) {
	m := dicomtest.DX(50, 60, 300)
	img := read(t, m.Encode(uid.ExplicitVRLittleEndian))
	p := segment.Pipeline{Predictor: dicomtest.Greys{}, Field: leftHalf{}, FieldDigest: "f1"}
	res, err := p.Run(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	checkPartition(t, res)
	if !strings.HasPrefix(res.FieldRecord.Method, "network") || res.FieldRecord.Model != "f1" || res.Field[59] {
		t.Errorf("%+v", res.FieldRecord)
	}
	p.Field = fixed{1, 2}
	if _, err := p.Run(t.Context(), img); err == nil {
		t.Error("a field of two numbers was taken")
	}
	p.Field = refuses{}
	if _, err := p.Run(t.Context(), img); !errors.Is(err, errRefused) {
		t.Errorf("%v, want the network's error", err)
	}
	for tag, v := range map[uint32]int{0x00181602: 10, 0x00181604: 51, 0x00181606: 5, 0x00181608: 46} {
		m.Extra = append(m.Extra, dicomtest.Attribute{Tag: tag, VR: "IS", Value: v})
	}
	m.Extra = append(m.Extra, dicomtest.Attribute{Tag: 0x00181600, VR: "CS", Value: "RECTANGULAR"})
	res, err = p.Run(t.Context(), read(t, m.Encode(uid.ExplicitVRLittleEndian)))
	if err != nil || res.FieldRecord.Method != "attributes" || res.FieldRecord.Model != "" {
		t.Errorf("%+v, %v: the network was asked, though the header states the field", res, err)
	}
}

var errRefused = errors.New("refused")

type refuses struct{}

func (refuses) Predict(context.Context, []float32) ([]float32, error) { return nil, errRefused }
