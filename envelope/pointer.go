package envelope

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Pointer is the place in S3 of a message that was too large for its queue.
type Pointer struct{ Bucket, Key string }

// PointerAttribute is the message attribute in which some clients send the place, as "(BUCKET)KEY".
const PointerAttribute = "S3MessageBodyKey"

// ReadPointer returns the pointer that a client sent in place of a message. The clients for Java, Python and Go send a
// list of a class and an object, others an object, and some an attribute. An object is a pointer if it has nothing else,
// or if an attribute marks it. The function returns the text of an attribute.
func ReadPointer(text []byte, attribute func(name string) string) (Pointer, bool) {
	if place, ok := strings.CutPrefix(attribute(PointerAttribute), "("); ok {
		bucket, key, _ := strings.Cut(place, ")")
		return newPointer(bucket, key)
	}
	text = bytes.TrimSpace(text)
	if list, ok := rawList(text); ok {
		var class string
		if len(list) != 2 || json.Unmarshal(list[0], &class) != nil || !strings.HasSuffix(class, "S3Pointer") {
			return Pointer{}, false
		}
		text = list[1]
	}
	o, err := readObject(text)
	if err != nil || o.ambiguous != "" {
		return Pointer{}, false
	}
	if payload, ok := o.objectMember("S3Payload"); ok && len(o.members) == 1 {
		return payload.pointer("Bucket", "Key")
	}
	isMarked := attribute("ExtendedPayloadSize") != "" || attribute("SQSLargePayloadSize") != ""
	if len(o.members) != 2 && !isMarked {
		return Pointer{}, false
	}
	if o.has("S3BucketName") {
		return o.pointer("S3BucketName", "S3Key")
	}
	return o.pointer("s3BucketName", "s3Key")
}

func (o object) pointer(bucketName, keyName string) (Pointer, bool) {
	bucket, _ := o.stringMember(bucketName)
	key, _ := o.stringMember(keyName)
	return newPointer(bucket, key)
}

func newPointer(bucket, key string) (Pointer, bool) {
	p := Pointer{Bucket: bucket, Key: key}
	return p, bucket != "" && key != ""
}
