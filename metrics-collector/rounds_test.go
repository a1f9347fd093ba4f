//go:build !soak

package main

// killRounds is how often the process is killed; many more with -tags soak.
func killRounds() int { return 20 }
