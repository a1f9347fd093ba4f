package main

import (
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/monlight/monlight/shared/openapitest"
)

func TestTheOpenAPIDocumentHasTheRoutes(t *testing.T) {
	o := assembled(t, nil)
	openapitest.Check(t, "../docs/api/"+service+".openapi.json", nil, o.Handler.(chi.Routes))
}
