package harness

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// PID is the number of the running process.
func (s *Service) PID() int { return s.cmd.Process.Pid }

// Descriptors is how many files and sockets the process has open.
func (s *Service) Descriptors() int {
	s.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(open)
}

// DiskBytes is what all files in the service's folder take.
func (s *Service) DiskBytes() (total int64) {
	s.t.Helper()
	err := filepath.WalkDir(s.Dir, func(_ string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a log of SQLite comes and goes
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && !d.IsDir() {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return total
}
