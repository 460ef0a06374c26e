package git

import (
	"context"
	"os/exec"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// oldest is the first git that knows cat-file --batch-command.
var oldest = [2]int{2, 36}

// Check says whether the machine has what this package needs. It returns the
// version of git; ssh is asked for only because ssh urls need it.
func Check(ctx context.Context) (version string, err error) {
	out, err := exec.CommandContext(ctx, "git", "version").Output()
	if err != nil {
		return "", noGit().Because(err)
	}
	version = strings.TrimPrefix(strings.TrimSpace(string(out)), "git version ")
	if !recent(version) {
		return version, fault.Unavailable("git is version %s", version).
			WithHint("git %d.%d or later is needed", oldest[0], oldest[1])
	}
	if _, err := exec.LookPath("ssh"); err != nil {
		return version, fault.Unavailable("there is no ssh, so ssh urls will not work").
			WithHint("install it: apt-get install openssh-client").Because(err)
	}
	return version, nil
}

func recent(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, _ := strconv.Atoi(parts[0])
	minor, _ := strconv.Atoi(parts[1])
	return major > oldest[0] || major == oldest[0] && minor >= oldest[1]
}

func noGit() *fault.Fault {
	return fault.Unavailable("git is not installed").WithHint("install it: apt-get install git")
}
