package segment_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"dicomnode/internal/dicomtest"
	"dicomnode/internal/uid"
	"dicomnode/segment"
	"dicomnode/segment/decode"
)

// A pipeline turns a DICOM file into masks at native resolution. Its predictor here
// is a stand-in that goes by grey level; model.Open gives the network.
func Example() {
	file := dicomtest.DX(200, 160, 100).Encode(uid.ExplicitVRLittleEndian)
	img, err := decode.Read(context.Background(), bytes.NewReader(file), int64(len(file)), nil)
	if err != nil {
		log.Fatal(err)
	}
	p := segment.Pipeline{Predictor: dicomtest.Greys{}}
	res, err := p.Run(context.Background(), img)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d×%d pixels of %s\n", res.Rows, res.Columns, res.BodyPart)
	fmt.Println("each exposed pixel has one class:", res.Open.Pixels+res.Soft.Pixels+res.Bone.Pixels == res.Field.Count())
	// Output:
	// 200×160 pixels of LEG
	// each exposed pixel has one class: true
}
