package server

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/lockstep-dev/lockstep/internal/observe"
)

// logged ties log's lines to passes, and routes what the libraries say into it.
func logged(log *slog.Logger) *slog.Logger {
	h := observe.Handler(log.Handler(), passOf)
	ctrl.SetLogger(logr.FromSlogHandler(observe.Library(h, "controller-runtime")))
	klog.SetSlogLogger(slog.New(observe.Library(h, "client-go")))
	return slog.New(h)
}

// passOf is the id that controller-runtime gives every pass.
func passOf(ctx context.Context) string { return string(controller.ReconcileIDFromContext(ctx)) }
