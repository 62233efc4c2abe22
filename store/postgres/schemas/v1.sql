-- The IDs are bytes, because an order ID is any text. Times are Unix nanoseconds.
CREATE TABLE relay.orders (
	id        bytea PRIMARY KEY,
	version   bigint NOT NULL,   -- a random number, new with every write
	earlier   bytea NOT NULL,    -- the versions before, the newest first, 8 bytes each
	record    bytea NOT NULL,
	due       bigint,            -- NULL if nothing will be due
	next      bigint,            -- when a Claim may return it: due, or the end of its lease
	claimed   bigint,            -- the now of the Claim that leased it; NULL if it is not leased
	since     bigint,            -- of the oldest pending approval; NULL if none is pending
	attention smallint NOT NULL  -- the states that need attention: 1 exhausted, 2 retrying, 4 undeliverable, 8 unanswered
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX orders_next ON relay.orders (next) WHERE next IS NOT NULL;
CREATE INDEX orders_claimed ON relay.orders (due) WHERE claimed IS NOT NULL;
CREATE INDEX orders_pending ON relay.orders (id) WHERE since IS NOT NULL;
CREATE INDEX orders_since ON relay.orders (since, id) WHERE since IS NOT NULL;
CREATE INDEX orders_attention ON relay.orders (id, attention) WHERE attention > 0;
-- One row per pending approval: the first row of a workflow is the oldest.
CREATE TABLE relay.pending (
	workflow text NOT NULL, since bigint NOT NULL, approval text NOT NULL,
	PRIMARY KEY (workflow, since, approval)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- The number of rows per workflow in the table pending is the sum of its slots. A lane uses one slot, so that lanes and
-- workers do not wait for each other.
CREATE TABLE relay.counts (
	workflow text NOT NULL, slot smallint NOT NULL, pending bigint NOT NULL,
	PRIMARY KEY (workflow, slot)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.05);
-- The oldest owed answer of an order in a workflow, see approval.OwedAnswer.
CREATE TABLE relay.owed (
	id bytea NOT NULL, workflow text NOT NULL, since bigint NOT NULL,
	PRIMARY KEY (id, workflow)
);
CREATE INDEX owed_since ON relay.owed (workflow, since);
CREATE TABLE relay.dead_letters (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	put         bytea NOT NULL UNIQUE, -- a random number: a put that is repeated makes no second row
	source      text NOT NULL,
	reason_code text NOT NULL,
	reason      bytea NOT NULL,        -- text
	at          bigint NOT NULL,
	redrives    integer NOT NULL,
	sealed      bytea NOT NULL         -- body and metadata
);
-- The IDs of the keys that have sealed records.
CREATE TABLE relay.seal_keys (id text PRIMARY KEY);
-- What operators have switched off at run time. The empty workflow stands for all.
CREATE TABLE relay.controls (
	workflow  text PRIMARY KEY,
	mode      text NOT NULL,
	principal text NOT NULL,
	claimed   text NOT NULL,
	reason    text NOT NULL,
	since     bigint NOT NULL
);
-- The workers that use the database now. A worker has a row for the orders that it owns, see store.Owner, and another one
-- with a state for the heartbeats that it keeps, see store.WorkerRegister.
CREATE TABLE relay.workers (
	id    bytea PRIMARY KEY,
	seen  timestamptz NOT NULL,
	state text -- JSON
) WITH (fillfactor = 20);
