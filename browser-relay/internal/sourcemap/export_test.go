package sourcemap

// PackIndex is the stored form of a plain index.
func PackIndex(plain []byte) []byte {
	c, err := theCodec()
	if err != nil {
		return nil
	}
	return c.enc.EncodeAll(plain, []byte(indexMagic))
}

// UnpackIndex is its inverse.
func UnpackIndex(stored []byte) ([]byte, error) {
	c, err := theCodec()
	if err != nil {
		return nil, err
	}
	return c.dec.DecodeAll(stored[len(indexMagic):], nil)
}

// FindInSegments looks a position up in a block of segments.
func FindInSegments(plain []byte, count, line, column int32) error {
	_, _, err := (&segmentBlock{count: count}).find(plain, line, column)
	return err
}
