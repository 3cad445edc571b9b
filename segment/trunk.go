package segment

import (
	"context"
	"strings"
	"unicode"

	"dicomnode/segment/decode"
	"dicomnode/segment/picture"
	"dicomnode/segment/scales"
)

// Variant is a model with the settings that belong to it.
type Variant struct {
	Predictor Predictor
	Model     Model
	Config    Config
}

// trunkAndHead are the defined terms of Body Part Examined (0018,0015) of images that
// Pipeline.Trunk segments (PS3.16 Annex L). Shoulder and clavicle are missing: in their
// images the arm or the chest may be what matters.
var trunkAndHead = map[string]bool{
	"ABDOMEN": true, "ABDOMENPELVIS": true, "CHEST": true, "CHESTABDOMEN": true, "COCCYX": true, "CSPINE": true, "CTSPINE": true,
	"HEAD": true, "HEADNECK": true, "HIP": true, "JAW": true, "LSPINE": true, "LSSPINE": true, "MAXILLA": true, "NECK": true, "ORBIT": true,
	"PELVIS": true, "RIB": true, "SACRUM": true, "SINUS": true, "SKULL": true, "SPINE": true, "SSPINE": true, "STERNUM": true,
	"THORAX": true, "TLSPINE": true, "TSPINE": true, "WHOLESPINE": true, "ZYGOMA": true,
}

// thinLimbs are those of images that the general model segments however sure it is: most of what
// it was trained with is like them.
var thinLimbs = map[string]bool{
	"ANKLE": true, "CALCANEUS": true, "ELBOW": true, "FINGER": true, "FOOT": true, "FOREARM": true, "HAND": true, "KNEE": true,
	"LOWERLEG": true, "PATELLA": true, "THUMB": true, "TIBIA": true, "TIBIAFIBULA": true, "TOE": true, "WRIST": true,
	"FIBULAR": true, "METACARPAL": true, "METATARSAL": true, "RADIAL": true, "ULNAR": true, // with HEAD or NECK
}

// thickLimbs are words whose HEAD or NECK is not that of the body; the general model's sureness decides.
var thickLimbs = map[string]bool{"HUMERAL": true, "HUMERUS": true}

// unsure is the sureness of the general model in the whole picture below which the model of trunk
// and head segments an image. It was chosen on pictures of both (docs/model-card.md).
const unsure = 0.80

// placeOf looks for the first word of a body part that is in one of the tables: devices write
// "HAND_PA" or "Left wrist" too, and data sets "forearm+hand" or "neck of femur", which is a hip.
func placeOf(bodyPart string) (trunk, thin bool) {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	for _, word := range strings.FieldsFunc(strings.ToUpper(bodyPart), notLetter) {
		if trunkAndHead[word] || thinLimbs[word] || thickLimbs[word] {
			return trunkAndHead[word], thinLimbs[word]
		}
	}
	return false, false
}

// choose returns the model for an image of a body part: that of trunk and head if the body part
// belongs to them, or if the general model is unsure of the whole picture and the body part is not
// known to be a thin limb. v gets the general model's answer if that is used.
func (p *Pipeline) choose(ctx context.Context, bodyPart string, v *view, field picture.Mask) (*Variant, error) {
	general := &Variant{p.Predictor, p.Model, p.Config}
	trunk, thin := placeOf(bodyPart)
	if p.Trunk == nil || thin {
		return general, nil
	}
	if !trunk {
		if err := general.predictWhole(ctx, v); err != nil || sureness(v.answer, v.geo.Exposed(field)) >= unsure {
			return general, err
		}
	}
	v.answer = nil
	if err := p.Trunk.predictWhole(ctx, v); err != nil {
		return nil, err
	}
	v.answer.Second = !trunk
	return p.Trunk, nil
}

// sureness is the mean probability of the most probable class in the exposed field, minus the
// mean disagreement of the mirror images if there are any, as in Quality.Figure.
func sureness(a *scales.Answer, share []float32) float64 {
	return confidence(a.WholeMap, share) - max(0, meanOver(a.MirrorDoubt, share))
}

// Predict predicts a picture of a body part, as Run does; other attributes it has none. pix has
// rows×cols values row by row in arbitrary units, open beam bright. trunk reports whether p.Trunk
// was chosen.
func (p *Pipeline) Predict(ctx context.Context, bodyPart string, pix []float32, rows, cols int) (a *scales.Answer, trunk bool, err error) {
	x, geo := picture.Canonical(pix, rows, cols)
	v := &view{pix: pix, x: x, geo: geo}
	var field picture.Mask
	if p.Trunk != nil {
		if field, _, err = p.findField(ctx, &decode.Image{Rows: rows, Columns: cols}, pix, x, geo); err != nil {
			return nil, false, err
		}
	}
	use, err := p.choose(ctx, bodyPart, v, field)
	if err != nil {
		return nil, false, err
	}
	err = use.predict(ctx, v)
	return v.answer, use == p.Trunk, err
}

// predictWhole predicts the whole picture, unless that was done.
func (u *Variant) predictWhole(ctx context.Context, v *view) (err error) {
	if v.answer == nil {
		v.answer, err = u.Config.Effort.PredictWhole(ctx, u.Predictor, v.x, v.geo)
	}
	return err
}

// predict runs the predictions that were not made yet.
func (u *Variant) predict(ctx context.Context, v *view) error {
	if err := u.predictWhole(ctx, v); err != nil {
		return err
	}
	return u.Config.Effort.PredictParts(ctx, u.Predictor, scales.Picture{Pix: v.pix, Rows: v.geo.Rows, Columns: v.geo.Columns}, v.answer)
}

// describe records in a result which model made it, with which settings.
func (u *Variant) describe(res *Result) {
	res.Model, res.ConfigDigest, res.Effort = u.Model, u.Config.Digest(), u.Config.Effort
	res.SoftTissueThreshold = u.Config.SoftTissue.At(res.BodyPart)
	if u.Config.Guided != nil {
		res.Guided = new(u.Config.Guided.WithDefaults())
	}
}
