package model_test

import (
	"fmt"
	"log"

	"dicomnode/model"
)

// The bundle in the program says what it is, and on what terms it may be used.
func ExampleEmbedded() {
	b, err := model.Embedded()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(b.Card.Name, b.Card.Classes)
	fmt.Println(b.Card.Notice)
	// Output:
	// XNet-32 [open beam soft tissue bone]
	// not for diagnostic use
}
