package git

import (
	"context"
	"strings"
	"testing"
)

// TestClassOf holds what programs print that the other tests do not run: other
// versions of curl and ssh, other TLS libraries, other servers. The rest of the
// table is checked in failures_test.go with real failures.
func TestClassOf(t *testing.T) {
	cases := map[string]struct {
		in   string
		want class
	}{
		"OpenSSL":       {"fatal: unable to access 'https://h/r/': SSL certificate problem: unable to get local issuer certificate", classTLS},
		"OpenSSLName":   {"fatal: unable to access 'https://h/r/': SSL: no alternative certificate subject name matches target host name 'h'", classTLS},
		"OpenSSLClient": {"fatal: unable to access 'https://h/r/': OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", classClientCert},
		"GitHubSSH":     {"ERROR: Repository not found.\nfatal: Could not read from remote repository.", classRepository},
		"GitLabSSH":     {"remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.", classRepository},
		"GitHubToken":   {"remote: Invalid username or password.\nfatal: Authentication failed for 'https://h/r/'", classRefused},
		"GitLabToken":   {"remote: HTTP Basic: Access denied. The provided password or token is incorrect\nfatal: Authentication failed for 'https://h/r/'", classRefused},
		"OldServer":     {"error: Server does not allow request for unadvertised object 0123", classUnadvertised},
		"NewServer":     {"fatal: remote error: upload-pack: not our ref 0123", classNoRef},
		"DiskFull":      {"fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output", classDisk},
		"DiskFullQuota": {"error: unable to write file: Disk quota exceeded", classDisk},
		"Reset":         {"fatal: unable to access 'https://h/r/': Recv failure: Connection reset by peer", classCut},
		"CutMidPack":    {"error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF\nfatal: index-pack failed", classCut},
		"TooMany":       {"fatal: unable to access 'https://h/r/': The requested URL returned error: 429", classServer},
		"SSHTimeout":    {"ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote repository.", classTimeout},
		"HostKeyOld":    {"No ECDSA host key is known for h and you have requested strict checking.\nHost key verification failed.", classHostKeyUnknown},
		"RemoteLost":    {"remote: fatal: unable to read 85c2cb3296dcc11843ca958c2a34a61403280b3b\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output", classRemoteDamaged},
		"MirrorLost":    {"fatal: unable to read 85c2cb3296dcc11843ca958c2a34a61403280b3b", classDamaged},
		"Empty":         {"", classUnknown},
		"Gibberish":     {"fatal: something new", classUnknown},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := classOf(tc.in); got != tc.want {
				t.Errorf("classOf(%q) = %d, want %d", tc.in, got, tc.want)
			}
		})
	}
}

func TestEveryClassSaysSomething(t *testing.T) {
	for _, p := range patterns {
		if sayings[p.class].what == "" {
			t.Errorf("class %d has no sentence", p.class)
		}
	}
}

func TestScrub(t *testing.T) {
	in := "fatal: unable to access 'https://bob:hunter2@h/r/': hunter2 \x1b[31mred and c2VjcmV0"
	got := scrub(in, []string{"hunter2", "c2VjcmV0", ""})
	for _, bad := range []string{"hunter2", "bob", "c2VjcmV0", "\x1b"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q still holds %q", got, bad)
		}
	}
}

func TestCheck(t *testing.T) {
	v, err := Check(context.Background())
	if err != nil || v == "" {
		t.Errorf("Check: %q, %v", v, err)
	}
	for version, want := range map[string]bool{"2.36.0": true, "2.35.9": false, "3.0": true, "2.39.5 (Apple Git-154)": true, "1.9": false, "": false} {
		if recent(version) != want {
			t.Errorf("recent(%q) = %v", version, !want)
		}
	}
	t.Setenv("PATH", "")
	if _, err := Check(context.Background()); err == nil {
		t.Error("no git was found without a PATH, and that was fine")
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 a\x00" + strings.Repeat("x", 20) + "40000 b\x00" + strings.Repeat("y", 20)))
	f.Add([]byte("100644 ..\x00" + strings.Repeat("x", 20)))
	f.Add([]byte("1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTree(data, 20)
		if err != nil {
			return
		}
		for i, e := range entries {
			if e.Name == ".." || e.Name == "" || strings.Contains(e.Name, "/") || len(e.Hash) != 40 {
				t.Fatalf("took entry %+v", e)
			}
			if i > 0 && entries[i-1].Name > e.Name {
				t.Fatal("not ordered by name")
			}
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	f.Add([]byte("tree " + strings.Repeat("1", 40) + "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nsubject\n\nbody\n"))
	f.Add([]byte("author >"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommit(object{data: data})
		if err == nil && strings.ContainsAny(c.subject+c.author, "\n\x00\x1b") {
			t.Fatalf("took %+v", c)
		}
	})
}

func FuzzParsePointer(f *testing.F) {
	f.Add([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 12\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := parsePointer(data)
		if ok && (len(p.oid) != 64 || p.size < 0 || strings.Contains(p.oid, "/")) {
			t.Fatalf("took %+v", p)
		}
	})
}
