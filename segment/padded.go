package segment

const (
	paddedPart = 0.002 // padding: within this part of the range below the brightest
	paddedFill = 0.98  // of its bounding rotated rectangle a field in padding must fill
	paddedRest = 0.002 // of that field may be as bright and connected to the frame's edge
)

// padded is the hull of a field in a white border that software drew around it, nil
// where there is none. Open beam clipped to white looks the same but for its limits: the
// outline of a body is neither a rectangle nor free of hollows, so both are demanded.
func padded(small []float32, h, w int, q []float32) []point {
	inverse := make([]float32, len(small))
	for i, v := range small {
		inverse[i] = -v
	}
	level := -q[1] + paddedPart*(q[1]-q[0])
	hull, filled := unexposed(inverse, h, w, level)
	if hull == nil || filled < paddedFill {
		return nil
	}
	field, hollow := 0, 0
	for i, white := range flood(inverse, h, w, level) {
		if within(hull, float64(i%w), float64(i/w), -0.5) {
			field++
			if white {
				hollow++
			}
		}
	}
	if float64(hollow) > paddedRest*float64(field) {
		return nil
	}
	return hull
}
