// Package inbound bounds what strangers can make the program spend before it knows who they are: connections, memory
// for bodies, requests, and tries with wrong credentials. It also finds the client behind trusted proxies and sets up
// TLS. Package outbound is its counterpart for the calls that we make.
//
// Connections, Bodies and Rate belong to one listener, so that a flood of the public address takes nothing from the
// operator's address. What is full is not closed to newcomers. Instead, the client that holds the most gives up what it
// has held the longest without sending anything of use. So a flood displaces itself, and a client that sends a
// request at once is answered also while thousands of connections do nothing.
package inbound
