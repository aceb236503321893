package gh

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// HookConfig is where and how GitHub sends the App's webhooks.
type HookConfig struct {
	URL         string // "" when none is set
	ContentType string // "json" or "form"
	InsecureTLS bool   // GitHub does not verify the certificate
	Secret      bool   // deliveries are signed; GitHub never tells with what
}

// HookConfig reads GET /app/hook/config. An App without a webhook is ErrNotFound, or has no URL.
func (a *App) HookConfig(ctx context.Context) (HookConfig, error) {
	var c struct {
		URL         string          `json:"url"`
		ContentType string          `json:"content_type"`
		InsecureSSL json.RawMessage `json:"insecure_ssl"` // "0", "1", 0 or 1
		Secret      string          `json:"secret"`       // asterisks
	}
	if _, err := send(ctx, a.api, http.MethodGet, "app/hook/config", nil, &c); err != nil {
		return HookConfig{}, a.fail("read the webhook's settings", err)
	}
	return HookConfig{
		URL: c.URL, ContentType: c.ContentType, Secret: c.Secret != "",
		InsecureTLS: strings.Trim(string(c.InsecureSSL), `"`) == "1",
	}, nil
}

// LoggedDelivery is one attempt to deliver a webhook, as the App's delivery log has it.
type LoggedDelivery struct {
	GUID        string
	Event       string
	DeliveredAt time.Time
	StatusCode  int    // of the receiver's answer; 0 when there was none
	Status      string // GitHub's words: "OK", "timed out"; from outside
}

// OK reports whether the receiver took it.
func (d LoggedDelivery) OK() bool { return d.StatusCode >= 200 && d.StatusCode < 300 }

// LastDeliveries returns the newest attempts in the delivery log, newest first, at most 100.
func (a *App) LastDeliveries(ctx context.Context) ([]LoggedDelivery, error) {
	var page []struct {
		delivery
		Status string `json:"status"`
	}
	if _, err := send(ctx, a.api, http.MethodGet, "app/hook/deliveries?per_page=100", nil, &page); err != nil {
		return nil, a.fail("read the delivery log", err)
	}
	out := make([]LoggedDelivery, 0, len(page))
	for _, d := range page {
		out = append(out, LoggedDelivery{GUID: d.GUID, Event: d.Event, DeliveredAt: d.DeliveredAt, StatusCode: d.StatusCode, Status: d.Status})
	}
	return out, nil
}
