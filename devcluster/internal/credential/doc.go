// Package credential issues who may talk to whom: one certificate authority for
// the API and its clients, one for etcd, the key that signs service-account
// tokens, and kubeconfigs.
//
// Everything is made once and then kept, so that a kubeconfig handed out before a
// restart still works after it. Lifetimes are long on purpose: the cluster listens
// on 127.0.0.1 only and its keys never leave its directory.
package credential
