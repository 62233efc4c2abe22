package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/keys/awskeys"
	"github.com/approval-relay/approval-relay/setup"
)

const (
	// keysPatience bounds the wait of a start for keys that AWS keeps, while AWS is out of reach or has a fault.
	// The probes of the chart and of ECS give a start five minutes.
	keysPatience = 2 * time.Minute
	// keysTimeout bounds a single attempt to get the keys, or to seal them.
	keysTimeout = 10 * time.Second
	// keysPause is the time between two attempts.
	keysPause = 2 * time.Second
)

// openKeys gets the key ring from its place. Only a key file is made where it is missing.
func (a *App) openKeys(ctx context.Context) (*keys.Ring, error) {
	k := a.config.Keys
	switch {
	case k.Env != "":
		text, isSet := os.LookupEnv(k.Env)
		if !isSet {
			return nil, fmt.Errorf("load keys: the environment variable %s (keys.env) is not set: "+
				"it must have the text of the key file that belongs to the store", k.Env)
		}
		ring, err := keys.ParseText([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("load keys from the environment variable %s (keys.env): %w: "+
				"it must have the whole text of a key file, as it is or in base64", k.Env, err)
		}
		return ring, nil
	case k.SecretsManager != nil:
		cfg, err := a.configForKeys("keys.secrets_manager", k.SecretsManager.AWS)
		if err != nil {
			return nil, err
		}
		client := secretsmanager.NewFromConfig(cfg)
		return a.awaitKeys(ctx, "keys.secrets_manager", func(ctx context.Context) (*keys.Ring, error) {
			return awskeys.ReadSecret(ctx, awskeys.GetSecretValueFunc(client.GetSecretValue), k.SecretsManager.Secret)
		})
	case k.KMS != nil:
		return a.openSealedKeys(ctx, k.KMS)
	}
	return loadKeyFile(a.config, a.log)
}

func (a *App) openSealedKeys(ctx context.Context, k *config.SealedKeys) (*keys.Ring, error) {
	file, err := os.ReadFile(k.File)
	if err != nil {
		return nil, fmt.Errorf("load keys (keys.kms.file): %w: `approval-relay keys seal` makes the file", err)
	}
	cfg, err := a.configForKeys("keys.kms", k.AWS)
	if err != nil {
		return nil, err
	}
	client := kms.NewFromConfig(cfg)
	return a.awaitKeys(ctx, "keys.kms", func(ctx context.Context) (*keys.Ring, error) {
		ring, err := awskeys.OpenSealed(ctx, awskeys.DecryptFunc(client.Decrypt), file)
		if err != nil {
			return nil, fmt.Errorf("load keys from %s: %w", k.File, err)
		}
		return ring, nil
	})
}

// configForKeys returns the SDK's configuration for a place of keys. Without a region no call can be made, so that there is
// nothing to wait for.
func (a *App) configForKeys(setting string, place setup.AWS) (aws.Config, error) {
	cfg, err := a.aws.configFor(place)
	if err == nil && cfg.Region == "" && place.Endpoint == "" {
		return cfg, fmt.Errorf("%s: there is no region: set %s.region, aws.region or AWS_REGION", setting, setting)
	}
	return cfg, err
}

// awaitKeys gets keys that AWS keeps. An outage of AWS does not end the start at once: a worker that was restarted during
// it is there when it ends. What AWS refuses ends the start, with the setting to look at.
func (a *App) awaitKeys(ctx context.Context, setting string, get func(context.Context) (*keys.Ring, error)) (*keys.Ring, error) {
	began := time.Now()
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(ctx, keysTimeout)
		ring, err := get(limited)
		cancel()
		switch {
		case err == nil:
			if attempt > 1 {
				a.log.Info("the keys can be read now", "setting", setting, "attempts", attempt)
			}
			return ring, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s: the worker was stopped while it waited for its keys: %w", setting, context.Cause(ctx))
		case !awskeys.MayPass(err), time.Since(began) > keysPatience:
			return nil, fmt.Errorf("%s: %w: %s", setting, err, awskeys.Advice(err))
		case attempt == 1:
			a.log.Warn("the keys cannot be read; trying again", "setting", setting, "for", keysPatience.String(),
				"error", err.Error(), "hint", awskeys.Advice(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(keysPause):
		}
	}
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
	return awskeys.Seal(ctx, awskeys.EncryptFunc(kms.NewFromConfig(cfg).Encrypt), key, ring)
}

// loadKeyFile loads the key file, or makes it at the very first start. If there is a database already, its keys are missing:
// a new key would make every stored token unreadable.
func loadKeyFile(c *config.Config, log *slog.Logger) (*keys.Ring, error) {
	ring, err := keys.LoadFile(c.Keys.File)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if c.Store.IsShared() { // all workers need the same keys
		return nil, fmt.Errorf("the keys %s are missing: all workers on %s share one file, made once by `approval-relay keys make`",
			c.Keys.File, c.Store.Name())
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
