package stack

import (
	"context"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// The keys of the Secret that commits are signed with, unless its reference names
// another.
const (
	keySigning    = "signingKey"
	keySigningPin = "signingPassphrase"
)

// Writing is what it takes to write to a Source's repository. It holds secrets: it
// is never logged.
type Writing struct {
	Spec    source.Spec
	Author  source.Signature
	Signing source.Signing
}

// BranchOf returns the branch that a Source follows, where it may be written to, and
// what begins the names of branches that are made. The fault says why it may not.
// Nothing is read for it.
func BranchOf(src *v1alpha1.Source) (branch, prefix string, err error) {
	at := src.Namespace + "/" + src.Name
	git := src.Spec.Git
	if git == nil || git.Write == nil {
		return "", "", fault.Blocked("source %q may not be written to", at).
			WithHint("give it a credential that may push: spec.git.write; or hold the stack at the release")
	}
	ref := RefOf(git.Ref)
	branch, isBranch := strings.CutPrefix(ref.FullName(), "refs/heads/")
	switch {
	case ref.Commit != "":
		return "", "", fault.Blocked("source %q is kept at a commit: one that follows would not be seen", at).
			WithHint("change spec.git.ref.commit, or hold the stack at the release")
	case !isBranch:
		return "", "", fault.Blocked("source %q follows no branch that a commit could be made on", at).
			WithHint("move the tag to the release, or hold the stack at it")
	}
	prefix = git.Write.BranchPrefix
	if prefix == "" {
		prefix = "lockstep/"
	}
	return branch, prefix, nil
}

// WritingOf reads the credential and the signing key of a Source, from Secrets of its
// own namespace. Every fault names the Secret and the key, and none repeats a value.
func WritingOf(ctx context.Context, l Secrets, src *v1alpha1.Source, now time.Time) (Writing, error) {
	if _, _, err := BranchOf(src); err != nil {
		return Writing{}, err
	}
	git := src.Spec.Git
	w := Writing{
		Spec:   source.Spec{URL: git.URL, Submodules: git.Submodules, LFS: git.LFS},
		Author: source.Signature{Name: git.Write.Author.Name, Email: git.Write.Author.Email, At: now},
	}
	cred, err := auth(ctx, l, src, &git.Write.SecretRef)
	proxy, proxyErr := proxy(ctx, l, src)
	key, keyErr := signing(ctx, l, src, git.Write.Signing)
	if err := fault.Join(err, proxyErr, keyErr); err != nil {
		return Writing{}, err
	}
	cred.ProxyURL = proxy
	w.Spec.Auth, w.Signing = cred, key
	return w, nil
}

func signing(ctx context.Context, l Secrets, src *v1alpha1.Source, by *v1alpha1.GitSigning) (source.Signing, error) {
	if by == nil {
		return source.Signing{}, nil
	}
	s, err := read(ctx, l, src, by.SecretRef.Name)
	if err != nil {
		return source.Signing{}, err
	}
	key := by.SecretRef.Key
	if key == "" {
		key = keySigning
	}
	if _, err := s.must(key, "put the private key there that commits are signed with"); err != nil {
		return source.Signing{}, err
	}
	out := source.Signing{Passphrase: s.text(keySigningPin)}
	if by.Format == v1alpha1.SigningOpenPGP {
		out.PGPKey = s.data[key]
		return out, nil
	}
	out.SSHKey = s.data[key]
	return out, nil
}
