package httpapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Problem is an error as RFC 9457 has it, with what a fault.Fault says.
type Problem struct {
	Type    string `json:"type" doc:"always about:blank: the title tells the kinds apart"`
	Title   string `json:"title" doc:"the kind of the error, one of a fixed set" example:"NotFound"`
	Status  int    `json:"status" doc:"the HTTP status"`
	Detail  string `json:"detail" doc:"what is wrong, one line"`
	Place   string `json:"place,omitempty" doc:"the object, or the file and line, that it is about"`
	Hint    string `json:"hint,omitempty" doc:"the likely cause and the next step"`
	Request string `json:"request,omitempty" doc:"id of the request, as the server's log and the audit have it"`
	// Errors has one entry for each part of the request that is not as it should be.
	Errors []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem is one part of a request that is not as it should be.
type FieldProblem struct {
	Location string `json:"location" doc:"where in the request" example:"query.limit"`
	Message  string `json:"message"`
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus makes it one that knows its status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes it the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problem turns any error into the Problem that is answered. What nobody foresaw
// is not told to strangers: fault.Internal words it.
func problem(err error) error {
	if err == nil {
		return nil
	}
	if p, ok := err.(*Problem); ok {
		return p
	}
	f := fault.As(err)
	if f.Kind == fault.KindInternal && f.Unwrap() != nil {
		// Nobody worded it for strangers.
		f = fault.New(fault.KindInternal, "something went wrong inside the server").WithHint("the server's log has more under the id of the request").Because(err)
	}
	return &Problem{Type: "about:blank", Title: f.Kind.String(), Status: f.Kind.Consequence().Status, Detail: f.What, Place: f.Where, Hint: f.Hint}
}

func init() {
	// A list without entries is written as [], never as null.
	huma.DefaultArrayNullable = false
	// The one place that the library has for the errors that it makes itself:
	// requests that are not as the contract says.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := &Problem{Type: "about:blank", Title: titleOf(status), Status: status, Detail: message}
		for _, err := range errs {
			if f, ok := err.(huma.ErrorDetailer); ok {
				d := f.ErrorDetail()
				p.Errors = append(p.Errors, FieldProblem{Location: d.Location, Message: d.Message})
			}
		}
		return p
	}
}

// titleOf returns the kind of an error that the library made.
func titleOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return fault.KindUsage.String()
	case http.StatusUnprocessableEntity:
		return fault.KindInvalid.String()
	case http.StatusNotFound:
		return fault.KindNotFound.String()
	case http.StatusRequestEntityTooLarge:
		return fault.KindTooLarge.String()
	case http.StatusRequestTimeout:
		return fault.KindTimeout.String()
	}
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}
