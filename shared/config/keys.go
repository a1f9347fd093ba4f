package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	minSecretChars = 16
	maxSecretBytes = 4 << 10

	howToMake = "make one with: openssl rand -hex 16"
)

// Secret returns the key in name, or in the file that NAME_FILE names. It is a
// mistake to leave both out or to set both, and so is a key that is shorter than
// 16 characters, that has characters which an HTTP header cannot carry, or that
// was copied from an example. Mistakes never show the key.
func (e *Env) Secret(name, help string) Secret {
	e.remember(name+" or "+name+"_FILE", "(required)", help)
	text, ok := e.secret(name)
	if !ok {
		return Secret{}
	}
	if text == "" {
		e.Fail("%s is required (%s): %s", name, help, howToMake)
		return Secret{}
	}
	if err := checkKey(text); err != nil {
		e.Fail("%s %w: %s", name, err, howToMake)
		return Secret{}
	}
	return Secret{text}
}

// OptionalKey is like Secret for a key of ours that may be unset.
func (e *Env) OptionalKey(name, help string) Secret {
	e.remember(name+" or "+name+"_FILE", "-", help)
	text, ok := e.secret(name)
	if !ok || text == "" {
		return Secret{}
	}
	if err := checkKey(text); err != nil {
		e.Fail("%s %w: %s", name, err, howToMake)
		return Secret{}
	}
	return Secret{text}
}

// Differ makes it a mistake that two keys are the same. Unset ones do not count.
func (e *Env) Differ(name string, key Secret, other string, otherKey Secret) {
	if !key.IsZero() && key == otherKey {
		e.Fail("%s and %s are the same, want two keys: %s", name, other, howToMake)
	}
}

// OptionalSecret is like Secret for a password or token that another system has
// given us. It may be unset, and only placeholders are refused: its length is not
// ours to choose.
func (e *Env) OptionalSecret(name, help string) Secret {
	e.remember(name+" or "+name+"_FILE", "-", help)
	text, ok := e.secret(name)
	if !ok {
		return Secret{}
	}
	if isPlaceholder(text) {
		e.Fail("%s is a placeholder from an example: set the real value or leave it empty", name)
		return Secret{}
	}
	return Secret{text}
}

// secret reads NAME or the file in NAME_FILE. ok is false after a mistake.
func (e *Env) secret(name string) (text string, ok bool) {
	if text, ok = e.lookup(name); !ok {
		text = ""
	}
	fileName := name + "_FILE"
	path, fromFile := e.value(fileName)
	if !fromFile {
		if len(text) > maxSecretBytes {
			e.Fail("%s has %d bytes, want at most %d", name, len(text), maxSecretBytes)
			return "", false
		}
		return text, true
	}
	if text != "" {
		e.Fail("%s and %s are both set, want one of them", name, fileName)
		return "", false
	}
	text, err := readSecretFile(path)
	if err != nil {
		e.wrong(fileName, path, fmt.Errorf("want a readable file: %w", err))
		return "", false
	}
	if text == "" {
		e.wrong(fileName, path, errors.New("want a file that is not empty"))
		return "", false
	}
	return text, true
}

// readSecretFile returns the content of a regular file without the newline at
// its end.
func readSecretFile(path string) (string, error) {
	// A FIFO would block the open for ever, so look first.
	info, err := os.Stat(path)
	if err != nil {
		return "", cause(err)
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", cause(err)
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err != nil {
		return "", cause(err)
	}
	if len(b) > maxSecretBytes {
		return "", fmt.Errorf("longer than %d bytes", maxSecretBytes)
	}
	text := strings.TrimSuffix(string(b), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

// cause drops operation and path from a file error; the caller shows the path.
func cause(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// checkKey says what is wrong with a key, in words that follow its name.
func checkKey(key string) error {
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return errors.New("has a space, a control character or a letter outside ASCII")
		}
	}
	if len(key) < minSecretChars {
		return fmt.Errorf("has %d characters, want at least %d", len(key), minSecretChars)
	}
	if isPlaceholder(key) || isGuessable(key) {
		return errors.New("is an example value that anybody could guess")
	}
	return nil
}

// placeholders are parts of the values that stand in example files and documents.
var placeholders = []string{
	"replace-with", "replace_with", "replacewith", "replace-me", "replace_me", "replaceme",
	"changeme", "change-me", "change_me", "changethis", "change-this", "change_this",
	"your-", "your_", "yourkey", "yourapikey", "yoursecret", "-here", "_here", "<", ">", "${",
	"placeholder", "insert-", "insert_", "xxxxxx",
}

func isPlaceholder(s string) bool {
	s = strings.ToLower(s)
	for _, p := range placeholders {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// wellKnown are parts of keys in tutorials and default files.
var wellKnown = []string{
	"example", "password", "passw0rd", "supersecret", "super-secret", "super_secret",
	"mysecret", "my-secret", "my_secret", "secret-key", "secret_key", "secretkey", "letmein",
	"sk_test_", "my-api-key", "my_api_key", "myapikey", "default-key", "default_key",
	"deadbeefdeadbeef", "cafebabecafebabe",
}

// runs are sequences that people type when they need "something long".
var runs = []string{
	"0123456789abcdef", "0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz",
	"qwertyuiopasdfghjklzxcvbnm", "9876543210",
}

func isGuessable(key string) bool {
	s := strings.ToLower(key)
	for _, p := range wellKnown {
		if strings.Contains(s, p) {
			return true
		}
	}
	for _, r := range runs {
		if strings.Contains(strings.Repeat(r, len(s)/len(r)+2), s) {
			return true
		}
	}
	// 16 random hex digits have fewer than 5 different ones once in 10^7 keys.
	const minDistinct = 5
	distinct := map[rune]bool{}
	for _, c := range s {
		distinct[c] = true
	}
	return len(distinct) < minDistinct
}
