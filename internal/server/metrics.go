package server

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/lockstep-dev/lockstep/internal/observe/kubeapi"
)

// meters is the registry of one server and what is shared among its parts.
type meters struct {
	*prometheus.Registry
	api      *kubeapi.Metrics
	webhooks *prometheus.CounterVec
}

func newMeters(version string) *meters {
	reg := prometheus.NewRegistry()
	m := &meters{
		Registry: reg,
		api:      kubeapi.NewMetrics(reg),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lockstep_webhooks_total",
			Help: "Webhooks by what became of them: accepted, ignored (signed, and no push) or refused.",
		}, []string{"result"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "lockstep_build_info",
		Help: "1; which version of Lockstep this is, and of Go it was built with.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	// Seen from the start, so that the first one is an increase.
	for _, result := range []string{"accepted", "ignored", "refused"} {
		m.webhooks.WithLabelValues(result)
	}
	reg.MustRegister(m.webhooks, build)
	return m
}

// handler serves what is ours and what the libraries count in a registry of
// their own, the process and the runtime of Go among it.
func (m *meters) handler() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{ctrlmetrics.Registry, m.Registry}, promhttp.HandlerOpts{})
}

// counted has the requests of a client counted and traced.
func (m *meters) counted(cfg *rest.Config, target string) *rest.Config {
	out := rest.CopyConfig(cfg)
	out.Wrap(m.api.Wrap(target))
	return out
}
