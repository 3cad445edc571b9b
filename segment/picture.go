package segment

import (
	"fmt"

	"dicomnode/segment/dark"
	"dicomnode/segment/decode"
	"dicomnode/segment/polarity"
)

// Picture returns img as [Pipeline.Run] uses it before downsampling: dark corrected, the open
// beam bright, the logarithm of a raw linear signal; Rows×Columns row by row in arbitrary
// units. It needs no Predictor. img is not changed.
func (p *Pipeline) Picture(img *decode.Image) ([]float32, dark.Record, polarity.Record, error) {
	if err := checkSize(img); err != nil {
		return nil, dark.Record{}, polarity.Record{}, fmt.Errorf("make picture: %w", err)
	}
	var res Result
	v, err := p.prepare(img, &res)
	if err != nil {
		return nil, res.Dark, res.Polarity, err
	}
	return v.pix, res.Dark, res.Polarity, nil
}
