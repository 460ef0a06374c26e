// Package component runs kube-apiserver, kube-controller-manager and
// kube-scheduler as child processes of this same binary.
//
// They are processes and not goroutines because each of them owns process-wide
// state: feature gates, the metrics registry, klog's flags and the signal handler.
// A child is a pair: [Start] in the parent, [Main] in the child.
//
// No child outlives the parent, even if that is killed with SIGKILL.
package component
