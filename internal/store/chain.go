package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Origin is what the first entry of a chain has as Prev.
const Origin = "0000000000000000000000000000000000000000000000000000000000000000"

// Head is the end of a chain. Whoever remembers one elsewhere can tell that
// nothing up to it was changed, and that nothing was cut off.
type Head struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// String is how a head is printed and read: "1042:9f86d0…".
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + h.Hash }

// version is the first part of what is hashed; another encoding gets another.
const version = "lockstep/entry/1"

// encode returns what the hash of e is taken over: each part as its length in
// decimal, a colon and its bytes, so that no two entries have one encoding. The
// parts are listed in docs/adr/0012-history.md; what is not among them is not
// protected.
func (e Entry) encode() []byte {
	parts := [...]string{
		version, e.Prev, strconv.FormatInt(e.Seq, 10), e.ID, strconv.FormatInt(e.Time.UnixMicro(), 10), string(e.Kind),
		e.Person.Name, e.Person.Display, string(e.Person.Via), e.Unit.Namespace, e.Unit.Name,
		e.Verb, e.Outcome, e.Reason, e.Request, e.Data,
	}
	n := 0
	for _, p := range parts {
		n += len(p) + 8
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = strconv.AppendInt(b, int64(len(p)), 10)
		b = append(b, ':')
		b = append(b, p...)
	}
	return b
}

// Sum is the hash that e has to have.
func (e Entry) Sum() string {
	sum := sha256.Sum256(e.encode())
	return hex.EncodeToString(sum[:])
}

// After returns e with its place: after head.
func (e Entry) After(head Head) Entry {
	e.Seq, e.Prev = head.Seq+1, head.Hash
	if head.Seq == 0 {
		e.Prev = Origin
	}
	e.Hash = e.Sum()
	return e
}

// Gap is a run of entries that retention has removed.
type Gap struct {
	From, To int64
	// Prev is that of the first, Hash that of the last one.
	Prev, Hash string
	// Newest is the time of the newest of them.
	Newest time.Time
}

// DigestGaps is what a checkpoint says of all gaps that there are.
func DigestGaps(gaps []Gap) string {
	h := sha256.New()
	for _, g := range gaps {
		for _, p := range []string{strconv.FormatInt(g.From, 10), strconv.FormatInt(g.To, 10), g.Prev, g.Hash, strconv.FormatInt(g.Newest.UnixMicro(), 10)} {
			_, _ = h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // a hash takes everything
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// ParseHead reads what Head.String wrote; "" is the zero Head.
func ParseHead(s string) (Head, error) {
	if s == "" {
		return Head{}, nil
	}
	seq, hash, found := strings.Cut(s, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !found || err != nil || n < 1 || len(hash) != len(Origin) || strings.Trim(hash, "0123456789abcdef") != "" {
		return Head{}, fault.Usage("%q is not the head of a chain", s).WithHint("give it as lockstep audit verify prints it: NUMBER:HASH")
	}
	return Head{Seq: n, Hash: hash}, nil
}
