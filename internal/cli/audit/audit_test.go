package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// recorded makes a store with three entries and returns its file and its head.
func recorded(t *testing.T) (file string, head store.Head) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "lockstep.db")
	s, err := db.Open(t.Context(), file, db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	head, err = s.Append(t.Context(), storetest.Call(day, storetest.Shop, "because"),
		storetest.Released(storetest.Shop, 1, store.Succeeded, day, day), storetest.Call(day, storetest.Till, "no reason"))
	if err != nil {
		t.Fatal(err)
	}
	return file, head
}

func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	e := env.New("test")
	var out bytes.Buffer
	e.IO.Out, e.IO.Err = &out, &bytes.Buffer{}
	e.Getenv = func(string) string { return "" }
	e.Now = func() time.Time { return day }
	cmd := New(e)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAudit(t *testing.T) {
	file, head := recorded(t)
	other := store.Head{Seq: head.Seq, Hash: store.Origin}
	longer := store.Head{Seq: head.Seq + 1, Hash: store.Origin}
	cases := map[string]struct {
		why     string
		args    []string
		want    []string
		missing string
		kind    fault.Kind // 0 for none
	}{
		"All":       {why: "Newest last, as in a log.", args: nil, want: []string{"ENTRY", "oidc:ana", "payments/till", "release apply", "no reason"}},
		"Stack":     {why: "One Stack only.", args: []string{"--stack", "payments/shop"}, want: []string{"because"}, missing: "till"},
		"Kind":      {why: "One kind only.", args: []string{"--kind", "release"}, want: []string{"release"}, missing: "because"},
		"NoKind":    {why: "A kind that there is not is a mistake, not an empty answer.", args: []string{"--kind", "relase"}, kind: fault.KindUsage},
		"Name":      {why: "Numbers for a script.", args: []string{"-o", "name"}, want: []string{"1\n2\n3\n"}},
		"Verify":    {why: "What nobody touched is ok.", args: []string{"verify"}, want: []string{"ok: 3 entries and 1 releases", "head " + head.String()}},
		"Head":      {why: "Also against what was kept.", args: []string{"verify", "--head", head.String()}, want: []string{"ok"}},
		"Rewritten": {why: "Another hash was kept.", args: []string{"verify", "--head", other.String()}, want: []string{"rewritten"}, kind: fault.KindConflict},
		"Cut":       {why: "There was more.", args: []string{"verify", "--head", longer.String()}, want: []string{"cut off"}, kind: fault.KindConflict},
		"NoHead":    {why: "A head that is none.", args: []string{"verify", "--head", "12"}, kind: fault.KindUsage},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := command(t, append(tc.args, "--store", file)...)
			if tc.kind == 0 && err != nil || tc.kind != 0 && (err == nil || fault.KindOf(err) != tc.kind) {
				t.Errorf("%s\nerror %v", tc.why, err)
			}
			for _, w := range tc.want {
				if !strings.Contains(got, w) {
					t.Errorf("%s\n%q is not in\n%s", tc.why, w, got)
				}
			}
			if tc.missing != "" && strings.Contains(got, tc.missing) {
				t.Errorf("%s\n%q is in\n%s", tc.why, tc.missing, got)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	file, head := recorded(t)
	out, err := command(t, "-o", "json", "--store", file)
	var a Answer
	if err != nil || json.Unmarshal([]byte(out), &a) != nil || len(a.Items) != 3 || a.Items[2].Hash != head.Hash || a.Kind != "AuditEntryList" {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = command(t, "verify", "-o", "json", "--store", file)
	var v VerifyAnswer
	if err != nil || json.Unmarshal([]byte(out), &v) != nil || !v.OK || v.Verdict.Head != head {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNoStore(t *testing.T) {
	for _, args := range [][]string{{"--store", filepath.Join(t.TempDir(), "none.db")}, {"verify", "--store", filepath.Join(t.TempDir(), "none.db")}} {
		if _, err := command(t, args...); err == nil || fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestFollow(t *testing.T) {
	file, _ := recorded(t)
	s, err := db.Open(t.Context(), file, db.Migrated)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	e := env.New("test")
	out := &until{text: "later", done: cancel}
	e.IO.Out = out
	o := &options{IO: e.IO, Now: time.Now, Every: 10 * time.Millisecond, Follow: true, Output: "jsonl", Limit: 50,
		Open: func(ctx context.Context) (store.Store, error) { return db.Open(ctx, file, db.AsItIs) }}
	go func() { _, _ = s.Append(ctx, storetest.Call(day, storetest.Till, "later")) }()
	if err := run(ctx, o); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines\n%s", n, out.String())
	}
}

// until calls done once text was written.
type until struct {
	bytes.Buffer
	text string
	done func()
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Contains(u.String(), u.text) {
		u.done()
	}
	return n, err
}
