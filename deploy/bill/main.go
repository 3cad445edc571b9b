// Command bill writes the bill of materials of a distribution (CycloneDX 1.5 in JSON)
// and gathers the licences of what is in it: the modules that are linked into the
// program, as Go recorded them, and the libraries beside it. The same input gives the
// same bytes.
//
// It judges no licence: their names are those that NOTICE gives, their texts those that
// the modules carry.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

func main() {
	program := flag.String("program", "", "the program")
	version := flag.String("version", "", "its version")
	libraries := flag.String("libraries", "", "folder with the libraries beside it")
	notice := flag.String("notice", "NOTICE", "file that names the licences")
	epoch := flag.Int64("epoch", 0, "seconds since 1970 that the document bears")
	out := flag.String("out", "", "the document")
	licences := flag.String("licences", "", "folder for the texts of the licences")
	flag.Parse()
	if err := bill(*program, *version, *libraries, *notice, *epoch, *out, *licences); err != nil {
		fmt.Fprintln(os.Stderr, "bill:", err)
		os.Exit(1)
	}
}

// document is a CycloneDX bill of materials, the part of it that is used.
type document struct {
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version,omitempty"`
	Hashes   []hash    `json:"hashes,omitempty"`
	Licences []licence `json:"licenses,omitempty"`
	PURL     string    `json:"purl,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Expression string `json:"expression"`
}

func bill(program, version, libraries, notice string, epoch int64, out, licences string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read the modules of %s: %w", program, err)
	}
	text, err := os.ReadFile(notice)
	if err != nil {
		return err
	}
	names := licenceNames(string(text))
	self, err := fileComponent("application", program, version, []licence{{"Apache-2.0"}})
	if err != nil {
		return err
	}
	d := document{Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{time.Unix(epoch, 0).UTC().Format(time.RFC3339), self}}
	d.Components = append(d.Components, component{Type: "library", Ref: "go", Name: "Go standard library and runtime",
		Version: strings.TrimPrefix(info.GoVersion, "go"), Licences: []licence{{"BSD-3-Clause"}},
		PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")})
	for _, m := range info.Deps {
		c, err := moduleComponent(m.Path, m.Version, m.Sum, names)
		if err != nil {
			return err
		}
		d.Components = append(d.Components, c)
		if err := copyLicences(m.Path, m.Version, licences); err != nil {
			return err
		}
	}
	beside, err := libraryComponents(libraries, names)
	if err != nil {
		return err
	}
	d.Components = append(d.Components, beside...)
	return write(d, out)
}

// write gives the document a serial number that its content decides.
func write(d document, out string) error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	d.SerialNumber = "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, b).String()
	if b, err = json.MarshalIndent(d, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(out, append(b, '\n'), 0o644)
}

var noticeLine = regexp.MustCompile(`(?m)^  (\S.*?)  +(\S.*)$`)

// licenceNames reads the tables of NOTICE: two spaces, a name, its licence.
func licenceNames(notice string) map[string]string {
	names := map[string]string{}
	for _, m := range noticeLine.FindAllStringSubmatch(notice, -1) {
		names[m[1]] = m[2]
	}
	return names
}

// expression is an SPDX expression of the words of NOTICE, which separates with commas
// what holds together.
func expression(words string) licence {
	return licence{strings.Join(strings.Split(words, ", "), " AND ")}
}

func moduleComponent(path, version, sum string, names map[string]string) (component, error) {
	name, ok := names[path]
	if !ok {
		return component{}, fmt.Errorf("NOTICE does not name the licence of %s", path)
	}
	c := component{Type: "library", Name: path, Version: version, Licences: []licence{expression(name)}, PURL: "pkg:golang/" + path + "@" + version}
	c.Ref = c.PURL
	// go.sum's "h1:" is SHA-256 over the list of files, not over a file: it goes into
	// no hash of CycloneDX, but it must be one.
	if _, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); sum == "" || err != nil {
		return c, fmt.Errorf("module %s has no sum: %q", path, sum)
	}
	return c, nil
}

// beside are the libraries by the start of their file names, and what NOTICE calls them.
var beside = []struct{ file, name string }{
	{"libonnxruntime.so", "ONNX Runtime"}, {"libjpeg.so", "libjpeg-turbo"}, {"libcharls.so", "CharLS"}, {"libopenjp2.so", "OpenJPEG"},
	{"libopenjph.so", "OpenJPH"},
}

// libraryComponents wants every library in dir and dir/codecs to be one that is known.
func libraryComponents(dir string, names map[string]string) (all []component, err error) {
	for _, pattern := range []string{"*.so*", "codecs/*.so*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			c, err := libraryComponent(f, names)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no library", dir)
	}
	return all, nil
}

func libraryComponent(file string, names map[string]string) (component, error) {
	for _, l := range beside {
		version, ok := strings.CutPrefix(filepath.Base(file), l.file)
		if !ok {
			continue
		}
		if names[l.name] == "" {
			return component{}, fmt.Errorf("NOTICE does not name the licence of %s", l.name)
		}
		c, err := fileComponent("library", file, strings.TrimPrefix(version, "."), []licence{expression(names[l.name])})
		c.Name = l.name
		return c, err
	}
	return component{}, fmt.Errorf("%s: unknown library", file)
}

func fileComponent(kind, path, version string, licences []licence) (component, error) {
	b, err := os.ReadFile(path)
	sum := sha256.Sum256(b)
	name := filepath.Base(path)
	return component{Type: kind, Ref: "file:" + name, Name: name, Version: version, Licences: licences,
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}}, err
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// copyLicences joins the texts that a module carries into one file.
func copyLicences(path, version, to string) error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return fmt.Errorf("find module %s: %w", path, err)
	}
	entries, err := os.ReadDir(strings.TrimSpace(string(dir)))
	if err != nil {
		return err
	}
	var all bytes.Buffer
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s %s: %s\n\n%s\n\n", path, version, e.Name(), b)
	}
	if all.Len() == 0 && !slices.Contains(withoutText, path) {
		return fmt.Errorf("module %s carries no licence", path)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, strings.ReplaceAll(path, "/", "-")+".txt"), all.Bytes(), 0o644)
}

// withoutText are modules whose text stands in the module above them.
var withoutText = []string{
	"github.com/riverqueue/river/riverdriver", "github.com/riverqueue/river/riverdriver/riversqlite",
	"github.com/riverqueue/river/rivershared", "github.com/riverqueue/river/rivertype",
}
