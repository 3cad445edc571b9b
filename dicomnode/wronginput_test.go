package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/model/ort"
)

// wrongInputs are calls that name what is not there, or is not what it should be: the
// exit code, and a part of what is said. In the folder are wrong, a text without the form
// of anything under several endings, the folder empty, bad.yaml with an unknown key, and
// good.yaml, whose node has not run yet.
var wrongInputs = []struct {
	args string
	code int
	want string
}{
	{"config init none/x.yaml", command.Failed, "hint: there is no folder none"},
	{"config init good.yaml", command.Failed, "overwrite it with --force"},
	{"config check none.yaml", command.Failed, `write one with "dicomnode config init none.yaml"`},
	{"config check empty", command.Failed, "name a file, not a folder"},
	{"config check bad.yaml", command.Failed, `did you mean "ae_title"?`},
	{"config check wrong.dcm", command.Failed, "config init"},
	{"serve --config bad.yaml", command.Failed, `did you mean "ae_title"?`},
	{"segment none.dcm --out o", command.Failed, "correct the name"},
	{"segment empty --out o", command.Failed, "a DICOM file has the letters DICM"},
	{"segment wrong.dcm --out good.yaml", command.Failed, "a file stands where a folder is meant"},
	{"segment wrong.dcm --out o --effort quick", command.Usage, "efforts are fast, normal, best"},
	{"segment wrong.dcm --out o --sheet none/sheet.png", command.Failed, "a folder that exists"},
	{"report none.dcm", command.Failed, "correct the name"},
	{"report wrong.dcm", command.Failed, "a DICOM file has the letters DICM"},
	{"report empty", command.Failed, "name a file, not a folder"},
	{"echo nobody --config good.yaml", command.Usage, "list it under peers:"},
	{"echo PACS@127.0.0.1", command.Usage, "write AET@host:port"},
	{"send pacs none.dcm --config good.yaml", command.Failed, "correct the name"},
	{"send pacs empty --config good.yaml", command.Failed, "a DICOM file has the letters DICM"},
	{"status --config good.yaml", command.Failed, `has "dicomnode serve" run`},
	{"find X --config good.yaml", command.Failed, `has "dicomnode serve" run`},
	{"find --since yesterday --config good.yaml", command.Usage, "for example 2h"},
	{"queue list --config good.yaml", command.Failed, `has "dicomnode serve" run`},
	{"queue pause nobody --config good.yaml", command.Usage, "destinations are peers"},
	{"resend --config good.yaml", command.Usage, "missing argument: which images"},
	{"reprocess --unrouted --model none.onnx --config good.yaml", command.Failed, `"dicomnode model list"`},
	{"archive restore none --config good.yaml", command.Failed, `name a folder that "dicomnode archive backup" made`},
	{"archive restore empty --config good.yaml", command.Failed, `name a folder that "dicomnode archive backup" made`},
	{"archive erase --config good.yaml", command.Usage, "missing --study or --patient"},
	{"tls init good.yaml node.example", command.Failed, "a file stands where a folder is meant"},
	{"dark add none --config good.yaml", command.Failed, "correct the name"},
	{"dark add wrong.dcm --config good.yaml", command.Failed, "a DICOM file has the letters DICM"},
	{"dark drop X --config good.yaml", command.Failed, `see "dicomnode dark list"`},
	{"model info none.onnx", command.Failed, "a bundle is a whole file"},
	{"model info wrong.onnx", command.Failed, "a bundle is a whole file"},
	{"model rollback --config good.yaml", command.Failed, "the node uses the model in this program"},
	{"drain --config good.yaml", command.Failed, `has "dicomnode serve" run`},
	{"trainer fit empty --steps 1 --out x.onnx", command.Failed, "trainer dataset check"},
	{"trainer fit empty --steps 1 --out none/x.onnx", command.Failed, "a folder that exists"},
	{"trainer evaluate none", command.Failed, "trainer dataset check"},
	{"trainer compare empty --effort fast,quick", command.Usage, "efforts are fast, normal, best, mirrors"},
	{"trainer compare empty", command.Failed, "trainer dataset check"},
	{"trainer calibrate empty --out x.onnx", command.Failed, "trainer dataset check"},
	{"trainer publish wrong.onnx --config good.yaml --data empty", command.Failed, "a bundle is a whole file"},
	{"trainer split none", command.Failed, "trainer dataset check"},
	{"trainer augment empty --out x", command.Failed, "trainer dataset check"},
	{"trainer simulate --out x --anatomy none.npz", command.Failed, "correct the name"},
	{"trainer simulate --out x --anatomy wrong.npz", command.Failed, "--anatomy is a surface model"},
	{"trainer dataset check none", command.Failed, "name folders that hold a dataset.csv"},
	{"trainer dataset import-seg empty empty --out x", command.Failed, `what "dicomnode segment" or the node wrote`},
	{"trainer dataset import-colours empty empty --out x --open-beam #0000ff --soft-tissue #ff0000 --bone #00ff00", command.Failed, "the folder of the images"},
	{"trainer export empty --out x", command.Failed, "trainer export key FILE"},
	{"trainer export empty --out x --key wrong.key", command.Failed, "chmod 600 wrong.key"},
	{"trainer export", command.Usage, "name folders, or --from-node"},
	{"trainer export key good.yaml", command.Failed, "a key is never overwritten"},
	{"trainer export key none/x.key", command.Failed, "there is no folder none"},
	{"trainer export finish none", command.Failed, `run "trainer export" again`},
	{"trainer export review none", command.Failed, `run "trainer export" first`},
	{"trainer export check none --originals empty", command.Failed, "--originals names the folders"},
	{"trainer export revoke none P", command.Failed, "manifest.jsonl"},
	{"trainer threshold empty --out x.onnx", command.Failed, "trainer dataset check"},
	{"queue retry all --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"queue drop all --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"queue resume pacs --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"held list --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"held release all --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"held drop all --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"archive check --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"archive rebuild --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"archive backup copy --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"dark list --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"model list --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"model verify none.onnx", command.Failed, "a bundle is a whole file"},
	{"doctor --config none.yaml", command.Failed, `"dicomnode config init none.yaml"`},
	{"completion tcsh", command.Usage, "bash, fish, powershell or zsh"},
}

// TestWrongInputs: wrong input is refused with the right exit code, in words that say a
// thing once, and with a hint.
func TestWrongInputs(t *testing.T) {
	library, _, err := ort.Library("")
	if err != nil && os.Getenv("REQUIRE_ORT") == "1" {
		t.Fatal(err)
	}
	t.Setenv("DICOMNODE_ORT_LIB", library)
	t.Setenv("DICOMNODE_EXPORT_KEY", "") // restored afterwards
	os.Unsetenv("DICOMNODE_EXPORT_KEY")
	t.Chdir(t.TempDir())
	writeWrong(t)
	for _, c := range wrongInputs {
		var out, errOut strings.Builder
		code := program().Run(t.Context(), strings.Fields(c.args), &out, &errOut)
		said := errOut.String()
		if code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%s: exit code %d, want %d; said %q, want %q in it", c.args, code, c.code, said, c.want)
		}
		if !strings.HasPrefix(said, "dicomnode: ") || !strings.Contains(said, "\nhint: ") {
			t.Errorf("%s: %q does not begin with dicomnode: or has no hint", c.args, said)
		}
		if twice := stutter(said); twice != "" {
			t.Errorf("%s: says %q twice: %s", c.args, twice, said)
		}
	}
}

func writeWrong(t *testing.T) {
	t.Helper()
	good := "node: {data_dir: data, listen: \"127.0.0.1:0\"}\npeers:\n  - {name: pacs, ae_title: PACS, address: \"127.0.0.1:9\"}\n"
	for name, text := range map[string]string{
		"wrong.dcm": "no DICOM", "wrong.onnx": "no model", "wrong.npz": "no body", "wrong.key": "no key",
		"bad.yaml": "node: {ae_titel: X}\n", "good.yaml": good,
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"empty", "data"} {
		if err := os.Mkdir(filepath.Join(".", folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// stutter is a step of the first line that says the same as a step before it, or begins
// with the same verb, as in "load model: load model bundle: …"; or empty. The last step
// of an error of the file system, "open x", has a verb of the operating system's.
func stutter(said string) string {
	line, _, _ := strings.Cut(said, "\n")
	steps := strings.Split(strings.TrimPrefix(line, "dicomnode: "), ": ")
	for i, step := range steps {
		words := strings.Fields(step)
		for _, before := range steps[:i] {
			if step == before || len(words) > 2 && words[0] != "no" && strings.HasPrefix(before, words[0]+" ") {
				return step
			}
		}
	}
	return ""
}

func TestStutter(t *testing.T) {
	for said, want := range map[string]string{
		"dicomnode: load model: load model bundle: open x: no such file\nhint: h": "load model bundle",
		"dicomnode: open archive: open data directory: stat x":                    "open data directory",
		"dicomnode: read x: no such file: no such file":                           "no such file",
		"dicomnode: load model bundle: open x: no such file":                      "",
	} {
		if got := stutter(said); got != want {
			t.Errorf("%q: got %q, want %q", said, got, want)
		}
	}
}
