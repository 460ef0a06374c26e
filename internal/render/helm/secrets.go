package helm

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// minSecret is the length from which a value is masked. Shorter ones would take
// every second word of a message with them.
const minSecret = 4

const masked = "***"

// secrets are the texts that no message may hold.
type secrets []string

// learn takes up every scalar in data, which is a document of values or one
// value, and data itself.
func (s *secrets) learn(data []byte) {
	s.add(string(data))
	doc, err := loader.LoadValues(bytes.NewReader(data))
	if err == nil {
		s.walk(doc)
	}
	slices.SortFunc(*s, func(a, b string) int { // what holds another goes first
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	*s = slices.Compact(*s)
}

func (s *secrets) walk(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			s.walk(e)
		}
	case []any:
		for _, e := range v {
			s.walk(e)
		}
	case string:
		s.add(v)
	case float64: // as templates, JSON and Go print it
		s.add(fmt.Sprint(v))
		s.add(strconv.FormatFloat(v, 'f', -1, 64))
	}
}

// add takes up a text in the forms in which it may be met.
func (s *secrets) add(text string) {
	forms := append(strings.Split(text, "\n"), text, strings.TrimSpace(text), oneLine(text))
	for _, f := range forms {
		f = strings.TrimSpace(f)
		if len(f) < minSecret {
			continue
		}
		quoted := strconv.Quote(f)
		*s = append(*s, f, quoted[1:len(quoted)-1], base64.StdEncoding.EncodeToString([]byte(f)))
	}
	if len(strings.TrimSpace(text)) >= minSecret {
		*s = append(*s, base64.StdEncoding.EncodeToString([]byte(text)))
	}
}

func (s secrets) mask(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, masked)
	}
	return text
}

// maskFaults returns err with every text masked. Causes are dropped where there
// are secrets, because they go to the log as they are.
func (s secrets) maskFaults(err error) error {
	if len(s) == 0 {
		return err
	}
	var out []error
	for _, f := range fault.All(err) {
		m := *f
		m.What, m.Hint = s.mask(f.What), s.mask(f.Hint)
		out = append(out, (&m).Because(nil))
	}
	return fault.Join(out...)
}
