package decode

// DecodeRLE is decodeRLE.
var DecodeRLE = decodeRLE
