package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// pointer is what Git holds in place of a file that Git LFS keeps.
type pointer struct {
	oid  string // SHA-256 of the content
	size int64
}

var (
	pointerVersion = regexp.MustCompile(`^version https://(git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n`)
	pointerOID     = regexp.MustCompile(`(?m)^oid sha256:([0-9a-f]{64})$`)
	pointerSize    = regexp.MustCompile(`(?m)^size ([0-9]{1,18})$`)
)

// parsePointer says whether a file is a pointer. They are short by definition.
func parsePointer(data []byte) (pointer, bool) {
	if len(data) > 1024 || !pointerVersion.Match(data) {
		return pointer{}, false
	}
	oid, size := pointerOID.FindSubmatch(data), pointerSize.FindSubmatch(data)
	if oid == nil || size == nil {
		return pointer{}, false
	}
	n, err := strconv.ParseInt(string(size[1]), 10, 64)
	return pointer{oid: string(oid[1]), size: n}, err == nil
}

// lfs returns the content behind a pointer, from the mirror's folder if it was
// read before.
func (m *mirror) lfs(name string, p pointer) ([]byte, error) {
	if limit := m.store.opts.MaxBlob; p.size > limit {
		return nil, fault.Invalid("file %q has %d bytes in LFS, more than the %d allowed", name, p.size, limit)
	}
	file := filepath.Join(m.repo.dir, "lfs", p.oid[:2], p.oid)
	// Checked also when it comes from disk: after a crash it may be half a file.
	if data, err := os.ReadFile(file); err == nil && p.matches(data) {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.store.opts.Timeout)
	defer cancel()
	data, err := m.download(ctx, p)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.Timeout("the LFS server did not answer in time").Because(err)
	}
	if err != nil {
		return nil, fault.As(err).At("%s, file %q in LFS", m.url, name)
	}
	return data, keep(file, data)
}

func (p pointer) matches(data []byte) bool {
	sum := sha256.Sum256(data)
	return int64(len(data)) == p.size && hex.EncodeToString(sum[:]) == p.oid
}

func keep(file string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return diskFault(err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "tmp_")
	if err != nil {
		return diskFault(err)
	}
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Close()); err != nil {
		_ = os.Remove(tmp.Name())
		return diskFault(err)
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return diskFault(err)
	}
	return nil
}

// batch is the answer of the LFS batch API, as far as a download needs it.
type batch struct {
	Objects []struct {
		OID     string `json:"oid"`
		Actions struct {
			Download *struct {
				Href   string            `json:"href"`
				Header map[string]string `json:"header"`
			} `json:"download"`
		} `json:"actions"`
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"objects"`
}

const lfsType = "application/vnd.git-lfs+json"

// download asks where the object is and gets it, by the basic transfer. A
// repository's .lfsconfig is not looked at: it could send the credential
// anywhere.
func (m *mirror) download(ctx context.Context, p pointer) ([]byte, error) {
	u := m.address()
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fault.Invalid("LFS is fetched over http and https only").WithHint("use the repository's https url")
	}
	c := m.cred.client()
	defer c.CloseIdleConnections()
	href, header, err := m.locate(ctx, c, p)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, href.String(), nil)
	if err != nil {
		return nil, fault.Invalid("the LFS server names an address that cannot be used").Because(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if h := m.cred.header(); h != "" && req.Header.Get("Authorization") == "" && sameOrigin(href, u.Origin()) {
		req.Header.Set("Authorization", h)
	}
	// Object stores redirect; Go drops the Authorization on the way to another host.
	c.CheckRedirect = nil
	if !sameOrigin(href, u.Origin()) {
		// The client certificate is for the Git server.
		c = credential{Auth: m.cred.public()}.client()
		c.CheckRedirect = nil
		defer c.CloseIdleConnections()
	}
	data, err := fetchBody(c, req, p.size)
	if err != nil {
		return nil, err
	}
	if !p.matches(data) {
		return nil, fault.Invalid("the LFS server sent other content than Git names").
			WithHint("wanted sha256 %s with %d bytes", p.oid, p.size)
	}
	return data, nil
}

func sameOrigin(u *url.URL, origin string) bool {
	return strings.EqualFold(u.Scheme+"://"+u.Host, origin)
}

// locate asks the batch API for the address of one object.
func (m *mirror) locate(ctx context.Context, c *http.Client, p pointer) (*url.URL, map[string]string, error) {
	base := strings.TrimRight(m.address().String(), "/")
	if !strings.HasSuffix(base, ".git") {
		base += ".git"
	}
	body := fmt.Sprintf(`{"operation":"download","transfers":["basic"],"objects":[{"oid":%q,"size":%d}],"hash_algo":"sha256"}`, p.oid, p.size)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/info/lfs/objects/batch", strings.NewReader(body))
	if err != nil {
		return nil, nil, fault.Invalid("the url cannot be used for LFS").Because(err)
	}
	req.Header.Set("Accept", lfsType)
	req.Header.Set("Content-Type", lfsType)
	if h := m.cred.header(); h != "" {
		req.Header.Set("Authorization", h)
	}
	data, err := fetchBody(c, req, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	var b batch
	if err := json.Unmarshal(data, &b); err != nil || len(b.Objects) != 1 || b.Objects[0].OID != p.oid {
		return nil, nil, fault.Unavailable("the LFS server's answer cannot be read").Because(err)
	}
	o := b.Objects[0]
	if o.Error != nil {
		return nil, nil, fault.NotFound("the LFS server does not have the object %s", p.oid).
			WithHint("it answered %d; was it pushed with git lfs push?", o.Error.Code)
	}
	if o.Actions.Download == nil {
		return nil, nil, fault.NotFound("the LFS server offers no download of %s", p.oid)
	}
	href, err := req.URL.Parse(o.Actions.Download.Href)
	if err != nil || (href.Scheme != "http" && href.Scheme != "https") {
		return nil, nil, fault.Invalid("the LFS server names an address that is neither http nor https")
	}
	return href, o.Actions.Download.Header, nil
}

// fetchBody sends one request and reads an answer of at most limit bytes.
func fetchBody(c *http.Client, req *http.Request, limit int64) ([]byte, error) {
	res, err := c.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, fault.Unavailable("the LFS server cannot be reached").Because(err)
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return nil, fault.Denied("the LFS server refused the credential").WithHint("give the user or token of the Secret access to LFS")
	case res.StatusCode == http.StatusNotFound:
		return nil, fault.NotFound("the server has no LFS for this repository, or not this object")
	case res.StatusCode != http.StatusOK:
		return nil, fault.Unavailable("the LFS server answered %d", res.StatusCode)
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fault.Unavailable("the LFS server broke off").Because(err)
	}
	if n > limit {
		return nil, fault.Invalid("the LFS server sent more than the %d bytes it should", limit)
	}
	return b.Bytes(), nil
}
