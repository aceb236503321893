package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oxidometer/oxidometer/bot/store"
)

// Metrics are the figures that the server shows at /metrics. Labels never hold names of repositories.
type Metrics struct {
	registry     *prometheus.Registry
	deliveries   *prometheus.CounterVec
	jobs         *prometheus.CounterVec
	requests     *prometheus.CounterVec
	rate         prometheus.Gauge
	intake       *prometheus.CounterVec
	fetched      prometheus.Counter
	measure      prometheus.Histogram
	unattributed prometheus.Gauge
}

// NewMetrics returns metrics; the queue's are read from the store whenever somebody asks.
func NewMetrics(s *store.Store) *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oxidometer_deliveries_total", Help: "Webhook deliveries by event and what became of them."}, []string{"event", "result"}),
		jobs:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oxidometer_jobs_total", Help: "Finished attempts at jobs, by kind and outcome."}, []string{"kind", "outcome"}),
		requests:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oxidometer_github_requests_total", Help: "Calls of GitHub's API by class of answer."}, []string{"class"}),
		rate:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "oxidometer_github_rate_remaining", Help: "Calls that GitHub's last answer still allowed its installation."}),
		intake:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oxidometer_intake_total", Help: "Artifacts fetched and measured, by outcome."}, []string{"op", "outcome"}),
		fetched:    prometheus.NewCounter(prometheus.CounterOpts{Name: "oxidometer_fetched_bytes_total", Help: "Bytes of artifacts fetched."}),
		measure: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "oxidometer_measure_seconds", Help: "Time to measure an artifact.",
			Buckets: []float64{.1, .3, 1, 3, 10, 30, 100, 300}}),
		unattributed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "oxidometer_unattributed_ratio", Help: "Share of resident bytes without an owner in the head measured last."}),
	}
	m.registry.MustRegister(m.deliveries, m.jobs, m.requests, m.rate, m.intake, m.fetched, m.measure, m.unattributed, &queueCollector{s})
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Delivery counts a webhook delivery.
func (m *Metrics) Delivery(event, result string) { m.deliveries.WithLabelValues(event, result).Inc() }

// Job counts an attempt at a job.
func (m *Metrics) Job(kind, outcome string) { m.jobs.WithLabelValues(kind, outcome).Inc() }

// Request counts a call of GitHub's API and notes how many are left, unless remaining is negative.
func (m *Metrics) Request(class string, remaining int) {
	m.requests.WithLabelValues(class).Inc()
	if remaining >= 0 {
		m.rate.Set(float64(remaining))
	}
}

// Intake counts what was fetched and measured.
func (m *Metrics) Intake(op, outcome string, bytes int64, took time.Duration) {
	m.intake.WithLabelValues(op, outcome).Inc()
	switch op {
	case "fetch":
		m.fetched.Add(float64(bytes))
	case "measure":
		m.measure.Observe(took.Seconds())
	}
}

// Unattributed notes the share of bytes that have no owner.
func (m *Metrics) Unattributed(share float64) { m.unattributed.Set(share) }

// queueCollector reads depth and age of the queue from the store.
type queueCollector struct{ store *store.Store }

var (
	depthDesc = prometheus.NewDesc("oxidometer_queue_depth", "Jobs that wait.", nil, nil)
	ageDesc   = prometheus.NewDesc("oxidometer_queue_oldest_seconds", "Age of the oldest job that is due.", nil, nil)
)

func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) { ch <- depthDesc; ch <- ageDesc }

func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := c.store.Stats(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(depthDesc, fmt.Errorf("the queue's depth: %w", err))
		return
	}
	ch <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(s.Waiting))
	ch <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, s.OldestAge.Seconds())
}
