package db

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// Head returns the end of the chain.
func (d *DB) Head(ctx context.Context) (h store.Head, err error) {
	return h, d.failed(d.Row(ctx, "SELECT seq, hash FROM chain WHERE id = 1", nil, &h.Seq, &h.Hash))
}

// ChainName tells this chain from others.
func (d *DB) ChainName(ctx context.Context) (name string, err error) {
	err = d.Row(ctx, "SELECT name FROM chain WHERE id = 1", nil, &name)
	return name, d.failed(err)
}

// Entries returns a page.
func (d *DB) Entries(ctx context.Context, q store.Query) (store.Page, error) {
	w := chosen(q.Filter)
	w.entries(q.Filter)
	direction := "DESC"
	if q.Order == store.OldestFirst {
		direction = "ASC"
		w.add("seq > ?", q.After)
	}
	if q.Order == store.NewestFirst && q.After > 0 {
		w.add("seq < ?", q.After)
	}
	limit := store.Limit(q.Limit)
	var page store.Page
	err := d.Rows(ctx, func(r *sql.Rows) error {
		e, err := entry(r)
		page.Entries = append(page.Entries, e)
		return err
	}, "SELECT "+columns+" FROM entries"+w.where()+" ORDER BY seq "+direction+" LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return store.Page{}, err
	}
	if len(page.Entries) > limit {
		page.Entries = page.Entries[:limit]
		page.Next = page.Entries[limit-1].Seq
	}
	return page, nil
}

// Entry returns one.
func (d *DB) Entry(ctx context.Context, seq int64) (store.Entry, error) {
	row := d.read.QueryRowContext(ctx, d.dialect.bind("SELECT "+columns+" FROM entries WHERE seq = ?"), seq)
	e, err := entry(row)
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault.NotFound("there is no entry %d", seq).WithHint("it was never made, or retention has removed it")
	}
	return e, d.failed(err)
}

func entry(row interface{ Scan(...any) error }) (e store.Entry, err error) {
	var at int64
	err = row.Scan(&e.Seq, &e.ID, &at, &e.Kind, &e.Person.Name, &e.Person.Display, &e.Person.Via,
		&e.Unit.Namespace, &e.Unit.Name, &e.Verb, &e.Outcome, &e.Reason, &e.Request, &e.Data, &e.Prev, &e.Hash)
	e.Time = time.UnixMicro(at).UTC()
	return e, err
}

// Gaps returns what retention has removed.
func (d *DB) Gaps(ctx context.Context) (out []store.Gap, err error) {
	err = d.Rows(ctx, func(r *sql.Rows) error {
		g, err := gap(r)
		out = append(out, g)
		return err
	}, "SELECT first, last, prev, hash, newest FROM gaps ORDER BY first")
	return out, err
}

func gap(r *sql.Rows) (g store.Gap, err error) {
	var newest int64
	err = r.Scan(&g.From, &g.To, &g.Prev, &g.Hash, &newest)
	g.Newest = time.UnixMicro(newest).UTC()
	return g, err
}

// Releases returns a page of a Stack's releases.
func (d *DB) Releases(ctx context.Context, q store.ReleaseQuery) (store.ReleasePage, error) {
	w := &conditions{}
	w.add("namespace = ?", q.Unit.Namespace)
	w.add("name = ?", q.Unit.Name)
	in(w, "cause", q.Causes)
	in(w, "outcome", q.Outcomes)
	if q.Revision != "" {
		// There is no column of it: few ask, and a Stack's releases are few.
		w.add("record LIKE ? ESCAPE '!'", like(`"revision":"`+q.Revision+`"`))
	}
	if q.Number > 0 {
		w.add("number = ?", q.Number)
	}
	if q.UID != "" {
		w.add("uid = ?", q.UID)
	}
	var page store.ReleasePage
	if err := d.Row(ctx, "SELECT count(*) FROM releases"+w.where(), w.args, &page.Total); err != nil {
		return page, d.failed(err)
	}
	if q.Before > 0 {
		w.add("(started, id) < (SELECT started, id FROM releases WHERE id = ?)", q.Before)
	}
	limit := store.Limit(q.Limit)
	var ids []int64
	err := d.Rows(ctx, func(rows *sql.Rows) error {
		var id int64
		var record string
		if err := rows.Scan(&id, &record); err != nil {
			return err
		}
		r, err := decode(q.Unit, record, "")
		ids, page.Releases = append(ids, id), append(page.Releases, r)
		return err
	}, "SELECT id, record FROM releases"+w.where()+" ORDER BY started DESC, id DESC LIMIT ?", append(w.args, limit+1)...)
	if err != nil {
		return store.ReleasePage{}, err
	}
	if len(ids) > limit {
		page.Releases, page.Next = page.Releases[:limit], ids[limit-1]
	}
	return page, nil
}

// Release returns one whole.
func (d *DB) Release(ctx context.Context, u lockstep.Unit, number int64) (store.Release, error) {
	w := &conditions{}
	w.add("namespace = ?", u.Namespace)
	w.add("name = ?", u.Name)
	if number > 0 {
		w.add("number = ?", number)
	}
	var record, objects string
	err := d.Row(ctx, "SELECT record, objects FROM releases"+w.where()+" ORDER BY started DESC, id DESC LIMIT 1", w.args, &record, &objects)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Release{}, fault.NotFound("stack %s has no release %d", u, number).WithHint("list them with: lockstep history %s", u)
	}
	if err != nil {
		return store.Release{}, d.failed(err)
	}
	return decode(u, record, objects)
}

// EachRelease calls f for each release, whole, in the order in which they came.
func (d *DB) EachRelease(ctx context.Context, f func(store.Release) error) error {
	return d.Rows(ctx, func(rows *sql.Rows) error {
		var u lockstep.Unit
		var record, objects string
		if err := rows.Scan(&u.Namespace, &u.Name, &record, &objects); err != nil {
			return err
		}
		r, err := decode(u, record, objects)
		if err != nil {
			return err
		}
		return f(r)
	}, "SELECT namespace, name, record, objects FROM releases ORDER BY id")
}

// maxLeads bounds how many releases a lead time is made of.
const maxLeads = 10_000

// Insight returns how delivery did.
func (d *DB) Insight(ctx context.Context, f store.Filter) (store.Insight, error) {
	out := store.Insight{Window: store.Window{From: f.Since, To: f.Until}}
	w := chosen(f)
	w.add("cause <> ?", "drift")
	w.add("ended > 0 AND outcome IN (?, ?)", string(store.Succeeded), string(store.Failed))
	w.span("ended", f.Since, f.Until)
	err := d.Row(ctx, "SELECT count(*), coalesce(sum(CASE WHEN outcome = 'Failed' THEN 1 ELSE 0 END), 0), count(DISTINCT namespace || '/' || name) FROM releases"+w.where(),
		w.args, &out.Releases, &out.Failed, &out.Changed)
	if err != nil {
		return out, d.failed(err)
	}
	h := chosen(f)
	h.add("kind = ?", string(store.KindHeal))
	h.span("at", f.Since, f.Until)
	if err := d.Row(ctx, "SELECT count(*) FROM entries"+h.where(), h.args, &out.Heals); err != nil {
		return out, d.failed(err)
	}
	w.add("lead > 0")
	var leads []time.Duration
	err = d.Rows(ctx, func(r *sql.Rows) error {
		var micros int64
		err := r.Scan(&micros)
		leads = append(leads, time.Duration(micros)*time.Microsecond)
		return err
	}, "SELECT lead FROM releases"+w.where()+" ORDER BY ended DESC LIMIT ?", append(w.args, maxLeads+1)...)
	if err != nil {
		return out, err
	}
	if len(leads) > maxLeads {
		leads, out.Truncated = leads[:maxLeads], true
	}
	slices.Sort(leads)
	out.Leads, out.LeadP50, out.LeadP90 = int64(len(leads)), rank(leads, 50), rank(leads, 90)
	if days := f.Until.Sub(f.Since).Hours() / 24; !f.Since.IsZero() && days > 0 {
		out.PerDay = float64(out.Releases) / days
	}
	return out, nil
}

// rank returns the smallest value that percent of the values do not exceed.
func rank(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*percent+99)/100-1]
}

// Counts returns how much is kept.
func (d *DB) Counts(ctx context.Context) (store.Counts, error) {
	out := store.Counts{Entries: map[store.Kind]int64{}}
	err := d.Rows(ctx, func(r *sql.Rows) error {
		var k store.Kind
		var n int64
		err := r.Scan(&k, &n)
		out.Entries[k] = n
		return err
	}, "SELECT kind, count(*) FROM entries GROUP BY kind")
	if err != nil {
		return out, err
	}
	var oldest int64
	if err := d.Row(ctx, "SELECT coalesce(min(at), 0) FROM entries", nil, &oldest); err != nil {
		return out, d.failed(err)
	}
	if oldest > 0 {
		out.Oldest = time.UnixMicro(oldest).UTC()
	}
	return out, d.failed(d.Row(ctx, "SELECT count(*) FROM releases", nil, &out.Releases))
}

// conditions are joined by AND.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = store.Clean(s) // what cannot be kept cannot be asked for either
		}
	}
	c.parts, c.args = append(c.parts, part), append(c.args, args...)
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

func (c *conditions) span(column string, since, until time.Time) {
	if !since.IsZero() {
		c.add(column+" >= ?", since.UnixMicro())
	}
	if !until.IsZero() {
		c.add(column+" < ?", until.UnixMicro())
	}
}

func in[S ~string](c *conditions, column string, values []S) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	c.add(column+" IN ("+marks(len(values))+")", args...)
}

// chosen is the part of a filter that entries and releases have in common: which
// Stacks.
func chosen(f store.Filter) *conditions {
	c := &conditions{}
	if f.Unit.Namespace != "" {
		c.add("namespace = ?", f.Unit.Namespace)
	}
	if f.Unit.Name != "" {
		c.add("name = ?", f.Unit.Name)
	}
	switch {
	case f.Namespaces != nil && len(f.Namespaces) == 0:
		c.add("1 = 0")
	default:
		in(c, "namespace", f.Namespaces)
	}
	for _, u := range f.Hidden {
		c.add("NOT (namespace = ? AND name = ?)", u.Namespace, u.Name)
	}
	return c
}

func (c *conditions) entries(f store.Filter) {
	in(c, "kind", f.Kinds)
	c.span("at", f.Since, f.Until)
	for _, equal := range [][2]string{{"verb", f.Verb}, {"outcome", f.Outcome}, {"request", f.Request}} {
		if equal[1] != "" {
			c.add(equal[0]+" = ?", equal[1])
		}
	}
	if f.Person != "" {
		c.add("(person = ? OR lower(display) LIKE ? ESCAPE '!')", f.Person, like(f.Person))
	}
	if f.Text != "" {
		text := like(f.Text)
		c.add("(lower(reason) LIKE ? ESCAPE '!' OR lower(verb) LIKE ? ESCAPE '!' OR lower(outcome) LIKE ? ESCAPE '!' OR lower(namespace || '/' || name) LIKE ? ESCAPE '!' OR lower(person) LIKE ? ESCAPE '!' OR lower(data) LIKE ? ESCAPE '!')",
			text, text, text, text, text, text)
	}
}

// like returns the pattern of texts that hold s.
func like(s string) string {
	s = strings.ToLower(store.Clean(s))
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) + "%"
}
