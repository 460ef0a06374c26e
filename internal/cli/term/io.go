// Package term is what the commands know of the terminal they write to.
//
// Data goes to Out, all else to Err. What is not a terminal gets no colour, no
// cursor movement and no truncation: it is read by a program, or by a person who
// scrolls. Colour never carries meaning alone; the sign or word is there too.
package term

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// IO is the three streams and what is at their ends.
type IO struct {
	In       io.Reader
	Out, Err io.Writer

	InTTY  bool // somebody can be asked
	OutTTY bool // Out is a terminal
	ErrTTY bool
	Width  int // columns of the terminal at Out; 0 for no limit

	colour bool
}

// System returns the streams of the process.
func System() *IO {
	s := &IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	s.InTTY = term.IsTerminal(int(os.Stdin.Fd()))
	s.OutTTY = term.IsTerminal(int(os.Stdout.Fd()))
	s.ErrTTY = term.IsTerminal(int(os.Stderr.Fd()))
	if s.OutTTY {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
			s.Width = w
		}
	}
	return s
}

// SetColour decides about colour from the flag --color and the environment; the
// flag wins.
func (s *IO) SetColour(flag string, env func(string) string) error {
	switch flag {
	case "always":
		s.colour = true
	case "never":
		s.colour = false
	case "auto", "":
		s.colour = auto(s.OutTTY, env)
	default:
		return fault.Usage("--color is %q", flag).WithHint("auto, always or never")
	}
	return nil
}

func auto(tty bool, env func(string) string) bool {
	switch {
	case env("NO_COLOR") != "":
		return false
	case env("CLICOLOR_FORCE") != "" && env("CLICOLOR_FORCE") != "0":
		return true
	case env("TERM") == "dumb":
		return false
	}
	return tty
}

// Style is a colour with a meaning.
type Style string

// The styles.
const (
	Plain Style = ""
	Good  Style = "32"
	Warn  Style = "33"
	Bad   Style = "31"
	Dim   Style = "2"
	Bold  Style = "1"
)

// Paint puts text into a style, if there are colours.
func (s *IO) Paint(style Style, text string) string {
	if !s.colour || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Printf writes data.
func (s *IO) Printf(format string, args ...any) { fmt.Fprintf(s.Out, format, args...) }

// Notef writes to the person who watches, on Err.
func (s *IO) Notef(format string, args ...any) {
	fmt.Fprintf(s.Err, strings.TrimSuffix(format, "\n")+"\n", args...)
}

// Fail prints every fault of err: what and where, then what to try.
func (s *IO) Fail(err error) {
	for _, f := range fault.All(err) {
		fmt.Fprintf(s.Err, "%s %s\n", s.Paint(Bad, "error:"), f.Error())
		for line := range strings.SplitSeq(f.Hint, "\n") {
			if line != "" {
				fmt.Fprintf(s.Err, "%s  %s\n", s.Paint(Dim, "hint:"), line)
			}
		}
	}
}
