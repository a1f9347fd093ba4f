package inbound

import (
	"net/netip"
	"net/url"
	"strings"
)

// localNames are the ends of names that lead to no public host.
var localNames = []string{".localhost", ".local", ".localdomain", ".test"}

// isLocal tells addresses of a developer's machine or a private network, and
// pages that were opened from a file.
func isLocal(address string) bool {
	if address == "" {
		return false
	}
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Scheme == "file" {
		return true
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" {
		return true
	}
	for _, end := range localNames {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}
