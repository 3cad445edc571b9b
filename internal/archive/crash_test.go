package archive_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/part10"
)

// TestMain makes the test program the process that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ARCHIVE_FAULT_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, faultyNode(dir))
		os.Exit(1)
	}
	if dir := os.Getenv("ARCHIVE_POWER_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, poweredNode(dir))
		os.Exit(1)
	}
	if dir := os.Getenv("ARCHIVE_SECURE_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, securingNode(dir))
		os.Exit(1)
	}
	if dir := os.Getenv("ARCHIVE_REBUILD_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, rebuildingNode(dir))
		os.Exit(1)
	}
	if dir := os.Getenv("ARCHIVE_POISON_DIR"); dir != "" {
		fmt.Fprintln(os.Stderr, poisonedNode(dir))
		os.Exit(1)
	}
	if dir := os.Getenv("ARCHIVE_CRASH_DIR"); dir != "" {
		if err := crashingNode(dir, os.Getenv("ARCHIVE_CRASH_ROUND")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// crashObjects is the number of objects of each sender.
const crashObjects = 50

// crashingNode receives and works until it is killed. After each Receive that returns nil it
// writes the UID of the object to stdout.
func crashingNode(dir, round string) error {
	ctx := context.Background()
	a, err := archive.Open(ctx, options(dir))
	if err != nil {
		return err
	}
	failed := make(chan error, 5)
	go func() { failed <- a.Work(ctx, ledgerHandlers(dir)) }()
	for w := range 4 {
		go func() {
			for n := 1; ; n++ {
				if n > crashObjects {
					select {} // on a file system in memory it would receive more than can be checked in reasonable time
				}
				uid := fmt.Sprintf("1.2.%s.%d.%d", round, w, n)
				_, err := a.Receive(ctx, incoming(uid, archive.Segment), bytes.NewReader(crashData(uid)))
				if err != nil {
					failed <- err
					return
				}
				fmt.Println(uid)
			}
		}()
	}
	return <-failed
}

// poisoned is the exit status of a process that a job has ended.
const poisoned = 42

// poisonedNode works until a job ends the process.
func poisonedNode(dir string) error {
	a, err := archive.Open(context.Background(), options(dir))
	if err != nil {
		return err
	}
	return a.Work(context.Background(), archive.Handlers{
		Dark: func(context.Context, archive.Object) error { os.Exit(poisoned); return nil },
	})
}

// TestPoison: a job that ends the process each time is finally quarantined, and the node can
// start.
func TestPoison(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	receive(t, a, "1.2.3", archive.Dark)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ARCHIVE_POISON_DIR="+dir)
		if out, err := cmd.CombinedOutput(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != poisoned {
			t.Fatalf("node ended otherwise: %v\n%s", err, out)
		}
	}
	a = open(t, options(dir))
	work(t, a, archive.Handlers{Dark: func(context.Context, archive.Object) error {
		t.Error("the job began once more")
		return nil
	}})
	var entries []archive.Entry
	await(t, "quarantine", func() bool {
		entries = queue(t, a)
		return len(entries) == 1 && entries[0].State == archive.Quarantined
	})
	if want := "the process ended 10 times while working on this job"; entries[0].Reason != want {
		t.Errorf("reason %q, want %q", entries[0].Reason, want)
	}
}

// crashData returns the data set of uid, with its own size and pixels.
func crashData(uid string) []byte {
	digest := sha256.Sum256([]byte(uid))
	return dataset(dxClass, uid, 1000+int(digest[0])*500, digest[1])
}

// ledgerHandlers make one output for two destinations. They write each delivery, with the
// digest of its content, to a file.
func ledgerHandlers(dir string) archive.Handlers {
	return archive.Handlers{
		Segment: func(_ context.Context, o archive.Object) (archive.Made, error) {
			return made(seg(o, "pacs", "research")), nil
		},
		Deliver: func(_ context.Context, o archive.Object, destination string) (archive.Answer, error) {
			f, err := o.OpenDataset()
			if err != nil {
				return archive.Answer{}, err
			}
			defer f.Close()
			digest := sha256.New()
			if _, err := io.Copy(digest, f); err != nil {
				return archive.Answer{}, err
			}
			ledger, err := os.OpenFile(filepath.Join(dir, "ledger"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return archive.Answer{}, err
			}
			defer ledger.Close()
			_, err = fmt.Fprintf(ledger, "%s %s %x\n", o.SOPInstanceUID, destination, digest.Sum(nil))
			return archive.Answer{}, err
		},
	}
}

// TestKill kills a receiving and working node (SIGKILL) repeatedly at random times, then lets
// one finish, and checks that nothing acknowledged is lost. ARCHIVE_CRASH_ROUNDS sets the
// number of kills.
func TestKill(t *testing.T) {
	rounds := 6
	if s := os.Getenv("ARCHIVE_CRASH_ROUNDS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	dir := durabletest.Dir(t)
	var acknowledged []string
	for round := range rounds {
		acknowledged = append(acknowledged, killedRun(t, dir, round+1)...)
	}
	if len(acknowledged) < rounds {
		t.Fatalf("only %d objects acknowledged in %d rounds", len(acknowledged), rounds)
	}
	a := open(t, options(dir))
	work(t, a, ledgerHandlers(dir))
	await(t, "the queue to empty", func() bool { return len(queue(t, a)) == 0 })
	checkAcknowledged(t, a, acknowledged)
	outputs := checkObjects(t, a, dir)
	checkLedger(t, dir, outputs)
	t.Logf("%d kills, %d objects acknowledged, %d outputs", rounds, len(acknowledged), len(outputs))
}

// killedRun starts a node, kills it and returns the UIDs that it acknowledged.
func killedRun(t *testing.T, dir string, round int) (acknowledged []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARCHIVE_CRASH_DIR="+dir, "ARCHIVE_CRASH_ROUND="+strconv.Itoa(round))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil { // the time starts at the first acknowledgement
			kill = time.AfterFunc(rand.N(400*time.Millisecond), func() { cmd.Process.Kill() })
		}
		acknowledged = append(acknowledged, lines.Text())
	}
	if err := cmd.Wait(); kill == nil || err == nil || err.Error() != "signal: killed" || stderr.Len() > 0 {
		t.Fatalf("node ended by itself: %v\n%s", err, stderr.String())
	}
	kill.Stop()
	return acknowledged
}

func checkAcknowledged(t *testing.T, a *archive.Archive, uids []string) {
	t.Helper()
	for _, uid := range uids {
		o, err := a.Find(t.Context(), uid)
		if err != nil {
			t.Errorf("acknowledged object %s: %v", uid, err)
			continue
		}
		if !bytes.Equal(contents(t, o), crashData(uid)) {
			t.Errorf("acknowledged object %s differs", uid)
		}
		if _, err := a.Find(t.Context(), uid+".9"); err != nil {
			t.Errorf("output of %s: %v", uid, err)
		}
	}
}

// checkObjects checks that rows and files match one to one, and returns the UIDs of the
// outputs.
func checkObjects(t *testing.T, a *archive.Archive, dir string) map[string]bool {
	t.Helper()
	files, outputs, sources := map[string]bool{}, map[string]bool{}, 0
	for _, o := range all(t, a) {
		files[path(dir, o)] = true
		if o.ParentID == 0 {
			sources++
		} else {
			outputs[o.SOPInstanceUID] = true
		}
		if head, err := part10.Scan(bytes.NewReader(contents(t, o)), o.TransferSyntaxUID); err != nil || head.SOPInstanceUID != o.SOPInstanceUID {
			t.Errorf("object %d: %v", o.ID, err)
		}
	}
	if len(outputs) != sources {
		t.Errorf("%d outputs of %d sources", len(outputs), sources)
	}
	for _, file := range objectFiles(t, dir) {
		if !files[file] {
			t.Errorf("file without a row: %s", file)
		}
	}
	return outputs
}

// checkLedger checks that each output reached each destination, each time with the same bytes.
func checkLedger(t *testing.T, dir string, outputs map[string]bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	repeats := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 || !outputs[f[0]] {
			t.Fatalf("delivered %q, which is no output", line)
		}
		key := f[0] + " " + f[1]
		if old, ok := digests[key]; ok {
			repeats++
			if old != f[2] {
				t.Errorf("%s delivered with different bytes", key)
			}
		}
		digests[key] = f[2]
	}
	if len(digests) != 2*len(outputs) {
		t.Errorf("%d deliveries of %d outputs to 2 destinations", len(digests), len(outputs))
	}
	t.Logf("%d deliveries, %d repeated after a kill", len(digests), repeats)
}
