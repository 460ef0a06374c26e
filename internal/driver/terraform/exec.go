package terraform

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// maxOutput bounds what one command may print; a plan of 10,000 resources is a tenth
// of it.
const maxOutput = 512 << 20

// direct runs a command that takes no lock for long, and waits for it.
func (w *work) direct(ctx context.Context, phase string, args ...string) ([]byte, error) {
	return w.directWith(ctx, phase, nil, args...)
}

func (w *work) directWith(ctx context.Context, phase string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, w.tool.path, args...)
	cmd.Env, cmd.Dir = w.env(), w.module()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = w.driver.opts.Grace
	if in != nil {
		cmd.Stdin = bytes.NewReader(in)
	}
	out, errs := &bounded{limit: maxOutput}, &bounded{limit: 64 << 10}
	cmd.Stdout, cmd.Stderr = out, errs
	err := cmd.Run()
	switch {
	case err == nil && out.over:
		return nil, fault.TooLarge("%s %s printed more than %d bytes", w.tool.name, args[0], maxOutput)
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, fault.Timeout("%s was stopped before it was done", phase).Because(ctx.Err())
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil, fault.New(fault.KindInternal, "%s could not be started", w.tool.name).Because(err)
	}
	return nil, w.refused(phase, out.Bytes(), errs.String())
}

// refused makes a fault of what a command said when it failed.
func (w *work) refused(phase string, out []byte, words string) error {
	var faults []error
	for line := range bytes.Lines(out) {
		if l, ok := tfplan.ParseLine(line); ok && l.Diagnostic != nil && l.Diagnostic.Severity == "error" {
			faults = append(faults, noteFault(fault.KindUnavailable, l.Diagnostic.Note(w.job.Dir, w.redactor)))
		}
	}
	if err := fault.Join(faults...); err != nil {
		return err
	}
	return fault.Unavailable("%s failed: %s", phase, sentence(w.redactor.Text(unboxed(words))))
}

// bounded keeps the beginning of what is written.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

// Write never fails: a tool that cannot write is one that breaks off.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.Len()
	if len(p) > room {
		b.over = true
	}
	b.Buffer.Write(p[:max(min(len(p), room), 0)])
	return len(p), nil
}

// show prints a saved plan as JSON.
func (w *work) show(ctx context.Context, planFile string) ([]byte, error) {
	return w.direct(context.WithoutCancel(ctx), "plan", append(w.varArgs("show", "-json", "-no-color"), planFile)...)
}

// state reads the state.
func (w *work) state(ctx context.Context) (stateFile, error) {
	out, err := w.direct(ctx, "outputs", w.varArgs("state", "pull")...)
	if err != nil {
		return stateFile{}, err
	}
	s, err := parseState(out)
	if err != nil {
		return s, fault.New(fault.KindInternal, "the tool printed a state that is not the JSON it documents").Because(err)
	}
	return s, nil
}

// stateSecrets are the sensitive values of the state; none where it cannot be read.
func (w *work) stateSecrets(ctx context.Context) []string {
	out, err := w.direct(ctx, "state", w.varArgs("show", "-json", "-no-color")...)
	if err != nil {
		return nil
	}
	return tfplan.StateSecrets(out)
}

// pushUnsaved saves the state that the tool could not save while it applied. It is
// the only record of what was made, so it is kept, sealed, until that has worked.
func (w *work) pushUnsaved(ctx context.Context, dir string, res keeper.Result) error {
	if !res.Unsaved {
		return nil
	}
	state, err := keeper.Unsaved(dir, w.key())
	if err == nil && state == nil {
		return nil // it was saved before
	}
	if err == nil {
		_, err = w.directWith(ctx, "saving the state", state, append(w.varArgs("state", "push"), "-")...)
	}
	if err == nil {
		err = keeper.Saved(dir)
	}
	if err != nil {
		return fault.New(fault.KindInternal, "the state could not be saved after the plan was carried out, and saving it again failed too").
			WithHint("it is kept, encrypted, with run %s until that works; plan nothing before. Calling Apply for that run again tries again", w.job.ID).Because(err)
	}
	return nil
}

// judge makes notes of what the tool said, and faults of what of it are errors.
func (w *work) judge(ctx context.Context, report keeper.Report, res keeper.Result, red *tfplan.Redactor) ([]change.Note, error) {
	var notes []change.Note
	for i := range report.Diagnostics {
		notes = append(notes, report.Diagnostics[i].Note(w.job.Dir, red))
	}
	tfplan.SortNotes(notes)
	var faults []error
	kind := fault.Kind(0)
	for _, n := range notes {
		if n.Severity != "error" {
			continue
		}
		if f := w.locked(n); f != nil {
			faults = append(faults, f)
			continue
		}
		if kind == 0 {
			kind = w.blame(ctx, res)
		}
		faults = append(faults, noteFault(kind, n))
	}
	return notes, fault.Join(faults...)
}

// blame says whether an error is the repository's, so that only a commit helps, or the
// world's. The tool's words do not say; whether the module is valid does.
func (w *work) blame(ctx context.Context, res keeper.Result) fault.Kind {
	if res.Stopped {
		return fault.KindUnavailable
	}
	if _, err := w.direct(context.WithoutCancel(ctx), "validate", w.varArgs("validate", "-json")...); err != nil {
		return fault.KindInvalid
	}
	return fault.KindUnavailable
}

// locked reads who holds the state's lock from what the tool prints of it, which is a
// block of its own form.
func (w *work) locked(n change.Note) *fault.Fault {
	_, block, found := strings.Cut(n.Detail, "\nLock Info:\n")
	if !found {
		return nil
	}
	info := map[string]string{}
	for line := range strings.Lines(block) {
		k, v, ok := strings.Cut(line, ":")
		if ok && info[strings.TrimSpace(k)] == "" {
			info[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	if info["ID"] == "" {
		return nil
	}
	// Terraform prints what it asked for itself, not what the server answered.
	if w.tool.name == "terraform" && w.job.Backend != nil {
		return fault.Conflict("the state is locked by somebody else").
			WithHint("it is tried again. If nobody is at work: lockstep unlock %s", w.job.Unit)
	}
	return fault.Conflict("the state is locked by %q since %s, for %s", info["Who"], info["Created"], info["Operation"]).
		WithHint("it is tried again. If nobody is at work: lockstep unlock %s --id %s", w.job.Unit, info["ID"])
}

// noteFault makes a fault of what the tool said.
func noteFault(kind fault.Kind, n change.Note) *fault.Fault {
	what := n.Summary
	if n.Detail != "" {
		what += ": " + n.Detail
	}
	f := fault.New(kind, "%s", sentence(what))
	switch {
	case n.File != "" && n.Line > 0:
		f.At("%s:%d", n.File, n.Line)
	case n.File != "":
		f.At("%s", n.File)
	case n.Address != "":
		f.At("%s", n.Address)
	}
	return f
}

// longestSentence bounds what one fault says; a note has all of it.
const longestSentence = 1000

// sentence brings what a tool says into the form in which we say things: one line,
// beginning small, with no full stop.
func sentence(s string) string {
	s = strings.TrimSuffix(strings.Join(strings.Fields(s), " "), ".")
	if len(s) > longestSentence {
		cut := longestSentence
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	first, size := utf8.DecodeRuneInString(s)
	second, _ := utf8.DecodeRuneInString(s[size:])
	if unicode.IsUpper(first) && unicode.IsLower(second) {
		s = string(unicode.ToLower(first)) + s[size:]
	}
	return s
}

// unboxed takes the frame off what the tools print for people.
func unboxed(s string) string {
	s = colours.ReplaceAllString(s, "") // some commands cannot be told to do without
	return strings.TrimPrefix(strings.TrimSpace(strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(s)), "Error: ")
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// crashed is for a tool that ended without saying why.
func crashed(res keeper.Result, report keeper.Report, red *tfplan.Redactor) error {
	said := sentence(red.Text(report.Stderr))
	if said == "" {
		said = "it said nothing"
	}
	if res.Signal != 0 {
		return fault.New(fault.KindInternal, "the tool was ended by %s: %s", syscall.Signal(res.Signal), said).
			WithHint("was it out of memory? The state's lock may have stayed behind")
	}
	return fault.New(fault.KindInternal, "the tool ended with code %d without an error: %s", res.Exit, said)
}
