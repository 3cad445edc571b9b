package deidentify

import (
	"regexp"
	"testing"

	"dicomnode/trainer/deidentify/profile"
)

func TestUID(t *testing.T) {
	d, err := New(Options{Key: Key{1}})
	if err != nil {
		t.Fatal(err)
	}
	old := "1.2.826.0.1.3680043.8.498.1"
	got := d.UID(old)
	if !regexp.MustCompile(`^2\.25\.[1-9]\d{10,38}$`).MatchString(got) || d.UID(old) != got {
		t.Errorf("UID is %s, then %s", got, d.UID(old))
	}
	other, _ := New(Options{Key: Key{2}})
	if other.UID(old) == got || d.UID(old+"1") == got {
		t.Error("another key or another UID gives the same UID")
	}
	for _, standard := range []string{"", "1.2.840.10008.5.1.4.1.1.1"} {
		if d.UID(standard) != standard {
			t.Errorf("UID of the standard %q became %q", standard, d.UID(standard))
		}
	}
	keeping, _ := New(Options{Key: Key{1}, Retain: []profile.Option{profile.UIDs}})
	if keeping.UID(old) != old {
		t.Error("a retained UID was replaced")
	}
}

func TestShifted(t *testing.T) {
	for _, c := range []struct {
		v    string
		days int
		want string
	}{
		{"20260301", 1, "20260228"}, {"20240301", 1, "20240229"}, {"20260301-20260302", 1, "20260228-20260301"},
		{"20260101120000.5+0100", 1, "20251231120000.5+0100"}, {"202601", 1, "202512"}, {"2026", 1, "2025"}, {"3 Jan", 1, ""}, {"20261399", 1, ""},
	} {
		if got := shifted(c.v, c.days); got != c.want {
			t.Errorf("shifted(%q, %d) = %q, want %q", c.v, c.days, got, c.want)
		}
	}
}

// The order and intervals of a patient's dates stay the same.
func TestDaysOfAPatient(t *testing.T) {
	k := Key{3}
	n := k.days("id\x00A\x001")
	if n < 1 || n > maxDays || n != k.days("id\x00A\x001") || n == k.days("id\x00A\x002") {
		t.Errorf("%d days, then %d, other patient %d", n, k.days("id\x00A\x001"), k.days("id\x00A\x002"))
	}
	if a, b := shifted("20260105", n), shifted("20260101", n); a[:4] == "2026" && n > 370 || a <= b {
		t.Errorf("5 January became %s, 1 January %s", a, b)
	}
}

func TestAges(t *testing.T) {
	for in, want := range map[string]string{"045Y": "045Y", "089Y": "089Y", "090Y": "090Y", "101Y": "090Y", "006M": "006M", "999M": "999M", "old": "", "": ""} {
		if got := capAge(in); got != want {
			t.Errorf("capAge(%q) = %q, want %q", in, got, want)
		}
	}
	if got := ageAt("19300615", "20260614"); got != "090Y" {
		t.Errorf("95 years are %q, want 090Y", got)
	}
	if got := ageAt("20000615", "20260614"); got != "025Y" {
		t.Errorf("a day before the 26th birthday %q, want 025Y", got)
	}
	if got := ageAt("20000615", "20260615"); got != "026Y" {
		t.Errorf("on the 26th birthday %q, want 026Y", got)
	}
}
