// Package audit is the commands that read the record of what happened, and find out
// whether somebody has changed it.
package audit

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
)

// place says where the record is.
type place struct {
	address, file string
	getenv        func(string) string
	cache         func() (string, error)
}

func (p *place) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.address, "store", "", "where the history is kept: a file or postgres://… (default $LOCKSTEP_STORE, else that of a server on this machine)")
	cmd.Flags().StringVar(&p.file, "store-file", "", "file that holds what --store would say, for an address with a password")
}

// open opens the store to look at it. Nothing is changed in it.
func (p *place) open(ctx context.Context) (store.Store, error) {
	address := p.address
	switch {
	case p.address != "" && p.file != "":
		return nil, fault.Usage("both --store and --store-file are given").WithHint("give one of them")
	case p.file != "":
		text, err := os.ReadFile(p.file)
		if err != nil {
			return nil, fault.Usage("--store-file %q cannot be read", p.file).Because(err)
		}
		address = strings.TrimSpace(string(text))
	case address == "":
		address = p.getenv("LOCKSTEP_STORE")
	}
	if address == "" {
		cache, err := p.cache()
		if err != nil {
			return nil, err
		}
		address = filepath.Join(cache, "server", "lockstep.db")
		if _, err := os.Stat(address); err != nil && os.IsNotExist(err) {
			return nil, fault.NotFound("there is no store of a server on this machine").Because(fs.ErrNotExist).
				WithHint("say where it is with --store: lockstep.db in the server's data directory, or the URL of its PostgreSQL")
		}
	}
	s, err := db.Open(ctx, address, db.AsItIs)
	if err != nil {
		return nil, err
	}
	return s, nil
}

type options struct {
	IO     *term.IO
	Open   func(context.Context) (store.Store, error)
	Now    func() time.Time
	Filter store.Filter
	Kinds  []string
	Stack  string
	Since  time.Duration
	Limit  int
	Follow bool
	Every  time.Duration
	Output string
}

// New returns the command and those below it.
func New(e *env.Env) *cobra.Command {
	p := &place{getenv: e.Getenv, cache: e.CacheDir}
	o := &options{IO: e.IO, Open: p.open, Now: e.Now, Every: time.Second}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read the record of what happened",
		Long: `Read the record of what happened: releases, drift, heals, approvals, rollbacks,
pauses, logins, tokens and every request that changes something, newest last.

It is read from the store of the server: the file lockstep.db in its data directory,
or its PostgreSQL.`,
		Example: `  lockstep audit --store /var/lib/lockstep/lockstep.db

  # what ana did to one stack this week
  lockstep audit --stack payments/shop --person oidc:ana --since 168h

  # as it happens, for a script
  lockstep audit -f -o jsonl

  # was anything changed afterwards?
  lockstep audit verify`,
		Args: env.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Stack != "" {
				u, err := e.Unit(o.Stack)
				if err != nil {
					return err
				}
				o.Filter.Unit = u
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Stack, "stack", "", "only about this stack")
	f.StringSliceVar(&o.Kinds, "kind", nil, "only these kinds: "+kinds())
	f.StringVar(&o.Filter.Person, "person", "", "only by this person: the name, or a part of the display name")
	f.StringVar(&o.Filter.Verb, "verb", "", "only with this verb")
	f.StringVar(&o.Filter.Text, "text", "", "only with this text in it")
	f.DurationVar(&o.Since, "since", 0, "only what is not older than this")
	f.IntVar(&o.Limit, "limit", 50, "how many entries, 1000 at most")
	f.BoolVarP(&o.Follow, "follow", "f", false, "go on as entries come, until interrupted")
	p.bind(cmd)
	env.Output(cmd, &o.Output, form.Listing)
	cmd.AddCommand(newVerify(e))
	return cmd
}

func kinds() string {
	var out []string
	for _, k := range store.Kinds() {
		out = append(out, string(k))
	}
	return strings.Join(out, ", ")
}

// Entry is what -o json prints of an entry.
type Entry struct {
	Seq       int64           `json:"seq"`
	Time      time.Time       `json:"time"`
	Kind      store.Kind      `json:"kind"`
	Person    string          `json:"person"`
	Via       lockstep.Proof  `json:"via,omitempty"`
	Namespace string          `json:"namespace,omitempty"`
	Name      string          `json:"name,omitempty"`
	Verb      string          `json:"verb"`
	Outcome   string          `json:"outcome,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Request   string          `json:"request,omitempty"`
	Data      json.RawMessage `json:"data"`
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
}

// Answer is what -o json prints.
type Answer struct {
	form.Head `json:",inline"`
	Items     []Entry `json:"items"`
}

func run(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Listing)
	if err != nil {
		return err
	}
	for _, k := range o.Kinds {
		if !strings.Contains(", "+kinds()+",", ", "+k+",") {
			return fault.Usage("there is no kind %q", k).WithHint("one of %s", kinds())
		}
		o.Filter.Kinds = append(o.Filter.Kinds, store.Kind(k))
	}
	if o.Since > 0 {
		o.Filter.Since = o.Now().Add(-o.Since)
	}
	if o.Follow && f.Is(form.JSON, form.YAML) {
		return fault.Usage("-f has no end, and %s has one", o.Output).WithHint("-o jsonl")
	}
	s, err := o.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // nothing was written
	page, err := s.Entries(ctx, store.Query{Filter: o.Filter, Limit: o.Limit})
	if err != nil {
		return err
	}
	// Newest last, as in a log; the newest are what was asked for.
	var newest int64
	items := make([]Entry, 0, len(page.Entries))
	for i := len(page.Entries) - 1; i >= 0; i-- {
		items = append(items, entryOf(page.Entries[i]))
		newest = page.Entries[i].Seq
	}
	if err := o.print(f, items, true); err != nil || !o.Follow {
		return err
	}
	return o.follow(ctx, s, f, newest)
}

func (o *options) follow(ctx context.Context, s store.Store, f form.Form, after int64) error {
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		page, err := s.Entries(ctx, store.Query{Filter: o.Filter, Order: store.OldestFirst, After: after, Limit: 1000})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		var items []Entry
		for _, e := range page.Entries {
			items, after = append(items, entryOf(e)), e.Seq
		}
		if len(items) == 0 {
			continue
		}
		if err := o.print(f, items, false); err != nil {
			return err
		}
	}
}

func entryOf(e store.Entry) Entry {
	data := json.RawMessage(e.Data)
	if !json.Valid(data) {
		data = json.RawMessage("null") // verify says what happened to it
	}
	return Entry{
		Seq: e.Seq, Time: e.Time, Kind: e.Kind, Person: e.Person.Name, Via: e.Person.Via, Namespace: e.Unit.Namespace, Name: e.Unit.Name,
		Verb: e.Verb, Outcome: e.Outcome, Reason: e.Reason, Request: e.Request, Data: data, Prev: e.Prev, Hash: e.Hash,
	}
}

func (o *options) print(f form.Form, items []Entry, first bool) error {
	if !f.ForPeople() {
		each := make([]any, len(items))
		for i, e := range items {
			each[i] = e
		}
		return f.Write(o.IO.Out, Answer{form.Of("AuditEntryList"), items}, each...)
	}
	if f.Is(form.Name) {
		for _, e := range items {
			o.IO.Printf("%d\n", e.Seq)
		}
		return nil
	}
	if len(items) == 0 {
		o.IO.Notef("nothing on record")
		return nil
	}
	t := term.Table{}
	if first {
		t.Header = []string{"ENTRY", "TIME", "WHO", "WHAT", "STACK", "OUTCOME", "WHY"}
	}
	for _, e := range items {
		on := ""
		if e.Name != "" {
			on = e.Namespace + "/" + e.Name
		}
		t.Add(number(e.Seq), e.Time.Format(time.RFC3339), e.Person, string(e.Kind)+" "+e.Verb, on, term.Cell{Text: e.Outcome, Style: style(e.Outcome)}, firstLine(e.Reason))
	}
	o.IO.Print(t)
	return nil
}
