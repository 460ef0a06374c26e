// Package credentialstest holds every promise of credentials.Keeper.
package credentialstest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// day is when everything here happens.
var day = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Run holds what open returns to the contract. Each test opens an empty one.
func Run(t *testing.T, open func(*testing.T) credentials.Keeper) {
	for name, test := range map[string]func(*testing.T, credentials.Keeper){
		"Sessions":     sessions,
		"Rotation":     rotation,
		"Expiry":       expiry,
		"EndLogins":    endLogins,
		"Checks":       checks,
		"Tokens":       tokens,
		"Vouchers":     vouchers,
		"Once":         once,
		"OnceForOne":   onceForOne,
		"HostileNames": hostileNames,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func login(id, person string) credentials.Login {
	return credentials.Login{
		ID: id, Provider: "gitea", Subject: "sub-" + person, Sid: "sid-" + id,
		Person:  lockstep.Person{Name: person, Groups: []string{"b", "a"}, Display: "Ana", Via: lockstep.ProofSession},
		Sealed:  []byte{0, 1, 255},
		Created: day, Checked: day, Expires: day.Add(time.Hour),
	}
}

func session(id, login string) credentials.Session {
	return credentials.Session{ID: id, Login: login, Kind: credentials.Browser, Client: "Firefox", Address: "10.0.0.1", Hash: "hash-" + id, Created: day, Rotated: day, Seen: day}
}

// begun has a login with a session of the same id.
func begun(t *testing.T, k credentials.Keeper, id, person string) {
	t.Helper()
	must(t, k.AddLogin(t.Context(), login(id, person)))
	must(t, k.AddSession(t.Context(), session(id, id)))
}

func sessions(t *testing.T, k credentials.Keeper) {
	if any, err := k.AnyLogin(t.Context()); any || err != nil {
		t.Errorf("AnyLogin of an empty keeper is %v, %v", any, err)
	}
	begun(t, k, "one", "ana")
	s, l, err := k.SessionOf(t.Context(), "hash-one", day)
	must(t, err)
	if diff := cmp.Diff(session("one", "one"), s, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("the session (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(login("one", "ana"), l, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("the login (-want +got):\n%s", diff)
	}
	if _, _, err := k.SessionOf(t.Context(), "hash-other", day); err == nil || fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a session that is not there is %v, want NotFound", err)
	}
	if err := k.AddSession(t.Context(), session("two", "no-login")); err == nil || fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a session on no login is %v, want NotFound", err)
	}
	later := session("two", "one")
	later.Created, later.Kind = day.Add(time.Minute), credentials.CLI
	must(t, k.AddSession(t.Context(), later))
	list, err := k.Sessions(t.Context(), "ana", day)
	must(t, err)
	if len(list) != 2 || list[0].ID != "two" || list[1].ID != "one" {
		t.Errorf("the sessions of ana are %v, want the newest first", list)
	}
	if list, err := k.Sessions(t.Context(), "mia", day); len(list) > 0 || err != nil {
		t.Errorf("the sessions of mia are %v, %v", list, err)
	}
	must(t, k.Saw(t.Context(), map[string]time.Time{"one": day.Add(time.Minute), "gone": day}, nil))
	if s, _, _ := k.SessionOf(t.Context(), "hash-one", day); !s.Seen.Equal(day.Add(time.Minute)) {
		t.Errorf("seen at %s", s.Seen)
	}
	for _, id := range []string{"one", "two"} {
		if ok, err := k.EndSession(t.Context(), id); !ok || err != nil {
			t.Errorf("EndSession: %v, %v", ok, err)
		}
		if ok, err := k.EndSession(t.Context(), id); ok || err != nil {
			t.Errorf("EndSession once more: %v, %v", ok, err)
		}
	}
	if err := k.AddSession(t.Context(), session("three", "one")); err == nil || fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a login outlives its last session: %v", err)
	}
	if any, err := k.AnyLogin(t.Context()); !any || err != nil {
		t.Errorf("AnyLogin forgets who was here: %v, %v", any, err)
	}
}

func rotation(t *testing.T, k credentials.Keeper) {
	begun(t, k, "one", "ana")
	ok, err := k.Rotate(t.Context(), "one", "hash-one", "new", day.Add(time.Second), day.Add(time.Minute))
	if !ok || err != nil {
		t.Fatalf("Rotate: %v, %v", ok, err)
	}
	if ok, _ := k.Rotate(t.Context(), "one", "hash-one", "newer", day, day.Add(time.Minute)); ok {
		t.Error("two rotated the same secret")
	}
	if _, _, err := k.SessionOf(t.Context(), "hash-one", day.Add(59*time.Second)); err != nil {
		t.Errorf("the secret before is refused within its grace: %v", err)
	}
	if _, _, err := k.SessionOf(t.Context(), "hash-one", day.Add(time.Minute)); err == nil {
		t.Error("the secret before is taken after its grace")
	}
	s, _, err := k.SessionOf(t.Context(), "new", day.Add(time.Minute))
	if err != nil || !s.Rotated.Equal(day.Add(time.Second)) {
		t.Errorf("the new secret: %v, %v", s, err)
	}
}

func expiry(t *testing.T, k credentials.Keeper) {
	begun(t, k, "one", "ana")
	after := day.Add(time.Hour)
	if _, _, err := k.SessionOf(t.Context(), "hash-one", after); err == nil {
		t.Error("a session outlives its login")
	}
	if list, _ := k.Sessions(t.Context(), "ana", after); len(list) > 0 {
		t.Errorf("expired sessions are listed: %v", list)
	}
	must(t, k.Sweep(t.Context(), after))
	if _, _, err := k.SessionOf(t.Context(), "hash-one", day); err == nil {
		t.Error("a swept session is there")
	}
	begun(t, k, "two", "ana")
	begun(t, k, "three", "ana")
	must(t, k.Saw(t.Context(), map[string]time.Time{"three": day.Add(time.Minute)}, nil))
	must(t, k.EndIdle(t.Context(), credentials.CLI, day.Add(time.Hour)))
	must(t, k.EndIdle(t.Context(), credentials.Browser, day.Add(time.Minute)))
	list, err := k.Sessions(t.Context(), "ana", day)
	if err != nil || len(list) != 1 || list[0].ID != "three" {
		t.Errorf("after the idle ones are ended there is %v, %v", list, err)
	}
}

func endLogins(t *testing.T, k credentials.Keeper) {
	for name, tc := range map[string]struct {
		whose credentials.Whose
		want  int
	}{
		"ID":      {credentials.Whose{ID: "one"}, 1},
		"Person":  {credentials.Whose{Person: "ana"}, 2},
		"Subject": {credentials.Whose{Provider: "gitea", Subject: "sub-ana"}, 2},
		"Sid":     {credentials.Whose{Provider: "gitea", Subject: "sub-ana", Sid: "sid-two"}, 1},
		"Others":  {credentials.Whose{Provider: "other", Subject: "sub-ana"}, 0},
		"Nobody":  {credentials.Whose{}, 0},
	} {
		_, _ = k.EndLogins(t.Context(), credentials.Whose{Person: "ana"})
		_, _ = k.EndLogins(t.Context(), credentials.Whose{Person: "mia"})
		begun(t, k, "one", "ana")
		begun(t, k, "two", "ana")
		begun(t, k, "three", "mia")
		n, err := k.EndLogins(t.Context(), tc.whose)
		if n != tc.want || err != nil {
			t.Errorf("%s: ended %d, %v; want %d", name, n, err, tc.want)
		}
		left := 0
		for _, id := range []string{"one", "two", "three"} {
			if _, _, err := k.SessionOf(t.Context(), "hash-"+id, day); err == nil {
				left++
			}
		}
		if left != 3-tc.want {
			t.Errorf("%s: %d sessions are left, want %d", name, left, 3-tc.want)
		}
	}
}

func checks(t *testing.T, k credentials.Keeper) {
	for i, id := range []string{"late", "early", "unasked", "over"} {
		l := login(id, "ana")
		l.Checked = day.Add(time.Duration(-i) * time.Minute)
		if id == "unasked" {
			l.Sealed = nil
		}
		if id == "over" {
			l.Expires = day
		}
		must(t, k.AddLogin(t.Context(), l))
	}
	due, err := k.DueLogins(t.Context(), day, day.Add(time.Second), 10)
	must(t, err)
	if len(due) != 2 || due[0].ID != "early" || due[1].ID != "late" {
		t.Fatalf("due are %v, want the longest unchecked first, and none that cannot be asked or is over", due)
	}
	if due, _ := k.DueLogins(t.Context(), day, day.Add(time.Second), 1); len(due) != 1 {
		t.Errorf("of one at most there are %d", len(due))
	}
	mine := due[0]
	mine.Checked, mine.Person.Groups, mine.Sealed = day.Add(time.Second), []string{"c"}, []byte("new")
	if ok, err := k.ChangeLogin(t.Context(), mine, due[0].Checked); !ok || err != nil {
		t.Fatalf("ChangeLogin: %v, %v", ok, err)
	}
	if ok, _ := k.ChangeLogin(t.Context(), mine, due[0].Checked); ok {
		t.Error("two replicas check the same login")
	}
	must(t, k.AddSession(t.Context(), session("one", "early")))
	_, l, err := k.SessionOf(t.Context(), "hash-one", day)
	must(t, err)
	if diff := cmp.Diff(mine, l, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("what the check found (-want +got):\n%s", diff)
	}
}

func tokens(t *testing.T, k credentials.Keeper) {
	made := credentials.Token{
		ID: "one", Name: "bot", Hash: "hash-one", By: "ana", Created: day, Expires: day.Add(time.Hour),
		Person: lockstep.Person{Name: "machine:bot", Via: lockstep.ProofToken, Scopes: []string{"get:payments"}},
	}
	all := made
	all.ID, all.Hash, all.Created, all.Person.Scopes, all.Person.Name, all.By = "two", "hash-two", day.Add(time.Second), nil, "mia", "mia"
	must(t, k.AddToken(t.Context(), made))
	must(t, k.AddToken(t.Context(), all))
	for _, want := range []credentials.Token{made, all} {
		got, err := k.TokenOf(t.Context(), want.Hash, day)
		must(t, err)
		// No scopes and none that would match are not the same.
		if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
			t.Errorf("the token (-want +got):\n%s", diff)
		}
	}
	if _, err := k.TokenOf(t.Context(), "hash-one", day.Add(time.Hour)); err == nil || fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("an expired token is %v, want NotFound", err)
	}
	for person, want := range map[string]int{"": 2, "ana": 1, "machine:bot": 1, "mia": 1, "bo": 0} {
		if list, err := k.Tokens(t.Context(), person, day); len(list) != want || err != nil {
			t.Errorf("tokens of %q: %v, %v; want %d", person, list, err, want)
		}
	}
	must(t, k.Saw(t.Context(), nil, map[string]time.Time{"one": day.Add(time.Minute)}))
	if got, _ := k.TokenOf(t.Context(), "hash-one", day); !got.Used.Equal(day.Add(time.Minute)) {
		t.Errorf("used at %s", got.Used)
	}
	if ok, err := k.EndToken(t.Context(), "one"); !ok || err != nil {
		t.Errorf("EndToken: %v, %v", ok, err)
	}
	if ok, _ := k.EndToken(t.Context(), "one"); ok {
		t.Error("a token was ended twice")
	}
	if n, err := k.EndTokens(t.Context(), "mia"); n != 1 || err != nil {
		t.Errorf("EndTokens: %d, %v", n, err)
	}
	if list, _ := k.Tokens(t.Context(), "", day); len(list) > 0 {
		t.Errorf("left are %v", list)
	}
}

func once(t *testing.T, k credentials.Keeper) {
	o := credentials.Once{Key: "code:x", Payload: []byte{0, 255}, Expires: day.Add(time.Minute)}
	if ok, err := k.Put(t.Context(), o); !ok || err != nil {
		t.Fatalf("Put: %v, %v", ok, err)
	}
	if ok, err := k.Put(t.Context(), o); ok || err != nil {
		t.Errorf("Put once more: %v, %v", ok, err)
	}
	if got, ok, err := k.Peek(t.Context(), "code:x", day); !ok || err != nil || string(got.Payload) != string(o.Payload) {
		t.Errorf("Peek: %v, %v, %v", got, ok, err)
	}
	if _, ok, _ := k.Peek(t.Context(), "code:x", day.Add(time.Minute)); ok {
		t.Error("what has expired is there")
	}
	if got, ok, err := k.Take(t.Context(), "code:x", day); !ok || err != nil || string(got.Payload) != string(o.Payload) {
		t.Errorf("Take: %v, %v, %v", got, ok, err)
	}
	if _, ok, err := k.Take(t.Context(), "code:x", day); ok || err != nil {
		t.Errorf("Take once more: %v, %v", ok, err)
	}
	_, _ = k.Put(t.Context(), o)
	if _, ok, _ := k.Take(t.Context(), "code:x", day.Add(time.Minute)); ok {
		t.Error("what has expired was given out")
	}
	_, _ = k.Put(t.Context(), o)
	must(t, k.Sweep(t.Context(), day.Add(time.Minute)))
	if ok, _ := k.Put(t.Context(), o); !ok {
		t.Error("what has expired was not swept")
	}
}

// onceForOne: of many that come at once, one gets it.
func onceForOne(t *testing.T, k credentials.Keeper) {
	_, err := k.Put(t.Context(), credentials.Once{Key: "code:x", Expires: day.Add(time.Minute)})
	must(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for range 8 {
		wg.Go(func() {
			_, ok, err := k.Take(t.Context(), "code:x", day)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if ok {
				got++
			}
		})
	}
	wg.Wait()
	if got != 1 {
		t.Errorf("%d got it", got)
	}
}

func hostileNames(t *testing.T, k credentials.Keeper) {
	for i, name := range []string{`'; DROP TABLE signin_logins; --`, `<script>alert(1)</script>`, "a?b$1:c", "\u202egro.elpmaxe@ana"} {
		id := fmt.Sprint("id", i)
		begun(t, k, id, name)
		_, l, err := k.SessionOf(t.Context(), "hash-"+id, day)
		if err != nil || l.Person.Name != name {
			t.Errorf("%q came back as %q, %v", name, l.Person.Name, err)
		}
		if list, err := k.Sessions(t.Context(), name, day); len(list) != 1 || err != nil {
			t.Errorf("sessions of %q: %v, %v", name, list, err)
		}
	}
}

func vouchers(t *testing.T, k credentials.Keeper) {
	if _, known, err := k.VoucherOf(t.Context(), "ana"); known || err != nil {
		t.Errorf("of nobody: %v, %v", known, err)
	}
	must(t, k.Doubt(t.Context(), "ana", day)) // of whom nobody vouched
	v := credentials.Voucher{Person: lockstep.Person{Name: "ana", Groups: []string{"a"}}, Until: day.Add(time.Hour)}
	must(t, k.Vouch(t.Context(), v))
	v.Person.Groups, v.Until = []string{"b"}, day.Add(2*time.Hour)
	must(t, k.Vouch(t.Context(), v))
	read := func(until time.Time) {
		t.Helper()
		v.Until = until
		got, known, err := k.VoucherOf(t.Context(), "ana")
		if diff := cmp.Diff(v, got, cmpopts.EquateApproxTime(0)); diff != "" || !known || err != nil {
			t.Errorf("%v, %v (-want +got):\n%s", known, err, diff)
		}
	}
	read(day.Add(2 * time.Hour))
	must(t, k.Doubt(t.Context(), "ana", day.Add(3*time.Hour)))
	read(day.Add(2 * time.Hour)) // a doubt prolongs nothing
	must(t, k.Doubt(t.Context(), "ana", day.Add(time.Minute)))
	read(day.Add(time.Minute))

	token := credentials.Token{ID: "one", Hash: "hash-one", By: "ana", Person: v.Person, Created: day, Expires: day.Add(2 * time.Hour)}
	other := credentials.Token{ID: "two", Hash: "hash-two", By: "ana", Person: lockstep.Person{Name: "machine:bot"}, Created: day, Expires: day.Add(2 * time.Hour)}
	must(t, k.AddToken(t.Context(), token))
	must(t, k.AddToken(t.Context(), other))
	must(t, k.Sweep(t.Context(), day.Add(time.Hour)))
	if _, known, err := k.VoucherOf(t.Context(), "ana"); !known || err != nil {
		t.Errorf("while there are tokens it stays, or they would work again: %v, %v", known, err)
	}
	if n, err := k.EndMade(t.Context(), "ana"); n != 1 || err != nil {
		t.Errorf("EndMade: %d, %v; want that of the machine", n, err)
	}
	must(t, k.Sweep(t.Context(), day.Add(3*time.Hour)))
	if _, known, err := k.VoucherOf(t.Context(), "ana"); known || err != nil {
		t.Errorf("with the last token it goes: %v, %v", known, err)
	}
}
