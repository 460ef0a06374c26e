package db

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// maxRemoved bounds what one transaction removes, so that nobody who appends waits
// long.
const maxRemoved = 5_000

// Retain removes what is older than p says. Whoever else is about to waits, and then
// finds that nothing is left to do.
func (d *DB) Retain(ctx context.Context, p store.Policy, now time.Time) (out store.Removal, err error) {
	err = d.Change(ctx, func(tx Tx) error {
		head, err := d.lock(ctx, tx)
		if err != nil {
			return err
		}
		old, err := outlived(ctx, tx, p, now, head)
		if err != nil {
			return err
		}
		releases, err := removeReleases(ctx, tx, p, now)
		if err != nil || len(old) == 0 && releases == 0 {
			return err
		}
		out = store.Removal{Entries: int64(len(old)), Releases: releases, More: len(old) == maxRemoved || releases == maxRemoved}
		gaps, err := d.remove(ctx, tx, old)
		if err != nil {
			return err
		}
		a := appender{tx: tx, head: head, now: now}
		err = a.add(ctx, store.Record{Draft: store.Draft{
			Time: now, Person: lockstep.Itself(), Verb: "remove", Outcome: string(store.Succeeded),
			Reason: "older than is kept", Detail: checkpoint(p, old, releases, gaps),
		}})
		if err != nil {
			return err
		}
		return a.finish(ctx)
	})
	if err != nil {
		return store.Removal{}, err
	}
	return out, nil
}

func checkpoint(p store.Policy, old []store.Entry, releases int64, gaps []store.Gap) store.RetentionDetail {
	out := store.RetentionDetail{
		Policy: map[store.Kind]string{}, Removed: map[store.Kind]int64{},
		Releases: releases, Count: len(gaps), Gaps: store.DigestGaps(gaps),
	}
	for k, age := range p {
		if age > 0 {
			out.Policy[k] = age.String()
		}
	}
	for _, e := range old {
		out.Removed[e.Kind]++
	}
	return out
}

// outlived returns the oldest entries that the policy does not keep, in order. The
// last entry of the chain always stays: the next one follows it. So does the newest
// checkpoint, which is what the gaps are verified by; the one that Retain is about
// to append takes over from it, and the next run removes it.
func outlived(ctx context.Context, tx Tx, p store.Policy, now time.Time, head store.Head) ([]store.Entry, error) {
	c := &conditions{}
	for _, k := range store.Kinds() {
		if age := p[k]; age > 0 {
			c.add("(kind = ? AND at < ?)", string(k), now.Add(-age).UnixMicro())
		}
	}
	if len(c.parts) == 0 {
		return nil, nil
	}
	var out []store.Entry
	rows, err := tx.Query(ctx, "SELECT "+columns+" FROM entries WHERE seq < ? AND ("+strings.Join(c.parts, " OR ")+") ORDER BY seq LIMIT ?",
		append(append([]any{head.Seq}, c.args...), maxRemoved)...)
	if err != nil {
		return nil, err
	}
	err = walk(rows, func(r *sql.Rows) error {
		e, err := entry(r)
		e.Data = "" // not needed, and there may be many
		out = append(out, e)
		return err
	})
	return out, err
}

// removable deletes releases that are old, but for the newest of a Stack that was not
// deleted since: it is what is live.
const removable = `DELETE FROM releases WHERE id IN (
	SELECT id FROM releases AS r WHERE touched < ? AND (
		EXISTS (SELECT 1 FROM releases AS n WHERE n.namespace = r.namespace AND n.name = r.name AND (n.started, n.id) > (r.started, r.id))
		OR EXISTS (SELECT 1 FROM entries AS e WHERE e.namespace = r.namespace AND e.name = r.name AND e.kind = ? AND e.verb = 'delete' AND e.at >= r.touched)
	) ORDER BY touched LIMIT ?)`

func removeReleases(ctx context.Context, tx Tx, p store.Policy, now time.Time) (int64, error) {
	age := p[store.KindRelease]
	if age <= 0 {
		return 0, nil
	}
	res, err := tx.Exec(ctx, removable, now.Add(-age).UnixMicro(), string(store.KindRelease), maxRemoved)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// remove deletes entries and returns all gaps that there are then.
func (d *DB) remove(ctx context.Context, tx Tx, old []store.Entry) ([]store.Gap, error) {
	var gaps []store.Gap
	rows, err := tx.Query(ctx, "SELECT first, last, prev, hash, newest FROM gaps ORDER BY first")
	if err != nil {
		return nil, err
	}
	err = walk(rows, func(r *sql.Rows) error {
		g, err := gap(r)
		gaps = append(gaps, g)
		return err
	})
	if err != nil {
		return nil, err
	}
	before := slices.Clone(gaps)
	for _, e := range old {
		gaps = append(gaps, store.Gap{From: e.Seq, To: e.Seq, Prev: e.Prev, Hash: e.Hash, Newest: e.Time})
	}
	gaps = merge(gaps)
	for some := range slices.Chunk(old, chunk) {
		args := make([]any, len(some))
		for i, e := range some {
			args[i] = e.Seq
		}
		if _, err := tx.Exec(ctx, "DELETE FROM entries WHERE seq IN ("+marks(len(some))+")", args...); err != nil {
			return nil, err
		}
	}
	return gaps, replace(ctx, tx, before, gaps)
}

// merge joins gaps that touch.
func merge(gaps []store.Gap) []store.Gap {
	slices.SortFunc(gaps, func(a, b store.Gap) int { return int(a.From - b.From) })
	var out []store.Gap
	for _, g := range gaps {
		if n := len(out); n > 0 && out[n-1].To+1 == g.From {
			last := &out[n-1]
			last.To, last.Hash = g.To, g.Hash
			if g.Newest.After(last.Newest) {
				last.Newest = g.Newest
			}
			continue
		}
		out = append(out, g)
	}
	return out
}

// replace writes the gaps that are not as they were.
func replace(ctx context.Context, tx Tx, before, after []store.Gap) error {
	is := map[int64]store.Gap{}
	for _, g := range after {
		is[g.From] = g
	}
	was := map[int64]store.Gap{}
	for _, g := range before {
		was[g.From] = g
		if is[g.From] == g {
			continue
		}
		if _, err := tx.Exec(ctx, "DELETE FROM gaps WHERE first = ?", g.From); err != nil {
			return err
		}
	}
	for _, g := range after {
		if was[g.From] == g {
			continue
		}
		_, err := tx.Exec(ctx, "INSERT INTO gaps (first, last, prev, hash, newest) VALUES ("+marks(5)+")", g.From, g.To, g.Prev, g.Hash, g.Newest.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}
