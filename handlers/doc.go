// Package handlers handles messages: it reads a request or a decision, runs a transition of the order in the store, and
// carries out the actions that the transition returns. It depends on the domain and on Watermill's messages. Stores,
// channels and targets are small interfaces.
package handlers
