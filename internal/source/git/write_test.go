package git_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

var ana = source.Signature{Name: "Ana", Email: "ana@example.org", At: time.Unix(1700000000, 0)}

// TestCommitFiles: what is written is written byte for byte, whatever it is called,
// and nothing else is.
func TestCommitFiles(t *testing.T) {
	repo, w, _, second := writable(t, httpserver.Options{ReceivePack: true})
	if _, err := repo.Git("hash-object", "-w", "--stdin"); err != nil {
		t.Fatal(err)
	}
	files := map[string]source.File{
		"shop/a.yaml":           {Data: []byte("a: 3 # no line end")},
		"shop/new.yaml":         {Gone: true},
		"-rf":                   {Data: []byte("a dash\n")},
		"odd/two\nlines":        {Data: []byte("x\n")},
		"odd/:(top)magic*.yaml": {Data: []byte("m\n")},
		"odd/\"quoted\"":        {Data: []byte{0, 1, '\r', '\n', 0xff}},
		"empty":                 {},
	}
	commit, err := w.Commit(t.Context(), source.Commit{Onto: second, Files: files, Message: "Write\n\nbody\x00\x1b", Author: ana})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); err != nil {
		t.Fatal(err)
	}
	got, err := w.Changes(t.Context(), second, commit)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		lines = append(lines, c.Verb.String()+" "+c.Path)
	}
	want := []string{"create -rf", "create empty", "create odd/\"quoted\"", "create odd/:(top)magic*.yaml", "create odd/two\nlines", "update shop/a.yaml", "delete shop/new.yaml"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	at, err := w.At(t.Context(), commit)
	if err != nil {
		t.Fatal(err)
	}
	for p, f := range files {
		data, err := at.ReadFile(p)
		if f.Gone != errors.Is(err, lockstep.ErrNotExist) || string(data) != string(f.Data) {
			t.Errorf("%q is %q, %v", p, data, err)
		}
	}
	if body, _ := repo.Git("log", "-1", "--format=%B", "main"); body != "Write\n\nbody" {
		t.Errorf("the message is %q", body)
	}
	if _, err := repo.Git("fsck", "--strict"); err != nil {
		t.Error(err)
	}
}

func TestCommitFilesFaults(t *testing.T) {
	_, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	one := func(path string) source.Commit {
		return source.Commit{Onto: second, Files: map[string]source.File{path: {Data: []byte("x\n")}}, Author: ana, Message: "m"}
	}
	cases := map[string]struct {
		why  string
		c    source.Commit
		kind error
	}{
		"Outside":   {why: "A path stays in the repository.", c: one("../x"), kind: fault.KindInvalid},
		"Unclean":   {why: "Two spellings of one path are one too many.", c: one("shop/./a.yaml"), kind: fault.KindInvalid},
		"Git":       {why: "Whoever clones it would run what is written there.", c: one("sub/.GIT/config"), kind: fault.KindInvalid},
		"Root":      {why: "The root is no file.", c: one("."), kind: fault.KindInvalid},
		"NUL":       {why: "No name holds one.", c: one("a\x00b"), kind: fault.KindInvalid},
		"Directory": {why: "Whole directories are not written over.", c: one("shop"), kind: fault.KindInvalid},
		"Below":     {why: "Nor is a file made a directory.", c: one("shop/a.yaml/b"), kind: fault.KindInvalid},
		"Link":      {why: "A link leads to where nobody meant to write.", c: func() source.Commit { c := one("shop/link"); c.Onto = first; return c }(), kind: fault.KindInvalid},
		"Same":      {why: "An empty commit says nothing.", c: source.Commit{Onto: second, Files: map[string]source.File{"shop/a.yaml": {Data: []byte("a: 2\n")}}, Author: ana}, kind: source.ErrUnchanged},
		"Nobody":    {why: "A commit has an author.", c: func() source.Commit { c := one("x"); c.Author.Name = "<\n>"; return c }(), kind: fault.KindInvalid},
		"Unknown":   {why: "What is not in the mirror is not built on.", c: func() source.Commit { c := one("x"); c.Onto = strings.Repeat("1", 40); return c }(), kind: fault.KindUnavailable},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := w.Commit(t.Context(), tc.c); !errors.Is(err, tc.kind) {
				t.Errorf("%s\ngot %v, want %v", tc.why, err, tc.kind)
			}
		})
	}
}

// TestNothingIsForced: a commit that does not follow is not pushed, though the lease
// would allow it.
func TestNothingIsForced(t *testing.T) {
	repo, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	commit, err := w.Commit(t.Context(), source.Commit{Onto: first, Files: map[string]source.File{"x": {}}, Author: ana, Message: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); !errors.Is(err, fault.KindInvalid) {
		t.Errorf("got %v", err)
	}
	// Somebody took a commit back at the server: ours, made on top of it, must not
	// bring it back.
	onto, err := w.Commit(t.Context(), source.Commit{Onto: second, Files: map[string]source.File{"x": {}}, Author: ana, Message: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Git("update-ref", "refs/heads/main", first); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), onto, "main", second); !errors.Is(err, fault.KindConflict) {
		t.Errorf("got %v", err)
	}
	if head, _ := repo.Git("rev-parse", "main"); head != first {
		t.Errorf("main is at %s", head)
	}
}

// TestWriteRebases: many write to one branch at once, and nobody's work is lost.
func TestWriteRebases(t *testing.T) {
	repo, w, _, _ := writable(t, httpserver.Options{ReceivePack: true})
	const writers = 4
	var all sync.WaitGroup
	moved := make([]int, writers)
	for i := range writers {
		all.Go(func() {
			// Each opens the repository as another process would.
			out, err := source.Write(t.Context(), w, "main", func(_ context.Context, onto source.Snapshot) (source.Commit, error) {
				old, err := onto.ReadFile("log")
				if err != nil && !errors.Is(err, lockstep.ErrNotExist) {
					return source.Commit{}, err
				}
				data := append(append([]byte{}, old...), fmt.Sprintf("line %d\n", i)...)
				return source.Commit{Files: map[string]source.File{"log": {Data: data}}, Author: ana, Message: fmt.Sprint("line ", i)}, nil
			})
			if err != nil {
				t.Error(err)
			}
			moved[i] = out.Moved
		})
	}
	all.Wait()
	log, _ := repo.Git("show", "main:log")
	for i := range writers {
		if !strings.Contains(log, fmt.Sprint("line ", i)) {
			t.Errorf("line %d is lost:\n%s", i, log)
		}
	}
	t.Logf("made anew: %v", moved)
	if n, _ := repo.Git("rev-list", "--count", "--merges", "main"); n != "0" {
		t.Errorf("%s merges", n)
	}
}

// TestPropose: a branch gets the next number that is free, also behind those of
// others, and a name that begins alike is no number.
func TestPropose(t *testing.T) {
	repo, w, _, second := writable(t, httpserver.Options{ReceivePack: true})
	for _, name := range []string{"lockstep/rollback-web-3", "lockstep/rollback-web-2-9", "lockstep/rollback-web-x"} {
		if _, err := repo.Git("update-ref", "refs/heads/"+name, second); err != nil {
			t.Fatal(err)
		}
	}
	out, err := source.Propose(t.Context(), w, "main", "lockstep/rollback-web-", func(context.Context, source.Snapshot) (source.Commit, error) {
		return source.Commit{Files: map[string]source.File{"x": {}}, Author: ana, Message: "m"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Branch != "lockstep/rollback-web-4" || out.Onto != second {
		t.Errorf("got %+v", out)
	}
	if head, _ := repo.Git("rev-parse", "lockstep/rollback-web-4"); head != out.Commit {
		t.Errorf("the branch is at %s", head)
	}
	if head, _ := repo.Git("rev-parse", "main"); head != second {
		t.Errorf("main is at %s", head)
	}
	for _, bad := range []string{"--upload-pack=x", "a b", "x:refs/heads/main", "../x", "a\nb"} {
		_, err := source.Propose(t.Context(), w, "main", bad, func(context.Context, source.Snapshot) (source.Commit, error) {
			return source.Commit{Files: map[string]source.File{"y": {}}, Author: ana, Message: "m"}, nil
		})
		if bad == "--upload-pack=x" && err == nil {
			continue // an odd name, but a name: it is never an argument by itself
		}
		if !errors.Is(err, fault.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestWriteOverSSH: the key that may push, and one that may only read.
func TestWriteOverSSH(t *testing.T) {
	for name, writes := range map[string]bool{"Writable": true, "ReadOnly": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			start := gittest.NewSSH
			if writes {
				start = gittest.NewWritableSSH
			}
			srv, err := start(dir, "open sesame")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = srv.Close() })
			repo := newRepo(t, dir)
			if _, err := repo.Commit("main", "first", map[string]string{"a": "1\n"}); err != nil {
				t.Fatal(err)
			}
			m, err := newStore(t).Open(t.Context(), source.Spec{
				URL:  "ssh://git@" + srv.Addr + "/repo.git",
				Auth: source.Auth{SSHKey: srv.Key, SSHPassphrase: "open sesame", KnownHosts: srv.KnownHosts},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			out, err := source.Write(t.Context(), m.(source.Writer), "main", func(context.Context, source.Snapshot) (source.Commit, error) {
				return source.Commit{Files: map[string]source.File{"a": {Data: []byte("2\n")}}, Author: ana, Message: "second"}, nil
			})
			head, _ := repo.Git("show", "main:a")
			if writes && (err != nil || head != "2") {
				t.Errorf("%v, a is %q: %s", err, head, git.StderrOf(err))
			}
			if !writes && (err == nil || head != "1") {
				t.Errorf("a read-only key wrote %+v", out)
			}
		})
	}
}

// TestWriteNeedsCredential: a wrong password is refused, and shown nowhere.
func TestWriteNeedsCredential(t *testing.T) {
	r := newHTTPRemote(t)
	r.Commit("main", map[string]string{"a": "1\n"})
	r.spec.Auth.Password = "wr0ng-s3cret"
	m, err := r.open.Open(t.Context(), r.spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	_, err = source.Write(t.Context(), m.(source.Writer), "main", func(context.Context, source.Snapshot) (source.Commit, error) {
		t.Error("asked what to write before it was known who asks")
		return source.Commit{}, errors.New("no")
	})
	if !errors.Is(err, fault.KindDenied) || strings.Contains(fmt.Sprintf("%v %s", err, fault.As(err).Hint), "wr0ng") {
		t.Errorf("got %v", err)
	}
	// What another credential brought here is not built on by one that was refused.
	if _, err := m.(source.Writer).Commit(t.Context(), source.Commit{Onto: strings.Repeat("1", 40), Author: ana}); !errors.Is(err, fault.KindNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestSignatures: git itself says whether a signature is good, for every kind of key.
func TestSignatures(t *testing.T) {
	pair := func(key any, passphrase string) ([]byte, ssh.PublicKey) {
		block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewSignerFromKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(block), signer.PublicKey()
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM, rsaPublic := pair(rsaKey, "open sesame")
	edPEM, edSigner, err := gittest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		signing source.Signing
		public  ssh.PublicKey
	}{
		"Ed25519":       {signing: source.Signing{SSHKey: edPEM}, public: edSigner.PublicKey()},
		"RSAPassphrase": {signing: source.Signing{SSHKey: rsaPEM, Passphrase: "open sesame"}, public: rsaPublic},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			repo := signedCommit(t, tc.signing)
			signers := filepath.Join(t.TempDir(), "signers")
			if err := os.WriteFile(signers, []byte("ana@example.org "+authorized(tc.public)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := repo.Git("-c", "gpg.ssh.allowedSignersFile="+signers, "verify-commit", "main"); err != nil {
				t.Error(err)
			}
		})
	}
}

func signedCommit(t *testing.T, s source.Signing) *httpserver.Repo {
	t.Helper()
	repo, w, _, second := writable(t, httpserver.Options{ReceivePack: true})
	commit, err := w.Commit(t.Context(), source.Commit{
		Onto: second, Files: map[string]source.File{"x": {Data: []byte("x\n")}}, Author: ana, Message: "Signed\n\nwith\n\nparagraphs\n", Signing: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Git("fsck", "--strict"); err != nil {
		t.Error(err)
	}
	return repo
}

// TestSignedByOpenPGP: gpg is what git asks about such a signature.
func TestSignedByOpenPGP(t *testing.T) {
	key, err := openpgp.NewEntity("Ana", "", "ana@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	public := armored(t, openpgp.PublicKeyType, key.Serialize)
	if err := key.EncryptPrivateKeys([]byte("open sesame"), nil); err != nil {
		t.Fatal(err)
	}
	private := armored(t, openpgp.PrivateKeyType, func(w io.Writer) error {
		return key.SerializePrivateWithoutSigning(w, nil)
	})
	repo := signedCommit(t, source.Signing{PGPKey: private, Passphrase: "open sesame"})

	// The path of a socket is short, and a test's directory is long.
	home, err := os.MkdirTemp("/tmp", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	t.Setenv("GNUPGHOME", home)
	cmd := exec.Command("gpg", "--batch", "--quiet", "--no-autostart", "--import")
	cmd.Stdin = strings.NewReader(string(public))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v (is gpg there? apt-get install gpg): %s", err, out)
	}
	if _, err := repo.Git("verify-commit", "main"); err != nil {
		t.Error(err)
	}

	_, w, _, second := writable(t, httpserver.Options{})
	_, err = w.Commit(t.Context(), source.Commit{
		Onto: second, Files: map[string]source.File{"x": {}}, Author: ana, Message: "m", Signing: source.Signing{PGPKey: private, Passphrase: "wr0ng"},
	})
	if !errors.Is(err, fault.KindInvalid) || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

func armored(t *testing.T, kind string, write func(io.Writer) error) []byte {
	t.Helper()
	var out strings.Builder
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	return []byte(out.String())
}

// TestModeIsKept: a script stays one.
func TestModeIsKept(t *testing.T) {
	repo, w, _, _ := writable(t, httpserver.Options{ReceivePack: true})
	if err := repo.Import([]byte("commit refs/heads/main\ncommitter t <t@example.org> 1700000001 +0000\ndata 1\nm\nfrom refs/heads/main^0\nM 100755 inline run.sh\ndata 2\na\n\n")); err != nil {
		t.Fatal(err)
	}
	_, err := source.Write(t.Context(), w, "main", func(context.Context, source.Snapshot) (source.Commit, error) {
		return source.Commit{Files: map[string]source.File{"run.sh": {Data: []byte("b\n")}, "link": {Data: []byte("x")}}, Author: ana, Message: "m"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := repo.Git("ls-tree", "--format=%(objectmode)", "main", "run.sh"); got != "100755" {
		t.Errorf("run.sh has mode %s", got)
	}
}
