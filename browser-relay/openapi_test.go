package main

import (
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/openapitest"
)

func TestTheOpenAPIDocumentHasTheRoutes(t *testing.T) {
	o := newService(t, nil).options
	doors := []string{"/api/browser/errors", "/api/browser/metrics", "/api/browser/batch", "/api/browser/tunnel", "/api/errors", "/api/metrics"}
	openapitest.Check(t, "../docs/api/"+service+".openapi.json", doors, o.Handler.(chi.Routes))
}
