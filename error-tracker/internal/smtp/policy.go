package smtp

import (
	"fmt"
	"net/netip"
	"strings"
)

// Policy says what a mail may travel over.
type Policy string

const (
	// Auto is Required, but Opportunistic for a relay at hand that wants no
	// credentials; see Policy.resolve.
	Auto Policy = ""
	// Required sends over TLS with a checked certificate, or not at all.
	Required Policy = "required"
	// Opportunistic uses STARTTLS when it is offered and clear text when it is
	// not. The certificate is not checked: whoever could forge it could also
	// hide the offer. Credentials are never sent that way: with a user name it
	// is the same as Required.
	Opportunistic Policy = "opportunistic"
	// None never uses STARTTLS. It cannot be combined with credentials.
	None Policy = "none"
)

// implicitTLSPort is where TLS begins with the first byte (RFC 8314 §3.3).
const implicitTLSPort = 465

// resolve decides what Auto stands for, and refuses a combination that would
// send credentials in clear text.
//
// A relay at hand is the machine itself, a private address, or a name without a
// dot, such as another service of the same compose file: the road there is the
// operator's own, and such relays (Postfix as packaged, mail catchers) seldom
// have a certificate that can be checked. Everything else needs TLS.
func (p Policy) resolve(host string, port int, credentials bool) (Policy, error) {
	switch p {
	case Auto:
		if port != implicitTLSPort && !credentials && atHand(host) {
			return Opportunistic, nil
		}
		return Required, nil
	case Required:
		return p, nil
	case Opportunistic:
		if credentials || port == implicitTLSPort {
			return Required, nil
		}
		return p, nil
	case None:
		if credentials {
			return p, fmt.Errorf("TLS policy is %q, but there is a user name: credentials are only sent over TLS", p)
		}
		if port == implicitTLSPort {
			return p, fmt.Errorf("TLS policy is %q, but port %d means TLS from the first byte", p, port)
		}
		return p, nil
	}
	return p, fmt.Errorf("TLS policy is %q, want %q, %q or %q", p, Required, Opportunistic, None)
}

// atHand tells whether host can only be in the operator's own network.
func atHand(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || !strings.Contains(host, ".")
}
