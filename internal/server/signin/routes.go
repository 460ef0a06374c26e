package signin

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// Mount adds the addresses that a browser is sent to. They need no UI: somebody must
// be able to sign in to a server that was built without one.
func (s *Service) Mount(mux *http.ServeMux) {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /login":                               s.loginPage,
		"GET /login/device":                        s.devicePage,
		"POST /login/device":                       s.confirmPage,
		"GET /auth/start":                          s.begin,
		"GET /auth/callback/{provider}":            s.arrive,
		"POST /auth/backchannel-logout/{provider}": s.backChannel,
		"POST /auth/link":                          s.byLink,
		"GET /auth/cli":                            s.cliPage,
		"POST /auth/cli":                           s.allowCLI,
		"GET /auth/page.js":                        s.file("page.js", "text/javascript; charset=utf-8"),
		"GET /auth/page.css":                       s.file("page.css", "text/css; charset=utf-8"),
	} {
		mux.Handle(pattern, s.Wrap(guard(h)))
	}
}

// maxForm bounds what a form may have.
const maxForm = 64 << 10

// guard keeps a page to itself: no scripts but ours, in no frame, in no cache.
func guard(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		// form-action is left open to this machine: a form of ours ends at the port of a
		// CLI, and browsers count the redirect.
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self' http://127.0.0.1:*; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next(w, r)
	})
}

//go:embed pages
var pages embed.FS

var layout = template.Must(template.ParseFS(pages, "pages/page.html"))

func (s *Service) file(name, media string) http.HandlerFunc {
	raw, err := pages.ReadFile("pages/" + name)
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			Problem(w, fault.Internal(err))
			return
		}
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(raw) // the peer may be gone
	}
}

// view is what a page shows.
type view struct {
	Status        int
	Title         string
	Text, Hint    string
	Offers        []link
	Link          bool
	Form          *form
	Ask           bool // for a code
	Who           string
	Again, Return string
}

type link struct{ Title, Href string }

type form struct {
	Action, Yes, No string
	Fields          map[string]string
}

func pageOf(err error) view {
	f := fault.As(err)
	return view{Status: f.Kind.Consequence().Status, Title: "Not signed in", Text: f.What, Hint: f.Hint, Again: "/login"}
}

func (s *Service) page(w http.ResponseWriter, _ *http.Request, v view) {
	if v.Status == 0 {
		v.Status = http.StatusOK
	}
	var b bytes.Buffer
	if err := layout.Execute(&b, v); err != nil {
		Problem(w, fault.Internal(err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(v.Status)
	_, _ = b.WriteTo(w)
}

func (s *Service) loginPage(w http.ResponseWriter, r *http.Request) {
	to := local(r.URL.Query().Get("return"))
	v := view{Title: "Sign in to Lockstep", Return: to}
	offers, byLink := s.Offers()
	for _, o := range offers {
		v.Offers = append(v.Offers, link{o.Title, "/auth/start?" + url.Values{"provider": {o.Name}, "return": {to}}.Encode()})
	}
	v.Link = byLink
	if len(offers) == 0 {
		v.Hint = "No identity provider is configured. Whoever holds the kubeconfig gets a link that signs in once: lockstep auth link"
	}
	s.page(w, r, v)
}

// signedIn returns the session of a browser, or sends it to sign in first.
func (s *Service) signedIn(w http.ResponseWriter, r *http.Request) (proof, bool) {
	by := proofOf(r.Context())
	if by.session != nil && by.session.Kind == credentials.Browser {
		return by, true
	}
	http.Redirect(w, r, "/login?"+url.Values{"return": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
	return by, false
}

func (s *Service) devicePage(w http.ResponseWriter, r *http.Request) {
	by, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	code := normalCode(r.URL.Query().Get("code"))
	if code == "" {
		s.page(w, r, view{Title: "Sign a terminal in", Ask: true, Who: by.login.Person.Display, Text: "Type the code that the terminal shows."})
		return
	}
	client, err := s.DeviceClient(r.Context(), code)
	if err != nil {
		v := pageOf(err)
		v.Title, v.Again = "No such code", "/login/device"
		s.page(w, r, v)
		return
	}
	s.page(w, r, view{
		Title: "Sign a terminal in", Who: by.login.Person.Display,
		Text: client + " asks to act as you. Does it show the code " + code[:4] + "-" + code[4:] + "?",
		Hint: "Say no if somebody sent you here: whoever has the terminal can do what you can.",
		Form: &form{Action: "/login/device", Yes: "Yes, sign it in", No: "No", Fields: map[string]string{"code": code}},
	})
}

func (s *Service) confirmPage(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.signedIn(w, r); !ok {
		return
	}
	allow := r.PostFormValue("allow") == "yes"
	if err := s.ConfirmDevice(r.Context(), r.PostFormValue("code"), allow); err != nil {
		v := pageOf(err)
		v.Title, v.Again = "Not done", "/login/device"
		s.page(w, r, v)
		return
	}
	v := view{Title: "The terminal is signed in", Text: "You can close this page."}
	if !allow {
		v = view{Title: "The terminal was refused", Text: "You can close this page."}
	}
	s.page(w, r, v)
}

// cliAsk is what a CLI on the same machine asks for.
type cliAsk struct {
	Port             int
	State, Challenge string
	Client           string
}

func cliAskOf(get func(string) string) (cliAsk, error) {
	a := cliAsk{State: get("state"), Challenge: get("challenge"), Client: printable(get("client"))}
	port, err := strconv.Atoi(get("port"))
	if err != nil || port < 1024 || port > 65535 || len(a.Challenge) != 43 || len(a.State) < 16 || len(a.State) > 100 {
		return a, fault.Usage("this is no request of a CLI").WithHint("lockstep login opens this page")
	}
	a.Port = port
	return a, nil
}

// cliPage asks the person: a page that gave a code to whoever asks would sign in any
// program on the machine.
func (s *Service) cliPage(w http.ResponseWriter, r *http.Request) {
	a, err := cliAskOf(r.URL.Query().Get)
	if err != nil {
		s.page(w, r, pageOf(err))
		return
	}
	by, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	s.page(w, r, view{
		Title: "Sign a terminal in", Who: by.login.Person.Display,
		Text: a.Client + " on this machine asks to act as you.",
		Hint: "Say no if you did not just run lockstep login.",
		Form: &form{Action: "/auth/cli", Yes: "Yes, sign it in", No: "No", Fields: map[string]string{
			"port": strconv.Itoa(a.Port), "state": a.State, "challenge": a.Challenge, "client": a.Client,
		}},
	})
}

// allowCLI sends the browser to the port of the CLI with a code. Only this machine
// can be named, so that the code goes nowhere else.
func (s *Service) allowCLI(w http.ResponseWriter, r *http.Request) {
	a, err := cliAskOf(r.PostFormValue)
	if err != nil {
		s.page(w, r, pageOf(err))
		return
	}
	by, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	q := url.Values{"state": {a.State}}
	switch r.PostFormValue("allow") {
	case "yes":
		code, err := s.grantCode(r.Context(), by.login.ID, a.Challenge, a.Client)
		if err != nil {
			s.page(w, r, pageOf(err))
			return
		}
		q.Set("code", code)
	default:
		q.Set("error", "access_denied")
	}
	to := url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(a.Port), Path: "/callback", RawQuery: q.Encode()}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}
