package dataset_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"

	"dicomnode/trainer/dataset"
)

// A data set folder of one image, written and checked.
func Example() {
	dir, err := os.MkdirTemp("", "dataset-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := dataset.Create(dir)
	if err != nil {
		log.Fatal(err)
	}
	img, label := image.NewGray16(image.Rect(0, 0, 64, 64)), image.NewGray(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := range 64 { // bright open beam on the left, dark bone on the right
			img.SetGray16(x, y, color.Gray16{Y: uint16(60000 - 800*x)})
			label.SetGray(x, y, color.Gray{Y: uint8(x / 22)})
		}
	}
	if err := w.Add(dataset.Item{ID: "one", BodyPart: "hand", Polarity: dataset.AirBright, Split: dataset.Train}, img, label); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	r, err := dataset.Check(context.Background(), dir, 1, func(done, total int) {})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Images, "image, of body parts", r.BodyParts, "with", r.Count(dataset.Wrong), "errors")
	// Output:
	// 1 image, of body parts map[hand:1] with 0 errors
}
