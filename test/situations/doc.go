// Package situations tests what people have run into with programs of this kind, as public bug reports describe it, on
// the built program. Each situation is a folder of testdata with a configuration and the messages as they were sent, with
// names changed, and a test that ends as its user would want. A test also has a control: the same situation with a fault
// that must still be refused, so that neither a program that accepts everything nor one that refuses everything passes.
package situations
