package term

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestColour(t *testing.T) {
	cases := map[string]struct {
		why  string
		flag string
		tty  bool
		env  map[string]string
		want bool
	}{
		"Terminal":  {why: "People like colour.", tty: true, want: true},
		"Pipe":      {why: "Programs do not."},
		"NoColor":   {why: "no-color.org", tty: true, env: map[string]string{"NO_COLOR": "1"}},
		"Force":     {why: "A log viewer that shows colour.", env: map[string]string{"CLICOLOR_FORCE": "1"}, want: true},
		"ForceZero": {why: "0 is off.", env: map[string]string{"CLICOLOR_FORCE": "0"}},
		"NoWins":    {why: "Who asks for none gets none.", tty: true, env: map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}},
		"Dumb":      {why: "An editor's shell.", tty: true, env: map[string]string{"TERM": "dumb"}},
		"Flag":      {why: "The nearest wish wins.", flag: "always", env: map[string]string{"NO_COLOR": "1"}, want: true},
		"FlagOff":   {why: "Both ways.", flag: "never", tty: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &IO{OutTTY: tc.tty}
			if err := s.SetColour(tc.flag, func(k string) string { return tc.env[k] }); err != nil {
				t.Fatal(err)
			}
			if got := s.Paint(Bad, "x") != "x"; got != tc.want {
				t.Errorf("%s\ncolour is %v, want %v", tc.why, got, tc.want)
			}
		})
	}
	if err := new(IO).SetColour("sometimes", func(string) string { return "" }); !errors.Is(err, fault.KindUsage) {
		t.Errorf("--color=sometimes: got %v, want a Usage", err)
	}
}

func TestTable(t *testing.T) {
	table := Table{Header: []string{"NAME", "MESSAGE"}}
	table.Add(Cell{Text: "höhe", Style: Good}, "a message that is\nlonger than the line")
	table.Add("a", "")
	cases := map[string]struct {
		why   string
		width int
		want  string
	}{
		"Pipe": {
			why:  "What a program reads is whole, on one line, and has no blanks at its end.",
			want: "NAME  MESSAGE\nhöhe  a message that is longer than the line\na     -\n",
		},
		"Terminal": {
			why:   "A wrapped table is no table.",
			width: 30,
			want:  "NAME  MESSAGE\nhöhe  a message that is longe…\na     -\n",
		},
		"Narrow": {
			why:   "Nothing useful fits; some of the message is worth a wrap.",
			width: 8,
			want:  "NAME  MESSAGE\nhöhe  a message that is l…\na     -\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			(&IO{Out: &out, Width: tc.width}).Print(table)
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\nPrint (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestTableWithoutHeader(t *testing.T) {
	table := Table{}
	table.Add("a", "b")
	table.Add("longer", "c")
	var out bytes.Buffer
	(&IO{Out: &out}).Print(table)
	if diff := cmp.Diff("a       b\nlonger  c\n", out.String()); diff != "" {
		t.Errorf("Print (-want +got):\n%s", diff)
	}
}

func TestFail(t *testing.T) {
	var errs bytes.Buffer
	s := &IO{Err: &errs}
	s.Fail(fault.Join(
		fault.NotFound("no branch %q", "relase").At("source a/b").WithHint("closest: release\nor: main"),
		errors.New("odd"),
	))
	want := "error: source a/b: no branch \"relase\"\nhint:  closest: release\nhint:  or: main\nerror: odd\n"
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Errorf("Fail (-want +got):\n%s", diff)
	}
}

func TestWords(t *testing.T) {
	got := map[string]string{
		"42s":   Age(42 * time.Second),
		"7m":    Age(7*time.Minute + 50*time.Second),
		"3h12m": Age(3*time.Hour + 12*time.Minute),
		"7h":    Age(7*time.Hour + 12*time.Minute),
		"5d":    Age(5*24*time.Hour + time.Hour),
		"0s":    Age(-time.Second),
		"80ms":  Took(80 * time.Millisecond),
		"1.2s":  Took(1234 * time.Millisecond),
		"41s":   Took(41300 * time.Millisecond),
		"3m10s": Took(190 * time.Second),
		"3m":    Took(3 * time.Minute),
	}
	for want, is := range got {
		if is != want {
			t.Errorf("got %q, want %q", is, want)
		}
	}
}
