package sqlite

// dictionaries are what payloads are compressed with, the newest first. Old
// ones stay for ever: payloads name the one that they need.
func dictionaries() [][]byte { return nil }
