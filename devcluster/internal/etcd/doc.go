// Package etcd runs the cluster's store inside this process.
//
// It lives in the parent and not in a child: it links no Kubernetes component it
// could clash with, saves the memory of one more process, and must outlive the
// API server when the cluster stops.
package etcd
