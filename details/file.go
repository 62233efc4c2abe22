package details

import (
	"encoding/hex"
	"net/url"
	stdpath "path"
	"regexp"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// setFile makes a picture or document of an address, or of an object with an address and facts about the file. The
// fault is empty if the value has that form.
func setFile(f *approval.Field, v any, w *valueWriter) (fault string) {
	file := &approval.File{}
	switch x := v.(type) {
	case string:
		file.URL = x
	case map[string]any:
		file = readFile(x)
	}
	file.URL = strings.TrimSpace(file.URL)
	name, ok := fileName(file.URL)
	if !ok || w.isSecret(file.URL, w.path) {
		return "is not the https or s3 address of a file"
	}
	if file.Name == "" {
		file.Name = name
	}
	f.File = file
	f.Value = FileText(file)
	return ""
}

// readFile reads the facts about a file in an object.
func readFile(object map[string]any) *approval.File {
	text := func(names ...string) string {
		for _, name := range names {
			if s, ok := ScalarText(object[name]); ok {
				return s
			}
		}
		return ""
	}
	file := &approval.File{
		URL:    text("url", "uri", "href", "s3Uri", "location"),
		Name:   untrusted.SingleLine(text("name", "filename", "fileName", "title")),
		Type:   mediaType(text("type", "contentType", "content_type", "mediaType", "mimeType")),
		Digest: readDigest(text("digest", "sha256", "checksum", "etag", "eTag")),
	}
	if size, err := strconv.Atoi(text("size", "bytes", "contentLength")); err == nil && size > 0 {
		file.Size = size
	}
	if bucket, key := text("bucket"), text("key"); file.URL == "" && bucket != "" && key != "" {
		file.URL = "s3://" + bucket + "/" + key
		if version := text("versionId", "version_id", "versionID"); version != "" {
			file.URL += versionMark + version
		}
	}
	return file
}

var mediaTypeForm = regexp.MustCompile(`^[a-z]+/[a-z0-9.+-]{1,80}$`)

func mediaType(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if !mediaTypeForm.MatchString(text) {
		return ""
	}
	return text
}

// readDigest returns a digest with its algorithm, or "" if the text is none.
func readDigest(text string) string {
	text = strings.Trim(strings.TrimSpace(text), `"`)
	digits := strings.TrimPrefix(strings.ToLower(text), "sha256:")
	if b, err := hex.DecodeString(digits); err == nil && len(b) == 32 {
		return "sha256:" + digits
	}
	if etagForm.MatchString(text) {
		return "etag:" + text
	}
	return ""
}

var etagForm = regexp.MustCompile(`^[0-9a-fA-F]{32}(-[0-9]{1,5})?$`)

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// fileName returns the name of the file at an address. It reports whether the address can be opened: https without
// tricks, or a bucket and a key.
func fileName(address string) (string, bool) {
	if _, isLink := FindLink(address); isLink {
		u, _ := url.Parse(address)
		return baseName(u.Path, u.Host), true
	}
	if object, ok := ParseS3(address); ok {
		return baseName(object.Key, object.Bucket), true
	}
	return "", false
}

func baseName(p, otherwise string) string {
	name := untrusted.SingleLine(stdpath.Base(p))
	if name == "." || name == "/" || name == "" {
		return otherwise
	}
	return name
}

// S3Object is an object of S3. Version is empty for the newest version.
type S3Object struct{ Bucket, Key, Version string }

const versionMark = "?versionId="

var versionForm = regexp.MustCompile(`^[\x21-\x7e]+$`)

// ParseS3 returns the object at an address such as s3://bucket/key or s3://bucket/key?versionId=ID. The key and the version
// stand there as they are, without escapes, as in the command line of AWS.
func ParseS3(address string) (S3Object, bool) {
	rest, isS3 := strings.CutPrefix(address, "s3://")
	bucket, key, _ := strings.Cut(rest, "/")
	o := S3Object{Bucket: bucket, Key: key}
	if i := strings.LastIndex(key, versionMark); i >= 0 {
		o.Key, o.Version = key[:i], key[i+len(versionMark):]
		if len(o.Version) > 1024 || !versionForm.MatchString(o.Version) {
			return S3Object{}, false
		}
	}
	isKey := o.Key != "" && len(o.Key) <= 1024 && untrusted.SingleLine(o.Key) == o.Key
	return o, isS3 && isKey && bucketForm.MatchString(bucket)
}

// FileText returns a file as a text: its name, its address, and the facts about it.
func FileText(f *approval.File) string {
	parts := []string{f.Name, f.URL}
	if f.Name == f.URL {
		parts = parts[:1]
	}
	if f.Type != "" {
		parts = append(parts, f.Type)
	}
	if f.Size > 0 {
		parts = append(parts, strconv.Itoa(f.Size)+" bytes")
	}
	if f.Digest != "" {
		parts = append(parts, f.Digest)
	}
	return strings.Join(parts, "\n")
}
