package httpapi

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Contract returns the OpenAPI document as YAML, and once more in the older
// version 3.0 that generators of Go code read, with hints for them.
func Contract() (v31, v30 []byte, err error) {
	doc := register(http.NewServeMux(), &Deps{}).OpenAPI()
	if v31, err = doc.YAML(); err != nil {
		return nil, nil, fault.Internal(err)
	}
	for _, s := range doc.Components.Schemas.Map() {
		forGo(s)
	}
	if v30, err = doc.DowngradeYAML(); err != nil {
		return nil, nil, fault.Internal(err)
	}
	return v31, v30, nil
}

// forGo says of each member of s how Go code should have it. A word out of a few is
// a string: a type of its own for each member would only be converted. What may be
// absent and has no zero that could be meant is a plain value; numbers and objects
// stay pointers, since 0 replicas are not none said.
func forGo(s *huma.Schema) {
	for name, p := range s.Properties {
		set := func(key string, value any) {
			if p.Extensions == nil {
				p.Extensions = map[string]any{}
			}
			p.Extensions[key] = value
		}
		if len(p.Enum) > 0 && p.Type == huma.TypeString {
			set("x-go-type", "string")
		}
		if len(p.Enum) > 0 && p.Type == huma.TypeInteger {
			set("x-go-type", "int")
		}
		plain := p.Type == huma.TypeBoolean || p.Type == huma.TypeArray || p.Type == huma.TypeString && p.Format != "date-time"
		if plain && !slices.Contains(s.Required, name) {
			set("x-go-type-skip-optional-pointer", true)
		}
	}
}
