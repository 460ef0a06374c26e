package git

import (
	"regexp"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// class is a kind of failure that git can end with.
type class uint8

const (
	classUnknown class = iota
	classNoRef
	classUnadvertised
	classRedirect
	classFormat
	classRemoteDamaged
	classDamaged
	classHostKeyUnknown
	classHostKeyChanged
	classKeyRefused
	classRefused
	classForbidden
	classRepository
	classProxy
	classResolve
	classConnect
	classTLS
	classClientCert
	classTimeout
	classCut
	classDisk
	classHostile
	classNotGit
	classServer
	classMoved
	classPushRefused
)

// patterns decide what a failure is by what git and the ssh and curl below it
// print. Nothing better exists: git ends with 128 (or 1) whatever happened, has
// no machine-readable errors for fetch, and passes on the words of programs it
// does not know. LC_ALL=C keeps the words the same everywhere. No other file
// looks at them, and a pattern that stops matching costs a hint, not a retry:
// classUnknown is treated as a server that is unavailable.
//
// The first match wins, so what is more particular comes first.
var patterns = []struct {
	class class
	re    *regexp.Regexp
}{
	{classHostKeyChanged, re(`REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed`)},
	{classHostKeyUnknown, re(`No \S+ host key is known for|Host key verification failed`)},
	{classKeyRefused, re(`Permission denied \(|Too many authentication failures|sign_and_send_pubkey`)},
	{classDisk, re(`No space left on device|Disk quota exceeded|Read-only file system`)},
	{classMoved, re(`\[rejected\].*\((stale info|fetch first|non-fast-forward|already exists)\)|: is at [0-9a-f]+ but expected [0-9a-f]+|cannot lock ref '[^']*': reference already exists|incorrect old value provided`)},
	{classPushRefused, re(`\[remote rejected\]`)},
	{classHostile, re(`fsck error|hasDotdot|hasDotgit|fullPathname|gitmodulesSymlink`)},
	{classFormat, re(`mismatched algorithms|mismatched object format`)},
	{classUnadvertised, re(`does not allow request for unadvertised object`)},
	{classNoRef, re(`couldn't find remote ref|not our ref|unknown ref`)},
	// What the server says of itself is no word about the mirror.
	{classRemoteDamaged, re(`(?m)repository corruption on the remote side|^remote: (fatal|error): (.*(bad object|is corrupt|is empty)|unable to read|packfile |missing )`)},
	{classDamaged, re(`bad object|is corrupt|object file .* is empty|garbage at end of|unable to read (tree|[0-9a-f]{40})|not a git repository: '/|packfile .* (cannot be|does not match)|missing necessary objects`)},
	{classProxy, re(`from proxy after CONNECT|[Pp]roxy CONNECT aborted|resolve proxy|CONNECT tunnel failed|SOCKS|URL returned error: 407`)},
	{classRedirect, re(`URL returned error: 30[12378]|update url base from redirection`)},
	{classResolve, re(`Could not resolve host|Name or service not known|Temporary failure in name resolution`)},
	{classTLS, re(`certificate verification failed|SSL certificate problem|certificate subject name|no alternative certificate subject|does not match target host`)},
	// GnuTLS does not say which alert; of those that a server sends, this is the likely one.
	// A server that hangs up on the handshake looks to curl as if it had never been there.
	{classClientCert, re(`TLS fatal alert has been received|'https://.*getpeername\(\) failed|certificate required|bad certificate|could not load client certificate|unable to set private key|error reading X.509 key|unable to use client certificate|Certificate is required`)},
	{classConnect, re(`Connection refused|Couldn't connect to server|Failed to connect|No route to host|Network is unreachable`)},
	{classTimeout, re(`timed out|Timeout was reached`)},
	{classForbidden, re(`URL returned error: 403|You are not allowed|marked as read only|Permission to \S+ denied|Write access to repository not granted`)},
	{classRefused, re(`Authentication failed|HTTP Basic: Access denied|could not read (Username|Password)|URL returned error: 401|Invalid username or password`)},
	{classRepository, re(`repository '.*' not found|Repository not found|does not appear to be a git repository|project you were looking for could not be found|URL returned error: 404|no such repository`)},
	{classNotGit, re(`not valid: is this a git repository|dumb http transport|invalid server response|protocol error: bad line length`)},
	{classServer, re(`URL returned error: 5\d\d|URL returned error: 429`)},
	{classTLS, re(`SSL|TLS|gnutls`)},
	{classCut, re(`early EOF|hung up unexpectedly|unexpected disconnect|RPC failed|transfer closed|Connection reset|Empty reply|index-pack failed|Connection closed|kex_exchange_identification`)},
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// sayings is what the user reads for each class.
var sayings = map[class]struct {
	kind fault.Kind
	what string
	hint string
}{
	classUnknown:        {fault.KindUnavailable, "git could not fetch", ""},
	classNoRef:          {fault.KindNotFound, "the remote has no such ref", ""},
	classUnadvertised:   {fault.KindInvalid, "the remote does not hand out commits by their hash", "name a branch or tag"},
	classRedirect:       {fault.KindInvalid, "the server redirects elsewhere", "set the url to where the repository is now"},
	classFormat:         {fault.KindInvalid, "the repository's object format is not supported", ""},
	classRemoteDamaged:  {fault.KindUnavailable, "the repository is damaged at the remote", "run git fsck where it is kept; a partial clone, for one, cannot be served"},
	classDamaged:        {fault.KindUnavailable, "the local mirror is damaged", "it is cloned anew at the next fetch"},
	classHostKeyUnknown: {fault.KindDenied, "the server's ssh host key is not in known_hosts", "add the line that ssh-keyscan prints, once checked, to the Secret's key known_hosts"},
	classHostKeyChanged: {fault.KindDenied, "the server's ssh host key is not the one in known_hosts", "somebody may be listening in; if the key was changed on purpose, replace the line in the Secret's key known_hosts"},
	classKeyRefused:     {fault.KindDenied, "the server refused the ssh key", "add its public half to the server, or check the Secret's key identity and the user in the url"},
	classRefused:        {fault.KindDenied, "the server asks for a credential, or refused the one it got", "check the Secret's keys username and password, or bearerToken; forges also answer so for a repository that does not exist"},
	classForbidden:      {fault.KindDenied, "the credential may not read this repository", "give the user or token of the Secret read access"},
	classRepository:     {fault.KindNotFound, "the repository does not exist", "check the url; forges also answer so when the credential may not see it"},
	classProxy:          {fault.KindUnavailable, "the proxy did not pass the request on", "check the proxy's address and credential"},
	classResolve:        {fault.KindUnavailable, "the host name cannot be resolved", "check the url for typing errors, and DNS"},
	classConnect:        {fault.KindUnavailable, "the server cannot be reached", "check host and port of the url, and that nothing between blocks it"},
	classTLS:            {fault.KindDenied, "the server's certificate is not trusted", "if its CA is your own, put it into the Secret's key ca.crt"},
	classClientCert:     {fault.KindDenied, "the server wants a client certificate, or refused the one it got", "check the Secret's keys tls.crt and tls.key"},
	classTimeout:        {fault.KindTimeout, "the server did not answer in time", "check that it is reachable from here"},
	classCut:            {fault.KindUnavailable, "the connection broke off", ""},
	classDisk:           {fault.KindUnavailable, "the disk with the data directory is full or cannot be written", "free some space, or give the data directory more"},
	classHostile:        {fault.KindInvalid, "the repository holds objects that git's own check refuses", "run git fsck on it; such an entry can attack whoever checks it out"},
	classNotGit:         {fault.KindInvalid, "there is no git repository at the url", "the url of a web page is often not the one to clone"},
	classMoved:          {fault.KindConflict, "the branch has moved on at the remote", "look at it again and try once more"},
	classPushRefused:    {fault.KindDenied, "the server refused the push", "is the branch protected? push to another branch and open a pull request"},
	classServer:         {fault.KindUnavailable, "the server failed", ""},
}

// classOf reads what git printed.
func classOf(stderr string) class {
	for _, p := range patterns {
		if p.re.MatchString(stderr) {
			return p.class
		}
	}
	return classUnknown
}

// fault says it to the user. git's own last words are added where ours are no
// better.
func (c class) fault(f *failed, secrets []string) *fault.Fault {
	s := sayings[c]
	out := fault.New(s.kind, "%s", s.what).Because(f)
	detail := lastWords(f.stderr, secrets)
	switch {
	case s.hint != "":
		out.WithHint("%s", s.hint)
	case detail != "":
		out.WithHint("git said: %s", detail)
	}
	// Here git's first words are the ones that name an object.
	if first := firstError(f.stderr, secrets); first != "" && (c == classHostile || c == classRemoteDamaged) {
		out.What += ": " + first
	}
	return out
}

// lastWords returns the line that says most, safe to show.
func lastWords(stderr string, secrets []string) string {
	last := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if last == "" || strings.HasPrefix(line, "fatal:") || strings.HasPrefix(line, "error:") {
			last = line
		}
	}
	return scrub(last, secrets)
}

func firstError(stderr string, secrets []string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	line = strings.TrimPrefix(line, "remote: ")
	line = strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: ")
	return scrub(strings.TrimSpace(line), secrets)
}

var userInfo = regexp.MustCompile(`://[^/@\s]*@`)

// scrub takes out user info and every secret that was handed over: a server may
// echo what it got.
func scrub(s string, secrets []string) string {
	for _, w := range secrets {
		if len(w) > 2 {
			s = strings.ReplaceAll(s, w, "***")
		}
	}
	return printable(userInfo.ReplaceAllString(s, "://"))
}
