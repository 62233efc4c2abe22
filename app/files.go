package app

import (
	"context"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/s3"
)

// requestFiles opens the files of requests, by workflow. It implements web.Files.
type requestFiles map[string]*s3.Files

// openFiles makes the clients of a configuration. It calls nothing.
func (a *App) openFiles(c *config.Config) (requestFiles, error) {
	files := requestFiles{}
	for _, name := range sortedNames(c.Workflows) {
		settings := c.Workflows[name].Requests.Files
		if settings == nil {
			continue
		}
		cfg, err := a.aws.configFor(settings.AWS)
		if err != nil {
			return nil, fmt.Errorf("requests.files of workflow %s: %w", name, err)
		}
		files[name] = s3.NewFiles(s3.FilesConfig{
			AWS:     cfg,
			Buckets: settings.Buckets,
			Now:     a.clock.Now,
			Called:  a.metrics.AWSCalled,
		})
	}
	return files, nil
}

// Opens implements web.Files.
func (r requestFiles) Opens(workflow string, f approval.File) bool {
	o, isS3 := details.ParseS3(f.URL)
	files := r[workflow]
	return isS3 && files != nil && files.Opens(o.Bucket, o.Key)
}

// Address implements web.Files.
func (r requestFiles) Address(ctx context.Context, a *approval.Approval, f approval.File) (string, error) {
	if !r.Opens(a.Workflow, f) {
		return "", approval.ErrFileDenied
	}
	o, _ := details.ParseS3(f.URL)
	return r[a.Workflow].Address(ctx, s3.File{
		Bucket:  o.Bucket,
		Key:     o.Key,
		Version: o.Version,
		Digest:  f.Digest,
		Name:    f.Name,
		Asked:   a.RequestedAt,
	})
}
