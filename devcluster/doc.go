// Command devcluster runs a real Kubernetes control plane on 127.0.0.1 without
// containers: etcd, kube-apiserver, kube-controller-manager and kube-scheduler,
// with kwok in the place of kubelets.
//
//	devcluster up --dir D        run until a signal; prints the kubeconfig's path when usable
//	devcluster user --dir D N    a kubeconfig of client-certificate user N
//	devcluster token --dir D S   a token of a service account
//	devcluster status --dir D    is it running, where and since when
//	devcluster wipe --dir D      forget everything the cluster stored
//
// What a cluster keeps lives under its directory and nowhere else, so any number
// of clusters run side by side. Package internal/cluster holds the order in which
// things start and stop; each other package answers for one part.
package main
