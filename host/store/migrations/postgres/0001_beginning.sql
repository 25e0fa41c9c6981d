-- Times are milliseconds since the Unix epoch, UTC, unless the name says otherwise.
-- Sealed columns hold what `crypter` makes: key id, nonce, ciphertext, bound to table, row and column.
-- Tables that grow with traffic have no foreign keys: what they name is removed by retention on its own schedule.

-- Configuration -----------------------------------------------------------------------------------------------------

CREATE TABLE sources (
    id                    UUID NOT NULL PRIMARY KEY,
    name                  TEXT COLLATE "C" NOT NULL UNIQUE,
    kind                  TEXT COLLATE "C" NOT NULL,
    base_url              TEXT ,
    account_id            BIGINT ,
    is_signed             BOOLEAN NOT NULL,
    allow_private_network BOOLEAN NOT NULL,
    allow_http            BOOLEAN NOT NULL
);

CREATE TABLE accounts (
    id                    UUID NOT NULL PRIMARY KEY,
    name                  TEXT COLLATE "C" NOT NULL UNIQUE,
    connector             TEXT NOT NULL,
    base_url              TEXT ,
    allow_private_network BOOLEAN NOT NULL,
    allow_http            BOOLEAN NOT NULL,
    concurrency           BIGINT NOT NULL
);

CREATE TABLE connections (
    id        UUID NOT NULL PRIMARY KEY,
    name      TEXT COLLATE "C" NOT NULL UNIQUE,
    source    UUID NOT NULL REFERENCES sources (id),
    account   UUID NOT NULL REFERENCES accounts (id),
    connector TEXT NOT NULL,
    inboxes   TEXT NOT NULL, -- JSON list
    mode      TEXT NOT NULL,
    settings  TEXT NOT NULL, -- JSON
    time_zone TEXT ,
    is_paused BOOLEAN NOT NULL,
    policy    TEXT NOT NULL  -- JSON
);
CREATE INDEX connections_by_source ON connections (source);

CREATE TABLE secrets (
    owner_kind TEXT NOT NULL, -- source, account
    owner      UUID NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    value      BYTEA NOT NULL, -- sealed by the master key
    PRIMARY KEY (owner_kind, owner, name)
);

CREATE TABLE connector_versions (
    digest     TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the component, hex
    descriptor TEXT NOT NULL,             -- JSON
    size       BIGINT NOT NULL,
    added_at   BIGINT NOT NULL,
    component  BYTEA NOT NULL
);

CREATE TABLE routes (
    connection UUID NOT NULL PRIMARY KEY REFERENCES connections (id),
    digest     TEXT NOT NULL REFERENCES connector_versions (digest)
);

-- Raised with every change of what is configured, so that hosts notice each other's.
CREATE TABLE configuration (
    revision BIGINT NOT NULL
);
INSERT INTO configuration VALUES (1);

CREATE TABLE variables (
    connection UUID NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    value      TEXT NOT NULL, -- JSON
    PRIMARY KEY (connection, name)
);

-- What came in ------------------------------------------------------------------------------------------------------

-- One data key per contact; the source's own has the empty contact. Destroying a key erases what it sealed.
CREATE TABLE keys (
    source  UUID NOT NULL,
    contact TEXT COLLATE "C" NOT NULL,
    value   BYTEA NOT NULL, -- sealed by the master key
    PRIMARY KEY (source, contact)
);

CREATE TABLE events (
    id           UUID NOT NULL PRIMARY KEY,
    source       UUID NOT NULL,
    contact      TEXT COLLATE "C" NOT NULL, -- whose key seals the body; empty where it is the source's
    name         TEXT COLLATE "C" NOT NULL,
    delivery_key TEXT COLLATE "C" ,
    semantic_key TEXT COLLATE "C" ,
    received_at  BIGINT NOT NULL,
    body         BYTEA NOT NULL  -- compressed, sealed
);
CREATE INDEX events_by_arrival ON events (received_at, id);
CREATE UNIQUE INDEX events_by_delivery_key ON events (source, delivery_key) WHERE delivery_key IS NOT NULL;
CREATE UNIQUE INDEX events_by_semantic_key ON events (source, semantic_key) WHERE semantic_key IS NOT NULL;

CREATE TABLE entities (
    source           UUID NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    id               TEXT COLLATE "C" NOT NULL,
    version          BIGINT ,       -- microseconds of the source's clock
    newest_event     UUID ,
    status           TEXT ,
    first_reply_at   BIGINT ,
    inboxes          TEXT NOT NULL, -- JSON list
    contact          TEXT COLLATE "C" ,
    identities       TEXT NOT NULL, -- JSON list
    identified_event UUID ,          -- the event that brought the first identity
    PRIMARY KEY (source, kind, id)
);

-- The unit of work --------------------------------------------------------------------------------------------------

CREATE SEQUENCE delivery_sequence;

CREATE TABLE deliveries (
    sequence       BIGINT NOT NULL PRIMARY KEY, -- arrival, from `delivery_sequence`
    id             UUID NOT NULL UNIQUE,
    event          UUID NOT NULL,
    connection     UUID NOT NULL,
    contact        TEXT COLLATE "C" NOT NULL,
    entity_kind    TEXT COLLATE "C" ,
    entity_id      TEXT COLLATE "C" ,
    kind           TEXT COLLATE "C" ,
    priority       BIGINT NOT NULL,             -- 0 live, 1 bulk
    lacks_identity BOOLEAN NOT NULL,             -- its event names a contact that cannot be found by anything
    lane           BIGINT ,                     -- the number of the lane that it waits in; null where it never did
    turn           BIGINT NOT NULL,             -- orders its lane before the time does
    occurred_at_us BIGINT NOT NULL,             -- microseconds
    received_at    BIGINT NOT NULL,
    queued_at      BIGINT NOT NULL,
    state          TEXT NOT NULL,
    attempts       BIGINT NOT NULL,
    was_claimed    BOOLEAN NOT NULL,
    was_retried    BOOLEAN NOT NULL,             -- by an operator, after it was settled
    not_before     BIGINT ,
    settled_at     BIGINT ,
    version        TEXT ,
    code           TEXT ,                         -- why it was skipped
    outcome        TEXT ,                         -- JSON
    failure        TEXT -- JSON
);
-- By the lane's number and not by its contact: what came in together lies together, and work on a long queue stays within
-- few pages.
CREATE INDEX deliveries_in_lane ON deliveries (lane, turn, occurred_at_us, sequence) WHERE settled_at IS NULL;
CREATE INDEX deliveries_unsettled ON deliveries (sequence) WHERE settled_at IS NULL;
CREATE INDEX deliveries_dead ON deliveries (sequence) WHERE state = 'dead';
CREATE INDEX deliveries_unidentified ON deliveries (contact, connection, occurred_at_us, sequence)
    WHERE code = 'no-identity';
CREATE INDEX deliveries_by_contact ON deliveries (contact, sequence);
CREATE INDEX deliveries_by_event ON deliveries (event);

-- How many deliveries stand where, so that health and metrics need not count a million rows. Each session counts in
-- rows of its own, or all would wait for one; the numbers of a state are added up.
CREATE TABLE delivery_counts (
    state  TEXT   NOT NULL,
    slot   BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (state, slot)
) WITH (fillfactor = 50);
CREATE FUNCTION deliveries_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO delivery_counts SELECT state, pg_backend_pid(), COUNT(*) FROM after GROUP BY state
    ON CONFLICT (state, slot) DO UPDATE SET number = delivery_counts.number + excluded.number;
    RETURN NULL;
END $$;
CREATE FUNCTION deliveries_recounted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO delivery_counts
    SELECT state, pg_backend_pid(), SUM(number) FROM (
        SELECT state, COUNT(*) AS number FROM after GROUP BY state
        UNION ALL SELECT state, -COUNT(*) FROM before GROUP BY state) AS moved
    GROUP BY state HAVING SUM(number) <> 0
    ON CONFLICT (state, slot) DO UPDATE SET number = delivery_counts.number + excluded.number;
    RETURN NULL;
END $$;
CREATE FUNCTION deliveries_discounted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO delivery_counts SELECT state, pg_backend_pid(), -COUNT(*) FROM before GROUP BY state
    ON CONFLICT (state, slot) DO UPDATE SET number = delivery_counts.number + excluded.number;
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_counted AFTER INSERT ON deliveries
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION deliveries_counted();
CREATE TRIGGER deliveries_recounted AFTER UPDATE ON deliveries
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION deliveries_recounted();
CREATE TRIGGER deliveries_discounted AFTER DELETE ON deliveries
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION deliveries_discounted();

-- One row per lane with pending work, or that had some a short while ago.
CREATE TABLE lanes (
    number        BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY, -- grows
    connection    UUID NOT NULL,
    contact       TEXT COLLATE "C" NOT NULL,
    is_empty      BOOLEAN NOT NULL DEFAULT false, -- nothing waits in it, since ready_at; retention removes it
    priority      BIGINT NOT NULL DEFAULT 0, -- 0 live, 1 bulk
    ready_at      BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,           -- of the newest delivery that was put in
    turn          BIGINT NOT NULL DEFAULT 0, -- what new deliveries get
    revive_turn   BIGINT ,                    -- the contact's skipped deliveries are to come back with this turn
    lease_token   UUID ,
    lease_owner   UUID ,                       -- the incarnation of the process that holds it
    leased_at     BIGINT ,
    lease_until   BIGINT ,                    -- on the database's clock; on SQLite a lease ends with its process
    is_held       BOOLEAN NOT NULL DEFAULT false, -- nothing in it runs until a person lets it
    held_by       UUID ,                          -- the dead delivery that holds it; absent where a person does
    held_at       BIGINT ,                        -- since when
    unsettled_delivery UUID,                  -- what it sent may still be on its way to the CRM …
    unsettled_since    BIGINT,                -- … since then
    sole_sequence BIGINT ,                    -- last_sequence when it was leased, where nothing else waited in it
    PRIMARY KEY (connection, contact),
    CHECK (NOT is_empty OR (lease_token IS NULL AND NOT is_held AND revive_turn IS NULL))
);
CREATE INDEX lanes_ready ON lanes (connection, priority, ready_at)
    WHERE lease_token IS NULL AND NOT is_held AND NOT is_empty;
CREATE INDEX lanes_empty ON lanes (ready_at) WHERE is_empty;
CREATE INDEX lanes_held ON lanes (connection, contact) WHERE is_held;
CREATE INDEX lanes_leased ON lanes (lease_until) WHERE lease_token IS NOT NULL;

CREATE TABLE attempts (
    delivery          UUID NOT NULL,
    id                UUID NOT NULL,
    number            BIGINT NOT NULL,
    contact_was_known BOOLEAN NOT NULL, -- the contact could be found by something when the attempt began
    version           TEXT ,
    started_at        BIGINT NOT NULL,
    settled_at        BIGINT ,
    outcome           TEXT ,             -- JSON
    failure           TEXT ,             -- JSON
    cost              TEXT ,             -- JSON
    log               BYTEA ,             -- JSON, compressed, sealed
    PRIMARY KEY (delivery, id)
);

-- What was sent and answered, one row per commit of an attempt.
CREATE TABLE exchanges (
    attempt  UUID NOT NULL,
    sequence BIGINT NOT NULL, -- of the first in the row
    at       BIGINT NOT NULL,
    value    BYTEA NOT NULL, -- JSON list, compressed, sealed
    PRIMARY KEY (attempt, sequence)
);
CREATE INDEX exchanges_by_time ON exchanges (at);

-- What is known of the CRM ------------------------------------------------------------------------------------------

CREATE TABLE effects (
    id       UUID NOT NULL PRIMARY KEY,
    account  UUID NOT NULL,
    state    BIGINT NOT NULL, -- the descriptor's, which names what the keys mean
    delivery UUID NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL, -- set, once
    keys     TEXT NOT NULL, -- JSON list
    digest   BYTEA NOT NULL,
    at       BIGINT NOT NULL,
    verdict  TEXT NOT NULL,
    answer   BYTEA -- compressed, sealed
);
CREATE INDEX effects_by_delivery ON effects (delivery);

-- The newest `once` of every key.
CREATE TABLE effect_keys (
    account UUID NOT NULL,
    state   BIGINT NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    effect  UUID NOT NULL,
    PRIMARY KEY (account, state, key)
);

CREATE TABLE links (
    owner       UUID NOT NULL, -- the connection; of an identity the account
    entity_kind TEXT COLLATE "C" NOT NULL,
    entity_id   TEXT COLLATE "C" NOT NULL,
    object      TEXT COLLATE "C" NOT NULL,
    remote_id   TEXT COLLATE "C" NOT NULL,
    digest      TEXT ,
    revision    TEXT ,
    url         TEXT ,
    attributes  TEXT NOT NULL, -- JSON
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, entity_kind, entity_id, object)
);
CREATE INDEX links_by_remote ON links (owner, object, remote_id);

-- What a link said before it said something else.
CREATE TABLE link_history (
    id          BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner       UUID NOT NULL,
    entity_kind TEXT COLLATE "C" NOT NULL,
    entity_id   TEXT COLLATE "C" NOT NULL,
    object      TEXT COLLATE "C" NOT NULL,
    remote_id   TEXT COLLATE "C" NOT NULL,
    updated_at  BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL
);
CREATE INDEX link_history_by_entity ON link_history (owner, entity_kind, entity_id, object);
CREATE INDEX link_history_by_time ON link_history (replaced_at);

CREATE TABLE cache (
    connection UUID NOT NULL,
    state      BIGINT NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    value      TEXT NOT NULL, -- JSON
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (connection, state, key)
);

CREATE INDEX cache_by_expiry ON cache (expires_at);

-- What hosts know of accounts together: budgets, breakers, pauses.
CREATE TABLE standings (
    account  UUID NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    value    TEXT NOT NULL, -- JSON
    PRIMARY KEY (account, name)
);

-- Identity locks. One whose lane is no longer leased with its token is free.
CREATE TABLE locks (
    account    UUID NOT NULL,
    key        TEXT COLLATE "C" NOT NULL,
    connection UUID NOT NULL,
    contact    TEXT COLLATE "C" NOT NULL,
    token      UUID NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE INDEX locks_by_token ON locks (token);

-- Operation ---------------------------------------------------------------------------------------------------------

-- Connections and sources that were removed, and what they had may not be yet.
CREATE TABLE removals (
    id         UUID   NOT NULL PRIMARY KEY,
    removed_at BIGINT NOT NULL
);

-- Who did what.
CREATE TABLE audit (
    id      UUID NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);

-- Tables whose rows come and go all the time are kept small by eager vacuums, and their updates stay on their page.
ALTER TABLE lanes SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE locks SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE deliveries SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE attempts SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE effects SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
