package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/server"
)

func main() {
	var kc, dd, ln string
	for i := 2; i+1 < len(os.Args); i += 2 {
		switch os.Args[i] {
		case "--kubeconfig":
			kc = os.Args[i+1]
		case "--data-dir":
			dd = os.Args[i+1]
		case "--listen":
			ln = os.Args[i+1]
		}
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", kc)
	if err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = server.Run(ctx, server.Options{Config: cfg, DataDir: dd, Listen: ln, AllowFileURLs: true, ExecCommands: []string{"print-token"}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
