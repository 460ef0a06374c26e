package engine

import "sigs.k8s.io/controller-runtime/pkg/client"

func inNamespace(ns string) client.ListOption { return client.InNamespace(ns) }
