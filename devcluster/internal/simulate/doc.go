// Package simulate plays the parts of a cluster that need real machines: nodes
// and their kubelets, a volume provisioner and a load balancer.
//
// kwok does the playing, as a library in this process. What it plays is written
// in stages: kwok's own for nodes and healthy pods, and those in the folder
// stages for pods that must fail, volumes and load balancers. Pods have no
// processes and no network; only what the API shows of them changes.
package simulate
