//go:build !linux

package server

func dropStartPages() {}
