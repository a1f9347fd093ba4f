package scrub

import (
	"bytes"
	"slices"
	"strings"
)

// Reasons why a value is removed. They are shown in its place.
const (
	password = "password"
	secret   = "secret"
	token    = "token"
	auth     = "authorization"
	cookie   = "cookie"
	key      = "key"
	session  = "session"
	card     = "card"
	iban     = "IBAN"
	identity = "identity number"
	chosen   = "rule of the project"
)

// words are parts of names that give a reason by themselves.
var words = map[string]string{
	"password": password, "passwd": password, "passwort": password, "pwd": password, "pass": password, "passphrase": password, "passcode": password,
	"pin": password, "pincode": password,
	"secret": secret, "secrets": secret, "credential": secret, "credentials": secret, "creds": secret,
	"token": token, "jwt": token, "bearer": token, "csrf": token, "xsrf": token, "otp": token, "totp": token,
	"authorization": auth, "cookie": cookie, "cookies": cookie,
	"apikey": key, "accesskey": key, "privatekey": key, "secretkey": key, "appkey": key, "authkey": key,
	"sessionid": session, "sessid": session, "phpsessid": session, "jsessionid": session, "sid": session, "2fa": token,
	"cvv": card, "cvv2": card, "cvc": card, "csc": card, "creditcard": card, "cardnumber": card, "ccnumber": card, "ccnum": card,
	"iban": iban, "ssn": identity,
}

// pairs are two parts that give a reason together.
var pairs = map[string]string{
	"apikey": key, "accesskey": key, "privatekey": key, "secretkey": key, "signingkey": key, "encryptionkey": key, "masterkey": key, "authkey": key,
	"sharedkey": key, "accountkey": key, "licensekey": key, "sshkey": key, "hostkey": key, "webhookkey": key, "servicekey": key, "appkey": key,
	"sessionid": session, "sessionkey": session, "sessid": session, "creditcard": card, "cardnumber": card, "ccnumber": card, "cardno": card,
	"securitycode": card, "cardcode": card, "bankaccount": iban, "accountnumber": iban, "socialsecurity": identity, "twofactor": token,
	"passport": identity, "recoverycode": token, "verificationcode": token, "connectionstring": secret,
}

// inside are texts that give a reason wherever they stand in a name that was
// written in one piece.
var inside = []struct{ text, reason string }{
	{"passw", password}, {"passphrase", password}, {"secret", secret}, {"apikey", key}, {"privatekey", key}, {"credential", secret},
	{"authorization", auth}, {"sessionid", session}, {"sessid", session},
}

// neutral are last parts of names whose values say something about a secret, and
// do not give it away.
var neutral = []string{
	"type", "count", "expires", "expiry", "expiration", "ttl", "length", "len", "at", "in", "policy", "field", "hint", "required", "enabled", "strength",
	"name", "names", "valid", "error", "errors", "changed", "limit", "max", "min", "size", "samesite", "secure", "httponly", "path", "domain", "age", "secretary",
}

const maxNameParts = 8

// reasonOf tells why the value of that name must go, "" if it need not.
func reasonOf(name string) string {
	if name == "" || len(name) > 100 {
		return ""
	}
	var buf [100]byte
	var starts [maxNameParts + 1]int
	parts, joined := split(name, buf[:0], starts[:0])
	if len(parts) == 0 {
		return ""
	}
	part := func(i int) []byte {
		if i+1 < len(parts) {
			return joined[parts[i]:parts[i+1]]
		}
		return joined[parts[i]:]
	}
	last := part(len(parts) - 1)
	if len(parts) > 1 && slices.Contains(neutral, string(last)) {
		return ""
	}
	for i := range parts {
		if r := words[string(part(i))]; r != "" {
			return r
		}
		if i+1 < len(parts) {
			if r := pairs[string(part(i))+string(part(i+1))]; r != "" {
				return r
			}
		}
	}
	if string(last) == "auth" {
		return auth
	}
	if len(joined) < 6 {
		return ""
	}
	for _, t := range inside {
		if bytes.Contains(joined, []byte(t.text)) && !bytes.Contains(joined, []byte("secretar")) {
			return t.reason
		}
	}
	if bytes.HasSuffix(joined, []byte("token")) || bytes.HasPrefix(joined, []byte("csrf")) || bytes.HasPrefix(joined, []byte("xsrf")) {
		return token
	}
	return ""
}

// split writes the letters and digits of a name into joined, in lower case, and
// the places where its parts begin: at a change to upper case, and after
// anything else.
func split(name string, joined []byte, parts []int) ([]int, []byte) {
	begin := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case c >= 'A' && c <= 'Z':
			before := byte(0)
			if i > 0 {
				before = name[i-1]
			}
			lowerNext := i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z'
			if before >= 'a' && before <= 'z' || before >= 'A' && before <= 'Z' && lowerNext {
				begin = true
			}
			c += 'a' - 'A'
		default:
			begin = true
			continue
		}
		if begin && len(parts) < maxNameParts {
			parts = append(parts, len(joined))
		}
		begin = false
		joined = append(joined, c)
	}
	return parts, joined
}

// plainName is a name as people may write it in a rule.
func plainName(name string) string {
	var buf [100]byte
	if len(name) > len(buf) {
		name = name[:len(buf)]
	}
	_, joined := split(name, buf[:0], nil)
	return string(joined)
}

// nothing tells values that give nothing away, or were removed already.
func nothing(value string) bool {
	switch strings.ToLower(value) {
	case "", "none", "null", "nil", "true", "false", "undefined", "[filtered]", "filtered", "redacted", "[redacted]", "<redacted>", "{}", "[]", "()":
		return true
	}
	return strings.Trim(value, "*•x.") == "" || strings.HasPrefix(value, removedPrefix)
}
