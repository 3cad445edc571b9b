package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
)

// Value is a figure that may be undefined, such as the AUC of a class that no
// pixel is labelled as: not a number here, null in JSON, a dash in tables.
type Value float64

// undefined is the Value without a figure.
var undefined = Value(math.NaN())

// Defined reports whether v is a figure.
func (v Value) Defined() bool { return !math.IsNaN(float64(v)) }

// String is v with four decimals.
func (v Value) String() string { return v.fixed(4) }

func (v Value) fixed(decimals int) string {
	if !v.Defined() {
		return "–"
	}
	return fmt.Sprintf("%.*f", decimals, float64(v))
}

// Percent is v in per cent, for tables.
func (v Value) Percent() string {
	if !v.Defined() {
		return "–"
	}
	return fmt.Sprintf("%.1f\u00a0%%", 100*float64(v))
}

// Short is v with three decimals.
func (v Value) Short() string { return v.fixed(3) }

// Distance is v with two decimals.
func (v Value) Distance() string { return v.fixed(2) }

// Tiny is v with its leading digit.
func (v Value) Tiny() string {
	if !v.Defined() {
		return "–"
	}
	return fmt.Sprintf("%.1g", float64(v))
}

// MarshalJSON writes null for an undefined value.
func (v Value) MarshalJSON() ([]byte, error) {
	if !v.Defined() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = undefined
		return nil
	}
	return json.Unmarshal(b, (*float64)(v))
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// share is a/b, undefined without b.
func share(a, b int64) Value {
	if b == 0 {
		return undefined
	}
	return Value(float64(a) / float64(b))
}

// average is the mean of the defined values, and their number.
func average(values []Value) (mean Value, n int) {
	var sum float64
	for _, v := range values {
		if v.Defined() {
			sum += float64(v)
			n++
		}
	}
	if n == 0 {
		return undefined, 0
	}
	return Value(sum / float64(n)), n
}
