package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRestart stops and starts one directory, and lets another cluster live
// beside it.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	first := up(t, dir)
	note := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "note"}, Data: map[string]string{"text": "kept"}}
	if _, err := first.client(t).CoreV1().ConfigMaps("default").Create(t.Context(), note, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	admin, err := os.ReadFile(first.config)
	if err != nil {
		t.Fatal(err)
	}
	anna := run(t, "user", "--dir", dir, "anna", "--group", "system:masters")
	first.stop(t)

	again := up(t, dir)
	if now, err := os.ReadFile(again.config); err != nil || string(now) != string(admin) {
		t.Errorf("the admin kubeconfig changed over a restart (%v)", err)
	}
	mustRead := func(config string) {
		t.Helper()
		got, err := clientOf(t, configOf(t, config)).CoreV1().ConfigMaps("default").Get(t.Context(), "note", metav1.GetOptions{})
		if err != nil || got.Data["text"] != "kept" {
			t.Errorf("data did not survive the restart: %v", err)
		}
	}
	mustRead(again.config)
	mustRead(anna)

	t.Run("TwoSideBySide", func(t *testing.T) {
		other := up(t, t.TempDir())
		if _, err := other.client(t).CoreV1().ConfigMaps("default").Get(t.Context(), "note", metav1.GetOptions{}); err == nil {
			t.Error("two clusters share their data")
		}
		mustRead(again.config)
		testKill(t, other)
	})

	again.stop(t)
	t.Run("MovesWhenItsPortIsTaken", func(t *testing.T) {
		server, err := url.Parse(configOf(t, again.config).Host)
		if err != nil {
			t.Fatal(err)
		}
		thief, err := net.Listen("tcp", server.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = thief.Close() }()
		moved := up(t, dir)
		if configOf(t, moved.config).Host == server.String() {
			t.Error("the kubeconfig still names the port that was taken")
		}
		mustRead(moved.config)
		mustRead(anna)
		moved.stop(t)
	})
	run(t, "wipe", "--dir", dir)
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 || filepath.Base(left[0]) != "lock" {
		t.Errorf("wipe left %v (%v), want the lock only", left, err)
	}
}

// testKill kills the parent without a chance to clean up.
func testKill(t *testing.T, c *running) {
	t.Helper()
	children := childrenOf(t, c.cmd.Process.Pid)
	if len(children) != 3 {
		t.Fatalf("children are %v, want three processes", children)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	eventually(t, func(context.Context) string {
		for _, pid := range children {
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !isZombie(pid) {
				return fmt.Sprintf("process %d outlived its parent", pid)
			}
		}
		return ""
	})
	// Neither a lock nor half-written data may stand in the way.
	back := up(t, c.dir)
	if _, err := back.client(t).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	back.stop(t)
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, pid)
		}
	}
	return found
}

// isZombie tells of a process that has ended and waits to be collected by an
// init that, in some containers, never does.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}
