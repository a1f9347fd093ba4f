module github.com/monlight/monlight/browser-relay

go 1.26
