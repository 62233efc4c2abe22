package callback

import "slices"

// object is a JSON object as a list of its members. A name occurs once. Most members are texts, and a text in an any, as a
// map would have it, costs an allocation.
type object []member

// member is a member of an object: a text, or another value.
type member struct {
	name   string
	text   string
	isText bool
	value  any
}

// add adds a member.
func (o *object) add(name string, value any) { *o = append(*o, member{name: name, value: value}) }

// addText adds a member that is a text.
func (o *object) addText(name, text string) {
	*o = append(*o, member{name: name, text: text, isText: true})
}

// find returns a member, or nil.
func (o object) find(name string) *member {
	for i := range o {
		if o[i].name == name {
			return &o[i]
		}
	}
	return nil
}

// remove removes a member, if the object has it.
func (o *object) remove(name string) {
	*o = slices.DeleteFunc(*o, func(m member) bool { return m.name == name })
}
