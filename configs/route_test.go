package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dicomnode/configs"
)

const routed = `
peers:
  - {name: dx1,  ae_title: DXROOM1, address: 10.0.0.21}
  - {name: dx2,  ae_title: DXROOM2, address: 10.0.0.22}
  - {name: pacs, ae_title: PACS,    address: "10.0.0.5:104"}
routes:
  - name: hands
    from: [dx1]
    body_parts: [Hand]
    send_to: [pacs]
  - name: raw
    sop_classes: [DigitalXRayImageStorageForProcessing, 1.2.840.10008.5.1.4.1.1.1]
    stations: [ROOM 1]
    except: {body_parts: [SKULL], from: [dx2]}
    send_to: [pacs]
  - name: rest
    modalities: [CR, DX]
    except: {stations: [test]}
    send_to: [pacs]
`

func TestRoute(t *testing.T) {
	c, err := configs.Parse([]byte(routed))
	if err != nil {
		t.Fatal(err)
	}
	const raw, cr = "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
	for _, tc := range []struct {
		img  configs.Image
		want string
	}{
		{configs.Image{Peer: "dx1", BodyPart: "HAND "}, "hands"},
		{configs.Image{Peer: "dx2", BodyPart: "HAND", Modality: "DX"}, "rest"},
		{configs.Image{Peer: "dx1", SOPClass: raw, Station: "Room 1"}, "raw"},
		{configs.Image{Peer: "dx1", SOPClass: cr, Station: "ROOM 1"}, "raw"},
		{configs.Image{Peer: "dx1", SOPClass: raw, Station: "ROOM 1", BodyPart: "skull"}, ""},
		{configs.Image{Peer: "dx2", SOPClass: raw, Station: "ROOM 1"}, ""},
		{configs.Image{Peer: "dx1", SOPClass: raw}, ""},
		{configs.Image{Peer: "dx1", Modality: "CR"}, "rest"},
		{configs.Image{Peer: "dx1", Modality: "CR", Station: "TEST"}, ""},
	} {
		if r, _ := c.Route(tc.img); r.Name != tc.want {
			t.Errorf("%+v: route %q, want %q", tc.img, r.Name, tc.want)
		}
	}
	if got := c.Routes[1].Mismatch(configs.Image{Peer: "dx2", SOPClass: cr, Station: "ROOM 1"}); got != "except.from" {
		t.Errorf("mismatch %q, want except.from", got)
	}
	if got := c.Routes[2].Mismatch(configs.Image{Modality: "MG"}); got != "modalities" {
		t.Errorf("mismatch %q, want modalities", got)
	}
	if c.Routes[1].Takes("dx2") || !c.Routes[1].Takes("dx1") || c.Routes[0].Takes("pacs") {
		t.Error("Takes: want raw to take dx1 and not dx2, hands not to take pacs")
	}
}

func TestWarnings(t *testing.T) {
	peers := "peers:\n  - {name: dx, ae_title: DX, address: 10.0.0.1}\n  - {name: pacs, ae_title: PACS, address: \"10.0.0.5:104\"}\nroutes:\n"
	for _, tc := range []struct {
		name, text string
		line       int
		key, what  string // "" for no warning
	}{
		{"everybody", "peers:\n  - {name: a, ae_title: A, address: 0.0.0.0/0}\n", 2, "peers[0].address", "nearly everywhere"},
		{"everybody in IPv6", "peers:\n  - {name: a, ae_title: A, address: '::/0'}\n", 2, "peers[0].address", "nearly everywhere"},
		{"a network", "peers:\n  - {name: a, ae_title: A, address: 10.0.0.0/8}\n", 0, "", ""},
		{"shadowed by all", peers + "  - {name: a, send_to: [pacs]}\n  - {name: b, from: [dx], send_to: [pacs]}\n", 6, "routes[1]", `"b" never takes an image: route "a"`},
		{"shadowed by more", peers + "  - {name: a, modalities: [CR, DX], send_to: [pacs]}\n  - {name: b, modalities: [DX], send_to: [pacs]}\n", 6, "routes[1]", `"b"`},
		{"class under two names", peers + "  - {name: a, sop_classes: [ComputedRadiographyImageStorage], send_to: [pacs]}\n  - {name: b, sop_classes: [1.2.840.10008.5.1.4.1.1.1], send_to: [pacs]}\n", 6, "routes[1]", `"b"`},
		{"shadowed though narrowed", peers + "  - {name: a, except: {body_parts: [HAND]}, send_to: [pacs]}\n  - {name: b, body_parts: [CHEST], send_to: [pacs]}\n", 6, "routes[1]", `"b"`},
		{"takes what was excepted", peers + "  - {name: a, except: {body_parts: [HAND]}, send_to: [pacs]}\n  - {name: b, body_parts: [HAND], send_to: [pacs]}\n", 0, "", ""},
		{"takes the rest", peers + "  - {name: a, modalities: [CR], send_to: [pacs]}\n  - {name: b, send_to: [pacs]}\n", 0, "", ""},
		{"unknown part", "soft_tissue:\n  by_body_part:\n    PELVIC: 0.9\n", 3, "soft_tissue.by_body_part.PELVIC", `"PELVIC"`},
		{"known part", "soft_tissue: {by_body_part: {Pelvis: 0.9}}\n", 0, "", ""},
		{"unknown part of a route", peers + "  - {name: a, except: {body_parts: [BRUST]}, send_to: [pacs]}\n", 5, "routes[0].except.body_parts[0]", `"BRUST"`},
		{"class not received", peers + "  - {name: a, sop_classes: [1.2.840.10008.5.1.4.1.1.2], send_to: [pacs]}\n", 5, "routes[0].sop_classes[0]", "1.2.840.10008.5.1.4.1.1.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "n.yaml")
			if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, warnings, err := configs.Inspect(path)
			if err != nil {
				t.Fatal(err)
			}
			if tc.what == "" {
				if len(warnings) > 0 {
					t.Errorf("warned: %v", warnings)
				}
				return
			}
			if len(warnings) != 1 {
				t.Fatalf("%d warnings, want 1: %v", len(warnings), warnings)
			}
			w := warnings[0]
			if w.Line != tc.line || w.Key != tc.key || !strings.Contains(w.What, tc.what) || w.Hint == "" {
				t.Errorf("got %+v, want line %d, key %s, what %q and a hint", w, tc.line, tc.key, tc.what)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "720h": 720 * time.Hour, "0": 0, `"2d"`: 48 * time.Hour, "90m": 90 * time.Minute,
	} {
		c, err := configs.Parse([]byte("retention: {keep: " + text + "}\n"))
		if err != nil || c.Retention.Keep != want {
			t.Errorf("%s: got %v, %v; want %v", text, c.Retention.Keep, err, want)
		}
	}
}

// What an editor puts before the text is no part of it.
func TestByteOrderMark(t *testing.T) {
	c, err := configs.Parse([]byte("\xEF\xBB\xBFnode: {ae_title: A}\n"))
	if err != nil || c.Node.AETitle != "A" {
		t.Errorf("got %q, %v", c.Node.AETitle, err)
	}
}

// Body Part Examined is in capitals (VR CS); a key may be as somebody typed it.
func TestBodyPartsAreOneWord(t *testing.T) {
	c, err := configs.Parse([]byte("soft_tissue: {by_body_part: {Extremity: 0.95}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if table, err := c.SoftTissue.Table(); err != nil || table.At("EXTREMITY") != 0.95 {
		t.Errorf("got %v, %v; want EXTREMITY: 0.95", table, err)
	}
}
