// Package sdks runs Sentry's own SDKs against the error tracker. Its tests need
// what install.sh fetches, and run with the tag sdks.
package sdks
