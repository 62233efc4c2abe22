package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/keys/awskeys"
)

// keysTimeout bounds the calls to AWS that get the keys at the start.
const keysTimeout = 30 * time.Second

// openKeys gets the key ring from its place. Only a key file is made where it is missing.
func (a *App) openKeys(ctx context.Context) (*keys.Ring, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	k := a.config.Keys
	switch {
	case k.Env != "":
		text, isSet := os.LookupEnv(k.Env)
		if !isSet {
			return nil, fmt.Errorf("load keys: the environment variable %s (keys.env) is not set", k.Env)
		}
		ring, err := keys.ParseText([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("load keys from the environment variable %s: %w", k.Env, err)
		}
		return ring, nil
	case k.SecretsManager != nil:
		cfg, err := a.aws.configFor(k.SecretsManager.AWS)
		if err != nil {
			return nil, err
		}
		return awskeys.ReadSecret(ctx, secretsmanager.NewFromConfig(cfg), k.SecretsManager.Secret)
	case k.KMS != nil:
		return a.openSealedKeys(ctx, k.KMS)
	}
	return loadKeyFile(a.config, a.log)
}

func (a *App) openSealedKeys(ctx context.Context, k *config.SealedKeys) (*keys.Ring, error) {
	file, err := os.ReadFile(k.File)
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	cfg, err := a.aws.configFor(k.AWS)
	if err != nil {
		return nil, err
	}
	ring, err := awskeys.OpenSealed(ctx, kms.NewFromConfig(cfg), file)
	if err != nil {
		return nil, fmt.Errorf("load keys from %s: %w", k.File, err)
	}
	return ring, nil
}

// SealKeys returns the sealed file of a ring. The key of KMS is named by its ARN, or by its ID or alias in a region; an
// empty region leaves it to the SDK.
func SealKeys(ctx context.Context, ring *keys.Ring, key, region string) ([]byte, error) {
	if parsed, err := arn.Parse(key); err == nil && region == "" {
		region = parsed.Region
	}
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("set up AWS: %w", err)
	}
	return awskeys.Seal(ctx, kms.NewFromConfig(cfg), key, ring)
}

// loadKeyFile loads the key file, or makes it at the very first start. If there is a database already, its keys are missing:
// a new key would make every stored token unreadable.
func loadKeyFile(c *config.Config, log *slog.Logger) (*keys.Ring, error) {
	ring, err := keys.LoadFile(c.Keys.File)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if c.Store.DynamoDB != nil { // all workers need the same keys
		return nil, fmt.Errorf("the keys %s are missing: all workers on table %s share one file, made once by `approval-relay keys make`",
			c.Keys.File, c.Store.DynamoDB.Table)
	}
	if !c.Store.Memory {
		if _, err := os.Stat(c.Store.SQLite); err == nil {
			return nil, fmt.Errorf("there is a store %s, but its keys %s are missing: restore them, "+
				"or move the store away", c.Store.SQLite, c.Keys.File)
		}
	}
	ring = keys.NewRing(time.Now())
	if err := ring.CreateFile(c.Keys.File); err != nil {
		return nil, err
	}
	log.Warn("keys were made: keep a copy, without them stored tokens cannot be read", "file", c.Keys.File, "key_id", ring.PrimaryID())
	return ring, nil
}
