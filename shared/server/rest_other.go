//go:build !linux

package server

func dropProgramPages() {}
