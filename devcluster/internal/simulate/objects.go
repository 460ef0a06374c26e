package simulate

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/version"
)

// mark is on what this program creates, so that it only ever removes its own.
const mark = "devcluster"

// ensureStorageClass makes "standard" the default class, which the volume stages
// serve. Nobody's change to it is undone.
func ensureStorageClass(ctx context.Context, client kubernetes.Interface) error {
	reclaim := corev1.PersistentVolumeReclaimDelete
	binding := storagev1.VolumeBindingImmediate
	class := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "standard",
			Labels:      map[string]string{mark: "true"},
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       "devcluster/volume",
		ReclaimPolicy:     &reclaim,
		VolumeBindingMode: &binding,
	}
	_, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create the storage class standard: %w", err)
	}
	return nil
}

// ensureNodes makes node-0 to node-(count-1) and removes those of an earlier run
// with more.
func ensureNodes(ctx context.Context, client kubernetes.Interface, count int) error {
	nodes := client.CoreV1().Nodes()
	for i := range count {
		_, err := nodes.Create(ctx, node("node-"+strconv.Itoa(i)), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node-%d: %w", i, err)
		}
	}
	found, err := nodes.List(ctx, metav1.ListOptions{LabelSelector: mark})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, n := range found.Items {
		if i, err := strconv.Atoi(strings.TrimPrefix(n.Name, "node-")); err != nil || i < count {
			continue
		}
		if err := nodes.Delete(ctx, n.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", n.Name, err)
		}
	}
	return nil
}

// node is large enough that a benchmark never runs out of it by accident, and
// small enough that a pod can ask for more than it has.
func node(name string) *corev1.Node {
	size := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("256"),
		corev1.ResourceMemory:           resource.MustParse("1Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
		corev1.ResourcePods:             resource.MustParse("20k"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				mark:                     "true",
				corev1.LabelHostname:     name,
				corev1.LabelOSStable:     "linux",
				corev1.LabelArchStable:   "amd64",
				corev1.LabelTopologyZone: "local",
			},
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Status: corev1.NodeStatus{
			Capacity:    size,
			Allocatable: size,
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:    "amd64",
				OperatingSystem: "linux",
				KubeletVersion:  version.Get().GitVersion,
			},
		},
	}
}
