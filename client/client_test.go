package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOpen(t *testing.T) {
	for address, why := range map[string]string{
		"lockstep.example.org": "An address without a scheme would be taken for a path.",
		"ftp://host":           "Another scheme cannot be asked.",
		"https://":             "Nor can nobody.",
		"http://a b":           "What cannot be parsed is said to be that.",
	} {
		if _, err := Open(address); err == nil {
			t.Errorf("%s\n%q is taken for an address", why, address)
		}
	}
	c, err := Open("https://ana:secret@host/lockstep?x=1#t")
	if err != nil || c.Server != "https://host/lockstep/" {
		t.Errorf("%v, %v", c, err)
	}
}

func TestRead(t *testing.T) {
	cases := map[string]struct {
		why, media, body string
		status           int
		want             string
		wantErr          *Problem
	}{
		"Answer":  {why: "What was asked for.", status: 200, body: `{"name":"oidc:ana"}`, want: "oidc:ana"},
		"Nothing": {why: "Some operations have no answer.", status: 204},
		"Problem": {
			why: "An error comes with all that it says.", status: 404, media: "application/problem+json",
			body:    `{"title":"NotFound","status":404,"detail":"does not exist","place":"stack a/b","hint":"h"}`,
			wantErr: &Problem{Title: "NotFound", Status: 404, Detail: "does not exist", Place: "stack a/b", Hint: "h"},
		},
		"Proxy": {
			why: "A page of somebody in between is not repeated.", status: 502, media: "text/html", body: "<html>" + strings.Repeat("x", 500),
			wantErr: &Problem{Type: "about:blank", Title: "BadGateway", Status: 502, Detail: "the server answers 502 Bad Gateway"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var sent http.Header
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent = r.Header
				w.Header().Set("Content-Type", tc.media)
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer srv.Close()
			c, err := Open(srv.URL, WithToken("t0ken"), WithAgent("test"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read[Me](c.GetMe(t.Context()))
			var p *Problem
			errors.As(err, &p)
			if tc.wantErr != nil && tc.wantErr.Place == "" {
				tc.wantErr.Place = strings.TrimPrefix(srv.URL, "http://")
			}
			if diff := cmp.Diff(tc.wantErr, p); diff != "" {
				t.Errorf("%s\n%s", tc.why, diff)
			}
			if err == nil && got.Name != tc.want {
				t.Errorf("%s\n%+v", tc.why, got)
			}
			if sent.Get("Authorization") != "Bearer t0ken" || sent.Get("User-Agent") != "test" {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

func TestEvents(t *testing.T) {
	cases := map[string]struct {
		why, in string
		want    []Message
	}{
		"Named":   {why: "An event has a name, an id and data.", in: "id: 1\nevent: rows\ndata: {}\n\n", want: []Message{{"rows", "1", []byte("{}")}}},
		"Comment": {why: "Lines that begin with a colon keep the line open, and say nothing.", in: ": open\n\n"},
		"KeepsID": {why: "An id holds until there is another.", in: "id: 7\ndata: a\n\ndata: b\n\n", want: []Message{{"", "7", []byte("a")}, {"", "7", []byte("b")}}},
		"Lines":   {why: "Data of several lines is one.", in: "data: a\r\ndata:b\r\n\r\n", want: []Message{{"", "", []byte("a\nb")}}},
		"Cut":     {why: "What is cut off in the middle was not sent.", in: "data: a\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []Message
			if err := parse(strings.NewReader(tc.in), func(m Message) bool { got = append(got, m); return true }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n%s", tc.why, diff)
			}
		})
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("id: 1\nevent: rows\ndata: {}\n\n")
	f.Add(":\n\ndata\n\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		n := 0
		if err := parse(strings.NewReader(in), func(Message) bool { n++; return n < 3 }); err != nil && len(in) < MaxMessage {
			t.Error(err)
		}
		if n > 3 {
			t.Errorf("%d messages after enough", n)
		}
	})
}
