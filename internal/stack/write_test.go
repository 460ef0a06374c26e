package stack_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// shelf has the Secrets of a test, and notes which were asked for.
type shelf struct {
	have  map[string]map[string][]byte
	asked []string
}

func (s *shelf) Secret(_ context.Context, namespace, name string) (map[string][]byte, error) {
	s.asked = append(s.asked, namespace+"/"+name)
	if data, ok := s.have[namespace+"/"+name]; ok {
		return data, nil
	}
	return nil, fault.NotFound("Secret %s/%s does not exist", namespace, name)
}

func writableSource(change func(*v1alpha1.Source)) *v1alpha1.Source {
	src := &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "platform"},
		Spec: v1alpha1.SourceSpec{Git: &v1alpha1.GitSource{
			URL: "https://git.example/platform.git", SecretRef: &v1alpha1.LocalRef{Name: "reads"},
			Write: &v1alpha1.GitWrite{
				SecretRef: v1alpha1.LocalRef{Name: "writes"}, Author: v1alpha1.GitAuthor{Name: "Lockstep", Email: "l@example.org"},
				Signing: &v1alpha1.GitSigning{SecretRef: v1alpha1.KeyRef{Name: "signs"}},
			},
		}},
	}
	if change != nil {
		change(src)
	}
	return src
}

func TestBranchOf(t *testing.T) {
	cases := map[string]struct {
		why            string
		change         func(*v1alpha1.Source)
		branch, prefix string
		says           string
	}{
		"Default": {why: "Without a ref it is main.", branch: "main", prefix: "lockstep/"},
		"Named":   {why: "A full name of a branch is a branch.", change: func(s *v1alpha1.Source) { s.Spec.Git.Ref = &v1alpha1.GitRef{Name: "refs/heads/live"} }, branch: "live", prefix: "lockstep/"},
		"Prefix":  {why: "Branches of ours are named as the Source says.", change: func(s *v1alpha1.Source) { s.Spec.Git.Write.BranchPrefix = "bot/" }, branch: "main", prefix: "bot/"},
		"ReadOnly": {why: "Who gave no credential to write did not mean to.", change: func(s *v1alpha1.Source) { s.Spec.Git.Write = nil },
			says: "may not be written to"},
		"Tag":    {why: "A commit on a branch does not reach a tag.", change: func(s *v1alpha1.Source) { s.Spec.Git.Ref = &v1alpha1.GitRef{Tag: "v1"} }, says: "follows no branch"},
		"Semver": {why: "Nor a range of tags.", change: func(s *v1alpha1.Source) { s.Spec.Git.Ref = &v1alpha1.GitRef{Semver: "1.x"} }, says: "follows no branch"},
		"Pull":   {why: "Nor the head of a pull request.", change: func(s *v1alpha1.Source) { s.Spec.Git.Ref = &v1alpha1.GitRef{Name: "refs/pull/7/head"} }, says: "follows no branch"},
		"Commit": {why: "What is kept at a commit stays there.", change: func(s *v1alpha1.Source) { s.Spec.Git.Ref = &v1alpha1.GitRef{Commit: strings.Repeat("a", 40)} }, says: "kept at a commit"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			branch, prefix, err := stack.BranchOf(writableSource(tc.change))
			if branch != tc.branch || prefix != tc.prefix || (err != nil) != (tc.says != "") {
				t.Fatalf("%s\ngot %q, %q, %v", tc.why, branch, prefix, err)
			}
			if err != nil && (!errors.Is(err, fault.KindBlocked) || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%s\ngot %v", tc.why, err)
			}
		})
	}
}

func TestWritingOf(t *testing.T) {
	key, _, err := gittest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{have: map[string]map[string][]byte{
		"team-a/reads":  {"username": []byte("u"), "password": []byte("read-only")},
		"team-a/writes": {"username": []byte("u"), "password": []byte("read-write\n")},
		"team-a/signs":  {"signingKey": key, "signingPassphrase": []byte("open\n")},
	}}
	now := time.Unix(1700000000, 0)
	w, err := stack.WritingOf(t.Context(), s, writableSource(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	if w.Spec.Auth.Password != "read-write" || string(w.Signing.SSHKey) != string(key) || w.Signing.Passphrase != "open" || w.Author.Email != "l@example.org" || !w.Author.At.Equal(now) {
		t.Errorf("got %+v", w.Author)
	}
	if got := strings.Join(s.asked, " "); got != "team-a/writes team-a/signs" {
		t.Errorf("asked for %s: what reads is not needed to write", got)
	}

	pgp := writableSource(func(s *v1alpha1.Source) {
		s.Spec.Git.Write.Signing.Format = v1alpha1.SigningOpenPGP
		s.Spec.Git.Write.Signing.SecretRef.Key = "other"
	})
	if _, err := stack.WritingOf(t.Context(), s, pgp, now); !errors.Is(err, fault.KindNotFound) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("a key that is not there: %v", err)
	}
	delete(s.have, "team-a/writes")
	if _, err := stack.WritingOf(t.Context(), s, writableSource(nil), now); !errors.Is(err, fault.KindNotFound) {
		t.Errorf("no Secret: %v", err)
	}
	s.asked = nil
	if _, err := stack.WritingOf(t.Context(), s, writableSource(func(s *v1alpha1.Source) { s.Spec.Git.Write = nil }), now); err == nil || len(s.asked) > 0 {
		t.Errorf("asked for %v though nothing may be written: %v", s.asked, err)
	}
}
