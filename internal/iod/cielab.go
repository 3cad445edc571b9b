package iod

import "math"

// CIELab encodes an sRGB colour (8 bits per channel) as Recommended Display
// CIELab Value (0062,000D), PS3.3 C.10.7.1.1: L* in 0..100, a* and b* in
// −128..127, each scaled to 0..65535. The standard means the ICC profile
// connection space with white D50; DICOM viewers decode with D65, and so does
// this encode, so that they show the colour that was asked for.
func CIELab(red, green, blue uint8) [3]uint16 {
	r, g, b := linear(red), linear(green), linear(blue)
	// The inverse of the four-digit XYZ to sRGB matrix of IEC 61966-2-1, which
	// viewers decode with, over the D65 white point.
	x := labCurve((0.4123955890*r + 0.3575834308*g + 0.1804926474*b) / 0.950456)
	y := labCurve(0.2125862308*r + 0.7151703037*g + 0.0722004986*b)
	z := labCurve((0.0192972155*r + 0.1191838646*g + 0.9504971251*b) / 1.088754)
	return [3]uint16{
		encodeLab((116*y - 16) * 65535 / 100),
		encodeLab((500*(x-y) + 128) * 65535 / 255),
		encodeLab((200*(y-z) + 128) * 65535 / 255),
	}
}

// linear undoes the transfer function of sRGB.
func linear(v uint8) float64 {
	c := float64(v) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

// labCurve is the cube root of CIE 15 with its straight part near black.
func labCurve(t float64) float64 {
	if t > 216.0/24389 {
		return math.Cbrt(t)
	}
	return 841.0/108*t + 4.0/29
}

func encodeLab(v float64) uint16 {
	return uint16(math.Round(min(max(v, 0), 65535)))
}
