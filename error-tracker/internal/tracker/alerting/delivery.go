package alerting

import "fmt"

// DeliveryError is why a transport did not deliver a mail.
type DeliveryError struct {
	Stage     string // where it failed: "connect", "starttls", "auth", "rcpt", …
	Permanent bool   // this mail will not be taken at any later attempt either
	Down      bool   // the cause is not this mail: no other one would pass now
	Target    bool   // the cause is the recipient: no other one of its project would pass now
	Err       error  // safe to show; holds no credentials and no part of the mail
}

func (e *DeliveryError) Error() string { return fmt.Sprintf("%s: %v", e.Stage, e.Err) }

func (e *DeliveryError) Unwrap() error { return e.Err }
