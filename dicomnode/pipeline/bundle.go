package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"dicomnode/configs"
	"dicomnode/internal/hint"
	"dicomnode/model"
)

// Values of model.bundle other than files: the bundle in the program, and the bundle published
// last, or the one in the program if there is none.
const (
	Embedded      = "embedded"
	EmbeddedField = "embedded-field" // the one of the exposed field, for info and as initial weights
	Published     = "published"
)

// ModelStore is the store of published models.
func ModelStore(c configs.Config) model.Store {
	return model.Store{Dir: filepath.Join(c.Node.DataDir, "models")}
}

// LoadBundle reads the bundle that the configuration names.
func LoadBundle(name string) (*model.Bundle, error) {
	switch name {
	case Embedded:
		return model.Embedded()
	case EmbeddedField:
		return model.EmbeddedField()
	}
	b, err := model.LoadBundle(name)
	if err != nil {
		return nil, hint.Add(err, `a bundle is a whole file that "dicomnode trainer fit" wrote; "embedded" stands for the model in this program`)
	}
	return b, nil
}

// NamedBundle is the bundle that a user names: a file, "embedded", or a published one by its
// name, its name and version, or the beginning of its digest; the configured one for "".
func NamedBundle(c configs.Config, name string) (*model.Bundle, error) {
	if name == "" {
		return ConfiguredBundle(c)
	}
	history, err := ModelStore(c).History()
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(history) {
		if name == e.Name || name == e.Name+" "+e.Version || len(name) >= 8 && strings.HasPrefix(e.Digest, name) {
			return ModelStore(c).Kept(e.Digest)
		}
	}
	b, err := LoadBundle(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Add(fmt.Errorf("no file and no published model is named %q", name), `"dicomnode model list" shows the published ones; "embedded" is the one in this program`)
	}
	return b, err
}

// ConfiguredBundle is the bundle of the configuration.
func ConfiguredBundle(c configs.Config) (*model.Bundle, error) {
	if c.Model.Bundle != Published {
		return LoadBundle(c.Model.Bundle)
	}
	b, err := ModelStore(c).Current()
	if err != nil {
		return nil, hint.Add(err, "dicomnode model rollback goes back to the model before; model: {bundle: embedded} is always there")
	}
	if b == nil {
		return model.Embedded()
	}
	return b, nil
}
