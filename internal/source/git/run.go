package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/observe"
)

const (
	maxMessage = 64 << 10 // of what git says on stderr
	maxListing = 64 << 20 // of what ls-remote lists
)

// call is one run of git.
type call struct {
	args   []string
	config []setting
	env    []string
	stdin  []byte
	// writes hands the mirror's lock to the process, so that the lock is held
	// for as long as a process of a killed Lockstep may still be writing.
	writes bool
	// heard gets what git said on the way, when it ends well; nil for nobody.
	heard *string
}

type setting struct{ key, value string }

// failed is git ending with an error. Its text has no place in an error that
// somebody reads before classify.go has seen it.
type failed struct {
	verb   string
	stderr string
	err    error
}

func (f *failed) Error() string { return "git " + f.verb + ": " + f.err.Error() }
func (f *failed) Unwrap() error { return f.err }

// run runs git to its end and returns what it printed. The whole process group
// dies with ctx.
func (r *repo) run(ctx context.Context, c call) (printed []byte, err error) {
	ctx, span := observe.Start(ctx, "git")
	span.Set("git.verb", c.args[0])
	span.Set("git.url", r.key)
	defer func() { span.End(err) }()
	cmd := exec.CommandContext(ctx, "git", c.args...)
	cmd.Dir = r.dir
	cmd.Env = append(r.environment(c.config), c.env...)
	cmd.WaitDelay = 2 * time.Second
	own(cmd)
	if c.stdin != nil {
		cmd.Stdin = bytes.NewReader(c.stdin)
	}
	if c.writes {
		cmd.ExtraFiles = []*os.File{r.lock}
	}
	out, msg := &bounded{max: maxListing}, &bounded{max: maxMessage}
	cmd.Stdout, cmd.Stderr = out, msg
	start := time.Now()
	err = cmd.Run()
	r.opts.Metrics.ran(c.args[0], time.Since(start), err)
	r.opts.Log.DebugContext(ctx, "git", "verb", c.args[0], "url", r.key, "took", time.Since(start), "ok", err == nil)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, noGit()
	}
	if err != nil {
		return nil, &failed{verb: c.args[0], stderr: msg.String(), err: err}
	}
	if c.heard != nil {
		*c.heard = msg.String()
	}
	return out.Bytes(), nil
}

// environment is all that git gets to know: of ours only PATH.
func (r *repo) environment(config []setting) []string {
	protocols := "http:https:ssh"
	if r.opts.AllowFile {
		protocols += ":file"
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + r.home(), "XDG_CONFIG_HOME=" + r.home(),
		"LC_ALL=C", // classify.go reads what git says
		"GIT_DIR=" + r.git,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=" + os.DevNull, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "SSH_ASKPASS_REQUIRE=never",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_ALLOW_PROTOCOL=" + protocols,
	}
	all := append(standing(protocols), config...)
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(all)))
	for i, s := range all {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+s.key, "GIT_CONFIG_VALUE_"+n+"="+s.value)
	}
	return env
}

// harmless are findings of git's own check that old, honest repositories have.
// Everything else that the check finds, such as an entry named "..", refuses the
// whole fetch.
var harmless = []string{
	"zeroPaddedFilemode", "zeroPaddedDate", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingNameBeforeEmail", "missingEmail",
	"badTimezone", "badEmail", "badDate", "badDateOverflow", "badName", "missingTaggerEntry", "extraHeaderEntry", "multipleAuthors", "badFilemode",
	"nulInCommit", "gitmodulesParse", "gitmodulesUrl", "gitmodulesUpdate", "gitmodulesPath",
}

// standing is the configuration of every call.
func standing(protocols string) []setting {
	out := []setting{
		{"core.hooksPath", os.DevNull},
		{"core.fsmonitor", "false"},
		// A mirror is a copy and heals itself (upkeep.go); waiting for the disk would
		// make every fetch slower, on a busy disk by seconds.
		{"core.fsync", "none"},
		{"core.alternateRefsCommand", ""},
		{"core.attributesFile", os.DevNull},
		{"credential.helper", ""},
		{"gc.auto", "0"},
		{"maintenance.auto", "false"},
		{"protocol.version", "2"},
		{"protocol.allow", "never"},
		{"submodule.recurse", "false"},
		{"transfer.fsckObjects", "true"},
		{"transfer.bundleURI", "false"},
		{"http.followRedirects", "initial"},
	}
	for p := range strings.SplitSeq(protocols, ":") {
		out = append(out, setting{"protocol." + p + ".allow", "always"})
	}
	for _, id := range harmless {
		out = append(out, setting{"fetch.fsck." + id, "ignore"})
	}
	return out
}

// bounded keeps the first max bytes and counts the rest as written.
type bounded struct {
	bytes.Buffer
	max int
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), max(b.max-b.Len(), 0))
	b.Buffer.Write(p[:keep])
	return len(p), nil
}
