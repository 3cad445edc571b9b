package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/dicomnode/nodetest"
	"dicomnode/dicomnode/scu"
)

// secureNode is a node that knows its peers by certificates of the site.
func secureNode(t testing.TB, site nodetest.Site, rest string) *nodetest.Process {
	t.Helper()
	k := nodetest.NewProcess(t, site.YAML()+rest)
	k.Start(t)
	return k
}

// secureEcho is DCMTK's echoscu over TLS with a certificate of the site.
func secureEcho(t *testing.T, site nodetest.Site, certificate string, option ...string) (out []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodetest.Time)
	defer cancel()
	args := append([]string{"+tls", site.File(certificate + ".key"), site.File(certificate + ".crt"), "+cf", site.File("ca.crt"),
		"-aet", "MODALITY", "-aec", "XNET"}, option...)
	return exec.CommandContext(ctx, nodetest.PeerProgram(t, "echoscu"), append(args, "127.0.0.1", strconv.Itoa(site.Port))...).CombinedOutput()
}

// TestProfilesOfDCMTK: the node speaks with every profile of DCMTK that BCP 195 allows.
// The retired ones have no forward secrecy, or no encryption: they are refused, and the
// log says why (PS3.15 B.12).
func TestProfilesOfDCMTK(t *testing.T) {
	t.Parallel()
	site := nodetest.NewSite(t, "modality")
	k := secureNode(t, site, "peers:\n  - {name: modality, ae_title: MODALITY, address: 127.0.0.1, tls: {name: modality}}\n")
	for _, c := range []struct {
		option string
		taken  bool
	}{
		{"--profile-bcp195", true}, {"--profile-bcp195-nd", true}, {"--profile-bcp195-ex", true},
		{"--profile-aes", false}, {"--profile-null", false},
	} {
		before := len(k.Log.String())
		out, err := secureEcho(t, site, "modality", c.option)
		if (err == nil) != c.taken {
			t.Errorf("%s: %v\n%s", c.option, err, out)
		}
		if c.taken {
			continue
		}
		nodetest.Until(t, c.option+" refused in words", func() bool {
			return strings.Contains(k.Log.String()[before:], "the peer offers no cipher suite in common")
		})
	}
	k.Stop(t)
}

// TestCertificatesRefused: whoever comes with a certificate that is not the peer's does
// not associate, and the log says why in words.
func TestCertificatesRefused(t *testing.T) {
	t.Parallel()
	site := nodetest.NewSite(t, "modality", "other", "revoked")
	plain := func(*x509.Certificate) {}
	site.Issue(t, "expired", false, func(c *x509.Certificate) {
		c.DNSNames, c.NotAfter = []string{"modality"}, time.Now().Add(-time.Hour)
	})
	site.Issue(t, "early", false, func(c *x509.Certificate) {
		c.DNSNames, c.NotBefore = []string{"modality"}, time.Now().Add(time.Hour)
	})
	site.Issue(t, "self", true, func(c *x509.Certificate) { c.DNSNames = []string{"modality"} })
	foreign := nodetest.NewSite(t, "modality")
	site.Issue(t, "nameless", false, plain)
	site.Revoke(t, site.Certificate(t, "revoked"))
	rest := strings.Replace(site.YAML(), "}", fmt.Sprintf(", revoked: %q}", site.File("ca.crl")), 1) +
		"peers:\n  - {name: modality, ae_title: MODALITY, address: 127.0.0.1, tls: {name: modality}}\n"
	k := nodetest.NewProcess(t, rest)
	k.Start(t)
	for _, c := range []struct{ dir, certificate, want string }{
		{site.Dir, "other", "not that of modality"},
		{site.Dir, "nameless", "not that of modality"},
		{site.Dir, "expired", "certificate expired on"},
		{site.Dir, "early", "is a clock wrong?"},
		{site.Dir, "revoked", "has been revoked"},
		{site.Dir, "self", "not signed by the CA"},
		{foreign.Dir, "modality", "not signed by the CA"},
	} {
		before := len(k.Log.String())
		shown := nodetest.Site{Dir: c.dir, Port: site.Port}
		d := shown.As("MODALITY", c.certificate)
		d.Config.TLS.CA = site.File("ca.crt") // the node is believed all the same
		if _, err := d.Echo(t.Context()); err == nil {
			t.Errorf("%s: taken", c.certificate)
		}
		nodetest.Until(t, c.certificate+": "+c.want, func() bool { return strings.Contains(k.Log.String()[before:], c.want) })
	}
	if out, err := secureEcho(t, site, "modality"); err != nil {
		t.Errorf("the peer's own certificate: %v\n%s", err, out)
	}
	k.Stop(t)
}

// TestOrthancOverTLS: Orthanc sends a radiograph to the node and has the segmentation
// back, over TLS both ways, each side with a certificate.
func TestOrthancOverTLS(t *testing.T) {
	t.Parallel()
	site, port := nodetest.NewSite(t, "orthanc"), nodetest.FreePort(t)
	k := secureNode(t, site, fmt.Sprintf(`peers:
  - {name: orthanc, ae_title: ORTHANC, address: "127.0.0.1:%d", tls: {name: orthanc}}
routes:
  - {name: radiographs, from: [orthanc], outputs: [seg], send_to: [orthanc]}
`, port))
	orthanc := nodetest.StartSecureOrthanc(t, port, site)
	file, err := os.ReadFile(nodetest.Image{Name: "secure", Rows: 256, Cols: 320}.File(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	orthanc.Store(t, file) // forward.lua sends it on
	nodetest.Until(t, "a segmentation at Orthanc", func() bool { return len(orthanc.Find(t, "SEG")) == 1 })
	plain := k.As("ORTHANC") // the same peer without its certificate
	if _, err := plain.Echo(t.Context()); err == nil {
		t.Error("the node took ORTHANC in plain text")
	}
	k.Stop(t)
}

// TestPynetdicomOverTLS: pynetdicom does the same.
func TestPynetdicomOverTLS(t *testing.T) {
	t.Parallel()
	python := nodetest.Python(t)
	site, port := nodetest.NewSite(t, "modality"), nodetest.FreePort(t)
	k := secureNode(t, site, fmt.Sprintf(`peers:
  - {name: modality, ae_title: MODALITY, address: "127.0.0.1:%d", tls: {name: modality}}
routes:
  - {name: radiographs, from: [modality], outputs: [seg], send_to: [modality]}
`, port))
	file := nodetest.Image{Name: "secure", Rows: 256, Cols: 320}.File(t, t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), nodetest.Time)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, filepath.Join("testdata", "pynetdicom_tls.py"),
		site.Dir, strconv.Itoa(port), strconv.Itoa(site.Port), file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "received 1.2.840.10008.5.1.4.1.1.66.4") {
		t.Errorf("pynetdicom: %v\n%s", err, out)
	}
	k.Stop(t)
}

// BenchmarkTLS stores objects of 10 MB at a node by turns in plain text and over TLS,
// and reports the throughput over TLS as a share of that in plain text: a study of four
// images on one association, and an association for each image, which shows what the
// handshake costs. No route takes them, so that nothing else is measured but network and
// disk. The images differ in their UIDs only, which are written into the files of the
// first, so that no image is made and no file synced while others are measured.
func BenchmarkTLS(b *testing.B) {
	for _, images := range []int{4, 1} {
		b.Run(fmt.Sprintf("images=%d", images), func(b *testing.B) { benchmarkTLS(b, images) })
	}
}

func benchmarkTLS(b *testing.B, images int) {
	site := nodetest.NewSite(b, "modality")
	k := secureNode(b, site, "peers:\n  - {name: modality, ae_title: MODALITY, address: 127.0.0.1, tls: {name: modality, plain: true}}\n")
	overTLS, plainText := site.As("MODALITY", "modality"), k.As("MODALITY")
	id, err := scu.Identity(overTLS.Config.TLS) // once, as a node has it
	if err != nil {
		b.Fatal(err)
	}
	overTLS.Identity = id
	plain, secure := spending{to: plainText}, spending{to: overTLS}
	study := newRepeated(b, images)
	for range b.N {
		for _, s := range []*spending{&plain, &secure} {
			s.send(b, k.PID(), study)
		}
	}
	objects := float64(b.N * images)
	b.ReportMetric(float64(plain.clock)/float64(secure.clock), "TLS/plain")
	b.ReportMetric(objects*10.24/secure.clock.Seconds(), "TLS-MB/s")
	b.ReportMetric(plain.processor.Seconds()*1e3/objects, "plain-CPU-ms")
	b.ReportMetric(secure.processor.Seconds()*1e3/objects, "TLS-CPU-ms")
	k.Stop(b)
}

// spending is what sending to one destination took: time on the clock, and of the
// processors on both sides.
type spending struct {
	to               scu.Destination
	clock, processor time.Duration
}

// send stores the images on one association.
func (s *spending) send(b *testing.B, node int, study *repeated) {
	b.StopTimer()
	study.renew(b)
	before, begun := processorTime(b, os.Getpid(), node), time.Now()
	b.StartTimer()
	sent, err := s.to.StoreFiles(b.Context(), study.files, func() {})
	b.StopTimer()
	s.clock += time.Since(begun)
	s.processor += processorTime(b, os.Getpid(), node) - before
	for _, o := range sent {
		if o.Error != "" || o.Status != "0000" {
			err = errors.Join(err, fmt.Errorf("status %s, error %q", o.Status, o.Error))
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

// repeated are images of 2048×2500 that become other instances again and again.
type repeated struct {
	files    []string
	instance string  // of the file made first
	at       []int64 // where it stands in each file
	made     int
}

func newRepeated(b *testing.B, images int) *repeated {
	b.Helper()
	first := nodetest.Image{Name: "large", Rows: 2500, Cols: 2048}
	r := &repeated{instance: first.Instance()}
	file := first.File(b, b.TempDir())
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(r.instance))
		if i < 0 {
			break
		}
		r.at = append(r.at, int64(from+i))
		from += i + 1
	}
	if len(r.at) != 2 { // (0002,0003) and (0008,0018)
		b.Fatalf("the SOP Instance UID stands at %v", r.at)
	}
	r.files = []string{file}
	for len(r.files) < images {
		r.files = append(r.files, fmt.Sprintf("%s.%d", file, len(r.files)))
		if err := os.WriteFile(r.files[len(r.files)-1], text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

// renew gives each file a UID of the same length that none had before.
func (r *repeated) renew(b *testing.B) {
	b.Helper()
	for _, file := range r.files {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		instance := r.next()
		for _, at := range r.at {
			_, wrote := f.WriteAt([]byte(instance), at)
			err = errors.Join(err, wrote)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

func (r *repeated) next() string {
	for {
		r.made++
		instance := nodetest.Image{Name: fmt.Sprintf("large %d", r.made)}.Instance()
		if len(instance) == len(r.instance) {
			return instance
		}
	}
}

// processorTime is that of processes so far, of threads that have not ended.
func processorTime(b *testing.B, pids ...int) (total time.Duration) {
	b.Helper()
	for _, pid := range pids {
		threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
		if err != nil {
			b.Fatal(err)
		}
		for _, path := range threads {
			text, err := os.ReadFile(path)
			var ns int64
			if _, scan := fmt.Sscan(string(text), &ns); err == nil && scan == nil { // a thread may have ended
				total += time.Duration(ns)
			}
		}
	}
	return total
}
