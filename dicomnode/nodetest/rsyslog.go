package nodetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Rsyslog (Debian: rsyslog, rsyslog-gnutls) is a collector of syslog messages over TLS (RFC 5425), which wants a
// certificate of the site, and over UDP (RFC 5426). Its limits are those of a fresh
// installation.
type Rsyslog struct {
	TLS, UDP string // host:port
	config   string
	messages string // file
	process  *exec.Cmd
}

// NewRsyslog prepares a collector with the certificate "127.0.0.1" of the site. It does
// not run yet.
func NewRsyslog(t *testing.T, s Site) *Rsyslog {
	t.Helper()
	PeerProgram(t, "rsyslogd")
	dir := t.TempDir()
	secure, plain := FreePort(t), FreePort(t)
	r := &Rsyslog{TLS: fmt.Sprintf("127.0.0.1:%d", secure), UDP: fmt.Sprintf("127.0.0.1:%d", plain),
		config: filepath.Join(dir, "rsyslog.conf"), messages: filepath.Join(dir, "messages")}
	text := fmt.Sprintf(`global(workDirectory=%q defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q defaultNetstreamDriverKeyFile=%q)
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
module(load="imudp")
template(name="whole" type="string" string="%%rawmsg%%\n")
ruleset(name="keep") { action(type="omfile" file=%q template="whole") }
input(type="imtcp" address="127.0.0.1" port="%d" ruleset="keep")
input(type="imudp" address="127.0.0.1" port="%d" ruleset="keep")
`, dir, s.File("ca.crt"), s.File("127.0.0.1.crt"), s.File("127.0.0.1.key"), r.messages, secure, plain)
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	return r
}

// Start runs the collector until Kill, or the end of the test.
func (r *Rsyslog) Start(t *testing.T) {
	t.Helper()
	r.process = exec.Command(PeerProgram(t, "rsyslogd"), "-n", "-f", r.config, "-i", r.config+".pid")
	var output Buffer
	r.process.Stdout, r.process.Stderr = &output, &output
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rsyslogd:\n%s", &output)
		}
	})
	Until(t, "rsyslog's port", Listening(r.TLS))
}

// Kill is kill -9.
func (r *Rsyslog) Kill() {
	if r.process == nil {
		return
	}
	_ = r.process.Process.Kill() // it may have ended
	_ = r.process.Wait()         // killed, as meant
	_ = os.Remove(r.config + ".pid")
	r.process = nil
}

// Messages are the texts of the messages that arrived, without the header of syslog
// (RFC 5424 6).
func (r *Rsyslog) Messages(t *testing.T) (all []string) {
	t.Helper()
	b, err := os.ReadFile(r.messages)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		header, text, ok := strings.Cut(strings.TrimSpace(line), "\xEF\xBB\xBF")
		if !ok || !strings.Contains(header, " DICOM+RFC3881 - ") {
			t.Fatalf("a message without the header of PS3.15 A.6: %q", header)
		}
		all = append(all, text)
	}
	return all
}
