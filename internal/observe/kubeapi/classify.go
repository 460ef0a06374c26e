package kubeapi

import (
	"net/http"
	"strings"
)

// what is a request as it is counted.
type what struct {
	verb     string
	class    string
	resource string // for spans only: its values are as many as there are kinds
}

func (w what) named() string {
	if w.resource == "" {
		return w.class
	}
	return w.resource
}

// The classes of resources.
const (
	classObject     = "object"     // whatever Stacks are made of
	classOwn        = "own"        // Stacks, Sources, Targets
	classLease      = "lease"      // which replica does what
	classEvent      = "event"      // what kubectl describe shows
	classAccess     = "access"     // who may do what
	classDefinition = "definition" // custom resource definitions
	classDiscovery  = "discovery"  // what the API serves
)

var classes = map[string]string{
	"lockstep.dev":          classOwn,
	"coordination.k8s.io":   classLease,
	"events.k8s.io":         classEvent,
	"authorization.k8s.io":  classAccess,
	"authentication.k8s.io": classAccess,
	"apiextensions.k8s.io":  classDefinition,
}

// classify reads /api/v1/… and /apis/group/version/….
func classify(req *http.Request) what {
	group, rest, ok := resourcePath(req.URL.Path)
	if !ok {
		return what{verb: plainVerb(req), class: classDiscovery}
	}
	resource, name, sub := place(rest)
	if resource == "" {
		return what{verb: plainVerb(req), class: classDiscovery}
	}
	w := what{verb: verbOf(req, name), class: classes[group], resource: resource}
	if w.class == "" {
		w.class = classObject
	}
	if group == "" && resource == "events" {
		w.class = classEvent
	}
	if sub != "" {
		w.resource += "/" + sub
	}
	return w
}

// resourcePath cuts a path behind the version. The API may live below a prefix,
// as behind Rancher.
func resourcePath(path string) (group, rest string, ok bool) {
	if _, after, found := strings.Cut(path, "/apis/"); found {
		group, after, _ = strings.Cut(after, "/")
		_, rest, ok = strings.Cut(after, "/")
		return group, rest, ok
	}
	if _, after, found := strings.Cut(path, "/api/"); found {
		_, rest, ok = strings.Cut(after, "/")
		return "", rest, ok
	}
	return "", "", false
}

// place takes [namespaces/NS/]RESOURCE[/NAME[/SUB]] apart.
func place(rest string) (resource, name, sub string) {
	first, after, _ := strings.Cut(rest, "/")
	if first == "namespaces" {
		_, inside, found := strings.Cut(after, "/")
		// namespaces/NS/status is the namespace's own.
		if found && inside != "status" && inside != "finalize" {
			first, after, _ = strings.Cut(inside, "/")
		}
	}
	name, sub, _ = strings.Cut(after, "/")
	return first, name, sub
}

func verbOf(req *http.Request, name string) string {
	switch req.Method {
	case http.MethodGet:
		switch {
		case name != "":
			return "get"
		case isWatch(req.URL):
			return "watch"
		}
		return "list"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		if strings.HasPrefix(req.Header.Get("Content-Type"), "application/apply-patch") {
			return "apply"
		}
		return "patch"
	case http.MethodDelete:
		return "delete"
	}
	return "other"
}

func plainVerb(req *http.Request) string {
	if req.Method == http.MethodGet {
		return "get"
	}
	return "other"
}
