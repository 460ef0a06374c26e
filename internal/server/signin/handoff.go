package signin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// A person who is signed in in a browser lets a CLI be signed in, too, in one of two
// ways. On one machine the browser carries a code to a port of the CLI, which proves
// with a verifier that it asked for it (RFC 8252, 7636). On two, the person types the
// code that the CLI shows (RFC 8628).
const (
	kindCode   = "code"   // loopback: from the browser to the CLI
	kindDevice = "device" // a device that waits
	kindUser   = "user"   // the code that a person types, to the device
	kindAnswer = "answer" // what the person said, to the device

	codeTime   = time.Minute
	deviceTime = 10 * time.Minute
	// devicePause is how often a device may ask.
	devicePause = 2 * time.Second

	// Letters that are not mistaken for one another and make no words.
	userLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userLength  = 8
)

// hand is what is on its way to a CLI.
type hand struct {
	Login, Challenge, Client string
	Device                   string // its hash
	Denied                   bool
}

// grantCode returns the code that the browser is to carry.
func (s *Service) grantCode(ctx context.Context, login, challenge, client string) (string, error) {
	if len(challenge) != 43 {
		return "", fault.Usage("the code challenge has %d characters, not 43", len(challenge)).WithHint("S256 of RFC 7636")
	}
	code := opaque()
	payload, err := json.Marshal(hand{Login: login, Challenge: challenge, Client: client})
	if err != nil {
		return "", fault.Internal(err)
	}
	_, err = s.once(ctx, kindCode, code, payload, s.Now().Add(codeTime))
	return code, err
}

// Granted is what a CLI is given.
type Granted struct {
	Token   string
	Person  lockstep.Person
	Expires time.Time
}

// RedeemCode gives the CLI that asked for a code its session.
func (s *Service) RedeemCode(ctx context.Context, code, verifier string) (Granted, error) {
	from := proofOf(ctx).origin
	g, err := s.redeemCode(ctx, from, code, verifier)
	return g, s.attempt(ctx, from, "cli", g.Person, err)
}

func (s *Service) redeemCode(ctx context.Context, from origin, code, verifier string) (Granted, error) {
	if err := s.limits.try(from.Address, s.Now()); err != nil {
		return Granted{}, err
	}
	bad := fault.Unauthenticated("the code is none that was given out, or was used").WithHint("lockstep login again; a code is good once and for a minute")
	raw, ok, err := s.take(ctx, kindCode, code)
	if err != nil {
		return Granted{}, err
	}
	var h hand
	if !ok || json.Unmarshal(raw, &h) != nil {
		return Granted{}, bad
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(h.Challenge)) != 1 {
		return Granted{}, bad
	}
	return s.cliSession(ctx, from, h)
}

// cliSession begins a session of a CLI on the login of the browser that allowed it.
func (s *Service) cliSession(ctx context.Context, from origin, h hand) (Granted, error) {
	set, err := s.current()
	if err != nil {
		return Granted{}, err
	}
	secret, now := mint(classSession), s.Now()
	err = s.Keep.AddSession(ctx, credentials.Session{
		ID: newID(), Login: h.Login, Kind: credentials.CLI, Client: h.Client, Address: from.Address,
		Hash: hashOf(secret), Created: now, Rotated: now, Seen: now,
	})
	if err != nil {
		return Granted{}, gone(err, "the browser has signed out meanwhile")
	}
	_, login, err := s.Keep.SessionOf(ctx, hashOf(secret), now)
	if err != nil {
		return Granted{}, gone(err, "the browser has signed out meanwhile")
	}
	expires := now.Add(set.Sessions.CLI.Duration)
	if login.Expires.Before(expires) {
		expires = login.Expires
	}
	return Granted{Token: secret, Person: login.Person, Expires: expires}, nil
}

// Device is what a CLI on a machine without a browser shows and waits for.
type Device struct {
	Code, UserCode    string
	Expires, Interval time.Duration
	// Verify is where the person goes, without a host; Complete has the code in it.
	Verify, Complete string
}

// StartDevice begins the way of a device.
func (s *Service) StartDevice(ctx context.Context, client string) (Device, error) {
	by := proofOf(ctx)
	if err := s.limits.try(by.origin.Address, s.Now()); err != nil {
		return Device{}, err
	}
	if by.request != nil {
		if err := s.Front.fit(by.request); err != nil {
			return Device{}, err
		}
	}
	d := Device{Code: opaque(), UserCode: pick(userLetters, userLength), Expires: deviceTime, Interval: devicePause}
	payload, err := json.Marshal(hand{Client: printable(client) + " at " + by.origin.Address, Device: hashOf(d.Code)})
	if err != nil {
		return Device{}, fault.Internal(err)
	}
	until := s.Now().Add(deviceTime)
	if _, err := s.once(ctx, kindDevice, d.Code, payload, until); err != nil {
		return Device{}, err
	}
	first, err := s.once(ctx, kindUser, d.UserCode, payload, until)
	if err != nil {
		return Device{}, err
	}
	if !first {
		return Device{}, fault.Conflict("the code is taken").WithHint("try again")
	}
	d.UserCode = d.UserCode[:4] + "-" + d.UserCode[4:]
	base := ""
	if by.request != nil {
		base = s.Front.base(by.request)
	}
	d.Verify = base + "/login/device"
	d.Complete = d.Verify + "?code=" + d.UserCode
	return d, nil
}

// normalCode returns a code as it was made, from how a person typed it.
func normalCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(userLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(cut(typed)))
}

// DeviceClient returns what waits for a code, for the person to recognise.
func (s *Service) DeviceClient(ctx context.Context, code string) (string, error) {
	by := proofOf(ctx)
	if err := s.limits.try(by.origin.Address, s.Now()); err != nil {
		return "", err
	}
	o, ok, err := s.Keep.Peek(ctx, kindUser+":"+hashOf(normalCode(code)), s.Now())
	var h hand
	if err != nil {
		return "", unkept(err)
	}
	if !ok || json.Unmarshal(o.Payload, &h) != nil {
		return "", noDevice()
	}
	return h.Client, nil
}

func noDevice() *fault.Fault {
	return fault.NotFound("nothing waits for this code").WithHint("it is good once and for ten minutes: is it as the terminal shows it?")
}

// ConfirmDevice lets the device with a code in as the person who asks, or not. Only a
// session of a browser may: a token that could make sessions would outlive itself.
func (s *Service) ConfirmDevice(ctx context.Context, code string, allow bool) error {
	by := proofOf(ctx)
	if err := s.limits.try(by.origin.Address, s.Now()); err != nil {
		return err
	}
	if by.session == nil || by.session.Kind != credentials.Browser {
		return fault.Denied("only a person in a browser can let a device in").WithHint("open /login/device there")
	}
	raw, ok, err := s.take(ctx, kindUser, normalCode(code))
	if err != nil {
		return err
	}
	var h hand
	if !ok || json.Unmarshal(raw, &h) != nil {
		return noDevice()
	}
	h.Login, h.Denied = by.login.ID, !allow
	payload, err := json.Marshal(h)
	if err != nil {
		return fault.Internal(err)
	}
	_, err = s.Keep.Put(ctx, credentials.Once{Key: kindAnswer + ":" + h.Device, Payload: payload, Expires: s.Now().Add(deviceTime)})
	return unkept(err)
}

// PollDevice returns the session of a device once a person let it in; a fault of kind
// Waiting until then.
func (s *Service) PollDevice(ctx context.Context, code string) (Granted, error) {
	from := proofOf(ctx).origin
	_, waits, err := s.Keep.Peek(ctx, kindDevice+":"+hashOf(code), s.Now())
	if err != nil {
		return Granted{}, unkept(err)
	}
	if !waits {
		if limit := s.limits.try(from.Address, s.Now()); limit != nil {
			return Granted{}, limit
		}
		return Granted{}, fault.Unauthenticated("the code of the device is not known, was used or has expired").WithHint("lockstep login --device again")
	}
	raw, ok, err := s.take(ctx, kindAnswer, code)
	if err != nil {
		return Granted{}, err
	}
	if !ok {
		return Granted{}, fault.Waiting("nobody has let the device in yet")
	}
	if _, _, err := s.take(ctx, kindDevice, code); err != nil {
		return Granted{}, err
	}
	var h hand
	if err := json.Unmarshal(raw, &h); err != nil {
		return Granted{}, fault.Internal(err)
	}
	if h.Denied {
		err := fault.Denied("the person in the browser said no")
		return Granted{}, s.attempt(ctx, from, "device", lockstep.Person{}, err)
	}
	g, err := s.cliSession(ctx, from, h)
	return g, s.attempt(ctx, from, "device", g.Person, err)
}

// printable returns what a client calls itself as one line of modest length.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x2000 && r < 0x2070 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "")
	}
	if s == "" {
		return "a CLI"
	}
	return s
}

// whoAsks returns who a request is of.
func whoAsks(ctx context.Context) (lockstep.Person, error) {
	p, ok := access.Who(ctx)
	if !ok {
		return p, fault.Unauthenticated("nobody is signed in").WithHint("sign in, or send a token: lockstep login")
	}
	return p, nil
}
