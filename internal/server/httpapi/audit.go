package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// AuditEntry is one thing that happened.
type AuditEntry struct {
	Seq       int64          `json:"seq" doc:"its number in the chain"`
	Time      time.Time      `json:"time"`
	Kind      string         `json:"kind" enum:"release,drift,heal,approval,rollback,pause,login,logout,token,call,retention,gap"`
	Person    AuditPerson    `json:"person"`
	Namespace string         `json:"namespace,omitempty" doc:"of the Stack that it is about"`
	Name      string         `json:"name,omitempty" doc:"of the Stack that it is about"`
	Verb      string         `json:"verb"`
	Outcome   string         `json:"outcome,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Request   string         `json:"request,omitempty" doc:"id of the request or pass that led to it"`
	Data      map[string]any `json:"data" doc:"what the kind has beside"`
	Hash      string         `json:"hash" doc:"over the entry and the hash of the one before"`
}

// AuditPerson is who did it.
type AuditPerson struct {
	Name    string `json:"name"`
	Display string `json:"display,omitempty"`
	Via     string `json:"via,omitempty" doc:"how the person proved who they are"`
}

// AuditPage is a page of entries.
type AuditPage struct {
	Items []AuditEntry `json:"items"`
	Next  string       `json:"next,omitempty" doc:"cursor of the next page"`
	// Head lets who follows begin where the chain ends now.
	Head string `json:"head" doc:"cursor of the newest entry; with order=oldest, entries that come after it"`
	All  bool   `json:"all" doc:"whether entries about everything are shown, and not only those about Stacks that the person may see"`
}

// AuditVerdict is what verifying the chain came to.
type AuditVerdict struct {
	OK       bool   `json:"ok"`
	Entries  int64  `json:"entries" doc:"that were read"`
	Releases int64  `json:"releases" doc:"that were compared with their entries"`
	Removed  int64  `json:"removed" doc:"by retention, with a checkpoint that says so"`
	Head     string `json:"head" doc:"SEQ:HASH of the newest entry, to be kept elsewhere"`
	// Only what is remembered outside of the store shows that its end was cut off.
	Remembered string      `json:"remembered,omitempty" doc:"SEQ:HASH that the chain was held against: that of the request, or else what the server remembers in its cluster; absent for none"`
	Flaws      []AuditFlaw `json:"flaws"`
	More       int         `json:"more,omitempty" doc:"flaws that are not listed"`
}

// AuditFlaw is one thing that is not as it was recorded.
type AuditFlaw struct {
	Kind string `json:"kind" enum:"removed,changed,reordered,truncated,rewritten"`
	From int64  `json:"from" doc:"first entry that it is about"`
	To   int64  `json:"to" doc:"last entry that it is about"`
	What string `json:"what"`
}

// Insights is how delivery did in a span of time. Releases that only undid drift
// are not counted.
type Insights struct {
	Since          time.Time `json:"since"`
	Until          time.Time `json:"until"`
	Releases       int64     `json:"releases" doc:"that ended, superseded ones left out"`
	Failed         int64     `json:"failed"`
	FailureRate    float64   `json:"failureRate" doc:"failed of all, 0 to 1"`
	LeadP50Seconds float64   `json:"leadP50Seconds" doc:"from commit to healthy: half of them took no longer"`
	LeadP90Seconds float64   `json:"leadP90Seconds"`
	Leads          int64     `json:"leads" doc:"releases that the lead times are made of"`
	Heals          int64     `json:"heals"`
	Stacks         int64     `json:"stacks" doc:"that had a release"`
	PerDay         float64   `json:"perDay"`
}

func (f listAudit) filter() store.Filter {
	out := store.Filter{
		Unit: lockstep.Unit{Namespace: f.Namespace, Name: f.Name}, Person: f.Person, Verb: f.Verb, Outcome: f.Outcome,
		Request: f.Request, Since: f.Since, Until: f.Until, Text: f.Text,
	}
	for _, k := range f.Kind {
		out.Kinds = append(out.Kinds, store.Kind(k))
	}
	return out
}

type listAudit struct {
	Namespace string    `query:"namespace" maxLength:"63" doc:"of the Stack"`
	Name      string    `query:"name" maxLength:"253" doc:"of the Stack; with namespace"`
	Kind      []string  `query:"kind" maxItems:"12" enum:"release,drift,heal,approval,rollback,pause,login,logout,token,call,retention,gap"`
	Person    string    `query:"person" maxLength:"1024" doc:"name, or a part of the display name"`
	Verb      string    `query:"verb" maxLength:"100"`
	Outcome   string    `query:"outcome" maxLength:"100"`
	Request   string    `query:"request" maxLength:"100"`
	Since     time.Time `query:"since" doc:"inclusive, RFC 3339"`
	Until     time.Time `query:"until" doc:"exclusive, RFC 3339"`
	Text      string    `query:"q" maxLength:"200" doc:"a text in the entry"`
	Order     string    `query:"order" default:"newest" enum:"newest,oldest"`
	Cursor    string    `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	Limit     int       `query:"limit" default:"50" minimum:"1" maximum:"500"`
}

type timelineInput struct {
	UnitPath
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
}

type verifyInput struct {
	Head string `query:"head" maxLength:"100" doc:"SEQ:HASH that was kept elsewhere"`
}

type insightsInput struct {
	Namespace string `query:"namespace" maxLength:"63"`
	Name      string `query:"name" maxLength:"253" doc:"one Stack; with namespace"`
	Days      int    `query:"days" default:"30" minimum:"1" maximum:"3650"`
}

func registerAudit(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/audit", "listAudit", "What happened, a page at a time", 400, 503),
		func(ctx context.Context, in *listAudit) (*struct{ Body AuditPage }, error) {
			out, err := d.audit(ctx, in)
			if err != nil {
				return nil, problem(err)
			}
			return &struct{ Body AuditPage }{out}, nil
		})
	o := operation(http.MethodGet, "/audit/verify", "verifyAudit", "Whether the record is as it was written", 400, 503)
	o.Description = "Reads the whole chain; needs the permission to list auditentries.lockstep.dev."
	huma.Register(api, o, func(ctx context.Context, in *verifyInput) (*struct{ Body AuditVerdict }, error) {
		out, err := d.verify(ctx, in.Head)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body AuditVerdict }{out}, nil
	})
	o = operation(http.MethodGet, "/stacks/{namespace}/{name}/timeline", "getTimeline", "Releases, drift, heals and what people did with a Stack, newest first", 400, 404, 503)
	huma.Register(api, o, func(ctx context.Context, in *timelineInput) (*struct{ Body AuditPage }, error) {
		out, err := d.timeline(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &struct{ Body AuditPage }{out}, nil
	})
	huma.Register(api, operation(http.MethodGet, "/insights", "getInsights", "Lead time and failure rate", 400, 503),
		func(ctx context.Context, in *insightsInput) (*struct{ Body Insights }, error) {
			out, err := d.insights(ctx, in)
			if err != nil {
				return nil, problem(err)
			}
			return &struct{ Body Insights }{out}, nil
		})
}

// entrySight is what a person may see of the record: all of it, or what is about Stacks
// that the person may see.
type entrySight struct {
	all bool
	see board.Sight
}

func (r entrySight) entry(e store.Entry) bool {
	return r.all || e.Unit.Name != "" && r.see.Contains(e.Unit)
}

func (d *Deps) entrySight(ctx context.Context) (entrySight, error) {
	p, err := who(ctx)
	if err != nil {
		return entrySight{}, err
	}
	err = d.asks(ctx, p, access.Question{Verb: access.List, Resource: access.Record})
	if err == nil {
		return entrySight{all: true}, nil
	}
	if fault.KindOf(err) != fault.KindDenied {
		return entrySight{}, err
	}
	see, err := d.sightOf(ctx, p)
	return entrySight{see: see}, err
}

func (d *Deps) audit(ctx context.Context, in *listAudit) (AuditPage, error) {
	may, err := d.entrySight(ctx)
	if err != nil {
		return AuditPage{}, err
	}
	s, err := d.store()
	if err != nil {
		return AuditPage{}, err
	}
	after, err := position(in.Cursor)
	if err != nil {
		return AuditPage{}, err
	}
	head, err := s.Head(ctx)
	if err != nil {
		return AuditPage{}, err
	}
	q := store.Query{Filter: in.filter(), After: after, Limit: in.Limit, Order: store.NewestFirst}
	if in.Order == "oldest" {
		q.Order = store.OldestFirst
	}
	out, err := visible(ctx, s, q, in.Limit, may)
	out.Head, out.All = cursor(head.Seq), may.all
	return out, err
}

// maxTurns bounds how many pages of the store are looked through for one page of
// somebody who may see little of it. What is left comes with the next page.
const maxTurns = 20

func visible(ctx context.Context, s store.Store, q store.Query, limit int, may entrySight) (AuditPage, error) {
	out := AuditPage{Items: []AuditEntry{}}
	if !may.all {
		q.Limit = 1000
	}
	for range maxTurns {
		page, err := s.Entries(ctx, q)
		if err != nil {
			return out, err
		}
		for i, e := range page.Entries {
			if !may.entry(e) {
				continue
			}
			out.Items = append(out.Items, entryOf(e))
			if len(out.Items) == limit {
				if i < len(page.Entries)-1 || page.Next > 0 {
					out.Next = cursor(e.Seq)
				}
				return out, nil
			}
		}
		q.After, out.Next = page.Next, cursor(page.Next)
		if page.Next == 0 {
			break
		}
	}
	return out, nil
}

func (d *Deps) timeline(ctx context.Context, in *timelineInput) (AuditPage, error) {
	u, s, err := d.historyOf(ctx, in.UnitPath)
	if err != nil {
		return AuditPage{}, err
	}
	after, err := position(in.Cursor)
	if err != nil {
		return AuditPage{}, err
	}
	page, err := s.Entries(ctx, store.Query{
		Filter: store.Filter{Unit: u, Kinds: []store.Kind{store.KindRelease, store.KindHeal, store.KindDrift, store.KindApproval, store.KindRollback, store.KindPause}},
		After:  after, Limit: in.Limit,
	})
	if err != nil {
		return AuditPage{}, err
	}
	out := AuditPage{Items: []AuditEntry{}, Next: cursor(page.Next)}
	for i, e := range page.Entries {
		if e.Outcome == string(store.Progressing) && overtaken(e, page.Entries[:i]) {
			continue // how it ended stands above already
		}
		out.Items = append(out.Items, entryOf(e))
	}
	return out, nil
}

func overtaken(e store.Entry, newer []store.Entry) bool {
	n, ok := numberOf(e)
	for _, o := range newer {
		if m, is := numberOf(o); ok && is && m == n && o.Kind == e.Kind {
			return true
		}
	}
	return false
}

func numberOf(e store.Entry) (int64, bool) {
	if e.Kind != store.KindRelease {
		return 0, false
	}
	d, err := store.ParseDetail(e.Kind, e.Data)
	if err != nil {
		return 0, false
	}
	r, ok := d.(store.ReleaseDetail)
	return r.Number, ok
}

func (d *Deps) verify(ctx context.Context, head string) (AuditVerdict, error) {
	p, err := who(ctx)
	if err != nil {
		return AuditVerdict{}, err
	}
	if err := d.asks(ctx, p, access.Question{Verb: access.List, Resource: access.Record}); err != nil {
		return AuditVerdict{}, err
	}
	remembered, err := store.ParseHead(head)
	if err != nil {
		return AuditVerdict{}, err
	}
	s, err := d.store()
	if err != nil {
		return AuditVerdict{}, err
	}
	if remembered.Seq == 0 && d.Remembered != nil {
		if remembered, err = d.Remembered(ctx, s); err != nil {
			return AuditVerdict{}, err
		}
	}
	v, err := store.Verify(ctx, s, remembered)
	if err != nil {
		return AuditVerdict{}, err
	}
	out := AuditVerdict{OK: v.OK, Entries: v.Entries, Releases: v.Releases, Removed: v.Removed, Head: v.Head.String(), Flaws: []AuditFlaw{}, More: v.More}
	if v.Remembered.Seq > 0 {
		out.Remembered = v.Remembered.String()
	}
	for _, f := range v.Flaws {
		out.Flaws = append(out.Flaws, AuditFlaw{Kind: string(f.Kind), From: f.From, To: f.To, What: f.What})
	}
	return out, nil
}

func (d *Deps) insights(ctx context.Context, in *insightsInput) (Insights, error) {
	p, err := who(ctx)
	if err != nil {
		return Insights{}, err
	}
	u := lockstep.Unit{Namespace: in.Namespace, Name: in.Name}
	if u.Name != "" && u.Namespace == "" {
		return Insights{}, fault.Usage("a Stack is named by namespace and name")
	}
	// Numbers over Stacks that a person may not see would tell of them.
	if err := d.asks(ctx, p, access.Of(access.List, u)); err != nil {
		return Insights{}, err
	}
	s, err := d.store()
	if err != nil {
		return Insights{}, err
	}
	until := time.Now().UTC()
	i, err := s.Insight(ctx, store.Filter{Unit: u, Since: until.AddDate(0, 0, -in.Days), Until: until})
	if err != nil {
		return Insights{}, err
	}
	return Insights{
		Since: i.Window.From, Until: i.Window.To, Releases: i.Releases, Failed: i.Failed, FailureRate: i.FailureRate(),
		LeadP50Seconds: i.LeadP50.Seconds(), LeadP90Seconds: i.LeadP90.Seconds(), Leads: i.Leads, Heals: i.Heals, Stacks: i.Changed, PerDay: i.PerDay,
	}, nil
}

func entryOf(e store.Entry) AuditEntry {
	out := AuditEntry{
		Seq: e.Seq, Time: e.Time, Kind: string(e.Kind), Person: AuditPerson{Name: e.Person.Name, Display: e.Person.Display, Via: string(e.Person.Via)},
		Namespace: e.Unit.Namespace, Name: e.Unit.Name, Verb: e.Verb, Outcome: e.Outcome, Reason: e.Reason, Request: e.Request, Hash: e.Hash,
	}
	if err := json.Unmarshal([]byte(e.Data), &out.Data); err != nil || out.Data == nil {
		out.Data = map[string]any{} // verifying says what happened to it
	}
	return out
}
