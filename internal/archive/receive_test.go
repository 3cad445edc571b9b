package archive_test

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dicomnode/internal/archive"
	"dicomnode/internal/durable/durabletest"
	"dicomnode/internal/part10"
	"dicomnode/internal/uid"
)

// objectFiles lists the objects and drafts below dir.
func objectFiles(t testing.TB, dir string) (files []string) {
	t.Helper()
	for _, sub := range []string{"objects", "incoming"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestReceive(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	o := receive(t, a, "1.2.3", archive.Segment)

	if got, want := contents(t, o), dataset(dxClass, "1.2.3", 1000, 7); !bytes.Equal(got, want) {
		t.Errorf("stored data set differs: %d bytes, want %d", len(got), len(want))
	}
	f, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head, err := part10.ReadHeader(f)
	want := part10.Header{
		SOPClassUID: dxClass, SOPInstanceUID: "1.2.3", TransferSyntaxUID: uid.ExplicitVRLittleEndian,
		StudyInstanceUID: "1.2.3.4", SeriesInstanceUID: "1.2.3.5", Modality: "DX", BodyPartExamined: "HAND",
		DatasetOffset: o.DatasetOffset,
	}
	if err != nil || head != want {
		t.Errorf("header %+v, error %v; want %+v", head, err, want)
	}
	again, err := a.Object(t.Context(), o.ID)
	if diff := cmp.Diff(o, again, cmpopts.IgnoreUnexported(archive.Object{})); err != nil || diff != "" {
		t.Errorf("object read back: %v\n%s", err, diff)
	}
	if st, err := os.Stat(path(dir, o)); err != nil || st.Size() != o.Size || st.Mode().Perm()&0o077 != 0 {
		t.Errorf("file: %v, %v; want %d private bytes", st, err, o.Size)
	}
	if entries := queue(t, a); len(entries) != 1 || entries[0].Kind != "segment" || entries[0].ObjectID != o.ID || entries[0].State != archive.Waiting {
		t.Errorf("queue %+v, want one waiting segment job", entries)
	}
	if strings.Contains(o.Name, "1.2.3") {
		t.Errorf("file name %s shows the UID", o.Name)
	}
}

func TestReceiveRefuses(t *testing.T) {
	good := dataset(dxClass, "1.2.3", 1000, 7)
	broken := errors.New("connection lost")
	for _, tt := range []struct {
		name string
		in   func(*archive.Incoming)
		r    io.Reader
		want error
	}{
		{"truncated", nil, bytes.NewReader(good[:len(good)-1]), archive.ErrUnreadable},
		{"garbage", nil, strings.NewReader("GET / HTTP/1.1\r\n\r\n"), archive.ErrUnreadable},
		{"empty", nil, strings.NewReader(""), archive.ErrMismatch},
		{"other instance", func(in *archive.Incoming) { in.SOPInstanceUID = "1.2.4" }, bytes.NewReader(good), archive.ErrMismatch},
		{"other class", func(in *archive.Incoming) { in.SOPClassUID = segClass }, bytes.NewReader(good), archive.ErrMismatch},
		{"wrong transfer syntax", func(in *archive.Incoming) { in.TransferSyntaxUID = uid.ExplicitVRBigEndian }, bytes.NewReader(good), archive.ErrUnreadable},
		{"path as UID", func(in *archive.Incoming) { in.SOPInstanceUID = "../../etc/passwd" }, bytes.NewReader(good), archive.ErrUnreadable},
		{"no UID", func(in *archive.Incoming) { in.SOPInstanceUID = "" }, bytes.NewReader(good), archive.ErrUnreadable},
		{"reader breaks", nil, io.MultiReader(bytes.NewReader(good[:500]), iotest.ErrReader(broken)), broken},
		{"reader breaks off", nil, io.MultiReader(bytes.NewReader(good[:500]), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		{"reader breaks after the last byte", nil, io.MultiReader(bytes.NewReader(good), iotest.ErrReader(broken)), broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := durabletest.Dir(t)
			a := open(t, options(dir))
			in := incoming("1.2.3", archive.Segment)
			if tt.in != nil {
				tt.in(&in)
			}
			if _, err := a.Receive(t.Context(), in, tt.r); !errors.Is(err, tt.want) {
				t.Fatalf("got error %v, want %v", err, tt.want)
			}
			if files := objectFiles(t, dir); len(files) != 0 {
				t.Errorf("left behind: %v", files)
			}
			if entries := queue(t, a); len(entries) != 0 {
				t.Errorf("queue %+v, want none", entries)
			}
			receive(t, a, "1.2.3", archive.Segment) // afterwards an undamaged copy is accepted
		})
	}
}

// TestReceiveIdentity: an image that could not give a result is refused with the attribute's
// name; dark frames and objects that are only stored need no study.
func TestReceiveIdentity(t *testing.T) {
	whole := dataset(dxClass, "1.2.3", 1000, 7)
	study, series := element(0x0020, 0x000D, "UI", []byte("1.2.3.4")), element(0x0020, 0x000E, "UI", []byte("1.2.3.5"))
	for _, tt := range []struct {
		name      string
		old, new  []byte
		attribute part10.Tag
		kept      bool // for purposes other than segmentation
	}{
		{"no study", study, nil, 0x0020000D, true},
		{"no series", series, nil, 0x0020000E, true},
		{"empty study", study, element(0x0020, 0x000D, "UI", nil), 0x0020000D, true},
		{"study of letters", study, element(0x0020, 0x000D, "UI", []byte("1.2.ABCD")), 0x0020000D, true},
		{"long series", series, element(0x0020, 0x000E, "UI", []byte("1."+strings.Repeat("2", 64))), 0x0020000E, true},
		{"no instance", element(0x0008, 0x0018, "UI", []byte("1.2.3")), nil, 0x00080018, false},
	} {
		data := bytes.Replace(whole, tt.old, tt.new, 1)
		for _, purpose := range []archive.Purpose{archive.Segment, archive.Keep, archive.Dark} {
			dir := durabletest.Dir(t)
			a := open(t, options(dir))
			_, err := a.Receive(t.Context(), incoming("1.2.3", purpose), bytes.NewReader(data))
			var identity *archive.IdentityError
			refused := purpose == archive.Segment || !tt.kept
			if errors.As(err, &identity) != refused || refused && identity.Attribute != tt.attribute {
				t.Errorf("%s to %s: error %v", tt.name, purpose, err)
			}
			if refused && len(objectFiles(t, dir)) != 0 {
				t.Errorf("%s to %s: something is left", tt.name, purpose)
			}
		}
	}
}

// TestReceiveTellsFaults: accepted faults of the data set are reported.
func TestReceiveTellsFaults(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	data := append(dataset(dxClass, "1.2.3", 1000, 7), 0, 0)
	o, err := a.Receive(t.Context(), incoming("1.2.3", archive.Segment), bytes.NewReader(data))
	if err != nil || o.Forgiven.String() != "zeros behind the data set" {
		t.Errorf("faults %q, error %v", o.Forgiven, err)
	}
}

// TestReceiveRecoded: the PACS forwards an instance that it has already sent, now in another
// transfer syntax.
func TestReceiveRecoded(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	first := receive(t, a, "1.2.3", archive.Segment)
	in := incoming("1.2.3", archive.Segment)
	in.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
	good := dataset(dxClass, "1.2.3", 1000, 7)
	again, err := a.Receive(t.Context(), in, bytes.NewReader(deflate(t, good)))
	if err != nil || again.ID != first.ID {
		t.Errorf("deflated repeat: object %d, error %v, want object %d", again.ID, err, first.ID)
	}
	if n := len(queue(t, a)); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"other instance", deflate(t, dataset(dxClass, "1.2.4", 1000, 7)), archive.ErrMismatch},
		{"other pixels", deflate(t, dataset(dxClass, "1.2.3", 1000, 8)), archive.ErrDuplicate},
		{"cut off", deflate(t, good[:len(good)-1]), archive.ErrUnreadable},
	} {
		if _, err := a.Receive(t.Context(), in, bytes.NewReader(tt.data)); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

func deflate(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReceiveAgain(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	first := receive(t, a, "1.2.3", archive.Segment)
	if second := receive(t, a, "1.2.3", archive.Segment); second.ID != first.ID {
		t.Errorf("identical object got id %d, want %d", second.ID, first.ID)
	}
	good := dataset(dxClass, "1.2.3", 1000, 7)
	for _, tt := range []struct {
		name  string
		other []byte
		want  error
	}{
		{"other pixels", dataset(dxClass, "1.2.3", 1000, 8), archive.ErrDuplicate},
		{"more pixels", dataset(dxClass, "1.2.3", 1002, 7), archive.ErrDuplicate},
		{"other body part", bytes.Replace(good, []byte("HAND"), []byte("FOOT"), 1), archive.ErrDuplicate},
		{"shorter", good[:len(good)-1], archive.ErrUnreadable},
		{"longer", append(bytes.Clone(good), 1), archive.ErrUnreadable},
	} {
		if _, err := a.Receive(t.Context(), incoming("1.2.3", archive.Segment), bytes.NewReader(tt.other)); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
	if !bytes.Equal(contents(t, first), good) {
		t.Error("the stored object changed")
	}
	if n := len(queue(t, a)); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	if n := len(objectFiles(t, dir)); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
}

// TestReceiveSameAtOnce sends one SOP instance many times in parallel: identical copies all
// succeed as one object, and of two versions exactly one is stored.
func TestReceiveSameAtOnce(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := map[byte]int{}
	for i := range 40 {
		seed := byte(i % 2)
		wg.Go(func() {
			_, err := a.Receive(context.Background(), incoming("1.2.3", archive.Segment), bytes.NewReader(dataset(dxClass, "1.2.3", 1000, seed)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				stored[seed]++
			} else if !errors.Is(err, archive.ErrDuplicate) {
				t.Errorf("error %v, want ErrDuplicate", err)
			}
		})
	}
	wg.Wait()
	if len(stored) != 1 || stored[0]+stored[1] != 20 {
		t.Errorf("successes by version %v, want 20 of one version", stored)
	}
	if n := len(queue(t, a)); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	if files := objectFiles(t, dir); len(files) != 1 {
		t.Errorf("files %v, want 1", files)
	}
}

// interlude is an empty reader that calls a function when it is read.
type interlude func()

func (f interlude) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// TestReceiveMeanwhile: an instance arrives completely while another copy of it is still
// arriving. The later one must find it, although the index did not contain it at the start.
func TestReceiveMeanwhile(t *testing.T) {
	for seed, want := range map[byte]error{7: nil, 8: archive.ErrDuplicate} {
		dir := durabletest.Dir(t)
		a := open(t, options(dir))
		var first archive.Object
		data := dataset(dxClass, "1.2.3", 1000, seed)
		o, err := a.Receive(t.Context(), incoming("1.2.3", archive.Segment), io.MultiReader(bytes.NewReader(data[:500]),
			interlude(func() { first = receive(t, a, "1.2.3", archive.Segment) }), bytes.NewReader(data[500:])))
		if !errors.Is(err, want) || err == nil && o.ID != first.ID {
			t.Errorf("object %d, error %v; want object %d, error %v", o.ID, err, first.ID, want)
		}
		if jobs, files := queue(t, a), objectFiles(t, dir); len(jobs) != 1 || len(files) != 1 {
			t.Errorf("%d jobs, files %v; want one of each", len(jobs), files)
		}
	}
}

func TestReceiveParallel(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				uid := "1.2." + string(rune('1'+i)) + "." + strings.Repeat("1", j+1)
				data := dataset(dxClass, uid, 1000, byte(j))
				o, err := a.Receive(context.Background(), incoming(uid, archive.Segment), iotest.OneByteReader(bytes.NewReader(data)))
				if err != nil {
					t.Error(err)
				} else if !bytes.Equal(contents(t, o), data) {
					t.Errorf("object %d stored wrongly", o.ID)
				}
			}
		})
	}
	wg.Wait()
	if n := len(queue(t, a)); n != 200 {
		t.Errorf("%d jobs, want 200", n)
	}
}

func TestReceiveKeepMakesNoJob(t *testing.T) {
	a := open(t, options(durabletest.Dir(t)))
	receive(t, a, "1.2.3", archive.Keep)
	if n := len(queue(t, a)); n != 0 {
		t.Errorf("%d jobs, want none", n)
	}
}

func TestReceiveNeedsFreeSpace(t *testing.T) {
	opt := options(durabletest.Dir(t))
	opt.MinFree = 1 << 60
	a := open(t, opt)
	read := false
	r := iotest.ErrReader(errors.New("read"))
	_, err := a.Receive(t.Context(), incoming("1.2.3", archive.Segment), io.TeeReader(r, writerFunc(func() { read = true })))
	if !errors.Is(err, archive.ErrNoSpace) || read {
		t.Errorf("error %v, want ErrNoSpace before anything is read", err)
	}
}

type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestOneOwner(t *testing.T) {
	dir := durabletest.Dir(t)
	a := open(t, options(dir))
	if _, err := archive.Open(t.Context(), options(dir)); !errors.Is(err, archive.ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
	shared, err := archive.OpenShared(t.Context(), options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	o := receive(t, a, "1.2.3", archive.Segment)
	if got, err := shared.Find(t.Context(), "1.2.3"); err != nil || got.ID != o.ID {
		t.Errorf("shared archive finds %d, %v; want %d", got.ID, err, o.ID)
	}
	if _, err := shared.Receive(t.Context(), incoming("1.2.4", archive.Keep), strings.NewReader("")); err == nil {
		t.Error("shared archive received an object")
	}
	if err := shared.Work(t.Context(), archive.Handlers{}); err == nil {
		t.Error("shared archive worked")
	}
}
