// Package client is the Go client of Lockstep's HTTP API.
//
// Types and operations are generated from the contract, api/openapi.yaml. An
// operation returns the response as it comes; [Read] makes of it what was asked for,
// or the [Problem] that the server answered with, and [Events] reads a stream:
//
//	c, err := client.Open("https://lockstep.example.org", client.WithToken(token))
//	s, err := client.Read[client.StackDetail](c.GetStack(ctx, "payments", "shop"))
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// MaxAnswer bounds what is read of one answer that is no stream.
const MaxAnswer = 64 << 20

// Open returns a client of the server at address, as a browser has it: with the
// path that a proxy puts before Lockstep's own, if there is one. It sends nothing.
func Open(address string, options ...ClientOption) (*Client, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is no address: %w", address, err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%q is no address: want https://HOST", address)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return NewClient(u.String(), options...)
}

// WithToken makes every request one of whom the token belongs to.
func WithToken(token string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	})
}

// WithAgent says in every request which program asks.
func WithAgent(name string) ClientOption {
	return WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("User-Agent", name)
		return nil
	})
}

// Error makes a Problem an error.
func (p *Problem) Error() string {
	if p.Place == "" {
		return p.Detail
	}
	return p.Place + ": " + p.Detail
}

// errTooLong is an answer that no server of ours gives.
var errTooLong = errors.New("the answer is longer than any that Lockstep gives")

// Read reads the answer of an operation whole.
func Read[T any](r *http.Response, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode >= http.StatusBadRequest {
		return nil, problemOf(r)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > MaxAnswer:
		return nil, errTooLong
	}
	out := new(T)
	if r.StatusCode == http.StatusNoContent || len(data) == 0 {
		return out, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("%s is no Lockstep server, or one of another version: %w", r.Request.URL.Host, err)
	}
	return out, nil
}

// maxProblem bounds an error: what is longer is a page of somebody in between.
const maxProblem = 1 << 20

// problemOf reads an answer that is an error. One that is not Lockstep's own, of a
// proxy for one, becomes a Problem that says so.
func problemOf(r *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxProblem))
	if err != nil {
		return err
	}
	p := &Problem{}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && media == "application/problem+json" && json.Unmarshal(data, p) == nil {
		return p
	}
	text, _, _ := strings.Cut(string(bytes.TrimSpace(data)), "\n")
	if len(text) > 200 || strings.HasPrefix(text, "<") {
		text = ""
	}
	return &Problem{
		Type: "about:blank", Title: strings.ReplaceAll(http.StatusText(r.StatusCode), " ", ""), Status: int64(r.StatusCode),
		Detail: strings.TrimSpace("the server answers " + r.Status + " " + text), Place: r.Request.URL.Host,
	}
}
