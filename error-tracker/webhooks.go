package main

import (
	"context"
	"time"

	"github.com/monlight/monlight/error-tracker/internal/sqlite"
	"github.com/monlight/monlight/error-tracker/internal/tracker"
	"github.com/monlight/monlight/error-tracker/internal/tracker/alerting"
	"github.com/monlight/monlight/error-tracker/internal/webhook"
	"github.com/monlight/monlight/shared/config"
)

// webhooks are the settings of alerts by webhook.
type webhooks struct {
	operator tracker.Webhook
	private  bool // those of projects may be in private networks
}

func loadWebhooks(env *config.Env) webhooks {
	target := env.OptionalSecret("ALERT_WEBHOOK_URL", "where alerts of projects without a webhook of their own are posted to; may be on a private network")
	key := env.OptionalSecret("ALERT_WEBHOOK_SECRET", "key that posts to ALERT_WEBHOOK_URL are signed with")
	w := webhooks{
		operator: tracker.Webhook{URL: tracker.Secret(target.Reveal()), Key: tracker.Secret(key.Reveal()), Operator: true},
		private:  env.Bool("ALERT_WEBHOOK_PRIVATE", false, "true lets webhooks of projects be on this machine and in private networks; the metadata of clouds never"),
	}
	if err := w.operator.Validate(); err != nil {
		env.Fail("ALERT_WEBHOOK_URL: %v", err)
	}
	if w.operator.URL == "" && w.operator.Key != "" {
		env.Fail("ALERT_WEBHOOK_SECRET is set without ALERT_WEBHOOK_URL")
	}
	return w
}

// of finds the webhooks of projects in store.
func (w webhooks) of(store tracker.Store) *tracker.Webhooks {
	return &tracker.Webhooks{Projects: store, Settings: store, Operator: w.operator}
}

func (w webhooks) transport(store tracker.Store) *webhook.Client {
	return webhook.New(webhook.Options{Hooks: w.of(store), Private: w.private, Version: version})
}

// composer returns what makes posts of alerts, by the limits that mails have.
func (w webhooks) composer(limits alerting.Settings, store *sqlite.Store) (*alerting.HookComposer, error) {
	return alerting.NewHookComposer(limits, hookStore{store.OutboxOf(tracker.ByWebhook), store}, w.of(store), time.Now)
}

// hookStore is the store with the outbox of webhooks in place of that of mail.
type hookStore struct {
	alerting.Queue
	issues
}

// issues are the parts of the store that are the same for all channels.
type issues interface {
	alerting.Issues
	Deliveries(ctx context.Context, q tracker.DeliveryQuery, limit int) ([]tracker.Mail, error)
}
