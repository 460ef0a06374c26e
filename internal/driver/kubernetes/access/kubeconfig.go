package access

import (
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// kubeconfig reads a kubeconfig that somebody put into a Secret. Its current
// context counts. Everything that would reach beyond the document is refused.
func kubeconfig(raw []byte, o Options) (*rest.Config, error) {
	file, err := clientcmd.Load(raw)
	if err != nil {
		// The parser's message may quote the document, and with it credentials.
		return nil, fault.Invalid("it is not a kubeconfig").Because(err)
	}
	context := file.Contexts[file.CurrentContext]
	if context == nil {
		return nil, fault.Invalid("the kubeconfig has no context %q", file.CurrentContext).
			WithHint("kubectl config view --minify --flatten --raw writes one with exactly one context")
	}
	cluster, user := file.Clusters[context.Cluster], file.AuthInfos[context.AuthInfo]
	if cluster == nil {
		return nil, fault.Invalid("the kubeconfig has no cluster %q", context.Cluster)
	}
	if user == nil {
		return nil, fault.Invalid("the kubeconfig has no user %q", context.AuthInfo)
	}
	if err := closed(cluster, user); err != nil {
		return nil, err
	}
	helper := user.Exec
	user.Exec = nil
	cfg, err := clientcmd.NewNonInteractiveClientConfig(*file, file.CurrentContext, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	if helper == nil {
		return cfg, nil
	}
	p := &plugin{command: helper.Command, args: helper.Args, env: map[string]string{}, apiVersion: helper.APIVersion}
	for _, e := range helper.Env {
		p.env[e.Name] = e.Value
	}
	if err := p.attach(cfg, o); err != nil {
		return nil, err
	}
	return cfg, nil
}

// closed refuses a kubeconfig that points at files or programs of the machine
// that reads it.
func closed(c *api.Cluster, u *api.AuthInfo) error {
	for _, f := range []struct{ field, value, instead string }{
		{"certificate-authority", c.CertificateAuthority, "certificate-authority-data"},
		{"client-certificate", u.ClientCertificate, "client-certificate-data"},
		{"client-key", u.ClientKey, "client-key-data"},
		{"tokenFile", u.TokenFile, "token"},
	} {
		if f.value != "" {
			return fault.Invalid("the kubeconfig names a file in %q, and no file of the server is read for a Target", f.field).
				WithHint("put the content into %s; kubectl config view --minify --flatten --raw does", f.instead)
		}
	}
	if u.AuthProvider != nil {
		return fault.Invalid("the kubeconfig uses the auth provider %q, which Kubernetes no longer has", u.AuthProvider.Name).
			WithHint("use exec or token")
	}
	return nil
}
