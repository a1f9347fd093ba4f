package tracker

import (
	"context"

	"github.com/monlight/monlight/shared/errs"
)

// ChannelState is how one channel of a project stands.
type ChannelState struct {
	Channel Channel
	Target  string // whom it tells, as far as people may see that; "" while Off
	Off     string // why it tells nobody, for people; "" if it does
	Last    *Mail  // the newest that was tried, or that waits for its first attempt; nil for none
}

// Reach is what the operator has set up to tell people by.
type Reach struct {
	Mail     string // whom mails go to, for people
	MailOff  string // why there is no mail; "" if there is
	Webhooks *Webhooks
}

// ReachBy sets how people are told.
func (s *Service) ReachBy(r Reach) { s.reach = r }

// lastTried is how many of the newest mails of a project are looked through for
// one that was tried.
const lastTried = 20

// AlertChannels tells how the channels of a project stand; of 0, those that the
// operator has set up for all.
func (s *Service) AlertChannels(ctx context.Context, project int64) ([]ChannelState, error) {
	var rules AlertRules
	if project != 0 {
		p, err := s.Project(ctx, project)
		if err != nil {
			return nil, err
		}
		chosen, err := s.Settings(ctx, p.Name)
		if err != nil {
			return nil, err
		}
		rules = chosen.Alerts
	}
	all := make([]ChannelState, len(Channels))
	for i, c := range Channels {
		state, err := s.channel(ctx, c, project, &rules)
		if err != nil {
			return nil, err
		}
		all[i] = state
	}
	return all, nil
}

func (s *Service) channel(ctx context.Context, c Channel, project int64, rules *AlertRules) (ChannelState, error) {
	state := ChannelState{Channel: c}
	switch c {
	case ByMail:
		state.Target, state.Off = s.reach.Mail, s.reach.MailOff
		if rules.NotByMail {
			state.Off = "switched off for this project"
		}
	case ByWebhook:
		hook, err := s.reach.Webhooks.Of(ctx, project)
		if err != nil {
			return state, err
		}
		switch {
		case rules.NotByWebhook:
			state.Off = "switched off for this project"
		case hook.URL == "":
			state.Off = "no webhook is set"
		}
		state.Target = hook.Masked()
	}
	if state.Off != "" {
		state.Target = ""
	}
	recent, err := s.Deliveries(ctx, DeliveryQuery{Channel: c, ProjectID: project}, lastTried)
	if err != nil {
		return state, err
	}
	for i := range recent {
		if recent[i].Attempts > 0 {
			state.Last = &recent[i]
			break
		}
	}
	if state.Last == nil && len(recent) > 0 {
		state.Last = &recent[0]
	}
	return state, nil
}

// TestChannel queues a test by a channel as it stands for a project, or for 0 as
// the operator has set it up. Conflict while it tells nobody.
func (s *Service) TestChannel(ctx context.Context, c Channel, project int64) error {
	states, err := s.AlertChannels(ctx, project)
	if err != nil {
		return err
	}
	for _, state := range states {
		switch {
		case state.Channel != c:
		case state.Off != "":
			return errs.New(errs.Conflict, "no test is sent by %s: %s", c, state.Off)
		default:
			return s.TestAlert(ctx, c, project)
		}
	}
	return errs.New(errs.Invalid, "there is no channel %.30q, want mail or webhook", c)
}

// RotateWebhookKey gives the webhook of a project a new key, which the result
// holds. Conflict when it has no webhook.
func (s *Service) RotateWebhookKey(ctx context.Context, project int64) (Webhook, error) {
	changed, err := s.ChangeSettings(ctx, project, func(c *Settings) error {
		if c.Alerts.Webhook.URL == "" {
			return errs.New(errs.Conflict, "the project has no webhook of its own")
		}
		c.Alerts.Webhook.Key = ""
		return nil
	})
	if err != nil {
		return Webhook{}, err
	}
	return changed.Alerts.Webhook, nil
}
