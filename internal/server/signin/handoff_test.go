package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// seat is somebody signed in in a browser, and a terminal somewhere else.
type seat struct {
	*desk
	browser, terminal context.Context
	login             credentials.Login
}

func newSeat(t *testing.T) *seat {
	t.Helper()
	d := newDesk(t, "")
	now := d.Now()
	login := credentials.Login{ID: "l", Provider: providerLink, Person: lockstep.Person{Name: "oidc:ana"}, Created: now, Checked: now, Expires: now.Add(24 * time.Hour)}
	session := credentials.Session{ID: "s", Login: login.ID, Kind: credentials.Browser, Hash: "h", Created: now, Rotated: now, Seen: now}
	for _, err := range []error{d.Keep.AddLogin(t.Context(), login), d.Keep.AddSession(t.Context(), session)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &seat{
		desk: d, login: login,
		browser:  context.WithValue(t.Context(), proofKey{}, proof{origin: origin{Address: "10.0.0.1"}, session: &session, login: &login}),
		terminal: context.WithValue(t.Context(), proofKey{}, proof{origin: origin{Address: "10.0.0.2"}}),
	}
}

func kind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

const verifier = "a-verifier-that-only-the-terminal-knows-0123456789"

func challengeOf(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestLoopbackCode: the code that a browser carries to a terminal is good once, for a
// minute, and for that terminal alone.
func TestLoopbackCode(t *testing.T) {
	give := func(s *seat) string {
		t.Helper()
		code, err := s.grantCode(s.browser, s.login.ID, challengeOf(verifier), "test")
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	t.Run("Once", func(t *testing.T) {
		s := newSeat(t)
		code := give(s)
		got, err := s.RedeemCode(s.terminal, code, verifier)
		if err != nil || got.Person.Name != "oidc:ana" || got.Token == "" {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = s.RedeemCode(s.terminal, code, verifier)
		kind(t, "again", err, fault.KindUnauthenticated)
	})
	t.Run("Expired", func(t *testing.T) {
		s := newSeat(t)
		code := give(s)
		s.later(codeTime)
		_, err := s.RedeemCode(s.terminal, code, verifier)
		kind(t, "after a minute", err, fault.KindUnauthenticated)
	})
	t.Run("Stolen", func(t *testing.T) {
		s := newSeat(t)
		code := give(s)
		_, err := s.RedeemCode(s.terminal, code, "what a thief guesses")
		kind(t, "with another verifier", err, fault.KindUnauthenticated)
		_, err = s.RedeemCode(s.terminal, code, verifier)
		kind(t, "and then, since somebody has it who should not", err, fault.KindUnauthenticated)
	})
	t.Run("Guessed", func(t *testing.T) {
		s := newSeat(t)
		var last error
		for range tryBurst + 1 {
			_, last = s.RedeemCode(s.terminal, "guess", verifier)
		}
		kind(t, "the last of many guesses", last, fault.KindTooMany)
	})
	t.Run("Challenge", func(t *testing.T) {
		s := newSeat(t)
		_, err := s.grantCode(s.browser, s.login.ID, "short", "test")
		kind(t, "without a challenge of a hash's length", err, fault.KindUsage)
	})
	t.Run("SignedOut", func(t *testing.T) {
		s := newSeat(t)
		code := give(s)
		if _, err := s.Keep.EndSession(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		_, err := s.RedeemCode(s.terminal, code, verifier)
		kind(t, "once the browser has signed out", err, fault.KindUnauthenticated)
	})
}

// TestDeviceCode: what a person types lets one terminal in, once, within ten minutes,
// and is not to be guessed.
func TestDeviceCode(t *testing.T) {
	start := func(s *seat) Device {
		t.Helper()
		d, err := s.StartDevice(s.terminal, "test")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Run("Once", func(t *testing.T) {
		s := newSeat(t)
		d := start(s)
		_, err := s.PollDevice(s.terminal, d.Code)
		kind(t, "before anybody said yes", err, fault.KindWaiting)
		// As somebody types it who was told it on the phone.
		if err := s.ConfirmDevice(s.browser, strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " ")), true); err != nil {
			t.Fatal(err)
		}
		kind(t, "confirmed again", s.ConfirmDevice(s.browser, d.UserCode, true), fault.KindNotFound)
		got, err := s.PollDevice(s.terminal, d.Code)
		if err != nil || got.Person.Name != "oidc:ana" || got.Token == "" {
			t.Fatalf("%+v, %v", got, err)
		}
		_, err = s.PollDevice(s.terminal, d.Code)
		kind(t, "asked again", err, fault.KindUnauthenticated)
	})
	t.Run("No", func(t *testing.T) {
		s := newSeat(t)
		d := start(s)
		if err := s.ConfirmDevice(s.browser, d.UserCode, false); err != nil {
			t.Fatal(err)
		}
		_, err := s.PollDevice(s.terminal, d.Code)
		kind(t, "after a no", err, fault.KindDenied)
		kind(t, "a yes after a no", s.ConfirmDevice(s.browser, d.UserCode, true), fault.KindNotFound)
	})
	t.Run("Expired", func(t *testing.T) {
		s := newSeat(t)
		d := start(s)
		s.later(deviceTime)
		kind(t, "confirmed after ten minutes", s.ConfirmDevice(s.browser, d.UserCode, true), fault.KindNotFound)
		_, err := s.PollDevice(s.terminal, d.Code)
		kind(t, "asked after ten minutes", err, fault.KindUnauthenticated)
	})
	t.Run("UserCodeIsNoSecret", func(t *testing.T) {
		s := newSeat(t)
		d := start(s)
		if err := s.ConfirmDevice(s.browser, d.UserCode, true); err != nil {
			t.Fatal(err)
		}
		_, err := s.PollDevice(s.terminal, d.UserCode)
		kind(t, "whoever saw the code on the screen", err, fault.KindUnauthenticated)
	})
	t.Run("OnlyABrowser", func(t *testing.T) {
		s := newSeat(t)
		d := start(s)
		cli := credentials.Session{ID: "c", Kind: credentials.CLI}
		for what, by := range map[string]proof{"a token": {token: &credentials.Token{ID: "t"}}, "a terminal": {session: &cli, login: &s.login}, "nobody": {}} {
			kind(t, what, s.ConfirmDevice(context.WithValue(t.Context(), proofKey{}, by), d.UserCode, true), fault.KindDenied)
		}
	})
	t.Run("Guessed", func(t *testing.T) {
		for what, guess := range map[string]func(*seat) error{
			"typing":  func(s *seat) error { return s.ConfirmDevice(s.browser, "BCDF-GHJK", true) },
			"looking": func(s *seat) error { _, err := s.DeviceClient(s.browser, "BCDF-GHJK"); return err },
			"asking":  func(s *seat) error { _, err := s.PollDevice(s.terminal, "guess"); return err },
			"making":  func(s *seat) error { _, err := s.StartDevice(s.terminal, "test"); return err },
		} {
			s := newSeat(t)
			var last error
			for range tryBurst + 1 {
				last = guess(s)
			}
			kind(t, "the last of many by "+what, last, fault.KindTooMany)
		}
		// 20^8 codes, of which an address tries 60 and then one in two seconds, while
		// each is out for ten minutes: one in 70 million.
		if tries := tryBurst + int(deviceTime/tryEvery); tries > 400 {
			t.Errorf("an address may try %d codes while one is out", tries)
		}
	})
}

func FuzzDeviceCode(f *testing.F) {
	f.Add("bcdf-ghjk")
	f.Add("BCDF GHJK ")
	f.Add("\x00<script>\u202e")
	f.Fuzz(func(t *testing.T, typed string) {
		got := normalCode(typed)
		if strings.Trim(got, userLetters) != "" || normalCode(got) != got {
			t.Errorf("%q is read as %q", typed, got)
		}
	})
}
