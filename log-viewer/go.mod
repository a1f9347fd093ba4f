module github.com/monlight/monlight/log-viewer

go 1.26
