package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// oldestGit has the commands that the mirrors use.
var oldestGit = semver.MustParse("2.36.0")

// local looks at this machine.
func local(ctx context.Context, o *options) []Finding {
	return []Finding{gitProgram(ctx), sshProgram(ctx), dataDir(o)}
}

func gitProgram(ctx context.Context) Finding {
	f := Finding{Check: "git", Fix: fmt.Sprintf("install git %s or newer", oldestGit)}
	out, err := exec.CommandContext(ctx, "git", "version").Output()
	if err != nil {
		f.Message = "is not installed"
		return f
	}
	f.Message = strings.TrimSpace(string(out))
	fields := strings.Fields(f.Message)
	if len(fields) < 3 {
		f.OK = true // a build with a name of its own
		return f
	}
	parts := strings.SplitN(fields[2], ".", 4)
	v, err := semver.NewVersion(strings.Join(parts[:min(len(parts), 3)], "."))
	f.OK = err != nil || !v.LessThan(oldestGit)
	return f
}

func sshProgram(ctx context.Context) Finding {
	f := Finding{Check: "ssh", Fix: "install an OpenSSH client; only sources with ssh addresses need it"}
	out, err := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput()
	if err != nil {
		f.Message = "is not installed"
		return f
	}
	f.OK, f.Message = true, strings.TrimSpace(string(out))
	return f
}

func dataDir(o *options) Finding {
	f := Finding{Check: "data directory", Fix: "make it writable, or choose another with --data-dir"}
	dir := o.DataDir
	if dir == "" {
		cache, err := o.Env.CacheDir()
		if err != nil {
			f.Message = err.Error()
			return f
		}
		dir = filepath.Join(cache, "server")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.Message = fmt.Sprintf("%s cannot be created", dir)
		return f
	}
	probe, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		f.Message = fmt.Sprintf("%s cannot be written to", dir)
		return f
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	f.OK, f.Message = true, dir+" is writable"
	return f
}
