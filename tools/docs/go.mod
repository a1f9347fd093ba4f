module github.com/monlight/monlight/tools/docs

go 1.26.8

require github.com/yuin/goldmark v1.8.7
