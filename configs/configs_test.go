package configs_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dicomnode/configs"
)

const good = `
node: {ae_title: XNET, listen: ":11112", data_dir: /var/lib/dicomnode}
peers:
  - {name: dx1,  ae_title: DXROOM1, address: 10.0.0.21}
  - {name: pacs, ae_title: PACS,    address: "10.0.0.5:104"}
routes:
  - {name: radiographs, from: [dx1, pacs], modalities: [CR, DX], outputs: [seg], send_to: [pacs]}
model: {bundle: embedded, device: auto}
soft_tissue: {threshold: 0.90, by_body_part: {PELVIS: 0.95}}
`

func TestDefaultFileIsDefault(t *testing.T) {
	got, err := configs.Parse(configs.DefaultYAML)
	if err != nil {
		t.Fatal(err)
	}
	want := configs.Default()
	want.Peers, want.Routes, want.Calibration.Peers = []configs.Peer{}, []configs.Route{}, []string{}
	want.SoftTissue.ByBodyPart = map[string]float64{}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("default.yaml differs from Default (-Default +file):\n%s", d)
	}
}

// The examples in the comments of the default file must work once uncommented.
func TestDefaultFileExamples(t *testing.T) {
	text := string(configs.DefaultYAML)
	text = strings.ReplaceAll(text, "peers: []", "peers:")
	text = strings.ReplaceAll(text, "routes: []", "routes:")
	text = strings.ReplaceAll(text, "\n#  ", "\n  ")
	c, err := configs.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Peers) != 5 || len(c.Routes) != 1 {
		t.Errorf("have %d peers and %d routes, want 5 and 1", len(c.Peers), len(c.Routes))
	}
}

func TestParseEmpty(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}"} {
		got, err := configs.Parse([]byte(text))
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if d := cmp.Diff(configs.Default(), got); d != "" {
			t.Errorf("Parse(%q): %s", text, d)
		}
	}
}

func TestParseGood(t *testing.T) {
	c, err := configs.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := c.Route(configs.Image{Peer: "dx1", Modality: "DX"}); !ok || r.Name != "radiographs" {
		t.Errorf("Route(dx1, DX) = %v, %v", r, ok)
	}
	if _, ok := c.Route(configs.Image{Peer: "dx1", Modality: "MG"}); ok {
		t.Error("a route took modality MG, which it does not list")
	}
	if table, err := c.SoftTissue.Table(); err != nil || table.At("Pelvis") != 0.95 || table.At("HAND") != 0.90 {
		t.Errorf("thresholds are %+v, %v", table, err)
	}
	if p, _ := c.Peer("dx1"); p.Callable() {
		t.Error("a peer without port is callable")
	}
}

// What is wrong with one key does not hide the problems of other sections, and no problem is
// listed that only follows from it.
func TestAllProblems(t *testing.T) {
	peers := "peers:\n  - {name: pacs, ae_title: PACS, address: \"10.0.0.5:104\"}\n"
	for text, want := range map[string][]string{
		peers + "routes:\n  - {name: r, from: dx1, send_to: [pasc]}\n  - {name: s, send_to: [pasc]}\n": {"routes[0].from", "routes[1].send_to[0]"},
		peers + "routes:\n  - {name: r, sendto: [pacs]}\n  - {name: s, send_to: [pasc]}\n":             {"routes[0].sendto", "routes[1].send_to[0]"},
		"node: {listen: 11112, data_dri: x}\nlog: {level: loud}\nretention: {keep: 30x}\n":             {"node.data_dri", "log.level", "retention.keep"},
		"peers: [dx1, {name: pacs, ae_title: SEVENTEEN_LETTERS, address: 10.0.0.1}]\n":                 {"peers[0]", "peers[1].ae_title"},
		"pears: []\nroutes:\n  - {name: s, send_to: [pacs]}\n":                                         {"pears"},
		"node: {listen: 11112, data_dri: x}\nmodel: {threads: many}\n":                                 {"node.data_dri", ""},
	} {
		_, err := configs.Parse([]byte(text))
		var problems configs.Problems
		errors.As(err, &problems)
		var got []string
		for _, p := range problems {
			got = append(got, p.Key)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Parse(%q): %v\n%s", text, err, d)
		}
	}
}

func TestProblems(t *testing.T) {
	peers := "peers:\n  - {name: pacs, ae_title: PACS, address: \"10.0.0.5:104\"}\n"
	cases := []struct {
		name, text string
		line       int
		key        string
		what, hint string // contained
	}{
		{"unknown key", "node:\n  ae_titel: X\n", 2, "node.ae_titel", `unknown key "ae_titel"`, `did you mean "ae_title"?`},
		{"unknown top key", "nodes: {}\n", 1, "nodes", "unknown key", `"node"`},
		{"unknown key in list", "peers:\n  - name: a\n    adress: 1.2.3.4\n", 3, "peers[0].adress", "unknown key", `"address"`},
		{"far from all keys", "log:\n  colour_of_the_hair: red\n", 2, "log.colour_of_the_hair", "unknown key", "valid keys here: format, level"},
		{"duplicate key", "log: {level: info}\nlog: {level: info}\n", 2, "", "already defined", "config init"},
		{"list for a value", "node: {ae_title: [a]}\n", 1, "node.ae_title", "is no single value", "config init"},
		{"value for a list", peers + "routes:\n  - {name: r, from: pacs, send_to: [pacs]}\n", 4, "routes[0].from", "is no list", "write [pacs]"},
		{"section for a list", "peers: {name: a}\n", 1, "peers", "is no list", `"- "`},
		{"value for a section", "node: XNET\n", 1, "node", "has no keys", "config init"},
		{"value for an entry", "peers: [dx1]\n", 1, "peers[0]", "has no keys", "config init"},
		{"not YAML", "node: {", 0, "", "", "config init"},
		{"two documents", "log: {}\n---\nlog: {}\n", 1, "", "more than one", "---"},
		{"long AE title", "node:\n  ae_title: SEVENTEEN_LETTERS\n", 2, "node.ae_title", "17 characters, at most 16", "1 to 16"},
		{"AE title with backslash", "node: {ae_title: 'A\\B'}\n", 1, "node.ae_title", "PS3.5 6.2 forbids", ""},
		{"AE title not ASCII", "node: {ae_title: RÖNTGEN}\n", 1, "node.ae_title", "PS3.5 6.2 forbids", ""},
		{"empty AE title", "node: {ae_title: ''}\n", 1, "node.ae_title", "empty", ""},
		{"padded AE title", "node: {ae_title: ' XNET'}\n", 1, "node.ae_title", "space", "remove"},
		{"calibration is node", "calibration: {ae_title: XNET}\n", 1, "calibration.ae_title", "equals", "XNETDARK"},
		{"listen", "node: {listen: '11112'}\n", 1, "node.listen", "not host:port", ":11112"},
		{"no data dir", "node: {data_dir: ''}\n", 1, "node.data_dir", "empty", "folder"},
		{"peer without address", "peers:\n  - {name: a, ae_title: A}\n", 2, "peers[0].address", "no address", "host:port"},
		{"peer address name only", "peers:\n  - {name: a, ae_title: A, address: pacs}\n", 2, "peers[0].address", "neither", "host:port"},
		{"peer port", "peers:\n  - {name: a, ae_title: A, address: 'pacs:0'}\n", 2, "peers[0].address", "port", ""},
		{"peer host", "peers:\n  - {name: a, ae_title: A, address: '300.1.1.1:104'}\n", 2, "peers[0].address", "host", ""},
		{"peer name twice", peers + "  - {name: pacs, ae_title: B, address: 10.0.0.9}\n", 3, "peers[1].name", "already", "own name"},
		{"peer twice", peers + "  - {name: b, ae_title: PACS, address: \"10.0.0.5:104\"}\n", 3, "peers[1]", "same AE title and address", "remove"},
		{"promise and retention", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1:104', commitment_by: node}\n", 2, "peers[0].commitment_by", "promise to keep", "min_free_mib: 0"},
		{"promise without a port", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1', commitment_by: node}\nretention: {keep: 0, min_free_mib: 0}\n", 2, "peers[0].commitment_by", "no port", "host:port"},
		{"promise by nobody", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1:104', commitment_by: pacs}\n", 2, "peers[0].commitment_by", "no other peer", "node"},
		{"promise by itself", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1:104', storage_commitment: true, commitment_by: a}\n", 2, "peers[0].commitment_by", "no other peer", "node"},
		{"promise by one that does not", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1:104', commitment_by: b}\n  - {name: b, ae_title: B, address: '10.0.0.2:104'}\n", 2, "peers[0].commitment_by", "not asked", "storage_commitment: true"},
		{"commitment", "peers:\n  - {name: a, ae_title: A, address: '10.0.0.1', storage_commitment: true}\n", 2, "peers[0].storage_commitment", "no port", "host:port"},
		{"route to nobody", peers + "routes:\n  - {name: r, send_to: []}\n", 4, "routes[0]", "nowhere", "send_to"},
		{"route to unknown", peers + "routes:\n  - {name: r, send_to: [pasc]}\n", 4, "routes[0].send_to[0]", `no peer is named "pasc"`, `"pacs"`},
		{"route from unknown", peers + "routes:\n  - {name: r, from: [modality], send_to: [pacs]}\n", 4, "routes[0].from[0]", "no peer", "peers are: pacs"},
		{"route to caller", "peers:\n  - {name: dx, ae_title: A, address: 10.0.0.1}\nroutes:\n  - {name: r, send_to: [dx]}\n", 4, "routes[0].send_to[0]", "no port", "10.0.0.1:104"},
		{"route output", peers + "routes:\n  - {name: r, outputs: [pdf], send_to: [pacs]}\n", 4, "routes[0].outputs[0]", `"pdf"`, "seg"},
		{"route quality without min", peers + "routes:\n  - {name: r, quality: {below: hold}, send_to: [pacs]}\n", 4, "routes[0].quality.min", "0 is not above 0", "0.90"},
		{"route quality in percent", peers + "routes:\n  - {name: r, quality: {min: 86}, send_to: [pacs]}\n", 4, "routes[0].quality.min", "86 is not", "0.90"},
		{"route quality not a number", peers + "routes:\n  - {name: r, quality: {min: .nan}, send_to: [pacs]}\n", 4, "routes[0].quality.min", "NaN is not", "0.90"},
		{"route quality below", peers + "routes:\n  - {name: r, quality: {min: 0.8, below: drop}, send_to: [pacs]}\n", 4, "routes[0].quality.below", `"drop"`, "warn, hold"},
		{"report alone", peers + "routes:\n  - {name: r, outputs: [sr], send_to: [pacs]}\n", 4, "routes[0].outputs", "the route makes none", "add seg"},
		{"report beside a label map", "peers:\n  - {name: p, ae_title: A, address: \"10.0.0.1:104\", forms: [labelmap]}\nroutes:\n  - {name: r, outputs: [seg, sr], send_to: [p]}\n", 4, "routes[0].outputs", "as labelmap", "binary"},
		{"viewer", "peers:\n  - {name: p, ae_title: A, address: 10.0.0.1, viewer: osirix}\n", 2, "peers[0].viewer", `"osirix"`, "legacy, ohif, slicer, weasis"},
		{"form", "peers:\n  - {name: p, ae_title: A, address: 10.0.0.1, forms: [rtstruct]}\n", 2, "peers[0].forms[0]", `"rtstruct"`, "labelmap"},
		{"viewer and forms", "peers:\n  - {name: p, ae_title: A, address: 10.0.0.1, viewer: ohif, forms: [sc]}\n", 2, "peers[0].viewer", "has forms", "keep one"},
		{"route modality", peers + "routes:\n  - {name: r, modalities: [x-ray], send_to: [pacs]}\n", 4, "routes[0].modalities[0]", "not a modality", "CR"},
		{"route name twice", peers + "routes:\n  - {name: r, send_to: [pacs]}\n  - {name: r, send_to: [pacs]}\n", 5, "routes[1].name", "already", "own name"},
		{"device", "model: {device: gpu}\n", 1, "model.device", `"gpu"`, "auto, cpu, cuda"},
		{"profile", "segmentation: {profile: x}\n", 1, "segmentation.profile", `"x"`, "display, strict"},
		{"confinement", "codecs: {confinement: x}\n", 1, "codecs.confinement", `"x"`, "preferred, required"},
		{"effort", "segmentation: {effort: whole}\n", 1, "segmentation.effort", `"whole"`, "fast, normal, best"},
		{"refine", "segmentation: {refine: crf}\n", 1, "segmentation.refine", `"crf"`, "none, guided"},
		{"threshold", "soft_tissue: {threshold: 1.2}\n", 1, "soft_tissue.threshold", "1.2", "0.90"},
		{"threshold NaN", "soft_tissue: {threshold: .nan}\n", 1, "soft_tissue.threshold", "NaN", "0.90"},
		{"threshold of no part", "soft_tissue:\n  by_body_part:\n    \" \": 0.8\n", 3, "soft_tissue.by_body_part. ", "Body Part Examined", "0.90"},
		{"threshold of a part", "soft_tissue:\n  by_body_part:\n    HAND: -1\n", 3, "soft_tissue.by_body_part.HAND", "-1", "0.90"},
		{"pdu", "network: {max_pdu_length: 10}\n", 1, "network.max_pdu_length", "10", "131072"},
		{"time-out", "network: {idle_timeout: 1ms}\n", 1, "network.idle_timeout", "1ms", "30s"},
		{"keep too short", "retention: {keep: 5m}\n", 1, "retention.keep", "5m0s is less than 1h", "30d"},
		{"keep negative", "retention: {keep: -1h}\n", 1, "retention.keep", "less than 1h", "30d"},
		{"keep in weeks", "retention:\n  keep: 4w\n", 2, "retention.keep", `"4w" is not a duration`, "30d"},
		{"keep in parts of days", "retention:\n  keep: 1.5d\n", 2, "retention.keep", `"1.5d" is not a duration`, "30d"},
		{"too many days", "retention:\n  keep: 200000d\n", 2, "retention.keep", `"200000d" is not a duration`, "30d"},
		{"route body part", peers + "routes:\n  - {name: r, body_parts: ['ch?'], send_to: [pacs]}\n", 4, "routes[0].body_parts[0]", "not a body part", "CHEST"},
		{"route class", peers + "routes:\n  - name: r\n    except: {sop_classes: [CR]}\n    send_to: [pacs]\n", 5, "routes[0].except.sop_classes[0]", "not a SOP class", "ComputedRadiographyImageStorage"},
		{"route station", peers + "routes:\n  - {name: r, stations: [SEVENTEEN_LETTERS], send_to: [pacs]}\n", 4, "routes[0].stations[0]", "not a station", "(0008,1010)"},
		{"route except unknown peer", peers + "routes:\n  - {name: r, except: {from: [nobody]}, send_to: [pacs]}\n", 4, "routes[0].except.from[0]", "no peer", "pacs"},
		{"unknown key of except", peers + "routes:\n  - {name: r, except: {modality: [CR]}, send_to: [pacs]}\n", 4, "routes[0].except.modality", "unknown key", `"modalities"`},
		{"body part twice", "soft_tissue:\n  by_body_part: {PELVIS: 0.9, Pelvis: 0.8}\n", 2, "soft_tissue.by_body_part.Pelvis", "same body part", "once"},
		{"accept other", "node: {accept_other: maybe}\n", 1, "node.accept_other", `"maybe"`, "refuse, keep"},
		{"response time-out", "network: {response_timeout: 0}\n", 1, "network.response_timeout", "0s", "30s"},
		{"UTF-16", "\xff\xfen\x00o\x00", 1, "", "UTF-16", "UTF-8"},
		{"deep brackets", "node: " + strings.Repeat("[", 20000), 1, "", "nested", "config init"},
		{"deep entries", "peers:\n" + strings.Repeat("- ", 20000), 2, "", "nested", "config init"},
		{"deep indentation", strings.Repeat(" ", 200) + "a: b\n", 1, "", "nested", "config init"},
		{"duration without unit", "network: {idle_timeout: 30}\n", 1, "network.idle_timeout", `"30" is not a duration`, "30s"},
		{"little room", "retention: {min_free_mib: 10}\n", 1, "retention.min_free_mib", "10 is not within 512", "1024"},
		{"calibrations too short", "retention: {calibrations: 29d}\n", 1, "retention.calibrations", "less than 30d", "365d"},
		{"too much room", "retention: {min_free_mib: 9223372036854775807}\n", 1, "retention.min_free_mib", "not within", "1024"},
		{"associations", "network: {max_associations: 0}\n", 1, "network.max_associations", "0", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := configs.Parse([]byte(c.text))
			var ps configs.Problems
			if !errors.As(err, &ps) || len(ps) == 0 {
				t.Fatalf("error %v, want Problems", err)
			}
			p := ps[0]
			if c.line > 0 && p.Line != c.line {
				t.Errorf("line %d, want %d (%s)", p.Line, c.line, p)
			}
			if p.Key != c.key || !strings.Contains(p.What, c.what) || !strings.Contains(p.Hint, c.hint) || p.Hint == "" {
				t.Errorf("have %+v\nwant key %q, what %q, hint %q", p, c.key, c.what, c.hint)
			}
		})
	}
}

func TestRetention(t *testing.T) {
	for text, want := range map[string]configs.Retention{
		"retention: {keep: 0}\n":                                         {Keep: 0, MinFreeMiB: 1024, Calibrations: 365 * 24 * time.Hour},
		"retention: {keep: 24h, min_free_mib: 0, calibrations: 0}\n":     {Keep: 24 * time.Hour},
		"retention: {keep: 1h, min_free_mib: 2048, calibrations: 30d}\n": {Keep: time.Hour, MinFreeMiB: 2048, Calibrations: 30 * 24 * time.Hour},
		"log: {level: warn}\n":                                           {Keep: 720 * time.Hour, MinFreeMiB: 1024, Calibrations: 365 * 24 * time.Hour},
	} {
		c, err := configs.Parse([]byte(text))
		if err != nil || c.Retention != want {
			t.Errorf("%q: %+v, %v; want %+v", text, c.Retention, err, want)
		}
	}
	if got := (configs.Retention{MinFreeMiB: 2}).MinFree(); got != 2<<20 {
		t.Errorf("2 MiB are %d bytes", got)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := configs.Parse([]byte("node: {ae_title: ''}\nmodel: {device: gpu}\n"))
	if got := strings.Count(err.Error(), "\n") + 1; got != 2 {
		t.Errorf("%d problems reported, want 2:\n%v", got, err)
	}
}

func TestAdmits(t *testing.T) {
	cases := []struct {
		address, from string
		ok, named     bool
	}{
		{"10.0.0.21", "10.0.0.21", true, false},
		{"10.0.0.21", "::ffff:10.0.0.21", true, false},
		{"10.0.0.21", "10.0.0.22", false, false},
		{"10.0.0.5:104", "10.0.0.5", true, false},
		{"10.1.0.0/16", "10.1.9.9", true, false},
		{"10.1.0.0/16", "10.2.0.1", false, false},
		{"[::1]:104", "::1", true, false},
		{"fe80::1", "fe80::1%eth0", true, false},
		{"pacs.example:104", "10.0.0.5", false, true},
	}
	for _, c := range cases {
		ok, named := configs.Peer{Address: c.address}.Admits(netip.MustParseAddr(c.from))
		if ok != c.ok || named != c.named {
			t.Errorf("%s admits %s = %v, %v; want %v, %v", c.address, c.from, ok, named, c.ok, c.named)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := configs.Load(path); err != nil {
		t.Error(err)
	}
	if _, err := configs.Load(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add(configs.DefaultYAML)
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := configs.Parse(text)
		if err == nil && (c.Node.AETitle == "" || len(c.Node.AETitle) > 16) {
			t.Errorf("accepted AE title %q", c.Node.AETitle)
		}
	})
}
