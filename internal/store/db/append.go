package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// chunk is how many entries go in one statement: SQLite takes 32,766 parameters.
const chunk = 200

// Append keeps records in order, all or none.
func (d *DB) Append(ctx context.Context, records ...store.Record) (store.Head, error) {
	var head store.Head
	err := d.Change(ctx, func(tx Tx) (err error) {
		if head, err = d.lock(ctx, tx); err != nil {
			return err
		}
		known, err := kept(ctx, tx, records)
		if err != nil {
			return err
		}
		a := appender{tx: tx, head: head, now: time.Now()}
		for _, r := range records {
			if r.Draft.ID != "" && known[r.Draft.ID] {
				continue
			}
			if err := a.add(ctx, r); err != nil {
				return err
			}
			if r.Draft.ID != "" {
				known[r.Draft.ID] = true
			}
		}
		head = a.head
		return a.finish(ctx)
	})
	if err != nil {
		return store.Head{}, err
	}
	return head, nil
}

// lock makes this transaction the only one that appends, in whatever process, and
// returns where the chain ends. SQLite has locked when the transaction began.
func (d *DB) lock(ctx context.Context, tx Tx) (h store.Head, err error) {
	query := "SELECT seq, hash FROM chain WHERE id = 1"
	if d.dialect == postgres {
		query += " FOR UPDATE"
	}
	err = tx.QueryRow(ctx, query).Scan(&h.Seq, &h.Hash)
	return h, err
}

// kept returns the IDs that are kept already.
func kept(ctx context.Context, tx Tx, records []store.Record) (map[string]bool, error) {
	known := map[string]bool{}
	for len(records) > 0 {
		n := min(len(records), chunk)
		args := make([]any, n)
		for i, r := range records[:n] {
			args[i] = r.Draft.ID
		}
		records = records[n:]
		rows, err := tx.Query(ctx, "SELECT id FROM entries WHERE id IN ("+marks(n)+")", args...)
		if err != nil {
			return nil, err
		}
		err = walk(rows, func(r *sql.Rows) error {
			var id string
			err := r.Scan(&id)
			known[id] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

type appender struct {
	tx      Tx
	head    store.Head
	now     time.Time
	pending []store.Entry
	moved   bool
}

func (a *appender) add(ctx context.Context, r store.Record) error {
	if r.Release != nil {
		at := r.Draft.Time
		if at.IsZero() {
			at = a.now
		}
		kept := r.Release.Clean()
		digest, err := upsert(ctx, a.tx, kept, at)
		if err != nil {
			return err
		}
		r.Draft.Detail, r.Draft.Unit = withRecord(r.Draft.Detail, kept, digest), kept.Unit
	}
	e, err := r.Draft.Entry(a.now)
	if err != nil {
		return err
	}
	e = e.After(a.head)
	a.head, a.moved = store.Head{Seq: e.Seq, Hash: e.Hash}, true
	a.pending = append(a.pending, e)
	if len(a.pending) == chunk {
		return a.flush(ctx)
	}
	return nil
}

// withRecord puts the digest of a release's row, and its name, into the entry about
// it.
func withRecord(d store.Detail, r store.Release, digest string) store.Detail {
	switch d := d.(type) {
	case store.ReleaseDetail:
		d.UID, d.Number, d.Record = r.UID, r.Number, digest
		return d
	case store.HealDetail:
		d.UID, d.Number, d.Record = r.UID, r.Number, digest
		return d
	}
	return d
}

const columns = "seq, id, at, kind, person, display, via, namespace, name, verb, outcome, reason, request, data, prev, hash"

func (a *appender) flush(ctx context.Context) error {
	if len(a.pending) == 0 {
		return nil
	}
	row := "(" + marks(16) + ")"
	args := make([]any, 0, 16*len(a.pending))
	for _, e := range a.pending {
		args = append(args, e.Seq, e.ID, e.Time.UnixMicro(), string(e.Kind), e.Person.Name, e.Person.Display, string(e.Person.Via),
			e.Unit.Namespace, e.Unit.Name, e.Verb, e.Outcome, e.Reason, e.Request, e.Data, e.Prev, e.Hash)
	}
	rows := strings.TrimSuffix(strings.Repeat(row+", ", len(a.pending)), ", ")
	a.pending = a.pending[:0]
	_, err := a.tx.Exec(ctx, "INSERT INTO entries ("+columns+") VALUES "+rows, args...)
	return err
}

func (a *appender) finish(ctx context.Context) error {
	if !a.moved {
		return nil
	}
	if err := a.flush(ctx); err != nil {
		return err
	}
	_, err := a.tx.Exec(ctx, "UPDATE chain SET seq = ?, hash = ? WHERE id = 1", a.head.Seq, a.head.Hash)
	return err
}

// upsert keeps what r knows of a release beside what is known, and returns the
// digest of both.
func upsert(ctx context.Context, tx Tx, r store.Release, at time.Time) (string, error) {
	old, found, err := releaseIn(ctx, tx, r)
	if err != nil {
		return "", err
	}
	if found {
		r = r.Merge(old)
	}
	objects, err := json.Marshal(r.Objects)
	if err != nil {
		return "", fault.Internal(err)
	}
	digest := r.Digest()
	list := r
	list.Objects = nil
	record, err := json.Marshal(list)
	if err != nil {
		return "", fault.Internal(err)
	}
	args := []any{
		r.Cause, string(r.Outcome), micros(r.Steps.Started), micros(r.Steps.Ended), r.Lead().Microseconds(), at.UnixMicro(), string(record), string(objects),
		r.Unit.Namespace, r.Unit.Name, r.UID, r.Number,
	}
	query := "INSERT INTO releases (cause, outcome, started, ended, lead, touched, record, objects, namespace, name, uid, number) VALUES (" + marks(12) + ")"
	if found {
		query = "UPDATE releases SET cause = ?, outcome = ?, started = ?, ended = ?, lead = ?, touched = ?, record = ?, objects = ? WHERE namespace = ? AND name = ? AND uid = ? AND number = ?"
	}
	_, err = tx.Exec(ctx, query, args...)
	return digest, err
}

func releaseIn(ctx context.Context, tx Tx, r store.Release) (old store.Release, found bool, err error) {
	var record, objects string
	err = tx.QueryRow(ctx, "SELECT record, objects FROM releases WHERE namespace = ? AND name = ? AND uid = ? AND number = ?",
		r.Unit.Namespace, r.Unit.Name, r.UID, r.Number).Scan(&record, &objects)
	if errors.Is(err, sql.ErrNoRows) {
		return old, false, nil
	}
	if err != nil {
		return old, false, err
	}
	old, err = decode(r.Unit, record, objects)
	return old, true, err
}

// decode reads a release as it is kept.
func decode(u lockstep.Unit, record, objects string) (r store.Release, err error) {
	if err := json.Unmarshal([]byte(record), &r); err != nil {
		return r, fault.Invalid("the record of a release of %s cannot be read", u).Because(err)
	}
	if objects != "" {
		if err := json.Unmarshal([]byte(objects), &r.Objects); err != nil {
			return r, fault.Invalid("the objects of release %d of %s cannot be read", r.Number, u).Because(err)
		}
	}
	r.Unit = u
	return r, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
