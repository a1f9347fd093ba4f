package outbound

import "net/netip"

// kind is where an address leads.
type kind int

const (
	public    kind = iota // to the internet
	internal              // to this machine, to a private network, or to a range with a purpose of its own
	forbidden             // to the metadata of a cloud, to neighbours without an address, to many, to none
)

// block is a range of addresses: those that begin with the bits of addr.
type block struct {
	addr string // the first bytes of an address
	bits int
	kind kind
}

// v4 and v6 are what is not public, the first match counts. See the registries of
// special addresses of IANA (RFC 6890).
var v4 = []block{
	{"\x00", 8, forbidden},              // this network; Linux takes 0.0.0.0 for this machine
	{"\xa9\xfe", 16, forbidden},         // link-local: metadata of most clouds
	{"\xe0", 3, forbidden},              // multicast, reserved, broadcast
	{"\x64\x64\x64\xc8", 32, forbidden}, // 100.100.100.200: metadata of Alibaba
	{"\xc0\x00\x00\xc0", 32, forbidden}, // 192.0.0.192: metadata of Oracle
	{"\xa8\x3f\x81\x10", 32, forbidden}, // 168.63.129.16: the host of a machine in Azure
	{"\x0a", 8, internal},               // private
	{"\xac\x10", 12, internal},          // private
	{"\xc0\xa8", 16, internal},          // private
	{"\x7f", 8, internal},               // this machine
	{"\x64\x40", 10, internal},          // shared by customers of a provider
	{"\xc0\x00\x00", 24, internal},      // protocols
	{"\xc0\x00\x02", 24, internal},      // documentation
	{"\xc6\x33\x64", 24, internal},      // documentation
	{"\xcb\x00\x71", 24, internal},      // documentation
	{"\xc0\x58\x63", 24, internal},      // 6to4 relays
	{"\xc6\x12", 15, internal},          // benchmarks
}

var v6 = []block{
	{"\xfe\x80", 10, forbidden},         // link-local
	{"\xff", 8, forbidden},              // multicast
	{"\xfd\x00\x0e\xc2", 32, forbidden}, // metadata and services of Amazon
	{"\xfd\x20\x00\xce", 32, forbidden}, // metadata of Google
	{"\xfd\x00\x00\x42\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x42", 128, forbidden}, // metadata of Scaleway
	{"\x20\x01\x0d\xb8", 32, internal},                                                   // documentation
	{"\x20\x01\x00", 23, internal},                                                       // protocols
	{"\x3f\xff\x00", 20, internal},                                                       // documentation
	{"\x20", 3, public},                                                                  // what is given out today
	{"", 0, internal},                                                                    // all else: this machine, private, not given out
}

// kindOf says where an address leads. IPv6 addresses that stand for an IPv4 one
// are judged by that.
func kindOf(a netip.Addr) kind {
	if !a.IsValid() {
		return forbidden
	}
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return match(v4, b[:], public)
	}
	b := a.As16()
	head := func(prefix string) bool { return string(b[:len(prefix)]) == prefix }
	inside := func(i int) kind { return match(v4, b[i:i+4], public) }
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	switch {
	case b == [16]byte{15: 1}: // ::1
		return internal
	case head(zeros): // an IPv4 address in the old way; also ::
		return inside(12)
	case head("\x00\x64\xff\x9b" + zeros[:8]), head(zeros[:8] + "\xff\xff" + zeros[:2]): // NAT64, SIIT
		return inside(12)
	case head("\x00\x64\xff\x9b\x00\x01"): // NAT64 of a network: the place of the IPv4 address is its choice
		if string(b[12:]) == zeros[:4] {
			return max(internal, match(v4, []byte{b[6], b[7], b[9], b[10]}, public))
		}
		return max(internal, inside(12))
	case head("\x20\x02"): // 6to4
		return inside(2)
	case head("\x20\x01\x00\x00"): // Teredo: its server, and the client with all bits the other way
		client := []byte{^b[12], ^b[13], ^b[14], ^b[15]}
		return max(inside(4), match(v4, client, public))
	}
	return match(v6, b[:], internal)
}

// match returns the kind of the first block that addr is in, or none.
func match(blocks []block, addr []byte, none kind) kind {
	for _, k := range blocks {
		if k.has(addr) {
			return k.kind
		}
	}
	return none
}

// has tells whether addr is in the block.
func (k block) has(addr []byte) bool {
	whole := k.bits / 8
	if string(addr[:whole]) != k.addr[:whole] {
		return false
	}
	rest := k.bits % 8
	return rest == 0 || (addr[whole]^k.addr[whole])>>(8-rest) == 0
}
