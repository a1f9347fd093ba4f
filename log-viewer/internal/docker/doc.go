// Package docker reads the logs of containers from the files that the
// json-file driver of Docker writes: each line once, through rotations,
// restarts of either side and full disks.
package docker
