package board

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// Cursor is where a page ended: the values that the list is sorted by, so that it
// stays a place in the list when rows come and go.
type Cursor struct {
	Sort      string    `json:"s"`
	Namespace string    `json:"n"`
	Name      string    `json:"m"`
	Worst     int       `json:"w,omitempty"`
	Changed   time.Time `json:"c,omitzero"`
	Value     string    `json:"v,omitempty"`
}

func cursorAt(sort string, r StackRow) *Cursor {
	return &Cursor{Sort: sort, Namespace: r.Namespace, Name: r.Name, Worst: worstOf(r), Changed: r.Changed, Value: valueOf(sort, r)}
}

func (c *Cursor) entry() *entry {
	r := StackRow{Changed: c.Changed, Source: c.Value, Target: c.Value, Env: c.Value, Owner: c.Value}
	return &entry{unit: lockstep.Unit{Namespace: c.Namespace, Name: c.Name}, row: r, worst: c.Worst}
}

// String returns the cursor as it goes over the wire; who reads it there should not
// rely on what is in it.
func (c *Cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseCursor reads what String wrote for a list in the same order. It holds
// nothing secret, and whatever it says is a place in the list and no more.
func ParseCursor(text, sort string) (*Cursor, error) {
	if text == "" {
		return nil, nil
	}
	wrong := fault.Usage("the cursor is not one of this list").WithHint("begin again without cursor")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, wrong
	}
	c := &Cursor{}
	if err := json.Unmarshal(raw, c); err != nil || c.Sort != sort || c.Name == "" {
		return nil, wrong
	}
	return c, nil
}

func worstOf(r StackRow) int {
	return worst(standing.Standing{Attention: standing.Attention(r.Attention), Step: standing.Step(r.Step), Health: standing.Health(r.Health)})
}

func valueOf(sort string, r StackRow) string {
	switch strings.TrimPrefix(sort, "-") {
	case "source":
		return r.Source
	case "target":
		return r.Target
	case "env":
		return r.Env
	case "owner":
		return r.Owner
	}
	return ""
}
