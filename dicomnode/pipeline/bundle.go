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
	EmbeddedTrunk = "embedded-trunk" // the one for images of trunk and head
	Published     = "published"
)

// Values of model.trunk other than files and Embedded.
const (
	Auto = "auto" // Embedded with the bundle in the program, None with another
	None = "none"
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
	case EmbeddedTrunk:
		return model.EmbeddedTrunk()
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

// TrunkBundle is the bundle for images of trunk and head that model.trunk names, beside the
// bundle general; nil if general segments them too.
func TrunkBundle(trunk string, general *model.Bundle) (*model.Bundle, error) {
	if trunk == Auto {
		own, err := model.Embedded()
		if err != nil {
			return nil, err
		}
		if trunk = None; own.Digest == general.Digest {
			trunk = Embedded
		}
	}
	if trunk == None {
		return nil, nil
	}
	return namedTrunk(trunk)
}

// namedTrunk is the bundle that model.trunk names, if it is not None.
func namedTrunk(trunk string) (*model.Bundle, error) {
	if trunk == Auto || trunk == Embedded {
		return model.EmbeddedTrunk()
	}
	return LoadBundle(trunk)
}

// regionBundles are the bundles of a configuration for images in general, and for those of trunk
// and head; the latter may be nil.
func regionBundles(c configs.Config) (general, trunk *model.Bundle, err error) {
	if general, err = ConfiguredBundle(c); err != nil {
		return nil, nil, err
	}
	trunk, err = TrunkBundle(c.Model.Trunk, general)
	return general, trunk, err
}

// Used is a bundle that a node uses, and what it must predict.
type Used struct {
	*model.Bundle
	Target model.Target
}

// Bundles are all bundles that a node of a configuration uses: for images in general, for those
// of trunk and head, if there is one, and that of the exposed field.
func Bundles(c configs.Config) ([]Used, error) {
	general, trunk, err := regionBundles(c)
	if err != nil {
		return nil, err
	}
	field, err := model.EmbeddedField()
	if err != nil {
		return nil, err
	}
	used := []Used{{general, model.Regions}}
	if trunk != nil {
		used = append(used, Used{trunk, model.Regions})
	}
	return append(used, Used{field, model.Field}), nil
}
