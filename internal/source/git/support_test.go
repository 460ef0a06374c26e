package git_test

import (
	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/internal/source/git"
)

func stderrOf(err error) string { return git.StderrOf(err) }

func authorized(k ssh.PublicKey) string { return string(ssh.MarshalAuthorizedKey(k)) }
