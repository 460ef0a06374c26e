package rollback

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// agreed finds out whether enough was said for what r would do, and asks for what is
// missing where somebody can be asked.
func (o *options) agreed(r live.Rollback, f form.Form) (wish, error) {
	w := wish{To: o.To, For: o.For, Reason: strings.TrimSpace(o.Reason)}
	at := "stack " + o.Unit.String()
	if r.Problem != "" {
		return w, fault.Blocked("the rollback cannot be carried out whole: %s", r.Problem).At("%s", at)
	}
	missing, unknown := o.accepted(r, &w)
	switch {
	case unknown != "":
		return w, fault.Usage("--accept-loss %s names nothing that would be lost", unknown).At("%s", at).WithHint("%s", orNothing(r.Accept))
	case len(missing) > 0:
		return w, fault.Blocked("it may lose the data of %s", strings.Join(missing, ", ")).At("%s", at).WithHint("%s", o.way(missing, r))
	}
	ask := o.IO.InTTY && o.IO.ErrTTY && f.ForPeople() && !o.Yes
	in := bufio.NewReader(o.IO.In)
	if w.Reason == "" && ask {
		w.Reason = o.ask(in, "Why? ")
	}
	if w.Reason == "" {
		return w, fault.Blocked("it needs a reason, for whoever finds Git ahead").At("%s", at).WithHint("pass --reason \"…\"")
	}
	// Who named what may be lost has said yes to more than this.
	if o.Yes || r.Guard == 0 || r.Guard == 3 {
		return w, nil
	}
	if !ask {
		return w, fault.Blocked("nobody said yes").At("%s", at).WithHint("pass --yes; --dry-run shows what would happen")
	}
	if answer := strings.ToLower(o.ask(in, "Roll back? [y/N] ")); answer != "y" && answer != "yes" {
		return w, fault.Blocked("nobody said yes").At("%s", at)
	}
	return w, nil
}

func (o *options) ask(in *bufio.Reader, question string) string {
	fmt.Fprint(o.IO.Err, question)
	line, err := in.ReadString('\n')
	if err != nil && err != io.EOF {
		return ""
	}
	return strings.TrimSpace(line)
}

// accepted puts into w what was accepted of what r may lose, by its whole id. It
// returns what is missing, and the first that is nothing of it.
func (o *options) accepted(r live.Rollback, w *wish) (missing []string, unknown string) {
	for _, typed := range o.Accept {
		i := slices.IndexFunc(r.Accept, func(id string) bool { return means(typed, id) })
		if i < 0 {
			return nil, typed
		}
		for _, id := range r.Accept {
			if means(typed, id) && !slices.Contains(w.Accept, id) {
				w.Accept = append(w.Accept, id)
			}
		}
	}
	for _, id := range r.Accept {
		if !slices.Contains(w.Accept, id) {
			missing = append(missing, id)
		}
	}
	return missing, ""
}

// shorts are the short names of kinds that hold data, as kubectl has them.
var shorts = map[string]string{
	"pvc": "persistentvolumeclaim", "pv": "persistentvolume", "sts": "statefulset", "ns": "namespace", "crd": "customresourcedefinition",
}

// means says whether somebody who typed this means the object: its id, or KIND/NAME.
func means(typed, id string) bool {
	if typed == id {
		return true
	}
	k, err := lockstep.ParseKey(id)
	if err != nil {
		return false
	}
	kind, name, ok := strings.Cut(typed, "/")
	kind = strings.ToLower(kind)
	if long, short := shorts[kind]; short {
		kind = long
	}
	return ok && name == k.Name && kind == strings.ToLower(k.Kind)
}

// way says which flags to pass, and what keeps the data.
func (o *options) way(missing []string, r live.Rollback) string {
	var flags []string
	for _, id := range missing {
		flags = append(flags, "--accept-loss="+id)
	}
	if o.Reason == "" {
		flags = append(flags, "--reason …")
	}
	lines := []string{"pass " + strings.Join(flags, " ")}
	for _, x := range r.Risks {
		line := "or keep it: " + x.Keep
		if x.Keep != "" && x.Level == "loss" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func orNothing(ids []string) string {
	if len(ids) == 0 {
		return "nothing would be lost"
	}
	return "what may be lost: " + strings.Join(ids, ", ")
}
