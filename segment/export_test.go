package segment

// FieldOf is Config.field for a canonical picture without attributes.
func FieldOf(pix []float32, rows, cols int) (Mask, FieldRecord) {
	return Config{}.field(&Image{Rows: rows, Columns: cols}, pix)
}
