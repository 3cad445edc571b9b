package nodetest

import (
	"path/filepath"
	"sync"

	"dicomnode/configs"
	"dicomnode/internal/dicomtest"
)

// Light gives a node a network that has learnt nothing, which is asked once about each
// image: most tests of a node are about what becomes of an image, whatever its masks show.
// The model of the program takes a second more for each start, and half of one for each
// image.
func Light(c configs.Config) configs.Config {
	c.Model.Bundle, c.Segmentation.Effort = untrained(), "fast"
	return c
}

// Embedded gives it the model of the program, asked as the program asks it.
func Embedded(c configs.Config) configs.Config {
	d := configs.Default()
	c.Model.Bundle, c.Segmentation.Effort = d.Model.Bundle, d.Segmentation.Effort
	return c
}

// untrained is the file of a network of width 1, or why there is none.
var untrained = sync.OnceValue(func() string {
	root, err := dicomtest.Repository()
	if err != nil {
		return err.Error()
	}
	return filepath.Join(root, "model", "testdata", "xnet-1.onnx")
})
