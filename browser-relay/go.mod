module github.com/monlight/monlight/browser-relay

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	github.com/monlight/monlight/shared v0.0.0
)

replace github.com/monlight/monlight/shared => ../shared
