package credential

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

// name is that of the cluster and the context in every kubeconfig.
const name = "devcluster"

// kubeconfig carries its certificates inside, so that the file alone can be
// handed to somebody.
func kubeconfig(server string, ca []byte, user string, pair Pair) *clientcmdapi.Config {
	return &clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: server, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: {ClientCertificateData: pair.Cert, ClientKeyData: pair.Key}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: user, Namespace: "default"}},
		CurrentContext: name,
	}
}

func writeKubeconfig(path string, config *clientcmdapi.Config) error {
	text, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return place.WriteFile(path, text)
}

// moveUsers points the kubeconfigs of users at the server's present address.
func moveUsers(dir place.Dir, server string) error {
	paths, err := filepath.Glob(filepath.Join(dir.Users(), "*.kubeconfig"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		config, err := clientcmd.LoadFromFile(path)
		if err != nil {
			return fmt.Errorf("read %s: %w; remove the file and issue it again with devcluster user", path, err)
		}
		cluster, found := config.Clusters[name]
		if !found || cluster.Server == server {
			continue
		}
		cluster.Server = server
		if err := writeKubeconfig(path, config); err != nil {
			return err
		}
	}
	return nil
}
