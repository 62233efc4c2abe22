// Package notify declares the contract of the channels, the ways of sending a notification, and holds the parts that
// they share. Each channel is a subfolder.
package notify
