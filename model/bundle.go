package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"dicomnode/model/onnx"
	"dicomnode/model/ort"
)

// MaxBundle is the greatest size of a bundle in bytes. XNet of width 128, the
// widest, has 188 MB.
const MaxBundle = 256 << 20

// Errors that callers branch on.
var (
	// ErrBundle means that a file is not a bundle that this program can run.
	ErrBundle = errors.New("unusable model bundle")
	// ErrSelfTest means that the golden image failed: library, device or file do not compute
	// the same as when the bundle was made.
	ErrSelfTest = errors.New("model self-test failed")
)

// Metadata keys of a bundle.
const (
	cardKey   = "card"
	goldenKey = "golden"
)

// Bundle is a model in one ONNX file: graph, weights, card and golden image.
type Bundle struct {
	Card   Card
	Digest string // SHA-256 of the file, in hexadecimal
	data   []byte
	test   selfTest
	sealed bool
}

// Sealed reports whether the file contains its checksum, so that a changed byte is detected
// when it is loaded; the golden image often does not detect it. Bundles of earlier releases
// have none.
func (b *Bundle) Sealed() bool { return b.sealed }

// Bytes is the file. It must not be changed.
func (b *Bundle) Bytes() []byte { return b.data }

// Weights reads the weights back exactly as they were exported.
func (b *Bundle) Weights() (Weights, error) {
	m, err := onnx.Read(b.data)
	if err != nil {
		return Weights{}, err
	}
	return readWeights(b.Card.Network(), m)
}

// LoadBundle reads and checks the bundle at path. Its errors wrap ErrBundle if the file can be
// read but is not a bundle.
func LoadBundle(path string) (*Bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load model bundle: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxBundle+1))
	if err != nil {
		return nil, fmt.Errorf("load model bundle: %w", err)
	}
	b, err := ParseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("load model bundle %s: %w", path, err)
	}
	return b, nil
}

// ParseBundle checks a bundle's bytes and keeps them. The graph must be, byte for byte, the one
// that this program writes for the card's network with these weights: a file can contain
// weights and text, but no other computation.
func ParseBundle(data []byte) (*Bundle, error) {
	b, err := parseBundle(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	return b, nil
}

func parseBundle(data []byte) (*Bundle, error) {
	if len(data) > MaxBundle {
		return nil, fmt.Errorf("more than %d bytes", MaxBundle)
	}
	sealed, err := onnx.CheckSeal(data)
	if err != nil {
		return nil, err
	}
	m, err := onnx.Read(data)
	if err != nil {
		return nil, err
	}
	card, err := parseCard(m.Metadata[cardKey])
	if err != nil {
		return nil, err
	}
	test, err := parseGolden(m.Metadata[goldenKey])
	if err != nil {
		return nil, err
	}
	if err := checkGraph(m, card.Network()); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &Bundle{Card: card, Digest: hex.EncodeToString(sum[:]), data: data, test: test, sealed: sealed}, nil
}

// checkGraph refuses a graph other than the one written for n.
func checkGraph(m *onnx.Model, n Network) error {
	w, err := readWeights(n, m)
	if err != nil {
		return err
	}
	want, err := onnx.Read(w.graph().Model(nil))
	if err != nil {
		return err
	}
	if len(m.Opsets) != 1 || m.Opsets[""] != want.Opsets[""] || m.IRVersion != want.IRVersion {
		return fmt.Errorf("operator sets %v and IR version %d, want %v and %d", m.Opsets, m.IRVersion, want.Opsets, want.IRVersion)
	}
	if !bytes.Equal(m.Graph, want.Graph) {
		return fmt.Errorf("the graph is not that of %s", n)
	}
	return nil
}

// Export makes a bundle of weights and card: it completes the card, runs the golden image on
// the CPU and stores the result. With Weights.Half the kernels are rounded to half precision
// before. library is as in Options.
func Export(w Weights, card Card, library string) (*Bundle, error) {
	w = w.rounded()
	if err := w.Check(); err != nil {
		return nil, err
	}
	card = card.Complete(w.Network)
	if err := card.Check(); err != nil {
		return nil, err
	}
	words, err := card.encode()
	if err != nil {
		return nil, err
	}
	graph := w.graph()
	probabilities, err := runOnce(graph.Model(nil), expand(goldenPicture()), library)
	if err != nil {
		return nil, fmt.Errorf("run golden image: %w", err)
	}
	test, err := makeGolden(probabilities)
	if err != nil {
		return nil, err
	}
	return ParseBundle(onnx.Seal(graph.Model(map[string]string{cardKey: words, goldenKey: test})))
}

func runOnce(graph []byte, x []float32, library string) ([]float32, error) {
	s, err := newSession(graph, nil, Options{Device: ort.CPU, Library: library})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Predict(context.Background(), x)
}
