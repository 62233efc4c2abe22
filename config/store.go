package config

// Name names the place of the orders for people.
func (s *Store) Name() string {
	switch {
	case s.Memory:
		return "memory"
	case s.DynamoDB != nil:
		return "table " + s.DynamoDB.Table
	case s.Postgres != nil:
		return s.Postgres.Describe()
	}
	return s.SQLite
}

// IsShared reports whether several workers can use the store at once.
func (s *Store) IsShared() bool { return !s.Memory && (s.DynamoDB != nil || s.Postgres != nil) }

// IsSame reports whether both are the same table or database, as far as the settings tell. A SQLite file cannot be opened
// twice, so that it needs no comparison.
func (s *Store) IsSame(other *Store) bool {
	switch {
	case s.DynamoDB != nil && other.DynamoDB != nil:
		a, b := s.DynamoDB, other.DynamoDB
		return a.Table == b.Table && a.Region == b.Region && a.Endpoint == b.Endpoint
	case s.Postgres != nil && other.Postgres != nil:
		return s.Postgres.Describe() == other.Postgres.Describe()
	}
	return false
}
