package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

type watchEvents struct {
	Topics      []string `query:"topics" required:"true" minItems:"1" maxItems:"16" doc:"fleet, sources, targets, stack:NAMESPACE/NAME" example:"fleet"`
	LastEventID string   `header:"Last-Event-ID" maxLength:"100" doc:"id of the last event that was seen, to go on from there"`
}

func registerEvents(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/events", "watchEvents", "What changes, as it does", 400)
	o.Description = "Server-sent events. The name of an event is a member of Event, its data is JSON of what that member holds. " +
		"Begins with hello; after resync, read anew what is shown. Events are coalesced: of a Stack only the newest form comes. " +
		"Each has an id; sent back as Last-Event-ID it makes the stream go on from there, if the server still can."
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event")
	o.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of events",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
	}}
	huma.Register(api, o, func(ctx context.Context, in *watchEvents) (*huma.StreamResponse, error) { return nil, notYet })
}
