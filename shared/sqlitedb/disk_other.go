//go:build !linux && !darwin

package sqlitedb

import "errors"

func diskSpace(string) (total, free int64, err error) {
	return 0, 0, errors.ErrUnsupported
}
