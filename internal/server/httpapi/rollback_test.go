package httpapi

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

func TestReleaseOf(t *testing.T) {
	one, two, three := strings.Repeat("a", 40), "aaaaaaab"+strings.Repeat("c", 32), strings.Repeat("1", 40)
	s := &v1alpha1.Stack{}
	for i, r := range []string{one, two, three} {
		s.Status.Begin(v1alpha1.Release{ID: int64(i + 1), Revision: r})
	}
	cases := map[string]struct {
		why, to, want string
		kind          error
	}{
		"Number":    {why: "Releases have numbers.", to: "2", want: two},
		"Commit":    {why: "A commit may be older than the history.", to: strings.Repeat("b", 40), want: strings.Repeat("b", 40)},
		"Short":     {why: "What git log prints.", to: "aaaaaaab", want: two},
		"Ambiguous": {why: "Nobody guesses which.", to: "aaaaaaa", kind: fault.KindUsage},
		"TooShort":  {why: "Six digits are a number or nothing.", to: "aaaaaa", kind: fault.KindNotFound},
		"Unknown":   {why: "What is not there is said.", to: "9", kind: fault.KindNotFound},
		"Digits":    {why: "Seven digits are a commit, though they are all numbers.", to: "1111111", want: three},
		"Branch":    {why: "A name moves; what it means tomorrow is not what was read.", to: "main", kind: fault.KindNotFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ReleaseOf(s, lockstep.Unit{Namespace: "shop", Name: "web"}, tc.to)
			if got != tc.want || !errors.Is(err, tc.kind) {
				t.Errorf("%s\ngot %q, %v; want %q, %v", tc.why, got, err, tc.want, tc.kind)
			}
		})
	}
}

func TestRollbackIsWhatWasRead(t *testing.T) {
	now := live.Rollback{Digest: "sha256:1", Accept: []string{"PersistentVolumeClaim/shop/data"}, Risks: []live.Risk{{Level: "loss", Keep: "keep it"}}}
	cases := map[string]struct {
		why  string
		wish RollbackWish
		now  live.Rollback
		kind error
	}{
		"Read":       {why: "What was read and accepted goes ahead.", wish: RollbackWish{Digest: "sha256:1", Accept: now.Accept}, now: now},
		"Moved":      {why: "Another plan was not read.", wish: RollbackWish{Digest: "sha256:2", Accept: now.Accept}, now: now, kind: fault.KindConflict},
		"Unaccepted": {why: "Loss is accepted by name.", wish: RollbackWish{Digest: "sha256:1"}, now: now, kind: fault.KindBlocked},
		"Other":      {why: "Another name is not this one.", wish: RollbackWish{Digest: "sha256:1", Accept: []string{"*"}}, now: now, kind: fault.KindBlocked},
		"Broken":     {why: "Half a rollback is none.", wish: RollbackWish{Digest: "x"}, now: live.Rollback{Digest: "x", Problem: "a kind is unknown"}, kind: fault.KindBlocked},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := tc.wish.check(lockstep.Unit{}, tc.now); !errors.Is(err, tc.kind) {
				t.Errorf("%s\ngot %v, want %v", tc.why, err, tc.kind)
			}
		})
	}
}

func TestHoldWish(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	h, err := RollbackWish{For: "2h", Reason: "because"}.hold(lockstep.Person{Name: "ana"}, "c", at)
	if err != nil || h.Revision != "c" || h.By != "ana" || h.Reason != "because" || h.Until.Format(time.RFC3339) != "2026-01-02T05:04:06Z" {
		t.Errorf("got %+v, %v", h, err)
	}
	for _, bad := range []string{"", "tomorrow", "-1h", "1s", "100000h"} {
		if _, err := (RollbackWish{For: bad}).hold(lockstep.Person{}, "c", at); !errors.Is(err, fault.KindUsage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
