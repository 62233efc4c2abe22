package config

import (
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/setup"
)

// Keys is the place of the key ring: one of these.
type Keys struct {
	File           string      `yaml:"file" doc:"path of the key file; made at the first start"`
	Env            string      `yaml:"env" doc:"name of an environment variable with the text of a key file, as it is or in base64, in place of file"`
	SecretsManager *SecretKeys `yaml:"secrets_manager" doc:"a secret of AWS Secrets Manager with the text of a key file, in place of file"`
	KMS            *SealedKeys `yaml:"kms" doc:"a file that a key of AWS KMS has sealed, in place of file; approval-relay keys seal makes it"`
}

// SecretKeys are keys in Secrets Manager.
type SecretKeys struct {
	Secret    string `yaml:"secret" doc:"name or ARN of the secret"`
	setup.AWS `yaml:",inline"`
}

// SealedKeys are keys in a file that a key of KMS has sealed.
type SealedKeys struct {
	File      string `yaml:"file" doc:"path of the sealed file"`
	setup.AWS `yaml:",inline"`
}

// defaultKeyFile is the key file of a configuration that names no keys.
const defaultKeyFile = "approval-relay.keys"

// IsFile reports whether the keys are in a key file.
func (k *Keys) IsFile() bool { return k.Env == "" && k.SecretsManager == nil && k.KMS == nil }

// Describe names the place of the keys.
func (k *Keys) Describe() string {
	switch {
	case k.Env != "":
		return "the environment variable " + k.Env
	case k.SecretsManager != nil:
		return "the secret " + k.SecretsManager.Secret
	case k.KMS != nil:
		return "the sealed file " + k.KMS.File
	}
	return "the key file " + k.File
}

func (k *Keys) setDefaults(common setup.Common) {
	if k.SecretsManager != nil {
		k.SecretsManager.SetDefaults(common)
	}
	if k.KMS != nil {
		k.KMS.SetDefaults(common)
	}
}

func (k *Keys) validate(check *setup.Check) {
	places := 0
	for _, isSet := range []bool{
		k.File != "" && k.File != defaultKeyFile, k.Env != "", k.SecretsManager != nil, k.KMS != nil,
	} {
		if isSet {
			places++
		}
	}
	if places > 1 {
		check.Fault("", "name more than one place: file, env, secrets_manager and kms exclude each other")
	}
	if k.IsFile() && k.File == "" {
		check.Fault("file", "is missing")
	}
	if k.Env != "" && !variableName.MatchString(k.Env) { // most likely ${NAME}, with the keys themselves
		check.Fault("env", "is not the name of an environment variable: write the name only, such as RELAY_KEYS, without ${}")
	}
	if isKeyText(k.File) {
		check.Fault("file", isKeyTextFault)
	}
	if s := k.SecretsManager; s != nil {
		if s.Secret == "" {
			check.At("secrets_manager").Fault("secret", "is missing")
		}
		if isKeyText(s.Secret) {
			check.At("secrets_manager").Fault("secret", isKeyTextFault)
		}
		s.Validate(check.At("secrets_manager"))
	}
	if s := k.KMS; s != nil {
		if s.File == "" {
			check.At("kms").Fault("file", "is missing")
		}
		if isKeyText(s.File) {
			check.At("kms").Fault("file", isKeyTextFault)
		}
		s.Validate(check.At("kms"))
	}
}

// variableName matches the name of an environment variable. The text of a key file in base64 is longer.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

const isKeyTextFault = "has the keys themselves: it must name the place where they are"

// isKeyText reports whether a text is that of a key file, as it is or in base64, where the name of its place belongs. Errors
// and logs name the place.
func isKeyText(s string) bool {
	const begin = "approval-relay keys 1" // its base64 has no padding
	s = strings.TrimSpace(s)
	return strings.HasPrefix(s, begin) || strings.HasPrefix(s, base64.StdEncoding.EncodeToString([]byte(begin)))
}
