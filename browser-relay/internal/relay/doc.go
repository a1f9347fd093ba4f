// Package relay is the domain of the browser relay: the public keys of web
// pages, what pages may send and how much of it, and how it is kept until the
// services behind have it. It knows neither HTTP nor SQL.
package relay
